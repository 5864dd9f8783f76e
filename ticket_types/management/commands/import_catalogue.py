import json
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config.management.progress import ProgressLine
from ticket_types.imports import FORMATS, Fault, Outcome, apply, format_of, preview

MAX_SHOWN = 100  # faults
KINDS = {"venue": "venues", "event": "events", "ticket_type": "ticket types"}


class Command(BaseCommand):
    help = """\
Makes venues, events and ticket types from a file, or changes those that are there.

  manage.py import_catalogue season.csv --dry-run     says what it would do
  manage.py import_catalogue season.csv               does it
  manage.py import_catalogue - --format json < file   from a pipe

The file is a table (CSV) or JSON; docs/importing.md describes both. Everything in it is done, or nothing when anything
is wrong; all faults are told at once, each with its line. What is there already is found by its name (an event by
venue, name and start), changed where the file says otherwise, and else left alone: importing a file twice changes
nothing. Times are those of the venue's clocks. All of it is one transaction: on SQLite nobody else can write meanwhile.

Exit status: 0 when it is done, or would be; 1 when something in the file is wrong, and nothing was done; 2 when there
is no such file."""

    def create_parser(self, *args: Any, **kwargs: Any) -> Any:
        return super().create_parser(*args, formatter_class=RawDescriptionHelpFormatter, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="a file that ends in .csv or .json; - reads from a pipe")
        parser.add_argument("--format", choices=FORMATS, help="what the file is, when its name does not tell")
        parser.add_argument("--dry-run", action="store_true", help="only say what would be done; nothing is")
        parser.add_argument("--json", action="store_true", help="the outcome as one JSON object, for programs")

    def handle(self, *, file: str, dry_run: bool, **options: Any) -> None:
        form = options["format"] or format_of(file)
        if form is None:
            raise CommandError("What is it? Say --format csv or --format json.", returncode=2)
        outcome = self.run_import(self.read(file), form, dry_run)
        if options["json"]:
            self.stdout.write(json.dumps(as_dict(outcome), ensure_ascii=False))
        else:
            self.show(outcome, dry_run, is_told=dry_run or options["verbosity"] > 1)
        if outcome.faults:
            raise SystemExit(1)

    def read(self, file: str) -> bytes:
        try:
            return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}.", returncode=2) from None

    def run_import(self, content: bytes, form: str, dry_run: bool) -> Outcome:
        if dry_run:
            return preview(content, form)
        progress = ProgressLine(self.stderr, "Importing")
        outcome = apply(content, form, by="import_catalogue", progress=progress)
        progress.end()
        return outcome

    def show(self, outcome: Outcome, dry_run: bool, is_told: bool) -> None:
        for fault in outcome.faults[:MAX_SHOWN]:
            self.stderr.write(self.style.ERROR(str(fault)))
        if outcome.faults:
            count = len(outcome.faults)
            if count > MAX_SHOWN:
                self.stderr.write(f"And {count - MAX_SHOWN:,} more.")
            self.stderr.write(f"{count:,} {'fault' if count == 1 else 'faults'} in the file; nothing was changed.")
            return
        for warning in outcome.warnings:
            self.stderr.write(self.style.WARNING(f"Warning: {warning}"))
        for step in outcome.changes if is_told else ():
            self.stdout.write(str(step))
        if outcome.steps:
            self.stdout.write(self.style.SUCCESS(summary(outcome, dry_run)))
        else:
            self.stdout.write("There is nothing in the file, so nothing was done.")


def summary(outcome: Outcome, dry_run: bool) -> str:
    made, changed = ("would be made", "would be changed") if dry_run else ("made", "changed")
    lines = [
        f"{KINDS[kind]}: {count['create']:,} {made}, {count['change']:,} {changed}, {count['same']:,} the same"
        for kind, count in outcome.counts().items()
    ]
    published = sum(step.verb == "publish" for step in outcome.steps)
    return "\n".join([*lines, f"published: {published:,}{' would be' if dry_run else ''}"])


def as_dict(outcome: Outcome) -> dict[str, Any]:
    return {
        "is_done": outcome.is_done,
        "counts": outcome.counts(),
        "changes": [
            {"line": it.line, "kind": it.kind, "name": it.name, "verb": it.verb, "changes": it.changes}
            for it in outcome.changes
        ],
        "faults": list(map(as_fault, outcome.faults)),
        "warnings": list(map(as_fault, outcome.warnings)),
    }


def as_fault(it: Fault) -> dict[str, Any]:
    return {"line": it.line, "field": it.field, "subject": it.subject, "detail": it.detail}
