import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand
from django.db import IntegrityError
from django.utils import timezone

from bookings.figures import RECONCILE
from bookings.reconciliation import Drift, drifts, fix
from config.management.progress import ProgressLine
from config.metrics.models import Measurement


class Command(BaseCommand):
    help = (
        "Recounts all bookings and compares: the reserved places of each event and ticket type, and the quantity, "
        "total and tickets of each booking. Prints each difference. Sales may go on while it runs. Exit status 0: no"
        " differences, or --fix corrected all; 1: differences remain. GET /metrics shows how many remain."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--fix", action="store_true", help="correct the counters of reserved places")
        parser.add_argument("--json", action="store_true", help="print one JSON object per difference")

    def handle(self, *, fix: bool, **options: Any) -> None:
        found = left = 0
        progress = ProgressLine(self.stderr, "Comparing")
        for drift in drifts(progress):
            found += 1
            is_fixed = fix and self.fix(drift)
            left += not is_fixed
            self.show(drift, is_fixed, options["json"])
        progress.end()
        Measurement.note(RECONCILE, left, at=timezone.now())
        if not options["json"]:
            self.stdout.write(self.summary(found, left))
        if left:
            raise SystemExit(1)

    def fix(self, drift: Drift) -> bool:
        try:
            return fix(drift)
        except IntegrityError:
            return False  # more places are booked than the capacity

    def show(self, drift: Drift, is_fixed: bool, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps({**asdict(drift), "is_fixed": is_fixed}))
        else:
            self.stdout.write(f"{drift}{' (fixed)' if is_fixed else ''}")

    def summary(self, found: int, left: int) -> str:
        if not found:
            return self.style.SUCCESS("Every counter equals its rows.")
        fixed = f", {found - left} fixed" if found > left else ""
        text = f"{found} {'difference' if found == 1 else 'differences'}{fixed}."
        return self.style.ERROR(text) if left else self.style.SUCCESS(text)
