"""Sends every field of every model to every write: only writable fields are accepted."""

import pytest
from django.apps import apps
from django.db import models
from django.urls import resolve

from config.tests.harness import canaries, matrix, policy
from config.tests.harness.pages import open_form, send_form, staff, url
from conftest import client_of, make_user
from ticket_types.models import TicketType
from venues.models import Venue

REFUSED = {"unknown-field", "read-only"}

pytestmark = pytest.mark.usefixtures("sends_mail")


@pytest.fixture
def world(make_venue, make_event, make_type, book):
    return matrix.make_world(make_venue, make_event, make_type, book)


@pytest.fixture
def root(db):
    return client_of(make_user(username="root", is_superuser=True))


def every_name():
    """The names of all fields, columns and relations of all models, and of all response fields."""
    found = {"id", "pk", "_state", "expires_in", "on_sale", "availability", "held", "user", "is_superuser"}
    for model in apps.get_models():
        if model in canaries.OURS:
            found |= {field.name for field in model._meta.get_fields()}
            found |= {field.attname for field in model._meta.concrete_fields}
    return sorted(found)


def errors_in(answer):
    return [(entry["pointer"], entry["code"]) for entry in answer.json().get("errors", [])]


def probe(root, method, path, body, pointers):
    """A message for each field that is accepted or refused with another code, and for each refusal that wrote."""
    with matrix.rolled_back() as recorder:
        answer = root.generic(method, f"/{path}", *matrix.as_json(body))
    seen = {pointer for pointer, code in errors_in(answer) if code in REFUSED}
    if answer.status_code != 400 or recorder.writes:
        yield f"{method} {path} {body}: {answer.status_code}, wrote {recorder.writes}"
    yield from (f"{method} {path}: {pointer} was taken" for pointer in pointers - seen)


def writers():
    return [(method, path, set(names)) for (method, path), names in policy.WRITABLE.items()]


def test_every_write_has_its_writable_fields():
    def routes(rows):
        return {(method, matrix.route_of(matrix.full_path(path))) for method, path in rows}

    writing = [(method, path) for method, path, _ in policy.API if method in ("POST", "PUT", "PATCH")]
    assert routes([*policy.WRITABLE, *policy.OF_PROVIDERS]) == routes(writing)


@pytest.mark.parametrize(("method", "path", "writable"), writers())
def test_read_only_field_is_refused_and_nothing_changes(method, path, writable, world, root):
    whole = matrix.full_path(path)
    address, valid = matrix.fill_path(whole, world, policy.SUPERUSER), matrix.valid_body(method, whole, world)
    names = [name for name in every_name() if name not in writable]
    assert len(names) > 60
    complaints = []
    for name in names:
        complaints += probe(root, method, address, {**valid, name: 7}, {f"/{name}"})
    for part in (names[0::2], names[1::2]):  # an answer has at most 100 errors
        complaints += probe(root, method, address, {**valid, **dict.fromkeys(part, 7)}, {f"/{name}" for name in part})
    assert complaints == []
    with matrix.rolled_back() as recorder:  # without the extra fields the request succeeds
        assert root.generic(method, f"/{address}", *matrix.as_json(valid)).status_code < 300
    assert recorder.writes != []


def test_read_only_field_of_a_nested_object_is_refused(world, root):
    booking = matrix.valid_body("POST", "/api/v1/bookings", world)
    ticket_type = matrix.valid_body("POST", "/api/v1/ticket-types", world)
    complaints = []
    for name in every_name():
        if name not in policy.WRITABLE_IN_ITEMS:
            items = [{**booking["items"][0], name: 7}]
            complaints += probe(root, "POST", "/api/v1/bookings", {**booking, "items": items}, {f"/items/0/{name}"})
        if name not in policy.TICKET_TYPE:
            body = {"ticket_types": [ticket_type, {**ticket_type, "name": "Second", name: 7}]}
            complaints += probe(root, "POST", "/api/v1/ticket-types/bulk", body, {f"/ticket_types/1/{name}"})
    assert complaints == []


def test_document_has_the_writable_fields():
    for (method, path), names in policy.WRITABLE.items():
        route = resolve(matrix.full_path(path.replace("{", "").replace("}", ""))).route
        body = next(
            operation[method.lower()].get("requestBody")
            for address, operation in canaries.document()["paths"].items()
            if method.lower() in operation and resolve(address.replace("{", "").replace("}", "")).route == route
        )
        assert set(properties(body) if body else []) == set(names), (method, path)


def properties(body):
    schema = body["content"]["application/json"]["schema"]
    schema = next((one for one in schema.get("oneOf", [schema]) if "$ref" in one), schema)
    name = schema["$ref"].rpartition("/")[2]
    return canaries.document()["components"]["schemas"][name]["properties"]


# The forms of the admin accept their own fields and ignore others


def others(obj, form):
    """Other values for every field that the form does not have."""
    return {
        field.name: "7" if not isinstance(field, models.DateTimeField) else "2031-01-01 00:00:00"
        for field in obj._meta.concrete_fields
        if field.name not in form and not any(name.startswith(f"{field.name}_") for name in form)
    }


@pytest.mark.parametrize("name", ["venue", "published", "on_sale", "pending"])
def test_admin_form_changes_only_its_fields(name, world):
    obj, browser = world[name], staff()
    form = open_form(browser, obj)
    more = others(obj, form)
    before = type(obj).objects.values(*more).get(pk=obj.pk)
    typed = {"customer_name": "New"} if name == "pending" else {"name": "New"}
    assert send_form(browser, obj, form, **typed, **more).status_code == 200
    after = type(obj).objects.values(*more, *typed).get(pk=obj.pk)
    assert {**{key: after[key] for key in typed}} == typed
    # Which follow from the changed fields; a box that is not ticked is not sent.
    by_itself = {"updated_at", "sequence", "name_key", "surname_key", "is_cancellable_by_customer", "is_name_required"}
    assert {key: value for key, value in after.items() if key not in typed.keys() | by_itself} == {
        key: value for key, value in before.items() if key not in by_itself
    }
    assert len(more) > 2


def test_admin_add_form_ignores_counters_and_states(world):
    browser = staff()
    for model, data in {
        Venue: {"name": "V", "address": "A", "capacity": "5", "timezone": "UTC", "id": "77", "created_at": "x"},
        TicketType: {
            "event": world["published"].pk, "name": "T", "price": "1", "fee": "0", "tax_rate": "0", "position": "0",
            "min_per_booking": "1", "max_per_booking": "2", "reserved": "50", "id": "77", "overdue": "7",
        },
    }.items():  # fmt: skip
        browser.post(url(model, "add"), data)
        made = model.objects.latest("pk")
        assert (made.name, made.pk != 77, getattr(made, "reserved", 0)) == (data["name"], True, 0)


# Negative control


def test_writable_id_is_found(world, root, monkeypatch):
    from venues.viewsets import VenueViewSet

    serializer = VenueViewSet.serializer_class
    monkeypatch.setattr(serializer.Meta, "extra_kwargs", {**serializer.Meta.extra_kwargs, "id": {"read_only": False}})
    valid = matrix.valid_body("POST", "/api/v1/venues", world)
    found = list(probe(root, "POST", "/api/v1/venues", {**valid, "id": 7}, {"/id"}))
    assert found[0].startswith("POST /api/v1/venues {")
    assert found[1] == "POST /api/v1/venues: /id was taken"
