"""What an anonymous client may do with a booking's secret; hidden objects answer like missing ones."""

import math
import re
import string
import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bookings import codes
from bookings.models import Booking
from config.access.models import ApiToken
from config.tests.harness import canaries
from config.tests.harness.answers import errors_in, refused
from conftest import holder_of, make_user
from events.models import Event
from ticket_types.models import TicketType

BITS = 122  # of a random UUID (RFC 9562, version 4)
DRAFT, NO_EVENT, OF_DRAFT, NO_TYPE = 700_000_001, 700_000_901, 700_000_002, 700_000_902


# What cannot be guessed


def test_codes_of_tickets_have_enough_randomness():
    assert len(set(codes.ALPHABET)) == len(codes.ALPHABET)
    assert math.log2(len(codes.ALPHABET)) * codes.TICKET_LENGTH >= BITS
    drawn = {codes.ticket_code() for _ in range(2000)}
    assert len(drawn) == 2000
    for place in range(codes.TICKET_LENGTH):
        assert {code[place] for code in drawn} == set(
            codes.ALPHABET
        )  # each of 31 letters in 2,000 draws, in each place


def test_ids_of_bookings_are_random_and_tell_no_order(make_type, book):
    seat = make_type()
    ids = [book((seat, 1)).pk for _ in range(10)]
    assert {(pk.version, pk.variant) for pk in ids} == {(4, uuid.RFC_4122)}
    assert sorted(ids) != ids


def test_tokens_have_enough_randomness(db):
    _, text = ApiToken.issue(user=make_user(), name="x")
    secret = text.removeprefix("tbs_")
    alphabet = string.ascii_letters + string.digits + "-_"
    assert set(secret) <= set(alphabet)
    assert math.log2(len(alphabet)) * len(secret) >= 2 * BITS


def test_code_for_people_opens_nothing(anonymous, make_type, book, manager):
    booking = book((make_type(price=0), 1))
    code = booking.confirmation_code
    for method, path in (("get", ""), ("post", "/confirm"), ("post", "/cancel")):
        for client in (anonymous, manager):
            assert refused(getattr(client, method)(f"/bookings/{code}{path}"), 404, "not-found")
    assert refused(anonymous.get(f"/bookings?search={code}"), 401, "unauthenticated")
    assert refused(anonymous.get(f"/tickets/{code}"), 401, "unauthenticated")
    booking.refresh_from_db()
    assert booking.status == "pending"


# What the secret allows; bookings/tests/test_secret.py has what it does not


def test_guest_sees_and_cancels_a_booking_until_it_is_confirmed(book, figures):
    booking = book()
    holder = holder_of(booking)
    assert holder.get(f"/bookings/{booking.pk}").status_code == 200
    assert holder.post(f"/bookings/{booking.pk}/cancel").json()["status"] == "cancelled"
    confirmed = book().confirm(payment_reference="pay_1")
    before, holder = figures(), holder_of(confirmed)
    assert refused(holder.post(f"/bookings/{confirmed.pk}/cancel"), 401, "unauthenticated")
    some = {"tickets": [confirmed.tickets.get().code]}
    assert refused(holder.post(f"/bookings/{confirmed.pk}/cancel", some), 401, "unauthenticated")
    assert figures() == before
    assert Booking.objects.get(pk=confirmed.pk).status == "confirmed"


def test_guest_changes_nobodys_name(book):
    booking = book()
    holder = holder_of(booking)
    assert refused(holder.patch(f"/bookings/{booking.pk}", {"customer_name": "Bob"}), 401, "unauthenticated")
    assert refused(holder.patch(f"/bookings/{uuid.uuid4()}", {"customer_name": "Bob"}), 401, "unauthenticated")
    booking.refresh_from_db()
    assert booking.customer_name == "Ann Lee"


def test_guest_confirms_what_is_free_but_cannot_say_that_it_was_paid(box_office, make_type, book):
    seat = make_type(price=0)
    booking, cancelled = book((seat, 1)), book((seat, 1)).cancel()
    holder = holder_of(booking)
    paid = {"payment_reference": "forged"}
    assert refused(holder.post(f"/bookings/{booking.pk}/confirm", paid), 401, "unauthenticated")
    assert refused(holder_of(cancelled).post(f"/bookings/{cancelled.pk}/confirm", paid), 401, "unauthenticated")
    assert refused(holder.post(f"/bookings/{uuid.uuid4()}/confirm", paid), 404, "not-found")
    assert [(it.status, it.payment_reference, it.refund_due) for it in Booking.objects.order_by("created_at")] == [
        ("pending", "", False),
        ("cancelled", "", False),
    ]
    assert holder.post(f"/bookings/{booking.pk}/confirm", {}).json()["status"] == "confirmed"
    assert box_office.post(f"/bookings/{booking.pk}/confirm", paid).json()["payment_reference"] == "forged"


