"""A token may what its user may and its scopes cover, wherever a permission is asked."""

import re

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model

from bookings.models import Booking
from config.access import roles
from config.access.models import ApiToken
from config.access.roles import Role
from config.access.scopes import PERMISSIONS, Scope
from config.tests.harness.answers import names, refused
from conftest import client_of, make_user
from venues.models import Venue

HALL = {"name": "Hall", "address": "Street", "capacity": 10}
EVERY = set().union(*roles.PERMISSIONS.values())


def narrowed(user, *scopes):
    _, text = ApiToken.issue(user=user, name="narrow", scopes=scopes)
    client = client_of()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    return client


@pytest.fixture(params=["manager", "superuser"])
def user(request, db):
    return make_user(Role.MANAGER) if request.param == "manager" else make_user(username="root", is_superuser=True)


def order(ticket_type):
    line = {"ticket_type": ticket_type.pk, "quantity": 1}
    return {"customer_name": "Ann", "customer_email": "ann@example.com", "items": [line]}


def test_every_permission_of_a_role_is_in_a_scope_except_those_over_tokens():
    assert set().union(*PERMISSIONS.values()) == EVERY - roles.TOKENS
    assert list(PERMISSIONS) == list(Scope)


def test_scopes_that_read_hold_no_permission_to_write():
    assert {name for name in PERMISSIONS[Scope.READ] | PERMISSIONS[Scope.REPORTS] if ".view_" not in name} == set()


@pytest.mark.parametrize("scope", [None, *Scope])
def test_holder_may_what_the_user_may_and_the_scope_covers(user, scope):
    token, _ = ApiToken.issue(user=user, name="narrow", scopes=[scope] if scope else [])
    mine = {name for name in EVERY if ApiToken.objects.get(pk=token.pk).holder.has_perm(name)}
    assert mine == (PERMISSIONS[scope] if scope else EVERY)
    assert {name for name in EVERY if get_user_model().objects.get(pk=user.pk).has_perm(name)} == EVERY


def test_scopes_add_up_and_add_nothing(db):
    token, _ = ApiToken.issue(user=make_user(Role.DOOR), name="narrow", scopes=[Scope.CHECK_IN, Scope.CATALOGUE])
    assert token.scopes == ["catalogue", "check-in"]
    assert {name for name in EVERY if token.holder.has_perm(name)} == roles.PERMISSIONS[Role.DOOR]


def test_scope_that_there_is_not_is_refused(db):
    user = make_user(Role.DOOR)
    with pytest.raises(ValueError, match="'everything' is not a valid Scope"):
        ApiToken.issue(user=user, name="x", scopes=["everything"])
    assert ApiToken.objects.count() == 0


def test_scope_that_is_not_known_any_more_covers_nothing(user):
    token, _ = ApiToken.issue(user=user, name="old")
    token.scopes = ["gone"]
    assert not any(token.holder.has_perm(name) for name in EVERY)


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (Scope.READ, {"list": 200, "make": 403, "check": 403, "book": 403, "confirm": 403, "cancel": 403}),
        (Scope.CATALOGUE, {"list": 403, "make": 201, "check": 403, "book": 403, "confirm": 403, "cancel": 403}),
        (Scope.BOOKINGS, {"list": 200, "make": 403, "check": 403, "book": 201, "confirm": 200, "cancel": 200}),
        (Scope.CHECK_IN, {"list": 403, "make": 403, "check": 200, "book": 403, "confirm": 403, "cancel": 403}),
        (Scope.REPORTS, {"list": 403, "make": 403, "check": 403, "book": 403, "confirm": 403, "cancel": 403}),
    ],
)
def test_narrowed_token_does_what_its_scope_names(user, scope, expected, make_type, book):
    seat = make_type()
    confirmed, pending = book((seat, 1)).confirm(payment_reference="ref"), book((seat, 1))
    ticket = confirmed.tickets.get()
    client = narrowed(user, scope)
    answers = {
        "list": client.get("/bookings"),
        "make": client.post("/venues", HALL),
        "check": client.post(f"/tickets/{ticket.code}/check-in"),
        "book": client.post("/bookings", order(seat)),
        "confirm": client.post(f"/bookings/{pending.pk}/confirm"),
        "cancel": client.post(f"/bookings/{pending.pk}/cancel"),
    }
    assert {name: answer.status_code for name, answer in answers.items()} == expected
    assert Venue.objects.count() == 1 + (expected["make"] == 201)
    assert Booking.objects.count() == 2 + (expected["book"] == 201)


@pytest.mark.parametrize("scope", Scope)
def test_drafts_are_seen_with_the_scopes_that_hold_them(user, scope, make_event, make_type):
    draft = make_event(name="Draft", is_published=False)
    make_type(event=draft, name="Secret")
    client = narrowed(user, scope)
    sees = scope in (Scope.READ, Scope.CATALOGUE)
    assert names(client.get("/events")) == (["Draft"] if sees else [])
    assert names(client.get("/ticket-types")) == (["Secret"] if sees else [])
    assert client.get(f"/events/{draft.pk}").status_code == (200 if sees else 404)


@pytest.mark.parametrize("scope", Scope)
def test_narrowed_token_reads_what_everybody_may_read(user, scope, make_event, book):
    event, booking = make_event(), book()
    client = narrowed(user, scope)
    assert client.get("/venues").status_code == 200
    assert client.get(f"/events/{event.pk}").status_code == 200
    assert client.get(f"/bookings/{booking.pk}").status_code == 200


def test_what_a_guest_may_do_a_token_for_something_else_may_not(user, make_type, book):
    free = book((make_type(price="0.00"), 1))
    client = narrowed(user, Scope.READ)
    for path in (f"/bookings/{free.pk}/confirm", f"/bookings/{free.pk}/cancel"):
        assert refused(client.post(path), 403, "forbidden")
    assert refused(client.post("/bookings?dry_run=true", {}), 403, "forbidden")
    free.refresh_from_db()
    assert free.status == "pending"
    assert client_of().post(f"/bookings/{free.pk}/confirm").status_code == 200


def test_rights_are_asked_in_the_one_way_that_scopes_narrow():
    """Whoever asked `is_superuser` would not hear of scopes. The admin may: no token reaches it."""
    asked = re.compile(r"\.(is_superuser|is_staff|get_all_permissions|get_group_permissions|has_module_perms)\b")
    found = [
        str(path.relative_to(settings.BASE_DIR))
        for package in ("config", "venues", "events", "ticket_types", "bookings")
        for path in (settings.BASE_DIR / package).rglob("*.py")
        if asked.search(path.read_text()) and not {"tests", "migrations", "management", "admin"} & set(path.parts)
    ]
    assert [path for path in found if not path.endswith(("admin.py", "access/backend.py"))] == []
