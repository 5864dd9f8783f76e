"""Sets every parameter and field of every operation to nasty values, one at a time, with valid values elsewhere.

Operations, parameters and fields come from the OpenAPI document. `SWEEP_VALUES` is the number of values for each, or
`all`.
"""

import copy
import json
import os
import re
from urllib.parse import quote

import jsonschema_rs
import pytest
from django.db import transaction
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator

from config.tests.harness.nasty import IN_BODIES, IN_HEADERS, IN_URLS
from config.webhooks.models import WebhookEndpoint

MARK = "@here@"
LISTS = ("/venues", "/events", "/ticket-types", "/bookings", "/tickets", "/webhook-endpoints", "/webhook-deliveries")
STARTS = {
    "text/calendar": b"BEGIN:VCALENDAR",
    "application/pdf": b"%PDF",
    "image/png": b"\x89PNG",
    "image/svg+xml": b"<?xml",
}
METHODS = ("get", "post", "put", "patch", "delete")
HEADERS = {"If-Match": "*", "If-None-Match": '"other"', "Idempotency-Key": "sweep", "Booking-Secret": "sweep"}
QUERY = {
    "after": "latest",
    "amount_due": "true",
    "available": "true",
    "booking": None,
    "created_after": "2020-01-01T00:00:00Z",
    "created_before": "2090-01-01T00:00:00Z",
    "currency": "EUR",
    "cursor": None,  # only links have one
    "customer_email": "ann@example.com",
    "day": "2026-11-23",
    "dry_run": "false",
    "endpoint": "1",
    "event": "1",
    "expand": None,  # differs between resources
    "format": "json",
    "from": "2020-01-01",
    "group_by": "day",
    "holder_name": "ann",
    "is_active": "true",
    "limit": "10",
    "method": "cash",
    "min_capacity": "1",
    "on_sale": "true",
    "ordering": None,
    "provider": "manual",
    "reference": "pay-1",
    "refund_due": "false",
    "search": "a",
    "secret": "sweep",
    "skip": "0",
    "starts_after": "2020-01-01T00:00:00Z",
    "starts_before": "2090-01-01T00:00:00Z",
    "state": "pending",
    "status": None,
    "ticket_type": "1",
    "timezone": "Europe/Vienna",
    "to": "2090-01-01T00:00:00Z",
    "type": "event.changed",
    "upcoming": "true",
    "updated_after": "2020-01-01T00:00:00Z",
    "user": "1",
    "venue": "1",
    "visibility": "public",
    "with_cancelled": "true",
}

pytestmark = pytest.mark.usefixtures("sends_mail")


@pytest.fixture
def world(make_event, make_type, book):
    """The ids that paths and bodies use."""
    event = make_event()
    seat = make_type(event=event)
    confirmed, pending = book((seat, 3)).confirm(payment_reference="sweep"), book((seat, 1))
    free = make_type(event=make_event(name="Free", free_confirmation="by_mail"), price=0)
    confirmed.tickets.last().check_in(at=timezone.now())
    endpoint = WebhookEndpoint.add(url="https://shop.example.com")
    tickets = [ticket.code for ticket in confirmed.tickets.all()]
    return {
        "venues": event.venue_id,
        "events": event.pk,
        "ticket-types": seat.pk,
        "bookings": pending.pk,
        "confirmed": confirmed.pk,
        "mailed": book((free, 1)).pk,
        "payments": confirmed.payments.get().pk,
        "tickets": tickets[0],
        "codes": tickets[:1],
        "undo-check-in": tickets[-1],
        "webhook-endpoints": endpoint.pk,
        "webhook-deliveries": endpoint.test(at=timezone.now()).pk,
        "unused": {
            **unused(make_type(event=make_event(name="Unused", is_published=False))),
            "webhook-endpoints": endpoint.pk,
        },
    }


def unused(ticket_type):
    """The ids of objects without bookings, which can be deleted."""
    return {"venues": ticket_type.event.venue_id, "events": ticket_type.event_id, "ticket-types": ticket_type.pk}


@pytest.fixture
def sweep(manager, world, capsys):
    manager.raise_request_exception = False
    running = Sweep(manager, world)
    yield running
    with capsys.disabled():
        print(f"\nsweep: {running.requests:,} requests, {running.fields} parameters and fields")


