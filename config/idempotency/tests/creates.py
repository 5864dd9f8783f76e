"""Every POST of the URL map: what creates something takes a key, and the rest has a reason not to."""

from bookings.models import Booking
from bookings.payments.models import Payment, Refund
from config.tests.harness import matrix, policy
from config.webhooks.models import WebhookDelivery, WebhookEndpoint
from conftest import client_of, make_user
from events.models import Event
from ticket_types.models import TicketType
from venues.models import Venue

# What each of them creates, once.
ROWS = {
    "/venues": Venue,
    "/events": Event,
    "/events/{published}/clone": Event,
    "/events/{cancelled}/clone": Event,
    "/events/{published}/clone/bulk": Event,
    "/ticket-types": TicketType,
    "/ticket-types/bulk": TicketType,
    "/bookings": Booking,
    "/bookings/{pending}/payments": Payment,
    "/bookings/{confirmed}/refunds": Refund,
    "/webhook-endpoints": WebhookEndpoint,
    "/webhook-endpoints/{endpoint}/test": WebhookDelivery,
}
STATE = "leads to the same state when it is repeated"
AGAIN = "is there to be repeated"
WITHOUT_KEY = {
    "/events/{draft}/publish": STATE,
    "/events/{published}/cancel": STATE,
    "/events/{draft}/cancel": STATE,
    "/events/{published}/unpublish": STATE,
    "/events/{published}/pause-sales": STATE,
    "/events/{paused}/resume-sales": STATE,
    "/events/{published}/postpone": STATE,
    "/events/{published}/reschedule": STATE,
    "/events/{draft}/reschedule": STATE,
    "/bookings/{pending}/confirm": STATE,
    "/bookings/{pending}/cancel": STATE,
    "/bookings/{mailed}/resend": AGAIN,
    "/bookings/lookup": AGAIN,
    "/bookings/{pending}/renew-secret": "makes no row, and its answer shows the secret of now",
    "/webhook-endpoints/{endpoint}/rotate-secret": "makes no row, and its answer shows the secret of now",
    "/webhook-deliveries/{delivery}/redeliver": AGAIN,
    "/bookings/{confirmed}/check-in": "a second admission is refused",
    "/tickets/{ticket}/check-in": "a second admission is refused",
    "/tickets/{used}/check-out": "a second one is refused",
    "/tickets/{used}/undo-check-in": "a second one is refused",
    "/check-ins": "each scan has an id of its own",
    "/payments/fake/events": "the provider's event has an id of its own",
}
IN_ONE_TABLE = sorted(ROWS.keys() - {"/bookings"})  # a booking has the key in its own row


def posts():
    """The rows of the table of permissions for POST: the path, and the statuses of its successes."""
    for method, path, statuses in policy.API:
        if method == "POST":
            yield path, {status for status in statuses.values() if status < 300}


def superuser(name="root"):
    return client_of(make_user(username=name, is_superuser=True))


def body_of(path, world):
    """The same each time."""
    return world.setdefault(f"body of {path}", matrix.valid_body("POST", matrix.full_path(path), world))


def send(client, path, world, key, body=None):
    body = body_of(path, world) if body is None else body
    headers = {"Idempotency-Key": key} if key else {}
    return client.post(matrix.fill_path(path, world, policy.SUPERUSER), body, headers=headers)


def content(answer):
    return {name: value for name, value in answer.json().items() if name != "expires_in"}
