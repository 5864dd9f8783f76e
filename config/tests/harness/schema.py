"""Writes the OpenAPI document to docs/openapi.json: python -m config.tests.harness.schema [--break-clients].

A change that breaks existing clients is refused: add the new way beside the old one, and deprecate the old one.
"""

import json
import os
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from config.tests.harness.compatibility import breaks, changes

STORED = Path(__file__).parents[3] / "docs" / "openapi.json"


def document() -> dict[str, Any]:
    """The document as it is served, in plain JSON."""
    from drf_spectacular.generators import SchemaGenerator  # needs Django's settings

    return json.loads(json.dumps(SchemaGenerator().get_schema(request=None, public=True)))


def main() -> None:
    parser = ArgumentParser(prog="config.tests.harness.schema", description=__doc__)
    parser.add_argument("--break-clients", action="store_true", help="Write it anyway: a new major version.")
    may_break = parser.parse_args().break_clients
    old, new = json.loads(STORED.read_text()), document()
    if (broken := breaks(old, new)) and not may_break:
        sys.exit("\n".join(["This would break existing clients:", *(f"  {it}" for it in broken)]))
    for line in changes(old, new):
        print(line)
    STORED.write_text(json.dumps(new, indent=1, ensure_ascii=False) + "\n")
    print(f"Written to docs/{STORED.name}.")


if __name__ == "__main__":
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")
    django.setup()
    main()
