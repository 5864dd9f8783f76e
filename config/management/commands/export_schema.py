"""Writes the API's document to docs/openapi.json, unless that would break the clients that are written against it."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from drf_spectacular.generators import SchemaGenerator

from config.tests.harness.compatibility import breaks, changes

KEPT = Path(settings.BASE_DIR) / "docs" / "openapi.json"


def document() -> dict[str, Any]:
    """As it is served, in plain JSON."""
    return json.loads(json.dumps(SchemaGenerator().get_schema(request=None, public=True)))


class Command(BaseCommand):
    help = (
        "Write the API's document (OpenAPI) to docs/openapi.json, and say what changed. "
        "A change that breaks existing clients is refused: make it beside the old way, and deprecate that."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--break-clients", action="store_true", help="Write it all the same: a new major version.")

    def handle(self, **options: Any) -> None:
        old, new = json.loads(KEPT.read_text()) if KEPT.exists() else None, document()
        if old is not None and (broken := breaks(old, new)) and not options["break_clients"]:
            raise CommandError("This would break existing clients:\n" + "\n".join(f"  {it}" for it in broken))
        for line in changes(old, new) if old is not None else ():
            self.stdout.write(line)
        KEPT.write_text(json.dumps(new, indent=1, ensure_ascii=False) + "\n")
        self.stdout.write(f"Written to {KEPT.relative_to(settings.BASE_DIR)}.")
