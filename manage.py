#!/usr/bin/env python
"""Run a management command, under the local settings unless DJANGO_SETTINGS_MODULE says otherwise."""

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
        sys.exit(f"Cannot start: {error}")
    try:
        execute_from_command_line(sys.argv)
    except (DatabaseError, InterfaceError) as error:
        from config.management.errors import sentence

        if (said := sentence(error)) is None:
            raise
        sys.exit(said)


if __name__ == "__main__":
    main()
