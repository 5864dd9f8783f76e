import datetime as dt
import re
import time
from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from django.contrib.sessions.models import Session
from django.core.management.base import BaseCommand, CommandError
from django.template.defaultfilters import pluralize
from django.utils import timezone

from bookings.personal_data import attempts_before, old_bodies, old_links, purge_attempts, purge_names, sales_before
from config.access.models import LoginFailure
from config.idempotency.models import KeyedRequest
from config.outbox import publishing
from config.webhooks.upkeep import purge_tests

AGE = re.compile(r"([1-9][0-9]{0,4})([dwy])")
DAYS = {"d": 1, "w": 7, "y": 365}


class Command(BaseCommand):
    help = (
        "Deletes personal data after a retention period. Attempts (bookings that were never paid or confirmed) are "
        "deleted when their hold ended before it. Sales keep their figures for ever, and lose the customer's name, "
        "address and notes when their event ended before it, unless a refund is due. Expired logins, records of failed "
        "ones, expired idempotency keys, bodies of payment providers' events after 30 days, and changes in the feed "
        "after CHANGES_KEEP_DAYS, are deleted, too. Works in small steps: it may "
        "run while sales go on, and an interrupted run is completed by the next one. Run it every night."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--older-than",
            required=True,
            metavar="AGE",
            help="the period: 365d, 52w or 2y (days, weeks, years of 365 days)",
        )
        parser.add_argument("--dry-run", action="store_true", help="show what would be deleted, and change nothing")

    def handle(self, *, older_than: str, dry_run: bool, **options: Any) -> None:
        at = timezone.now()
        before = at - age(older_than)
        logins = Session.objects.filter(expire_date__lt=at)
        if dry_run:
            attempts, names = attempts_before(before).count(), sales_before(before)
            owed = names.filter(refund_due=True).count()
            figures = logins.count(), old_bodies(at).count(), publishing.outdated(at).count()
            self.report("would be ", attempts, names.count() - owed, *figures)
        else:
            attempts = purge_attempts(before, self.progress("attempts deleted"))
            erased = purge_names(before, by="system", progress=self.progress("sales erased"))
            old_links(before).delete()
            LoginFailure.objects.outdated(at).delete()
            KeyedRequest.objects.outdated(at).delete()
            purge_tests()
            figures = logins.delete()[0], old_bodies(at).update(body=""), publishing.purge(at)
            self.report("", attempts, erased, *figures)
            owed = sales_before(before).filter(refund_due=True).count()
        if owed:
            self.stderr.write(f"{owed} sale{pluralize(owed)} not erased, because a refund is due.")

    def report(self, would_be: str, attempts: int, erased: int, logins: int, bodies: int, changes: int) -> None:
        self.stdout.write(
            f"{attempts:,} attempts {would_be}deleted, {erased:,} sales {would_be}erased, "
            f"{logins:,} expired logins, {bodies:,} bodies of payment events and {changes:,} changes in the feed "
            f"{would_be}deleted."
        )

    def progress(self, what: str) -> Callable[[int], None]:
        """Writes a line every five seconds."""
        written_at = time.monotonic()

        def report(done: int) -> None:
            nonlocal written_at
            if time.monotonic() - written_at >= 5:
                written_at = time.monotonic()
                self.stderr.write(f"{done:,} {what} …")

        return report


def age(text: str) -> dt.timedelta:
    """Raises CommandError."""
    found = AGE.fullmatch(text)
    if found is None or int(found[1]) * DAYS[found[2]] > 100 * 365:
        raise CommandError("--older-than must be a number and a unit, such as 365d, 52w or 2y, up to 100y.")
    return dt.timedelta(days=int(found[1]) * DAYS[found[2]])
