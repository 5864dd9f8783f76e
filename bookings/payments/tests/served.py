"""Clients of a server with the Stripe of the harness, and what its tests ask of it."""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from itertools import count
from typing import Any

from config.tests.harness import stripe as harness
from config.tests.harness.server import Server

EVENTS = count(1)
CATALOGUE = """
import datetime as dt
from decimal import Decimal
from django.utils import timezone
from events.models import Event
from ticket_types.models import TicketType
from venues.models import Venue
venue = Venue.objects.create(name="Hall", address="1 Main Street", capacity=1000)
start = timezone.now() + dt.timedelta(days=9)
event = Event.plan(venue=venue, name="Concert", starts_at=start, ends_at=start + dt.timedelta(hours=2))
seat = TicketType.offer(event=event, name="Seat", price=Decimal("49.90"))
event.publish(at=timezone.now())
print(seat.pk)
"""

SETTLE = """
import datetime as dt
from django.core.management import call_command
from bookings.payments import upkeep
upkeep.GRACE = dt.timedelta(0)
call_command("worker", once=True)
"""


def variables(stripe: harness.StripeProxy) -> dict[str, str]:
    return {
        "STRIPE_SECRET_KEY": harness.KEY,
        "STRIPE_WEBHOOK_SECRET": harness.SECRET,
        "STRIPE_API_BASE": stripe.url,
    }


def send(url: str, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    """Status and content; 0 when the server dies instead of answering."""
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    asked = urllib.request.Request(
        f"{url}/api/v1{path}", data, {"Content-Type": "application/json", **names}, method=method
    )
    try:
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)
    except OSError:
        return 0, None


@dataclass(frozen=True)
class Shop:
    """A customer's browser, the staff and the provider, as the server sees them."""

    server: Server
    stripe: harness.StripeProxy
    token: str
    ticket_type: int

    @classmethod
    def open(cls, server: Server, stripe: harness.StripeProxy) -> "Shop":
        token = server.manage("create_api_token", "shop", "--role", "manager").strip()
        seat = int(server.manage("shell", "--no-imports", "-c", CATALOGUE))
        return cls(server, stripe, token, seat)

    def book(self) -> dict[str, Any]:
        """Two places for 99.80 EUR."""
        order = {
            "customer_name": "Ann",
            "customer_email": "ann@example.com",
            "items": [{"ticket_type": self.ticket_type, "quantity": 2}],
        }
        status, booking = send(self.server.url, "POST", "/bookings", order)
        assert status == 201, booking
        found: dict[str, Any] = booking
        return found

    def start(self, booking: dict[str, Any], url: str = "") -> tuple[int, Any]:
        path = f"/bookings/{booking['id']}/payments"
        return send(url or self.server.url, "POST", path, {"provider": "stripe"}, Booking_Secret=booking["secret"])

    def tell(self, kind: str, subject: dict[str, Any], *, number: int = 0, url: str = "") -> tuple[int, Any]:
        """Sends an event about an object, signed; with the number of an earlier one it is that one again."""
        body = harness.event(number or next(EVENTS), kind, subject)
        headers = {"Stripe_Signature": harness.signed(body)}
        return send(url or self.server.url, "POST", "/payments/stripe/events", body, **headers)

    def staff(self, method: str, path: str, body: Any = None, url: str = "") -> tuple[int, Any]:
        return send(url or self.server.url, method, path, body, Authorization=f"Bearer {self.token}")

    def state(self, booking: dict[str, Any]) -> tuple[str, int, str, str, str]:
        """Status, tickets, and what is paid, refunded and due for refund."""
        _, data = self.staff("GET", f"/bookings/{booking['id']}")
        amounts = (data[name] for name in ("amount_paid", "amount_refunded", "refund_amount"))
        return data["status"], len(data["tickets"]), *amounts  # type: ignore[return-value]

    def payments(self, booking: dict[str, Any]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.staff("GET", f"/payments?booking={booking['id']}")[1]["results"]
        return found

    def settle(self) -> None:
        self.server.manage("shell", "--no-imports", "-c", SETTLE)

    def intents(self, booking: dict[str, Any]) -> list[dict[str, Any]]:
        """The booking's payments as the provider knows them."""
        listed = json.loads(self.stripe.send("GET", "/v1/payment_intents?limit=100")[1])["data"]
        return [it for it in listed if it["metadata"].get("booking") == booking["id"]]

    def refunds(self, intent: str) -> list[dict[str, Any]]:
        """The refunds of a payment as the provider knows them."""
        listed = json.loads(self.stripe.send("GET", f"/v1/payment_intents/{intent}")[1])
        charges: list[dict[str, Any]] = listed["charges"]["data"]
        return [refund for charge in charges for refund in charge["refunds"]["data"]]
