import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand
from django.db import IntegrityError

from bookings.reconciliation import Drift, drifts, fix
from config.management.progress import ProgressLine


class Command(BaseCommand):
    help = (
        "Counts every booking again and compares: places reserved of each event and ticket type, and each booking's "
        "quantity, total and tickets. Names each row that is off. Exit status 0: all is right; 1: something is off "
        "(or was, and --fix has mended it all: then 0). Sales may go on meanwhile."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--fix", action="store_true", help="set the counters of places right")
        parser.add_argument("--json", action="store_true", help="one JSON object a line for each row, for programs")

    def handle(self, *, fix: bool, **options: Any) -> None:
        found = left = 0
        progress = ProgressLine(self.stderr, "Comparing")
        for drift in drifts(progress):
            found += 1
            is_fixed = fix and self.mend(drift)
            left += not is_fixed
            self.show(drift, is_fixed, options["json"])
        progress.end()
        if not options["json"]:
            self.stdout.write(self.summary(found, left))
        if left:
            raise SystemExit(1)

    def mend(self, drift: Drift) -> bool:
        try:
            return fix(drift)
        except IntegrityError:
            return False  # more places are booked than there are: no number can be right

    def show(self, drift: Drift, is_fixed: bool, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps({**asdict(drift), "is_fixed": is_fixed}))
        else:
            self.stdout.write(f"{drift}{' (fixed)' if is_fixed else ''}")

    def summary(self, found: int, left: int) -> str:
        if not found:
            return self.style.SUCCESS("Every counter equals its rows.")
        fixed = f", {found - left} fixed" if found > left else ""
        return self.style.ERROR(f"{found} off{fixed}.") if left else self.style.SUCCESS(f"{found} off{fixed}.")