class Sweep:
    def __init__(self, client, world):
        self.client, self.world = client, world
        self.document = SchemaGenerator().get_schema(request=None, public=True)
        self.components = self.document["components"]
        self.requests = self.fields = 0
        self.failures, self.validators = [], {}

    def run(self):
        for path, methods in self.document["paths"].items():
            for method in METHODS:
                if method in methods:
                    self.operation(method, path, methods[method])

    def operation(self, method, path, operation):
        base = self.base(method, path, operation)
        with_answer = self.ask(method, path, operation, base)
        if not with_answer or with_answer.status_code >= 400:
            self.failures.append((method, path, "the base is refused", with_answer and with_answer.content))
        for parameter in operation.get("parameters", []):
            where, name = parameter["in"], parameter["name"]
            values = IN_HEADERS if where == "header" else IN_URLS
            self.field(method, path, operation, base, where, name, values)
        for where, name in self.places(operation):
            self.field(method, path, operation, base, where, name, IN_BODIES)

    def field(self, method, path, operation, base, where, name, values):
        self.fields += 1
        seen = None
        for nasty in chosen(values, self.fields):
            asked = {**base, "nasty": (where, name, values[nasty])}
            answer = self.ask(method, path, operation, asked, f"{where} {name} = {nasty}", seen)
            seen = answer or seen

    def base(self, method, path, operation):
        body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        query = {
            parameter["name"]: QUERY[parameter["name"]]
            for parameter in operation.get("parameters", [])
            if parameter["in"] == "query"
        }
        if path.endswith("/admissions"):  # of an event, which must be there
            query["event"] = str(self.world["events"])
        return {
            "path": self.address(method, path),
            "query": {name: value for name, value in query.items() if value is not None},
            "headers": {
                parameter["name"]: HEADERS[parameter["name"]]
                for parameter in operation.get("parameters", [])
                if parameter["in"] == "header"
            },
            "body": self.body(path, body) if body else None,
            "nasty": None,
        }

    def address(self, method, path):
        path = path.replace("/tickets/{code}", f"/tickets/{self.world['codes'][0]}") if "bookings" in path else path
        return re.sub(r"\{(\w+)\}", lambda found: str(self.identifier(method, path)), path)

    def identifier(self, method, path):
        resource = path.split("/")[3].partition(".")[0]
        if method == "delete":
            return self.world["unused"][resource]
        if "/tickets" in path and "bookings" in path:
            return self.world["confirmed"]
        if path.endswith("/unpublish"):
            return self.world["unused"][resource]
        if path.endswith(("/undo-check-in", "/check-out")):
            return self.world["undo-check-in"]
        verb = path.rpartition("bookings/{id}/")[2]
        return self.world[
            {"cancel": "confirmed", "check-in": "confirmed", "refunds": "confirmed", "resend": "mailed"}.get(
                verb, resource
            )
        ]

    def body(self, path, media):
        """The example of the document, with ids of existing rows and all optional fields."""
        body = copy.deepcopy(media["example"])
        known = {
            "venue": self.world["venues"],
            "event": self.world["events"],
            "hold_minutes": 10,
            "expected_total": "49.90",
            "mail_token": "",
            "amount": "49.90",
            "fee": "1.00",
            "method": "cash",
            "payment": self.world["payments"],
            "provider": "fake",
            "tickets": self.world["codes"],
            "count": 1,
            "notify": True,
        }
        schema = self.resolve(media["schema"])
        for name in schema["properties"]:
            if name in known:
                body[name] = known[name]
            assert name in body, f"{path}: no base for the field {name}"
        if "items" in body:
            attendees = [{"name": "Bea Moss", "email": "bea@example.com"}]
            body["items"] = [{"ticket_type": self.world["ticket-types"], "quantity": 1, "attendees": attendees}]
        if path.endswith("ticket-types"):
            body["name"] = "Another"
        if "ticket_types" in body:
            ours = {"event": self.world["events"], "name": "Another"}
            body["ticket_types"] = [{**each, **ours} for each in body["ticket_types"]]
        return body

    def resolve(self, schema):
        if "oneOf" in schema:
            schema = schema["oneOf"][0]
        return self.components["schemas"][schema["$ref"].rsplit("/", 1)[-1]] if "$ref" in schema else schema

    def places(self, operation):
        media = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if media is None:
            return
        yield "body", ()
        yield "body", ("surplus",)
        yield from (("body", place) for place in self.below(self.resolve(media["schema"]), ()))

    def below(self, schema, place):
        for name, child in schema.get("properties", {}).items():
            yield (*place, name)
            yield from self.below(self.resolve(child), (*place, name))
        if schema.get("type") == "array":
            yield (*place, 0)
            yield from self.below(self.resolve(schema["items"]), (*place, 0))
        if isinstance(schema.get("additionalProperties"), dict):
            yield (*place, "surplus")
            yield (*place, MARK)  # the name of the property

    def ask(self, method, path, operation, asked, label="", seen=None):
        where, name, value = asked["nasty"] or ("", "", "")
        target, query, headers, body = asked["path"], dict(asked["query"]), dict(asked["headers"]), b""
        if where == "path":
            target = re.sub(r"\{\w+\}", lambda found: quote(value, safe=""), path)
        if where == "query":
            query[name] = value
        if where == "header":
            headers[name] = value
        if asked["body"] is not None:
            body = replaced(asked["body"], name, value) if where == "body" else json.dumps(asked["body"]).encode()
        query_string = "&".join(f"{key}={quote(text, safe='')}" for key, text in query.items())
        self.requests += 1
        with transaction.atomic():
            answer = self.client.generic(
                method.upper(), f"//{target.lstrip('/')}?{query_string}", body, "application/json", headers=headers
            )
            self.check(method, path, operation, label, answer, where, value)
            is_change = method != "get" and answer.status_code < 300
            if is_change or (method != "get" and seen is None):
                self.check_lists(method, path, label)
            transaction.set_rollback(True)
        return answer

    def check(self, method, path, operation, label, answer, where, value):
        status = str(answer.status_code)
        leads_elsewhere = where == "path" and (not value or b"/" in value or value.strip() == b".")
        if leads_elsewhere and status in ("404", "405"):
            return
        if leads_elsewhere and status == "200" and method == "get" and not value:
            return
        if status not in operation["responses"]:
            self.failures.append((method, path, label, status, answer.content[:300]))
        elif not self.is_as_documented(operation, status, answer):
            self.failures.append((method, path, label, status, "not as documented", answer.content[:600]))

    def is_as_documented(self, operation, status, answer):
        content = operation["responses"][status].get("content", {})
        media_type = answer.get("Content-Type", "").partition(";")[0]
        if not content:
            return answer.content == b""
        if media_type not in content:
            return False
        if media_type == "text/csv":
            return b"".join(answer.streaming_content).startswith(b"group,")
        if media_type in STARTS:
            return answer.content.startswith(STARTS[media_type])
        key = (operation["operationId"], status)
        if key not in self.validators:
            schema = {**content[media_type]["schema"], "components": self.components}
            self.validators[key] = jsonschema_rs.validator_for(schema)
        return self.validators[key].is_valid(answer.json())

    def check_lists(self, method, path, label):
        for resource in LISTS:
            answer = self.client.get(resource)
            if answer.status_code != 200:
                self.failures.append((method, path, label, f"{resource} answers", answer.status_code))


