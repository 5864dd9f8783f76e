"""Strings that nobody may see who may not see the object, and every way of asking for them.

What there is to ask for, the document says: a new route, filter, order or expansion is asked for without a change here.
"""

import json
import re
from functools import cache

from django.apps import apps
from django.db import models
from drf_spectacular.generators import SchemaGenerator

from bookings.models import Booking, BookingChange, BookingItem, Ticket
from config.access.models import ApiToken
from config.history.models import Change
from events.models import Event
from ticket_types.models import TicketType
from venues.models import Venue

# Texts of a fixed form: choices, and what means nothing by itself.
NO_CANARY = {
    "access.apitoken.start",  # the first characters of `digest`'s token, shown to those who may see tokens
    "bookings.booking.currency", "bookings.booking.idempotency_client", "bookings.booking.status",
    "bookings.bookingchange.from_status", "bookings.bookingchange.to_status",
    "bookings.ticket.status", "events.event.currency", "events.event.status", "history.change.kind",
    "venues.venue.timezone",
}  # fmt: skip
CODES = {  # of a form that the database checks, and different for every object by themselves
    "bookings.booking.confirmation_code", "bookings.ticket.code",
}  # fmt: skip
OURS = (Venue, Event, TicketType, Booking, BookingItem, Ticket, BookingChange, Change, ApiToken)


def texts(model):
    """The names of a model's fields that hold text."""
    kinds = (models.CharField, models.TextField, models.JSONField, models.UUIDField)
    return [field for field in model._meta.concrete_fields if isinstance(field, kinds)]


def plant(obj):
    """Puts a string of its own into every text of an object; returns all strings that tell of the object."""
    planted, found = {}, set()
    for field in texts(type(obj)):
        label = f"{obj._meta.label_lower}.{field.name}"
        if isinstance(field, models.UUIDField) or label in CODES:
            value = str(getattr(obj, field.attname))
            found |= {value, value.replace("-", "")}
        elif label not in NO_CANARY:
            text = f"canary-{str(obj.pk)[-4:]}-{obj._meta.model_name}-{field.name}".replace("_", "-")
            found.add(text)
            planted[field.name] = filled(field, text)
    models.QuerySet(type(obj)).filter(pk=obj.pk).update(**planted)
    return found


def filled(field, text):
    if isinstance(field, models.JSONField):
        return {"note": text}
    return f"{text}@example.com" if isinstance(field, models.EmailField) else text


def models_of_this_project():
    own = ("config.", "venues.", "events.", "ticket_types.", "bookings.")
    return {model for model in apps.get_models() if model.__module__.startswith(own)}


# Every way to ask

REQUIRED = ("group_by",)


@cache
def document():
    return SchemaGenerator().get_schema(request=None, public=True)


def readings(ids):
    """The path and query of every way to read: each parameter alone with each of its values, and some together.

    `ids` holds, for each parameter of a path or query that names an object, the values to try.
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
    return [path.replace(f"{{{name}}}", str(value)) for value in ids[resource]] if name else [path]


def queries(path, parameters, ids):
    values = {
        parameter["name"]: list(tried(parameter["name"], parameter["schema"], ids))
        for parameter in parameters
        if parameter["in"] == "query"
    }
    needed = [f"{name}={values[name][0]}" for name in REQUIRED if name in values]
    yield "&".join(needed)
    for name, choices in values.items():
        yield from ("&".join([f"{name}={value}", *(needed if name not in REQUIRED else ())]) for value in choices)
    # What is found, with everything that can be put inside, in every order and of every kind.
    for names in values.get("expand", [])[-1:]:
        others = [f"{name}={value}" for name in ("ordering", "status", "search") for value in values.get(name, [])]
        yield from (f"{other}&expand={names}" for other in others)


def tried(name, schema, ids):
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
            "customer_email": ["ann@example.com"], "timezone": ["Europe/Vienna"]}.get(name, [])  # fmt: skip


# What is answered

BY_THE_WAY = re.compile(r'"expires_in":\d+|cursor=[A-Za-z0-9_.:%-]+')  # the seconds left, and when a link was signed


def said(answer):
    """All that an answer says, but for what is another one each time."""
    headers = {name: value for name, value in answer.headers.items() if name != "X-Request-ID"}
    headers.pop("Set-Cookie", None)
    body = answer.getvalue() if answer.streaming else answer.content
    text = body.decode().replace(answer.headers.get("X-Request-ID", "-"), "[request id]")
    if BY_THE_WAY.search(text):
        headers.pop("ETag", None)
    return answer.status_code, *(
        BY_THE_WAY.sub("[by the way]", it) for it in (json.dumps(headers, sort_keys=True), text)
    )
