"""Canaries: unique strings in the texts of hidden objects, and every request that could show them.

The requests come from the OpenAPI document: a new route, filter, order or expansion is covered without a change here.
"""

import base64
import json
import re
from functools import cache

from django.apps import apps
from django.db import models
from drf_spectacular.generators import SchemaGenerator

from bookings.door.models import Scan
from bookings.messages.models import Message
from bookings.models import Booking, BookingChange, BookingItem, Ticket
from bookings.payments.models import Payment, ProviderEvent, Refund
from config.access.models import ApiToken, LoginFailure
from config.history.models import Change
from config.idempotency.models import KeyedRequest
from config.outbox.models import FeedChange, RenderedField, WorkerHeartbeat
from config.webhooks.models import WebhookDelivery, WebhookEndpoint
from events.models import Event
from ticket_types.models import TicketType
from venues.models import Venue

# Texts with a fixed set of values, or without meaning of their own.
NO_CANARY = {
    "access.apitoken.start",  # the start of the token, shown in the list of tokens
    "bookings.booking.currency", "bookings.booking.idempotency_client", "bookings.booking.status",
    "bookings.bookingchange.from_status", "bookings.bookingchange.to_status",
    "bookings.ticket.status", "booking_messages.message.kind", "booking_messages.message.state",
    "door.scan.client", "door.scan.result",
    "events.event.currency", "events.event.free_confirmation", "events.event.status", "events.event.visibility",
    "history.change.kind", "outbox.feedchange.object_type", "outbox.feedchange.type", "venues.venue.timezone",
    "payments.payment.currency", "payments.payment.method", "payments.payment.provider", "payments.payment.status",
    "payments.providerevent.provider", "payments.refund.status", "idempotency.keyedrequest.client",
    "webhooks.webhookdelivery.state", "webhooks.webhookendpoint.lease",
}  # fmt: skip
CODES = {  # unique by themselves, in a form that the database checks
    "bookings.booking.confirmation_code", "bookings.ticket.code", "door.scan.code", "webhooks.webhookendpoint.secret",
    "idempotency.keyedrequest.fingerprint",
}  # fmt: skip
PAID = (Payment, Refund, ProviderEvent)
OURS = (Venue, Event, TicketType, Booking, BookingItem, Ticket, BookingChange, Scan, Message, *PAID, Change, FeedChange,
        WorkerHeartbeat, ApiToken, LoginFailure, KeyedRequest, WebhookEndpoint, WebhookDelivery)  # fmt: skip


def texts(model):
    """The fields of a model that hold text."""
    kinds = (models.CharField, models.TextField, models.JSONField, models.UUIDField)
    return [field for field in model._meta.concrete_fields if isinstance(field, kinds)]


def plant(obj):
    """Puts a canary into every text of an object; returns all strings that would reveal the object."""
    planted, found = {}, set()
    for field in texts(type(obj)):
        label = f"{obj._meta.label_lower}.{field.name}"
        if label in NO_CANARY:
            continue
        if isinstance(field, models.UUIDField) or label in CODES:
            value = str(getattr(obj, field.attname))
            found |= {value, value.replace("-", "")}
        else:
            text = f"canary-{str(obj.pk)[-4:]}-{obj._meta.model_name}-{field.name}".replace("_", "-")
            found.add(text)
            planted[field.name] = valid_value(field, text)
    models.QuerySet(type(obj)).filter(pk=obj.pk).update(**planted)
    return found


def valid_value(field, text):
    if field.name == "attendees":
        return [{"name": text}]
    if isinstance(field, models.JSONField | RenderedField):
        return {"note": text}
    return f"{text}@example.com" if isinstance(field, models.EmailField) else text


def own_models():
    own = ("config.", "venues.", "events.", "ticket_types.", "bookings.")
    return {model for model in apps.get_models() if model.__module__.startswith(own)}


# Requests


@cache
def document():
    return SchemaGenerator().get_schema(request=None, public=True)