def chosen(values, number):
    """Some of the values, different ones for each field; or all."""
    count = os.environ.get("SWEEP_VALUES", "8")
    names = list(values)
    stride = 1 if count == "all" else max(len(names) // int(count), 1)
    return names[number % stride :: stride]


def replaced(body, place, raw):
    """The body as JSON with raw bytes at one place."""
    if place == ():
        return raw
    body = copy.deepcopy(body)
    holder = body
    for step in place[:-1]:
        holder = holder[step]
    if place[-1] == MARK:
        holder[MARK] = "a"
        return json.dumps(body).encode().replace(json.dumps(MARK).encode(), raw if raw[:1] == b'"' else b'"x x"')
    holder[place[-1]] = MARK
    return json.dumps(body).encode().replace(json.dumps(MARK).encode(), raw)


def test_nasty_values_get_documented_responses(sweep):
    sweep.run()
    assert sweep.requests > 500
    assert not sweep.failures, "\n".join(map(str, sweep.failures[:50]))


@pytest.mark.parametrize("nasty", [*IN_HEADERS])
def test_nasty_secret_is_as_a_wrong_one(nasty, anonymous, book):
    answer = anonymous.get(f"/bookings/{book().pk}", headers={"Booking-Secret": IN_HEADERS[nasty]})
    assert answer.status_code == 404


@pytest.mark.parametrize("nasty", [*IN_URLS])
def test_nasty_secret_in_a_link_is_as_a_wrong_one(nasty, anonymous, book):
    answer = anonymous.get(f"/bookings/{book().pk}?secret={quote(IN_URLS[nasty], safe='')}")
    assert answer.status_code in (400, 404)


def test_there_are_enough_nasty_values():
    assert min(map(len, (IN_BODIES, IN_URLS, IN_HEADERS))) >= 80
