import json
import os
import shlex
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand
from django.utils import timezone

from bookings.management.commands.load_demo import LOGIN
from ticket_types.models import TicketType


class Command(BaseCommand):
    help = "Prints the addresses of the server, and a first booking to paste into another terminal."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000, help="the port of the server (default: 8000)")

    def handle(self, *, port: int, **options: Any) -> None:
        base = f"http://127.0.0.1:{port}"
        title = f"{settings.PROJECT_NAME} {settings.VERSION}"
        lines = [
            "",
            self.style.MIGRATE_HEADING(title),
            f"  API       {base}{settings.API_V1_STR}",
            f"  Docs      {base}/docs and {base}/redoc",
            f"  Admin     {base}/admin/",
            *login(),
            f"  A token   {manage()} create_api_token NAME --role manager",
            "",
            *self.first_booking(base),
            "",
        ]
        self.stdout.write("\n".join(lines))

    def first_booking(self, base: str) -> list[str]:
        ticket_type = bookable()
        if ticket_type is None:
            return ["No event is on sale. README.md shows how to create one and book it."]
        event = ticket_type.event
        return [
            f"A first booking, for “{event.name}”, {event.venue}; paste it into another terminal:",
            "",
            self.style.SUCCESS(f"curl -sS {base}{settings.API_V1_STR}/bookings -H 'Content-Type: application/json' \\"),
            self.style.SUCCESS(f"  -d {shlex.quote(json.dumps(request_body(ticket_type)))}"),
        ]


def manage() -> str:
    """The command that runs manage.py with this Python, from the project's folder."""
    python = sys.executable or "python"
    folder = f"{settings.BASE_DIR}{os.sep}"
    return f"{shlex.quote(python.removeprefix(folder))} manage.py"


def login() -> list[str]:
    if get_user_model().objects.filter(username=LOGIN).exists():
        return [
            f"  Login     {LOGIN}, with the password that was shown when it was created; for a new one:",
            f"            {manage()} changepassword {LOGIN}",
        ]
    return [f"  Login     create yours: {manage()} createsuperuser"]


def bookable() -> TicketType | None:
    """A ticket type with a price, of the next event without a limit per customer."""
    at = timezone.now()
    types = TicketType.objects.on_sale(at).select_related("event").filter(price__gt=0, event__max_per_customer=None)
    types = types.select_related("event__venue").order_by("event__starts_at", "position", "id")
    return next((row for row in types.iterator() if row.available >= quantity(row)), None)


def quantity(ticket_type: TicketType) -> int:
    """Two, within the limits per booking."""
    return min(max(ticket_type.min_per_booking, 2), ticket_type.max_per_booking)


def request_body(ticket_type: TicketType) -> dict[str, Any]:
    return {
        "customer_name": "Ann Lee",
        "customer_email": "ann@example.com",
        "items": [{"ticket_type": ticket_type.pk, "quantity": quantity(ticket_type)}],
    }
