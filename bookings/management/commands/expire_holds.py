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
        "Releases due holds, and completes cancellations of events that were interrupted. Reads and bookings release"
        " due holds too, so the command only keeps tables tidy. May run several times at once, and as a service with"
        " --watch."
    )
    is_json = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--watch", type=float, metavar="SECONDS", help="repeat after this many seconds")
        parser.add_argument("--dry-run", action="store_true", help="show what would be done, and change nothing")
        parser.add_argument("--json", action="store_true", help="print one JSON object per run")

    def handle(self, *, watch: float | None, dry_run: bool, **options: Any) -> None:
        if watch is not None and not 0 < watch <= 86_400:
            raise CommandError("--watch must be above 0 and at most 86400 seconds.")
        self.is_json = options["json"]
        run = self.count if dry_run else self.expire
        run()
        if watch is not None:
            self.repeat(run, watch)

    def repeat(self, run: Callable[[], None], seconds: float) -> None:
        """Until SIGINT or SIGTERM."""
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            while True:
                time.sleep(seconds)
                run()
        except KeyboardInterrupt:
            return
        finally:
            signal.signal(signal.SIGTERM, before)

    def expire(self) -> None:
        expired = release_due(skip_locked=True)
        events = Event.objects.filter(pk__in=Booking.objects.of_cancelled_events().values("event"))
        cancelled = sum(cancel_all(event.pk, reason=event.cancel_reason, by="system") for event in events.iterator())
        self.report(f"{expired} expired, {cancelled} cancelled.", expired=expired, cancelled=cancelled)

    def count(self) -> None:
        due = Booking.objects.due()
        places = due.aggregate(places=Sum("quantity"))["places"] or 0
        to_expire, to_cancel = due.count(), Booking.objects.of_cancelled_events().count()
        text = f"{to_expire} to expire, with {places} places; {to_cancel} to cancel."
        self.report(text, to_expire=to_expire, places=places, to_cancel=to_cancel)

    def report(self, text: str, **figures: int) -> None:
        self.stdout.write(json.dumps(figures) if self.is_json else text)
