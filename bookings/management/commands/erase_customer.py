from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.template.defaultfilters import pluralize

from bookings.models import Booking
from bookings.personal_data import EMAIL, accounts, address, erase_holder
from bookings.problems import StillNeeded
from config.values.text import fold

NO_DATA = 2


class Command(BaseCommand):
    help = (
        "Erases a customer's name, e-mail address, notes and reasons from all their bookings and the history, and as "
        "the holder of tickets that others booked, which stay valid. The figures stay: places, prices and times, and "
        "the payment reference unless --with-payments erases it. It erases all bookings or none: a live booking of a "
        "future event, or one with a refund due, must be cancelled or settled first. Exit status 0: erased; 1: a "
        "booking is still needed, nothing was changed; 2: there is no data."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email", type=address, help="the customer's e-mail address")
        parser.add_argument("--with-payments", action="store_true", help="also erase payment references")
        parser.add_argument("--dry-run", action="store_true", help="show what would be erased, and change nothing")

    def handle(self, *, email: str, with_payments: bool, dry_run: bool, **options: Any) -> None:
        if fold(email) == EMAIL:
            raise CommandError(f"{EMAIL} is the address of customers who are erased already.")
        for name in accounts(email):
            self.stderr.write(f"The staff account {name} has this address. Delete it in the admin if needed.")
        try:
            with transaction.atomic():
                erased = Booking.erase_customer(email, by="system", with_payments=with_payments)
                held = erase_holder(email, by="system")
                transaction.set_rollback(dry_run)
        except StillNeeded as refusal:
            lines = "\n".join(f"  {error['detail']}" for error in refusal.errors)
            raise CommandError(f"Nothing was erased, because these bookings are still needed:\n{lines}") from None
        if not erased and not held:
            raise CommandError("There is no data about this address.", returncode=NO_DATA)
        would_be = "would be " if dry_run else ""
        also = f", and the holder of {held} ticket{pluralize(held)}" if held else ""
        self.stdout.write(f"{erased} booking{pluralize(erased)}{also} {would_be}erased.")
