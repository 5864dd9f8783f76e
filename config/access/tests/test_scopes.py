"""A token may do what its user may do and its scopes cover, wherever a permission is checked."""

import re
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model

from bookings.models import Booking
from config.access.models import ApiToken
from config.access.permissions import may
from config.access.roles import MANAGE_TOKENS, ROLE_PERMISSIONS, Role
from config.access.scopes import SCOPE_PERMISSIONS, Scope
from config.tests.harness.answers import names, refused
from conftest import client_of, make_user
from venues.models import Venue

HALL = {"name": "Hall", "address": "Street", "capacity": 10}
EVERY = set().union(*ROLE_PERMISSIONS.values())


def narrowed(user, *scopes):
    _, text = ApiToken.issue(user=user, name="narrow", scopes=scopes)
    client = client_of()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    return client


@pytest.fixture(params=["manager", "superuser"])
def user(request, db):
    return make_user(Role.MANAGER) if request.param == "manager" else make_user(username="root", is_superuser=True)


def allowed(token):
    """The permissions of all roles that a request with this token has, its user read anew."""
    request = SimpleNamespace(auth=token, user=get_user_model().objects.get(pk=token.user_id))
    return {name for name in EVERY if may(request, name)}


def order(ticket_type):
    line = {"ticket_type": ticket_type.pk, "quantity": 1}
    return {"customer_name": "Ann", "customer_email": "ann@example.com", "items": [line]}


def test_every_permission_of_a_role_is_in_a_scope_except_those_over_tokens():
    assert set().union(*SCOPE_PERMISSIONS.values()) == EVERY - MANAGE_TOKENS
    assert list(SCOPE_PERMISSIONS) == list(Scope)


def test_scopes_that_read_hold_no_permission_to_write():
    assert {
        name for name in SCOPE_PERMISSIONS[Scope.READ] | SCOPE_PERMISSIONS[Scope.REPORTS] if ".view_" not in name
    } == set()


@pytest.mark.parametrize("scope", [None, *Scope])
def test_token_has_the_users_permissions_within_its_scope(user, scope):
    token, _ = ApiToken.issue(user=user, name="narrow", scopes=[scope] if scope else [])
    assert allowed(token) == (SCOPE_PERMISSIONS[scope] if scope else EVERY)
    assert allowed(SimpleNamespace(user_id=user.pk)) == EVERY  # a session is not narrowed


def test_scopes_add_up_and_add_nothing(db):
    token, _ = ApiToken.issue(user=make_user(Role.DOOR), name="narrow", scopes=[Scope.CHECK_IN, Scope.CATALOGUE])
    assert token.scopes == ["catalogue", "check-in"]
    assert allowed(token) == ROLE_PERMISSIONS[Role.DOOR]


def test_unknown_scope_is_refused(db):
    user = make_user(Role.DOOR)
    with pytest.raises(ValueError, match="'everything' is not a valid Scope"):
        ApiToken.issue(user=user, name="x", scopes=["everything"])
    assert ApiToken.objects.count() == 0


def test_removed_scope_covers_nothing(user):
    token, _ = ApiToken.issue(user=user, name="old")
    token.scopes = ["gone"]
    assert allowed(token) == set()


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (Scope.READ, {"list": 200, "make": 403, "check": 403, "book": 403, "confirm": 403, "cancel": 403}),
        (Scope.CATALOGUE, {"list": 403, "make": 201, "check": 403, "book": 403, "confirm": 403, "cancel": 403}),
        (Scope.BOOKINGS, {"list": 200, "make": 403, "check": 403, "book": 201, "confirm": 409, "cancel": 200}),
        (Scope.COUNTER, {"list": 403, "make": 403, "check": 403, "book": 403, "confirm": 403, "cancel": 403}),
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
def test_narrowed_token_reads_the_public_catalogue(user, scope, make_event):
    event = make_event()
    client = narrowed(user, scope)
    assert client.get("/venues").status_code == 200
    assert client.get(f"/events/{event.pk}").status_code == 200


@pytest.mark.parametrize("scope", Scope)
def test_secret_adds_nothing_to_the_rights_of_a_token(user, scope, make_type, book):
    free = book((make_type(price="0.00"), 1))
    client, path = narrowed(user, scope), f"/bookings/{free.pk}"
    sent = {"headers": {"Booking-Secret": free.secret}}
    reads, sells = scope in (Scope.READ, Scope.BOOKINGS), scope == Scope.BOOKINGS
    assert client.get(path, **sent).status_code == client.get(f"{path}?secret={free.secret}").status_code
    assert client.get(path, **sent).status_code == (200 if reads else 403)
    assert client.post("/bookings?dry_run=true", {}, **sent).status_code == (400 if sells else 403)
    for verb in ("confirm", "cancel"):
        assert client.post(f"{path}/{verb}", **sent).status_code == (200 if sells else 403)
    free.refresh_from_db()
    assert free.status == ("cancelled" if sells else "pending")


