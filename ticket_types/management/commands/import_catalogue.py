import json
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config.management.progress import ProgressLine
from ticket_types.imports import FORMATS, FileError, Outcome, apply, format_of, preview

KINDS = {"venue": "venues", "event": "events", "ticket_type": "ticket types"}


class Command(BaseCommand):
    help = """\
Imports venues, events and ticket types from a CSV or JSON file; docs/importing.md describes both formats.

  manage.py import_catalogue season.csv --dry-run     shows what an import would do
  manage.py import_catalogue season.csv               imports the file
  manage.py import_catalogue - --format json < file   reads from a pipe

The import is one transaction: everything is imported, or nothing when the file has an error; up to 100 errors are
listed with their lines. A file may have 10,000 rows (objects in JSON). Existing objects are found by name (events by
venue, name and start), and changed where the file differs; importing a file twice changes nothing. Times are in the
venue's local time. On SQLite, all other writes wait for the import.

Exit status: 0 when the file was imported, or could be; 1 when it has errors; 2 when it cannot be read."""

    def create_parser(self, *args: Any, **kwargs: Any) -> Any:
        return super().create_parser(*args, formatter_class=RawDescriptionHelpFormatter, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="a file named .csv or .json; - reads from a pipe")
        parser.add_argument("--format", choices=FORMATS, help="the format, when the file's name does not show it")
        parser.add_argument("--dry-run", action="store_true", help="show what would be done, and change nothing")
        parser.add_argument("--json", action="store_true", help="print the outcome as one JSON object")

    def handle(self, *, file: str, dry_run: bool, **options: Any) -> None:
        form = options["format"] or format_of(file)
        if form is None:
            raise CommandError("Unknown file format: add --format csv or --format json.", returncode=2)
        outcome = self.run_import(self.read(file), form, dry_run)
        if options["json"]:
            self.stdout.write(json.dumps(as_dict(outcome), ensure_ascii=False))
        else:
            self.show(outcome, dry_run, with_steps=dry_run or options["verbosity"] > 1)
        if outcome.errors:
            raise SystemExit(1)

    def read(self, file: str) -> bytes:
        try:
            return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        except OSError as error:
            raise CommandError(f"Cannot read {file}: {error.strerror}.", returncode=2) from None

    def run_import(self, content: bytes, form: str, dry_run: bool) -> Outcome:
        if dry_run:
            return preview(content, form)
        progress = ProgressLine(self.stderr, "Importing")
        outcome = apply(content, form, by="import_catalogue", progress=progress)
        progress.end()
        return outcome

    def show(self, outcome: Outcome, dry_run: bool, with_steps: bool) -> None:
        if outcome.errors:
            self.show_errors(outcome)
            return
        for warning in outcome.warnings:
            self.stderr.write(self.style.WARNING(f"Warning: {warning}"))
        for step in outcome.changes if with_steps else ():
            self.stdout.write(str(step))
        if outcome.steps:
            self.stdout.write(self.style.SUCCESS(summary(outcome, dry_run)))
        else:
            self.stdout.write("The file is empty; nothing was changed.")

    def show_errors(self, outcome: Outcome) -> None:
        count = len(outcome.errors)
        for error in outcome.errors:
            self.stderr.write(self.style.ERROR(str(error)))
        if outcome.has_more_errors:
            self.stderr.write(f"More than {count} errors in the file; nothing was changed.")
        else:
            self.stderr.write(f"{count} {'error' if count == 1 else 'errors'} in the file; nothing was changed.")


def summary(outcome: Outcome, dry_run: bool) -> str:
    would_be = "would be " if dry_run else ""
    lines = [
        f"{KINDS[kind]}: {count['create']:,} {would_be}created, {count['change']:,} {would_be}changed, "
        f"{count['same']:,} unchanged"
        for kind, count in outcome.counts().items()
    ]
    published = sum(step.verb == "publish" for step in outcome.steps)
    return "\n".join([*lines, f"events: {published:,} {would_be}published"])


def as_dict(outcome: Outcome) -> dict[str, Any]:
    return {
        "is_done": outcome.is_done,
        "counts": outcome.counts(),
        "changes": [
            {"line": it.line, "kind": it.kind, "name": it.name, "verb": it.verb, "changes": it.changes}
            for it in outcome.changes
        ],
        "faults": list(map(error_as_dict, outcome.errors)),
        "has_more_faults": outcome.has_more_errors,
        "warnings": list(map(error_as_dict, outcome.warnings)),
    }


def error_as_dict(error: FileError) -> dict[str, Any]:
    return {"line": error.line, "field": error.field, "subject": error.subject, "detail": error.detail}
