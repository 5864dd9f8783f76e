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

from bookings.personal_data import attempts_before, purge_attempts, purge_names, sales_before

AGE = re.compile(r"([1-9][0-9]{0,4})([dwy])")
DAYS = {"d": 1, "w": 7, "y": 365}


class Command(BaseCommand):
    help = (
        "Ends the keeping of people's data. Attempts to book that came to nothing (never paid, never confirmed) are "
        "deleted so long after their hold ended. What was sold stays for ever as figures, and loses the customer's "
        "name, address and notes so long after the event ended; a booking with a refund due keeps them. Logins that "
        "ran out go, too. Works in small steps: safe while the shop is open, and when it is stopped, the next run goes "
        "on. Run it each night: exit status 0 when all is done."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--older-than", required=True, metavar="AGE", help="such as 365d, 52w or 2y: days, weeks, years of 365 days"
        )
        parser.add_argument("--dry-run", action="store_true", help="only say how much there is to do")

    def handle(self, *, older_than: str, dry_run: bool, **options: Any) -> None:
        at = timezone.now()
        before = at - age(older_than)
        logins = Session.objects.filter(expire_date__lt=at)
        if dry_run:
            attempts, names = attempts_before(before).count(), sales_before(before)
            owed = names.filter(refund_due=True).count()
            self.tell("would be ", attempts, names.count() - owed, logins.count())
        else:
            attempts = purge_attempts(before, self.progress("attempts deleted"))
            erased = purge_names(before, by="system", progress=self.progress("sales without a name"))
            self.tell("", attempts, erased, logins.delete()[0])
            owed = sales_before(before).filter(refund_due=True).count()
        if owed:
            self.stderr.write(
                f"{owed} booking{pluralize(owed, ' keeps its name,s keep their names')}, because a refund is due."
            )

    def tell(self, would_be: str, attempts: int, erased: int, logins: int) -> None:
        self.stdout.write(
            f"{attempts:,} attempts {would_be}deleted, {erased:,} sales {would_be}without a name, "
            f"{logins:,} old logins {would_be}deleted."
        )

    def progress(self, what: str) -> Callable[[int], None]:
        """Says how far it is every few seconds."""
        said_at = time.monotonic()

        def tell(done: int) -> None:
            nonlocal said_at
            if time.monotonic() - said_at >= 5:
                said_at = time.monotonic()
                self.stderr.write(f"{done:,} {what} …")

        return tell


def age(text: str) -> dt.timedelta:
    """Raises CommandError when it is no age, or so great that there was no such time."""
    found = AGE.fullmatch(text)
    if found is None or int(found[1]) * DAYS[found[2]] > 100 * 365:
        raise CommandError("--older-than takes a number and a unit, such as 365d, 52w or 2y, up to 100y.")
    return dt.timedelta(days=int(found[1]) * DAYS[found[2]])
