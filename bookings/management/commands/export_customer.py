import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.template.defaultfilters import pluralize
from django.utils import timezone

from bookings.models import Booking
from bookings.personal_data import accounts, address

NOTHING = 2


class Command(BaseCommand):
    help = (
        "Prints all that is stored about a customer as JSON: every booking that was made with the e-mail address, in "
        "whatever case, with its items, tickets and history. For a person who asks what is held about them. What it "
        "prints lets its reader into the event: send it to nobody else. Exit status 0: it is printed; 2: nothing is "
        "held about the address."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email", type=address, help="the customer's e-mail address")
        parser.add_argument("--dry-run", action="store_true", help="only say how much there is")

    def handle(self, *, email: str, dry_run: bool, **options: Any) -> None:
        bookings = Booking.objects.of_customer(email).order_by("created_at").select_related("event")
        found = list(bookings.prefetch_related("items", "tickets", "changes"))
        users = accounts(email)
        if not found and not users:
            raise CommandError("Nothing is held about this address.", returncode=NOTHING)
        self.stderr.write(f"{len(found)} booking{pluralize(found)}, {len(users)} account{pluralize(users)}.")
        if not dry_run:
            answer = {
                "customer_email": email,
                "exported_at": timezone.now().isoformat(),
                "accounts": users,
                "bookings": [booking.record() for booking in found],
            }
            self.stdout.write(json.dumps(answer, indent=2, ensure_ascii=False))
