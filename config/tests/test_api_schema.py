"""The OpenAPI document is valid, complete and matches the responses."""

import csv
import io
import json
import re
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar
from jsonschema import Draft202012Validator, FormatChecker
from rest_framework.exceptions import ValidationError

from bookings.problems import RefundChanged, StillNeeded
from config.api.fields import LineField, ParagraphsField
from config.api.schema import references
from config.problems import DomainError
from config.urls import router
from config.values import text
from config.webhooks.models import WebhookEndpoint

METHODS = {"get", "post", "put", "patch", "delete"}


# All tests of this module share what one process creates.
pytestmark = pytest.mark.xdist_group("schema")

DOCUMENTS = (".ics", "/tickets.pdf", "/tickets/{code}.svg", "/tickets/{code}.png")
FILES = (".ics", ".pdf", ".svg", ".png")


@pytest.fixture(scope="module")
def document():
    return SchemaGenerator().get_schema(request=None, public=True)


@pytest.fixture(scope="module")
def operations(document):
    return {
        (method, path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def test_document_is_generated_without_warnings():
    call_command("spectacular", validate=True, fail_on_warn=True, stdout=io.StringIO())


def test_document_is_valid_openapi_3_1(document):
    assert document["openapi"].startswith("3.1.")
    validate_schema(document)
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_document_is_served(anonymous, document):
    answer = anonymous.get("/openapi.json")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/vnd.oai.openapi+json")
    assert answer.json() == document


def test_document_names_every_route_without_trailing_slashes(operations):
    served = set()
    for prefix, viewset, _ in router.registry:
        prefix = prefix.replace("(?P<event>[^/]+)", "{event}")  # noqa: PLW2901
        one = f"/api/v1/{prefix}/{{{'id' if viewset.lookup_field == 'pk' else viewset.lookup_field}}}"
        for action in viewset.access:
            extra = next((extra for extra in viewset.get_extra_actions() if extra.__name__ == action), None)
            path = f"/api/v1/{prefix}" if action in ("list", "create") else one
            if extra:
                path = f"{one if extra.detail else f'/api/v1/{prefix}'}/{extra.url_path}"
            verbs = {"list": "get", "retrieve": "get", "update": "put", "partial_update": "patch", "destroy": "delete"}
            verb = next(iter(extra.mapping)) if extra else verbs.get(action, "post")
            served.add((verb, path))
    served = {(verb, path.replace("(?P<code>[^/]+)", "{code}")) for verb, path in served}
    served |= {("get", "/api/v1/events.ics"), ("get", "/api/v1/events/{id}.ics")}
    served |= {("get", f"/api/v1/bookings/{{id}}{end}") for end in DOCUMENTS}
    callbacks = {it for it in served if it[1].endswith("/events") and "/payments/" in it[1]}
    assert set(operations) == served - callbacks
    assert len(callbacks) == 1  # of payment providers


def test_every_operation_is_described(operations):
    for key, operation in operations.items():
        assert operation["summary"], key
        assert operation["description"], key
        assert operation["tags"] == [key[1].split("/")[3].removesuffix(".ics")]
    assert len({operation["operationId"] for operation in operations.values()}) == len(operations)


def test_every_operation_lists_its_problems(operations):
    for (method, path), operation in operations.items():
        statuses = set(operation["responses"])
        expected = {"400", "401", "406", "414", "429", "431", "503"}
        expected |= {"404"} if "{" in path else set()
        expected |= {"409"} if method != "get" else {"304"}
        expected |= {"412"} if method != "post" or "{" in path else set()
        expected |= {"410"} if path.endswith("/changes") else set()
        expected |= {"410", "422"} if "201" in statuses else set()  # idempotency keys
        expected |= {"409"} if method == "get" and "/tickets" in path and "bookings" in path else set()
        expected |= {"413", "415"} if method in ("post", "put", "patch") else set()
        assert expected <= statuses <= expected | {"200", "201", "202", "204", "403", "404", "422"}, (method, path)
        refusals = [body for status, body in operation["responses"].items() if status >= "400"]
        for body in refusals:
            assert list(body["content"]) == ["application/problem+json"]
            assert body["content"]["application/problem+json"]["schema"] == {"$ref": "#/components/schemas/Problem"}


def test_every_domain_error_is_listed_by_an_operation(operations):
    described = " ".join(
        body["description"] for operation in operations.values() for body in operation["responses"].values()
    )
    of_staff = {DomainError, RefundChanged, StillNeeded}
    known = {kind.title: kind.code for kind in DomainError.family() if kind not in of_staff}
    assert [code for title, code in known.items() if f"`{code}`" not in described and title not in described] == []


def test_every_field_of_a_response_is_required(document):
    partial = {
        name: missing
        for name, schema in document["components"]["schemas"].items()
        if not name.endswith("Request") and name != "Problem"
        if (missing := set(schema.get("properties", {})) - set(schema.get("required", ())))
    }
    # Only with `expand=ticket_types`, and in answers to writes.
    assert partial == {"Event": {"ticket_types", "warnings"}, "TicketType": {"warnings"}}


def test_every_operation_lists_its_permissions(operations):
    open_to_all = {key for key, operation in operations.items() if {} in operation["security"]}
    base = "/api/v1"
    assert open_to_all == {
        *((("get"), f"{base}/{name}{one}") for name in ("venues", "events", "ticket-types") for one in ("", "/{id}")),
        ("get", f"{base}/events.ics"),
        ("get", f"{base}/events/{{id}}.ics"),
        ("post", f"{base}/bookings"),
        ("get", f"{base}/bookings/{{id}}"),
        ("post", f"{base}/bookings/{{id}}/cancel"),
        ("post", f"{base}/bookings/{{id}}/confirm"),
        ("post", f"{base}/bookings/{{id}}/resend"),
        ("post", f"{base}/bookings/lookup"),
        ("patch", f"{base}/bookings/{{id}}/tickets/{{code}}"),
        *(("get", f"{base}/bookings/{{id}}{end}") for end in DOCUMENTS),
        ("post", f"{base}/bookings/{{id}}/payments"),
    }
    assert all({"bearer": []} in operation["security"] for operation in operations.values())
    needs = {key for key, operation in operations.items() if "Needs the permission" in operation["description"]}
    assert needs == set(operations) - open_to_all | {
        key for key in open_to_all if "/bookings" in key[1] and not key[1].endswith("/lookup")
    }


def test_operations_with_the_secret_of_a_booking_document_it(operations):
    places = {
        key: {it["in"] for it in operation["parameters"] if it["name"] in ("Booking-Secret", "secret")}
        for key, operation in operations.items()
        if "the booking's secret" in operation["description"]
    }
    path = "/api/v1/bookings/{id}"
    assert places == {
        ("get", path): {"header", "query"},
        ("post", f"{path}/confirm"): {"header"},
        ("post", f"{path}/cancel"): {"header"},
        ("post", f"{path}/resend"): {"header"},
        ("post", f"{path}/payments"): {"header"},
        ("patch", f"{path}/tickets/{{code}}"): {"header"},
        **{("get", f"{path}{end}"): {"header", "query"} for end in DOCUMENTS},
    }


@pytest.mark.parametrize(
    ("schema", "actions"),
    [
        ("PlacedBooking", {"/bookings", "/bookings/{id}/renew-secret"}),
        ("NewWebhookEndpoint", {"/webhook-endpoints", "/webhook-endpoints/{id}/rotate-secret"}),
    ],
)
def test_secret_is_in_two_answers_alone(document, operations, schema, actions):
    answers = {name: it for name, it in document["components"]["schemas"].items() if not name.endswith("Request")}
    found = {name for name, it in answers.items() if "secret" in it.get("properties", {})}
    assert found == {"PlacedBooking", "NewWebhookEndpoint"}
    answered = {key for key, operation in operations.items() if f'/{schema}"' in json.dumps(operation)}
    assert answered == {("post", f"/api/v1{path}") for path in actions}


def test_creation_documents_its_headers(operations):
    venue = operations["post", "/api/v1/venues"]["responses"]["201"]["headers"]
    booking = operations["post", "/api/v1/bookings"]["responses"]["201"]["headers"]
    rates = {"RateLimit", "RateLimit-Policy"}
    assert set(venue) == {"ETag", "Location", "Idempotent-Replayed", *rates}
    assert set(booking) == {"ETag", "Location", "Idempotent-Replayed", *rates}
    assert "422" in operations["post", "/api/v1/bookings"]["responses"]


def test_every_operation_documents_rate_limits(operations, document):
    rates = {name: {"$ref": f"#/components/headers/{name}"} for name in ("RateLimit", "RateLimit-Policy")}
    assert set(document["components"]["headers"]) == set(rates)
    for operation in operations.values():
        done = [body for status, body in operation["responses"].items() if status.startswith("2")]
        for body in [*done, operation["responses"]["429"]]:
            assert rates.items() <= body["headers"].items()
        assert "Retry-After" in operation["responses"]["429"]["headers"]


def test_deletion_has_no_content(operations):
    for key, operation in operations.items():
        assert ("204" in operation["responses"]) == (key[0] == "delete")


def test_requests_allow_no_other_fields(document):
    requests = {name: schema for name, schema in document["components"]["schemas"].items() if name.endswith("Request")}
    assert len(requests) > 10
    assert all(schema["additionalProperties"] is False for schema in requests.values())


@pytest.fixture
def answers(manager, book):
    """One response of every GET operation."""
    booking = book().confirm(payment_reference="pay-1")
    booking.refund(amount=Decimal(1), reason="kindness", may_exceed=True)
    endpoint = WebhookEndpoint.add(url="https://shop.example.com")
    ids = {
        "venues": booking.event.venue_id,
        "events": booking.event_id,
        "ticket-types": booking.items.get().ticket_type_id,
        "bookings": booking.pk,
        "payments": booking.payments.get().pk,
        "tickets": booking.tickets.get().code,
        "webhook-endpoints": endpoint.pk,
        "webhook-deliveries": endpoint.test(at=timezone.now()).pk,
    }
    book()
    lists = {f"/api/v1/{name}": manager.get(f"/{name}?limit=1") for name in (*ids, "changes")}
    ones = {
        f"/api/v1/{name}/{{{'code' if name == 'tickets' else 'id'}}}": manager.get(f"/{name}/{value}")
        for name, value in ids.items()
    }
    ones["/api/v1/events/{event}/door-list"] = manager.get(f"/events/{booking.event_id}/door-list")
    by_day = (
        f"admissions?event={booking.event_id}",
        "cancellations?group_by=day",
        "refunds?group_by=day",
        "till?day=2026-11-23",
    )
    reports = ("overview", "occupancy", "sales?group_by=event", *by_day)
    return lists | ones | {f"/api/v1/reports/{name.split('?')[0]}": manager.get(f"/reports/{name}") for name in reports}


def strict(schema):
    """The schema without additional properties."""
    if isinstance(schema, dict):
        strictly = {"additionalProperties": False} if "properties" in schema else {}
        return {**strictly, **{key: strict(value) for key, value in schema.items()}}
    return [strict(entry) for entry in schema] if isinstance(schema, list) else schema


def test_responses_match_the_document(document, operations, answers):
    assert set(answers) == {path for method, path in operations if method == "get" and not path.endswith(FILES)}
    for path, answer in answers.items():
        described = operations["get", path]["responses"]["200"]["content"]["application/json"]["schema"]
        schema = {**described, "components": strict(document["components"])}
        Draft202012Validator(schema, format_checker=FormatChecker()).validate(answer.json())


def test_problems_match_the_document(document, anonymous, db):
    schema = {"$ref": "#/components/schemas/Problem", "components": document["components"]}
    for answer in (anonymous.get("/venues/0"), anonymous.get("/venues?limit=x"), anonymous.post("/venues", [])):
        assert answer.status_code >= 400
        Draft202012Validator(schema).validate(answer.json())


def test_operation_ids_are_valid_method_names(operations):
    ids = {operation["operationId"] for operation in operations.values()}
    for name in ("venue", "event", "ticket_type"):
        assert {f"{verb}_{name}" for verb in ("get", "create", "replace", "update", "delete")} <= ids
    assert {"list_venues", "list_events", "list_ticket_types", "list_bookings", "list_tickets"} <= ids
    assert {"publish_event", "cancel_event", "confirm_booking", "cancel_booking", "check_in_ticket"} <= ids
    assert {"get_events_calendar", "get_event_calendar", "undo_check_in_ticket"} <= ids


def test_every_body_has_a_valid_example(document, operations):
    for key, operation in operations.items():
        bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
        contents = [(media_type, it) for body in bodies for media_type, it in body.get("content", {}).items()]
        assert contents
        for media_type, media in contents:
            if media_type == "text/csv":
                (example,) = media["examples"].values()
                header, *rows = csv.reader(io.StringIO(example["value"]))
                assert {len(row) for row in rows} == {len(header)}
                continue
            if media_type == "text/calendar":
                (example,) = media["examples"].values()
                assert Calendar.from_ical(example["value"]).events
                continue
            if media["schema"].get("format") == "binary":
                continue
            schema = {**media["schema"], "components": strict(document["components"])}
            Draft202012Validator(schema, format_checker=FormatChecker()).validate(media["example"])
            assert media["example"], key


def test_every_component_is_used(document):
    written = json.dumps(document)
    for name in document["components"]["schemas"]:
        assert f'"#/components/schemas/{name}"' in written


def test_tags_are_described(document, operations):
    described = {tag["name"] for tag in document["tags"] if tag["description"]}
    assert described == {tag for operation in operations.values() for tag in operation["tags"]}


@given(st.text(max_size=30) | st.text(alphabet=" \t\r\n\u00a0\u200b\u2060\ufeff\u202e\u0000\u0085x\U000e0041"))
@pytest.mark.parametrize("field", [LineField, ParagraphsField])
@pytest.mark.parametrize("blank", [False, True])
def test_pattern_of_text_matches_validation(field, blank, value):
    pattern = text.pattern(paragraphs=field.has_paragraphs, blank=blank)
    value = re.sub(f"[{text.IGNORABLE_BEYOND}]", "", value)  # the one thing more that the pattern takes
    try:
        field(allow_blank=blank).run_validation(value)
    except ValidationError:
        assert not re.search(pattern.replace("$", r"\Z"), value)
    else:
        assert re.search(pattern.replace("$", r"\Z"), value)


def test_patterns_are_read_by_javascript_without_flags(document):
    """Classes of characters beyond U+FFFF need the flag u."""
    found = set(values_of(document, "pattern"))
    assert found
    assert [pattern for pattern in found if any(character > "\uffff" for character in pattern)] == []
    assert [pattern for pattern in found if re.search(r"\\[UpPAZz]|\(\?", pattern)] == []


def test_answers_have_no_patterns(document):
    components = {"paths": {}, "schemas": document["components"]["schemas"]}
    answers = [operation["responses"] for operations in document["paths"].values() for operation in operations.values()]
    names, left = set(), answers
    while new := set(references(left)) - names:
        names |= new
        left = [components["schemas"][name] for name in new if name in components["schemas"]]
    assert "Booking" in names
    shown = [components["schemas"][name] for name in names if name in components["schemas"]]
    assert list(values_of([answers, shown], "pattern")) == []


def values_of(node, name):
    """The texts under this name, however deep."""
    if isinstance(node, dict):
        if isinstance(node.get(name), str):
            yield node[name]
        node = list(node.values())
    for child in node if isinstance(node, list) else ():
        yield from values_of(child, name)


@given(st.text(alphabet=" \u00a0\u2003abc\u200b\t", max_size=60))
def test_pattern_of_search_matches_validation(value):
    is_taken = len(value.split()) <= 10 and "\t" not in value
    assert bool(re.search(text.words(10).replace("$", r"\Z"), value)) == is_taken
