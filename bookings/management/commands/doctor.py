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
    """Silences the connection pool, which logs every attempt to reach a database that is down."""
    pool = logging.getLogger("psycopg.pool")
    before = pool.level
    pool.setLevel(logging.ERROR)
    try:
        yield
    finally:
        pool.setLevel(before)


class Command(BaseCommand):
    help = """\
Checks the health of this installation, with advice for each problem, on one screen.

It checks the settings (as check --deploy, unless DEBUG is on), the database and whether commits are durable,
migrations, the cache, the clocks of this machine and of the database, the free disk space, the counters of future
events (manage.py reconcile compares all), due holds, incomplete cancellations, refunds that are due, stored values that
would be refused today, roles, tokens that expire within 30 days, workers, and changes that wait to be published. It
changes nothing and may run at any time.

Exit status: 1 when a check is bad, otherwise 0. A check marked “look” can wait."""
    requires_system_checks: list[str] = []  # reported as a finding

    def create_parser(self, *args: Any, **kwargs: Any) -> Any:
        return super().create_parser(*args, formatter_class=RawDescriptionHelpFormatter, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print the findings as one JSON object")

    def handle(self, **options: Any) -> None:
        findings = []
        with quiet_pool():
            for finding in checkup():
                findings.append(finding)
                if not options["json"]:
                    self.show(finding)
        bad, to_look_at = (sum(finding.state == state for finding in findings) for state in (BAD, LOOK))
        if options["json"]:
            found = {"is_healthy": not bad, "version": settings.VERSION, "findings": list(map(asdict, findings))}
            self.stdout.write(json.dumps(found, ensure_ascii=False))
        else:
            self.stdout.write(self.summary(bad, to_look_at))
        if bad:
            raise SystemExit(1)

    def show(self, finding: Finding) -> None:
        style = {OK: self.style.SUCCESS, LOOK: self.style.WARNING, BAD: self.style.ERROR}[finding.state]
        self.stdout.write(f"{style(f'{finding.state:5}')}{finding.name:14} {finding.says}")
        if finding.advice:
            self.stdout.write(f"{'':19} {finding.advice}")

    def summary(self, bad: int, to_look_at: int) -> str:
        if bad:
            return self.style.ERROR(f"Not healthy: {bad} {'check is' if bad == 1 else 'checks are'} bad.")
        rest = f", with {to_look_at} to look at" if to_look_at else ""
        return self.style.SUCCESS(f"Healthy{rest}.")
