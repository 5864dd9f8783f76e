from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.template.defaultfilters import pluralize

from bookings.models import Booking
from bookings.personal_data import EMAIL, accounts, address
from bookings.problems import StillNeeded
from config.values.text import fold

NOTHING = 2


class Command(BaseCommand):
    help = (
        "Takes a customer's name, e-mail address, notes and reasons out of all their bookings and their history, for "
        "good. The figures stay: what was sold, when, for how much, and the payment's reference, which the books need; "
        "--with-payments takes that out, too. All bookings or none: one for an event to come, or with a refund due, "
        "stands in the way, because its holder could not be let in, or paid. Cancel it, or settle it, first. Exit "
        "status 0: erased; 1: a booking is still needed, and nothing was done; 2: nothing is held about the address."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email", type=address, help="the customer's e-mail address")
        parser.add_argument("--with-payments", action="store_true", help="also the references of payments")
        parser.add_argument("--dry-run", action="store_true", help="say what would be done, and undo it")

    def handle(self, *, email: str, with_payments: bool, dry_run: bool, **options: Any) -> None:
        if fold(email) == EMAIL:
            raise CommandError(f"{EMAIL} stands for those who are erased already.")
        for name in accounts(email):
            self.stderr.write(f"The account {name} has this address: it is for the admin to delete.")
        try:
            with transaction.atomic():
                erased = Booking.erase_customer(email, by="system", with_payments=with_payments)
                transaction.set_rollback(dry_run)
        except StillNeeded as refusal:
            lines = "\n".join(f"  {fault['detail']}" for fault in refusal.errors)
            raise CommandError(f"Nothing is erased, because these are still needed:\n{lines}") from None
        if not erased:
            raise CommandError("Nothing is held about this address.", returncode=NOTHING)
        self.stdout.write(f"{erased} booking{pluralize(erased)} {'would be ' if dry_run else ''}erased.")
