import datetime as dt
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import timezone

from bookings.payments import online


class Command(BaseCommand):
    help = (
        "Completes online payments and refunds whose answers or callbacks were lost: asks the provider, handles stored "
        "events again, and with REFUND_AUTOMATICALLY refunds what has no places. May run several times at once. Run it "
        "every minute."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--older-than",
            type=int,
            default=120,
            metavar="SECONDS",
            help="leave payments and refunds alone that began later, since their answers may still come (default: 120)",
        )

    def handle(self, *, older_than: int, **options: Any) -> None:
        at, age = timezone.now(), dt.timedelta(seconds=older_than)
        payments = online.look_up_payments(older_than=age, at=at)
        refunds = online.finish_refunds(older_than=age, at=at)
        events = online.handle_events(at=at)
        automatic = online.refund_automatically() if settings.REFUND_AUTOMATICALLY else 0
        self.stdout.write(
            f"{payments} payments looked up, {refunds} refunds asked for, {events} events handled, "
            f"{automatic} refunds made."
        )