def test_ticket_of_somebody_else_is_no_ticket(box_office, make_type, book):
    seat = make_type()
    mine, other = book((seat, 1)).confirm(), book((seat, 1)).confirm()
    code, absent = other.tickets.get().code, codes.ticket_code()
    answers = [box_office.post(f"/bookings/{mine.pk}/cancel", {"tickets": [it]}) for it in (code, absent)]
    assert [errors_in(answer) for answer in answers] == [[("/tickets/0", "does-not-exist")]] * 2
    assert alike(*answers, code, absent)


# What is hidden answers as what is not there


@pytest.fixture
def draft(make_event, make_type):
    event = make_event(name="Secret", is_published=False, pk=DRAFT)
    return make_type(event=event, pk=OF_DRAFT, name="Secret")


@pytest.fixture
def seat(make_type):
    return make_type()


def alike(hidden, absent, *values):
    """Whether two answers are the same bytes, but for the value that was asked for."""

    def masked(answer):
        text = "|".join(map(re.escape, map(str, values)))
        return [re.sub(text, "@", str(part)) for part in canaries.comparable(answer)]

    assert masked(hidden) == masked(absent)
    return True


def order(*types):
    items = [{"ticket_type": pk, "quantity": 1} for pk in types]
    return {"customer_name": "Ann", "customer_email": "ann@example.com", "items": items}


EVENT, TYPE = (DRAFT, NO_EVENT), (OF_DRAFT, NO_TYPE)
READS = [
    *((method, path, EVENT, {})
      for method in ("GET", "HEAD", "OPTIONS")
      for path in ("/events/{}", "/events/{}.ics", "/events/{}?expand=venue,ticket_types", "/events/{}/",
                   "/ticket-types?event={}", "/ticket-types?event={}&on_sale=true&expand=event&limit=1")),
    ("GET", "/ticket-types/{}", TYPE, {}),
    ("HEAD", "/ticket-types/{}", TYPE, {}),
    ("GET", "/ticket-types/{}?expand=event", TYPE, {}),
    ("GET", "/events/{}", EVENT, {"If-None-Match": "*"}),
    ("GET", "/events/{}", EVENT, {"If-Match": "*"}),
    ("GET", "/events/{}", EVENT, {"Accept": "text/html"}),
    ("GET", "/ticket-types/{}", TYPE, {"If-None-Match": "*"}),
    ("GET", "/ticket-types?event={}", EVENT, {"If-None-Match": '"x"'}),
    ("GET", "/events?search={}", ("Secret", "Absent"), {}),
    ("GET", "/events?search={}&status=draft&ordering=name", ("Secret", "Absent"), {}),
    ("GET", "/events.ics?search={}", ("Secret", "Absent"), {}),
    ("GET", "/bookings?event={}", EVENT, {}),
    ("GET", "/tickets?event={}", EVENT, {}),
]  # fmt: skip


def seat_of(event):
    return {"event": event, "name": "New", "price": "1"}


WRITES = [
    ("PUT", "/events/{}", EVENT, {"name": "New"}, {}),
    ("PATCH", "/events/{}", EVENT, {"name": "New"}, {"If-Match": '"x"'}),
    ("DELETE", "/events/{}", EVENT, None, {}),
    ("POST", "/events/{}/publish", EVENT, {}, {}),
    ("POST", "/events/{}/cancel", EVENT, {"reason": "x"}, {}),
    ("POST", "/events/{}/pause-sales", EVENT, {}, {}),
    ("POST", "/events/{}/clone", EVENT, {"starts_at": "2090-05-01T19:00:00Z"}, {}),
    ("PATCH", "/ticket-types/{}", TYPE, {"name": "New"}, {}),
    ("DELETE", "/ticket-types/{}", TYPE, None, {"If-Match": "*"}),
    ("POST", "/ticket-types", EVENT, seat_of, {}),
    (
        "POST",
        "/ticket-types/bulk",
        EVENT,
        lambda pk: {"ticket_types": [{"event": pk, "name": "New", "price": "1"}]},
        {},
    ),
    ("POST", "/bookings", TYPE, order, {}),
    ("POST", "/bookings?dry_run=true", TYPE, order, {}),
    ("POST", "/bookings", TYPE, lambda pk: order("SEAT", pk), {}),
    ("POST", "/bookings", TYPE, lambda pk: order(pk, "SEAT"), {}),
    ("POST", "/bookings", TYPE, order, {"Idempotency-Key": "k" * 22}),
    ("POST", "/bookings", TYPE, lambda pk: {**order(pk), "customer_email": "no"}, {}),
    ("POST", "/bookings", TYPE, lambda pk: {**order(pk), "items": [{"ticket_type": pk, "quantity": 100}]}, {}),
]


