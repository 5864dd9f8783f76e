import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.template.defaultfilters import pluralize
from django.utils import timezone

from bookings.models import Booking
from bookings.personal_data import accounts, address, held_tickets

NO_DATA = 2


class Command(BaseCommand):
    help = (
        "Prints all stored data about a customer as JSON: every booking with the e-mail address, in upper or lower "
        "case, with its items, tickets and history, and the tickets in bookings of others that are in its name. The "
        "ticket codes in it admit to the event: send it to the customer only. Exit status 0: printed; 2: there is no "
        "data."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email", type=address, help="the customer's e-mail address")
        parser.add_argument("--dry-run", action="store_true", help="show how many bookings there are")

    def handle(self, *, email: str, dry_run: bool, **options: Any) -> None:
        bookings = Booking.objects.of_customer(email).order_by("created_at").select_related("event")
        found = list(bookings.prefetch_related("items", "tickets", "changes", "messages", "payments__refunds"))
        users = accounts(email)
        held = held_tickets(email)
        if not found and not users and not held:
            raise CommandError("There is no data about this address.", returncode=NO_DATA)
        counts: dict[str, list[Any]] = {"booking": found, "held ticket": held, "account": users}
        self.stderr.write(f"{', '.join(f'{len(it)} {name}{pluralize(it)}' for name, it in counts.items())}.")
        if not dry_run:
            data = {
                "customer_email": email,
                "exported_at": timezone.now().isoformat(),
                "accounts": users,
                "held_tickets": held,
                "bookings": [booking.record() for booking in found],
            }
            self.stdout.write(json.dumps(data, indent=2, ensure_ascii=False))
