#!/usr/bin/env python
"""Run a management command, under the local settings unless DJANGO_SETTINGS_MODULE says otherwise."""

import json
import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line
    from django.db import DatabaseError, InterfaceError

    try:
        settings.INSTALLED_APPS  # noqa: B018  reading one setting reads the environment
    except ImproperlyConfigured as error:
        if sys.argv[1:2] == ["doctor"] and "--json" in sys.argv:
            finding = {"name": "settings", "state": "bad", "says": f"Cannot start: {error}", "advice": ""}
            sys.stdout.write(json.dumps({"is_healthy": False, "version": None, "findings": [finding]}) + "\n")
            sys.exit(1)
        sys.exit(f"Cannot start: {error}")
    try:
        try:
            execute_from_command_line(sys.argv)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:  # the reader has closed the pipe, as `head` does; keep Python from flushing again at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except (DatabaseError, InterfaceError) as error:
        from config.database.errors import explain

        if (explanation := explain(error)) is None:
            raise
        sys.exit(explanation)


if __name__ == "__main__":
    main()