@pytest.fixture(params=["anonymous", "nobody"])
def outsider(request, anonymous):
    if request.param == "nobody":
        _, text = ApiToken.issue(user=make_user(), name="x")
        anonymous.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
        anonymous.get("/venues")  # its first use is noted
    return anonymous


def work(client, method, path, body, headers):
    """The answer, and the statements that it took: as many and the same, so that the time tells nothing."""
    with CaptureQueriesContext(connection) as queries:
        answer = getattr(client, method.lower())(path, *([body] if body is not None else []), headers=headers)
    return answer, [re.sub(r"'[0-9 :.+-]{19,}'|s\d+_x\d+", "", query["sql"]) for query in queries]


def compare(client, method, path, values, body=None, headers=None):
    bodies = [body(value) if callable(body) else body for value in values]
    (hidden, its_work), (absent, other_work) = (
        work(client, method, path.format(value), it, headers or {}) for value, it in zip(values, bodies, strict=True)
    )
    assert alike(hidden, absent, *values)
    masked = [[re.sub("|".join(map(str, values)), "@", sql) for sql in done] for done in (its_work, other_work)]
    assert masked[0] == masked[1]
    return hidden


@pytest.mark.parametrize(("method", "path", "values", "headers"), READS)
def test_reading_what_is_hidden_is_as_reading_what_is_not_there(method, path, values, headers, outsider, draft):
    compare(outsider, method, path, values, headers=headers)


@pytest.mark.parametrize(("method", "path", "values", "body", "headers"), WRITES)
def test_writing_to_what_is_hidden_is_as_writing_to_what_is_not_there(
    method, path, values, body, headers, outsider, draft, seat
):
    def with_seat(value):
        made = body(value) if callable(body) else body
        for item in (made or {}).get("items", ()):
            item["ticket_type"] = seat.pk if item["ticket_type"] == "SEAT" else item["ticket_type"]
        return made

    answer = compare(outsider, method, path, values, with_seat, headers)
    assert answer.status_code in (400, 401, 403)
    assert Booking.objects.count() == 0
    assert [*Event.objects.filter(pk=DRAFT).values_list("name", "status")] == [("Secret", "draft")]
    assert TicketType.objects.count() == 2


def test_expansion_shows_no_draft_to_who_may_see_ticket_types_alone(anonymous, draft):
    """A permission for one resource is none for another: the type is there, its event only as a number."""
    user = make_user()
    user.user_permissions.add(permission("view_tickettype"))
    _, text = ApiToken.issue(user=user, name="x")
    anonymous.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    answer = anonymous.get(f"/ticket-types/{OF_DRAFT}?expand=event")
    assert answer.status_code == 200
    assert answer.json()["event"] is None


def permission(codename):
    from django.contrib.auth.models import Permission

    return Permission.objects.get(codename=codename)


def test_difference_between_hidden_and_absent_is_found(anonymous, draft, monkeypatch):
    """The comparison can fail: this event answers 401 instead of 404, and this one after more work."""
    from events.viewsets import EventViewSet

    get_object = EventViewSet.get_object

    def slower(view):
        Event.objects.filter(pk=view.kwargs["pk"], name="Secret").exists() and Event.objects.count()
        return get_object(view)

    with monkeypatch.context() as patched:
        patched.setattr(EventViewSet, "get_object", slower)
        with pytest.raises(AssertionError):
            compare(anonymous, "GET", "/events/{}", EVENT)
    monkeypatch.setattr(EventViewSet, "get_queryset", lambda view: Event.objects.all())
    with pytest.raises(AssertionError):
        compare(anonymous, "GET", "/events/{}", EVENT)
