import json
import logging
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from bookings.checkup import BAD, LOOK, OK, Finding, checkup


@contextmanager
def quiet_pool() -> Iterator[None]:
    """A database that is away is one finding; the pool of connections would tell of each of its tries, too."""
    pool = logging.getLogger("psycopg.pool")
    before = pool.level
    pool.setLevel(logging.ERROR)
    try:
        yield
    finally:
        pool.setLevel(before)


class Command(BaseCommand):
    help = """\
Says in one screen whether this installation is healthy, and what to do where it is not.

Looks at: settings (as check --deploy does, unless DEBUG is on), the database and whether its commits last, migrations,
the cache, the clocks of this machine and the database, free space on the disk, the counters of the coming events
(manage.py reconcile compares all), holds that nobody sweeps up, cancellations that were cut short, payments to give
back, and roles. Changes nothing, and may run at any time.

Exit status: 0 when nothing is bad, 1 when something is. What is marked “look” can wait, and leaves it at 0."""
    requires_system_checks: list[str] = []  # it tells what they find

    def create_parser(self, *args: Any, **kwargs: Any) -> Any:
        return super().create_parser(*args, formatter_class=RawDescriptionHelpFormatter, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="the findings as one JSON object, for programs")

    def handle(self, **options: Any) -> None:
        findings = []
        with quiet_pool():
            for finding in checkup():
                findings.append(finding)
                if not options["json"]:
                    self.show(finding)
        bad, to_see = (sum(finding.state == state for finding in findings) for state in (BAD, LOOK))
        if options["json"]:
            found = {"is_healthy": not bad, "version": settings.VERSION, "findings": list(map(asdict, findings))}
            self.stdout.write(json.dumps(found, ensure_ascii=False))
        else:
            self.stdout.write(self.summary(bad, to_see))
        if bad:
            raise SystemExit(1)

    def show(self, finding: Finding) -> None:
        style = {OK: self.style.SUCCESS, LOOK: self.style.WARNING, BAD: self.style.ERROR}[finding.state]
        self.stdout.write(f"{style(f'{finding.state:5}')}{finding.name:14} {finding.says}")
        if finding.advice:
            self.stdout.write(f"{'':19} {finding.advice}")

    def summary(self, bad: int, to_see: int) -> str:
        if bad:
            return self.style.ERROR(f"Not healthy: {bad} {'thing is' if bad == 1 else 'things are'} bad.")
        rest = f", with {to_see} to look at" if to_see else ""
        return self.style.SUCCESS(f"Healthy{rest}.")