def read_requests(ids):
    """Paths and queries of all GET requests: each parameter alone with each of its values, and some together.

    `ids` has the values of each parameter that names an object.
    """
    for path, methods in document()["paths"].items():
        if "get" in methods:
            parameters = methods["get"].get("parameters", [])
            for address in addresses(path, parameters, ids):
                for query in queries(address, parameters, ids):
                    yield address.removeprefix("/api/v1"), query


def addresses(path, parameters, ids):
    name = next((parameter["name"] for parameter in parameters if parameter["in"] == "path"), None)
    resource = path.split("/")[3]
    if resource == "bookings" and "/tickets" in path:
        return list(
            dict.fromkeys(path.replace("{id}", str(pk)).replace("{code}", code) for pk, code in tickets_of(ids))
        )
    return [path.replace(f"{{{name}}}", str(value)) for value in ids[resource]] if name else [path]


def tickets_of(ids):
    return Ticket.objects.filter(booking__in=ids["bookings"]).order_by("pk").values_list("booking", "code")


def queries(path, parameters, ids):
    values = {
        parameter["name"]: list(values_of(parameter["name"], parameter["schema"], ids))
        for parameter in parameters
        if parameter["in"] == "query"
    }
    required = [it["name"] for it in parameters if it["in"] == "query" and it.get("required")]
    needed = [f"{name}={values[name][0]}" for name in required]
    yield "&".join(needed)
    for name, choices in values.items():
        yield from ("&".join([f"{name}={value}", *(needed if name not in required else ())]) for value in choices)
    # All expansions together with each order, status and search.
    for names in values.get("expand", [])[-1:]:
        others = [f"{name}={value}" for name in ("ordering", "status", "search") for value in values.get(name, [])]
        yield from (f"{other}&expand={names}" for other in others)


def values_of(name, schema, ids):
    ids = {"day": ["2026-11-23", "2020-01-01"], **ids}
    if name in ids:
        return ids[name]
    if name in ("ordering", "expand"):
        names = re.search(r"\(([^)]+)\)", schema["pattern"])[1].split("|")
        singles = [f"{sign}{it}" for it in names for sign in (("", "-") if name == "ordering" else ("",))]
        return [*singles, ",".join(names)]
    if "enum" in schema:
        return schema["enum"]
    if schema.get("type") == "boolean":
        return ["true", "false"]
    if "date" in str(schema):
        return ["2020-01-01T00:00:00Z", "2090-01-01T00:00:00Z"]
    return {"limit": [1, 1000], "skip": [0, 1], "min_capacity": [1, 1001], "search": ["a", "canary", "-"],
            "customer_email": ["ann@example.com"], "timezone": ["Europe/Vienna"], "provider": ["manual", "fake"],
            "reference": ["canary", "pay_1"]}.get(name, [])  # fmt: skip


# Responses

VARYING = re.compile(r'"expires_in":\d+|cursor=[A-Za-z0-9_.:%-]+')  # remaining seconds, and signed links


def whole(response):
    """Headers and body as text, with the content of cursors, which is Base64."""
    body = response.getvalue() if response.streaming else response.content
    text = f"{response.headers} {body.decode(errors='replace')}"
    for cursor in re.findall(r"cursor=([A-Za-z0-9_-]+)", text):
        text += base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode(errors="replace")
    return text


def comparable(response):
    """Status, headers and body, without what differs between two equal requests."""
    headers = {name: value for name, value in response.headers.items() if name != "X-Request-ID"}
    headers.pop("Set-Cookie", None)
    body = response.getvalue() if response.streaming else response.content
    text = body.decode().replace(response.headers.get("X-Request-ID", "-"), "[request id]")
    if VARYING.search(text):
        headers.pop("ETag", None)
    return response.status_code, *(
        VARYING.sub("[varying]", part) for part in (json.dumps(headers, sort_keys=True), text)
    )