def test_unpaid_booking_is_confirmed_at_the_counter_alone(user, book):
    pending = book()
    answer = narrowed(user, Scope.BOOKINGS).post(f"/bookings/{pending.pk}/confirm")
    assert refused(answer, 409, "payment-incomplete")
    answer = narrowed(user, Scope.BOOKINGS, Scope.COUNTER).post(f"/bookings/{pending.pk}/confirm")
    assert (answer.status_code, answer.json()["amount_due"]) == (200, answer.json()["total_price"])


def test_token_that_reads_cannot_cancel_by_leaving_itself_out(auditor, anonymous, book):
    path = f"/bookings/{book().pk}"
    assert auditor.get(path).status_code == 200
    assert refused(auditor.post(f"{path}/cancel"), 403, "forbidden")
    assert refused(anonymous.post(f"{path}/cancel"), 404, "not-found")


def sees(client, draft, seat):
    """Which requests show a client a draft event and its ticket type."""
    return {
        "list": names(client.get("/events")) == ["Draft"],
        "ticket types": names(client.get("/ticket-types")) == ["Secret"],
        "filter": names(client.get("/events?search=draft")) == ["Draft"],
        "one": client.get(f"/events/{draft.pk}").status_code == 200,
        "one type": client.get(f"/ticket-types/{seat.pk}").status_code == 200,
        "calendar": "Draft" in client.get("/events.ics").content.decode(),
        "one calendar": client.get(f"/events/{draft.pk}.ics").status_code == 200,
    }


@pytest.mark.parametrize("scope", [None, *Scope])
def test_draft_is_hidden_from_a_token_without_the_scope(user, scope, make_event, make_type):
    draft = make_event(name="Draft", is_published=False)
    seat = make_type(event=draft, name="Secret")
    client = narrowed(user, *([scope] if scope else []))
    is_seen = scope in (None, Scope.READ, Scope.CATALOGUE, Scope.CHANGES, Scope.WEBHOOKS)
    assert sees(client, draft, seat) == dict.fromkeys(sees(client, draft, seat), is_seen)


def test_expansion_shows_what_the_scope_covers(user, make_event, make_type, monkeypatch):
    draft = make_event(name="Draft", is_published=False)
    make_type(event=draft, name="Secret")
    for more, shown in ((set(), []), ({"ticket_types.view_tickettype"}, ["Secret"])):
        monkeypatch.setitem(SCOPE_PERMISSIONS, Scope.REPORTS, {"events.view_event", *more})
        found = narrowed(user, Scope.REPORTS).get(f"/events/{draft.pk}?expand=ticket_types").json()["ticket_types"]
        assert [it["name"] for it in found] == shown


def test_report_shows_drafts_within_the_scope_alone(user, make_event, make_type):
    make_type(event=make_event(name="Draft", is_published=False), name="Secret")
    for scope, drafts in ((Scope.REPORTS, 0), (Scope.READ, 1)):
        client = narrowed(user, scope)
        assert len(client.get("/reports/occupancy").json()["results"]) == drafts
        overview = client.get("/reports/overview").json()
        assert overview["events"]["draft"] == drafts


def test_payment_reference_needs_the_scope_also_for_a_free_booking(user, make_type, book):
    free = book((make_type(price="0.00"), 1))
    client = narrowed(user, Scope.READ, Scope.CHECK_IN)
    assert refused(client.post(f"/bookings/{free.pk}/confirm", {"payment_reference": "paid"}), 403, "forbidden")
    free.refresh_from_db()
    assert (free.status, free.payment_reference) == ("pending", "")


WITHOUT_SCOPES = re.compile(
    r"\.(has_perms?|is_superuser|is_staff|get_all_permissions|get_group_permissions|has_module_perms)\b"
)


def test_permissions_are_checked_where_scopes_count():
    """`user.has_perm` does not know the scopes of a token. The admin may use it, since no token opens the admin, and
    what asks about sessions, which have no scopes.
    """
    found = [
        str(path.relative_to(settings.BASE_DIR))
        for package in ("config", "venues", "events", "ticket_types", "bookings")
        for path in (settings.BASE_DIR / package).rglob("*.py")
        if WITHOUT_SCOPES.search(path.read_text())
        and not {"tests", "migrations", "management", "admin", "backoffice"} & set(path.parts)
    ]
    without_tokens = ["config/access/second_factor.py", "config/history/models.py"]
    found = sorted(path for path in found if not path.endswith("admin.py"))
    assert found == ["config/access/permissions.py", *without_tokens]
