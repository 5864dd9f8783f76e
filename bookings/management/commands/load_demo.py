import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, OutputWrapper
from django.db import transaction
from django.utils import timezone

from bookings.codes import random_code
from bookings.demo import load
from venues.models import Venue

LOGIN = "demo"
MAX_SCALE = 2000  # weeks: two million bookings


class Command(BaseCommand):
    help = (
        "Fills an empty database with demo data: well-known houses, a season of events around today, and bookings in"
        " every status. The same --seed and day give the same data. Everything is one transaction; on SQLite, all "
        "other writes wait for it. With DEBUG on, it also creates a staff user and prints the password."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--seed", type=int, default=1, help="another number gives other data (default: 1)")
        parser.add_argument(
            "--scale",
            type=int,
            default=1,
            help="how many weeks of each show (default: 1; 1000 gives about a million bookings, in minutes)",
        )
        parser.add_argument("--if-empty", action="store_true", help="do nothing if there is a venue")

    def handle(self, *, seed: int, scale: int, if_empty: bool, **options: Any) -> None:
        if not 1 <= scale <= MAX_SCALE:
            raise CommandError(f"--scale must be between 1 and {MAX_SCALE}.")
        if Venue.objects.exists():
            if not if_empty:
                raise CommandError(
                    "There are venues already, but the demo needs an empty database. Set DATABASE_URL to a new one, "
                    "or empty this one with `manage.py flush`."
                )
            self.stdout.write("No demo data was loaded: there are venues already.")
            return
        today = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
        progress = ProgressLine(self.stdout)
        with transaction.atomic():
            load(seed=seed, scale=scale, today=today, progress=progress)
            password = self.make_user()
        progress.end()
        self.report_login(password)

    def make_user(self) -> str | None:
        """Returns the password of the new user, or None."""
        users = get_user_model().objects
        if not settings.DEBUG or users.filter(username=LOGIN).exists():
            return None
        password = "-".join(random_code(5) for _ in range(4))
        users.create_superuser(LOGIN, password=password)
        return password

    def report_login(self, password: str | None) -> None:
        if password:
            self.stdout.write(self.style.SUCCESS(f"Demo login: {LOGIN}    password: {password}    (shown only once)"))
        elif not settings.DEBUG:
            self.stdout.write(
                "No demo login was created, because DEBUG is off. `manage.py createsuperuser` creates your own."
            )
        else:
            self.stdout.write(f"The user {LOGIN} exists already, and keeps its password.")


class ProgressLine:
    """One line that is redrawn on a terminal, otherwise four lines."""

    def __init__(self, out: OutputWrapper) -> None:
        self.out, self.started_at, self.shown = out, time.monotonic(), 0

    def __call__(self, share: float, rows: int) -> None:
        percent = int(share * 100)
        seconds = time.monotonic() - self.started_at
        line = f"Loading the demo: {percent:3} %   {rows:,} rows   {seconds:.0f} s"
        if self.out.isatty():
            self.out.write(f"\r{line}", ending="")
            self.out.flush()
        elif percent // 25 > self.shown // 25:
            self.out.write(line)
        self.shown = percent

    def end(self) -> None:
        if self.out.isatty():
            self.out.write("")
