import json
import signal
import time
from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Sum

from bookings.lifecycle.expire import cancel_all, release_due
from bookings.models import Booking
from events.models import Event


class Command(BaseCommand):
    help = (
        "Sweeps up after holds that ran out, and finishes the cancellation of events that was cut short. Hygiene only: "
        "a hold stops counting at the instant at which it runs out, swept or not. Safe to run many times at once, and "
        "as a service with --watch. Exit status 0, also when there was nothing to sweep."
    )
    is_json = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--watch", type=float, metavar="SECONDS", help="go on, with a pause of so many seconds")
        parser.add_argument("--dry-run", action="store_true", help="only say what there is to sweep")
        parser.add_argument("--json", action="store_true", help="one JSON object a line for each sweep, for programs")

    def handle(self, *, watch: float | None, dry_run: bool, **options: Any) -> None:
        if watch is not None and not 0 < watch <= 86_400:
            raise CommandError("--watch takes more than 0 and up to 86400 seconds.")
        self.is_json = options["json"]
        sweep = self.count if dry_run else self.sweep
        sweep()
        if watch is not None:
            self.repeat(sweep, watch)

    def repeat(self, sweep: Callable[[], None], seconds: float) -> None:
        """Until somebody stops it, from the keyboard or, as service managers do, by SIGTERM."""
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            while True:
                time.sleep(seconds)
                sweep()
        except KeyboardInterrupt:
            return
        finally:
            signal.signal(signal.SIGTERM, before)

    def sweep(self) -> None:
        expired = release_due(skip_locked=True)
        events = Event.objects.filter(pk__in=Booking.objects.of_cancelled_events().values("event"))
        cancelled = sum(cancel_all(event.pk, reason=event.cancel_reason, by="system") for event in events.iterator())
        self.tell(f"{expired} expired, {cancelled} cancelled.", expired=expired, cancelled=cancelled)

    def count(self) -> None:
        due = Booking.objects.due()
        places = due.aggregate(places=Sum("quantity"))["places"] or 0
        count, left = due.count(), Booking.objects.of_cancelled_events().count()
        words = f"{count} to expire, with {places} places; {left} to cancel."
        self.tell(words, to_expire=count, places=places, to_cancel=left)

    def tell(self, words: str, **figures: int) -> None:
        self.stdout.write(json.dumps(figures) if self.is_json else words)
