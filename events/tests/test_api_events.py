import pytest

from bookings.models import Booking
from config.tests.harness.answers import errors_in, names, refused
from events.models import Event
from ticket_types.models import TicketType

pytestmark = pytest.mark.both

STARTS, ENDS = "2090-05-01T19:00:00Z", "2090-05-01T22:00:00Z"


@pytest.fixture
def client_as(request):
    return request.getfixturevalue


@pytest.fixture
def venue(make_venue):
    return make_venue(capacity=500)


@pytest.fixture
def body(venue):
    return {"venue": venue.pk, "name": "Opera", "starts_at": STARTS, "ends_at": ENDS}


@pytest.fixture
def event(make_event, venue):
    return make_event(venue=venue)


@pytest.fixture
def draft(make_event, venue):
    return make_event(venue=venue, name="Draft", is_published=False)


def stored(event):
    return Event.objects.filter(pk=event.pk).values().get()


def test_create_answers_a_draft_with_its_defaults(manager, venue, body):
    answer = manager.post("/events", body)
    event = Event.objects.get()
    assert (answer.status_code, answer["Location"]) == (201, f"/api/v1/events/{event.pk}")
    times = {key: answer.json()[key] for key in ("created_at", "updated_at")}
    assert answer.json() == {
        "id": event.pk,
        **body,
        "description": "",
        "status": "draft",
        "published_at": None,
        "currency": "EUR",
        "capacity": 500,
        "max_per_customer": None,
        "free_confirmation": "immediate",
        "is_cancellable_by_customer": False,
        "visibility": "public",
        "is_sales_paused": False,
        "is_postponed": False,
        "availability": {"capacity": 500, "reserved": 0, "available": 500},
        "on_sale": {"is_on_sale": False, "reason": "not_published"},
        **times,
    }
    assert manager.get(f"/events/{event.pk}").json() == answer.json()


def test_currency_is_the_settings_by_default(manager, body, settings):
    settings.DEFAULT_CURRENCY = "JPY"
    assert manager.post("/events", body).json()["currency"] == "JPY"
    assert manager.post("/events", {**body, "currency": "KWD"}).json()["currency"] == "KWD"


def test_put_replaces_and_patch_changes(manager, event, body):
    answer = manager.put(f"/events/{event.pk}", {**body, "capacity": 400, "description": "Three\nacts"})
    assert (answer.status_code, {**answer.json(), **body}) == (200, answer.json())
    answer = manager.patch(f"/events/{event.pk}", {"name": "Ballet", "max_per_customer": 4})
    assert (answer.status_code, answer.json()["name"], answer.json()["capacity"]) == (200, "Ballet", 400)
    assert (answer.json()["max_per_customer"], answer.json()["status"]) == (4, "published")


def test_put_needs_every_field_that_has_no_default(manager, event):
    before = stored(event)
    answer = manager.put(f"/events/{event.pk}", {})
    assert errors_in(answer) == [(f"/{name}", "required") for name in ("venue", "name", "starts_at", "ends_at")]
    assert stored(event) == before


@pytest.mark.parametrize(
    ("role", "status", "code"),
    [("anonymous", 401, "unauthenticated"), *((role, 403, "forbidden") for role in ("box_office", "door", "auditor"))],
)
def test_managers_alone_write(role, status, code, client_as, event, body):
    before = stored(event)
    client = client_as(role)
    assert refused(client.post("/events", body), status, code)
    assert refused(client.put(f"/events/{event.pk}", body), status, code)
    assert refused(client.patch(f"/events/{event.pk}", {"name": "New"}), status, code)
    assert refused(client.delete(f"/events/{event.pk}"), status, code)
    assert refused(client.post(f"/events/{event.pk}/publish"), status, code)
    for verb in ("cancel", "unpublish", "pause-sales", "resume-sales", "postpone", "reschedule", "clone", "clone/bulk"):
        assert refused(client.post(f"/events/{event.pk}/{verb}"), status, code)
    assert (Event.objects.count(), stored(event)) == (1, before)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "a" * 200),
        ("description", "a" * 10_000),
        ("description", ""),
        ("capacity", 1),
        ("capacity", 500),
        ("max_per_customer", 1),
        ("max_per_customer", 1000),
        ("max_per_customer", None),
        ("ends_at", "2100-12-31T23:59:59Z"),
        ("starts_at", "2000-01-01T00:00:00Z"),
    ],
)
def test_value_at_its_bound_is_accepted(field, value, manager, body):
    answer = manager.post("/events", {**body, field: value})
    assert (answer.status_code, answer.json()[field]) == (201, value)


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("venue", 4242, "does-not-exist"),
        ("venue", "1", "incorrect-type"),
        ("venue", True, "incorrect-type"),
        ("venue", 1.0, "incorrect-type"),
        ("venue", None, "null"),
        ("name", None, "null"),
        ("name", "a\nb", "bad-character"),
        ("description", None, "null"),
        ("description", "a\x0bb", "bad-character"),
        ("description", ["a"], "invalid"),
        ("capacity", None, "null"),
        ("capacity", "10", "invalid"),
        ("capacity", 10.0, "invalid"),
        ("capacity", True, "invalid"),
        ("max_per_customer", True, "invalid"),
        ("max_per_customer", "", "invalid"),
        ("currency", "XXX", "unknown-currency"),
        ("currency", "eur", "unknown-currency"),
        ("currency", "", "unknown-currency"),
        ("currency", None, "null"),
        ("currency", 978, "invalid"),
        ("starts_at", "2090-05-01T19:00:00", "invalid"),
        ("starts_at", None, "null"),
        ("ends_at", "tomorrow", "invalid"),
        ("ends_at", STARTS, "ends-too-early"),
        ("status", "published", "read-only"),
        ("id", 1, "read-only"),
        ("availability", {}, "read-only"),
        ("on_sale", {}, "read-only"),
        ("visibility", "hidden", "invalid-choice"),
        ("is_sales_paused", True, "read-only"),
        ("is_postponed", True, "read-only"),
        ("created_at", STARTS, "read-only"),
        ("reserved", 1, "unknown-field"),
        ("cancel_reason", "x", "unknown-field"),
    ],
)
def test_wrong_value_is_400(field, value, code, manager, body, event):
    before = stored(event)
    answer = manager.post("/events", {**body, field: value})
    assert refused(answer, 400, "invalid-input")
    assert errors_in(answer) == [(f"/{field}", code)]
    assert errors_in(manager.put(f"/events/{event.pk}", {**body, field: value})) == [(f"/{field}", code)]
    assert (Event.objects.count(), stored(event)) == (1, before)


# Capacity


def test_capacity_above_the_venues_is_409(manager, body, event):
    before = stored(event)
    answer = manager.post("/events", {**body, "capacity": 501})
    assert refused(answer, 409, "capacity-above-venue")
    assert errors_in(answer) == [("/capacity", "capacity-above-venue")]
    assert answer.json()["detail"] == "“Old Hall” has a capacity of 500."
    assert refused(manager.patch(f"/events/{event.pk}", {"capacity": 501}), 409, "capacity-above-venue")
    assert (Event.objects.count(), stored(event)) == (1, before)
    assert manager.patch(f"/events/{event.pk}", {"capacity": 500}).status_code == 200


def test_move_to_a_smaller_venue_is_409(manager, event, make_venue):
    before = stored(event)
    small = make_venue(name="Small", capacity=99)
    answer = manager.patch(f"/events/{event.pk}", {"venue": small.pk})
    assert refused(answer, 409, "capacity-above-venue")
    assert stored(event) == before
    answer = manager.patch(f"/events/{event.pk}", {"venue": small.pk, "capacity": 99})
    assert (answer.status_code, answer.json()["venue"]) == (200, small.pk)


def test_capacity_below_reserved_is_409(manager, event, make_type, book):
    book((make_type(event=event), 3))
    before = stored(event)
    answer = manager.patch(f"/events/{event.pk}", {"capacity": 2})
    assert refused(answer, 409, "capacity-below-reserved")
    assert errors_in(answer) == [("/capacity", "capacity-below-reserved")]
    assert stored(event) == before
    answer = manager.patch(f"/events/{event.pk}", {"capacity": 3})
    assert answer.json()["availability"] == {"capacity": 3, "reserved": 3, "available": 0}


def test_capacity_may_go_below_holds_that_ran_out(manager, event, make_type, book, pass_time):
    book((make_type(event=event), 3))
    pass_time(minutes=16)
    answer = manager.patch(f"/events/{event.pk}", {"capacity": 2})
    assert answer.json()["availability"] == {"capacity": 2, "reserved": 0, "available": 2}


# Currency


def test_currency_can_change_until_somebody_books(manager, event, make_type, book):
    seat = make_type(event=event)
    assert manager.patch(f"/events/{event.pk}", {"currency": "USD"}).json()["currency"] == "USD"
    assert manager.get(f"/ticket-types/{seat.pk}").json()["currency"] == "USD"
    book((seat, 1)).cancel()
    before = stored(event)
    answer = manager.patch(f"/events/{event.pk}", {"currency": "EUR", "name": "New"})
    assert refused(answer, 409, "currency-fixed")
    assert errors_in(answer) == [("/currency", "currency-fixed")]
    assert stored(event) == before
    assert manager.patch(f"/events/{event.pk}", {"currency": "USD", "name": "New"}).json()["name"] == "New"


def test_currency_without_the_decimals_of_a_price_is_409(manager, event, make_type):
    make_type(event=event)
    answer = manager.patch(f"/events/{event.pk}", {"currency": "JPY"})
    assert refused(answer, 409, "currency-fixed")
    assert answer.json()["detail"] == "The amount 49.9 has more decimals than JPY."
    assert stored(event)["currency"] == "EUR"


# Publish and cancel


def test_cancelled_draft_stays_hidden(manager, anonymous, draft, make_type):
    seat = make_type(event=draft)
    answer = manager.post(f"/events/{draft.pk}/cancel")
    assert (answer.status_code, answer.json()["status"], answer.json()["published_at"]) == (200, "cancelled", None)
    hidden = [f"/events/{draft.pk}", f"/events/{draft.pk}.ics", f"/ticket-types/{seat.pk}"]
    assert [anonymous.get(path).status_code for path in hidden] == [404, 404, 404]
    assert [manager.get(path).status_code for path in hidden] == [200, 200, 200]
    for path in ("/events?status=cancelled", f"/ticket-types?event={draft.pk}"):
        assert (anonymous.get(path).json()["count"], manager.get(path).json()["count"]) == (0, 1)
    body = {"customer_name": "A", "customer_email": "a@example.com", "items": [{"ticket_type": seat.pk, "quantity": 1}]}
    answer = anonymous.post("/bookings", body)
    assert refused(answer, 400, "invalid-input")
    assert errors_in(answer) == [("/items/0/ticket_type", "does-not-exist")]


def test_published_event_keeps_its_time_of_publication_when_cancelled(manager, anonymous, draft):
    published_at = manager.post(f"/events/{draft.pk}/publish").json()["published_at"]
    assert published_at is not None
    manager.post(f"/events/{draft.pk}/cancel")
    assert anonymous.get(f"/events/{draft.pk}").json()["published_at"] == published_at


def test_publish_twice_is_once(manager, anonymous, draft):
    assert refused(anonymous.get(f"/events/{draft.pk}"), 404, "not-found")
    first = manager.post(f"/events/{draft.pk}/publish")
    assert (first.status_code, first.json()["status"]) == (200, "published")
    second = manager.post(f"/events/{draft.pk}/publish")
    assert (second.status_code, second.json()) == (200, first.json())
    assert anonymous.get(f"/events/{draft.pk}").json() == first.json()


def test_publish_of_what_has_started_is_409(manager, draft, pass_time):
    pass_time(days=30, minutes=1)
    assert refused(manager.post(f"/events/{draft.pk}/publish"), 409, "event-in-the-past")
    assert stored(draft)["status"] == "draft"


def test_publish_again_after_the_start_is_fine(manager, event, pass_time):
    pass_time(days=60)
    assert manager.post(f"/events/{event.pk}/publish").json()["status"] == "published"


def test_publish_of_a_cancelled_event_is_409(manager, event):
    manager.post(f"/events/{event.pk}/cancel")
    assert refused(manager.post(f"/events/{event.pk}/publish"), 409, "event-cancelled")
    assert stored(event)["status"] == "cancelled"


def test_cancel_cancels_every_live_booking(manager, event, make_type, book, figures):
    seat = make_type(event=event)
    bookings = [book((seat, 2)), book((seat, 1)).confirm(), book((seat, 4)).cancel(reason="mine")]
    answer = manager.post(f"/events/{event.pk}/cancel", {"reason": "Storm"})
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    assert answer.json()["availability"] == {"capacity": 100, "reserved": 0, "available": 100}
    assert answer.json()["on_sale"] == {"is_on_sale": False, "reason": "cancelled"}
    shown = [manager.get(f"/bookings/{booking.pk}").json() for booking in bookings]
    assert [(one["status"], one["cancel_reason"]) for one in shown] == [
        ("cancelled", "Storm"),
        ("cancelled", "Storm"),
        ("cancelled", "mine"),
    ]
    assert [ticket["status"] for ticket in shown[1]["tickets"]] == ["void"]
    assert figures() == {"Concert": 0, "Seat": 0}


def test_cancel_twice_is_once(manager, event, make_type, book):
    book((make_type(event=event), 2))
    manager.post(f"/events/{event.pk}/cancel", {"reason": "Storm"})
    cancelled_at = Booking.objects.get().cancelled_at
    answer = manager.post(f"/events/{event.pk}/cancel", {"reason": "Flood"})
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    assert stored(event)["cancel_reason"] == "Storm"
    assert (Booking.objects.get().cancel_reason, Booking.objects.get().cancelled_at) == ("Storm", cancelled_at)


@pytest.mark.parametrize(
    ("body", "entry"),
    [
        ({"reason": "a" * 501}, ("/reason", "max-length")),
        ({"reason": None}, ("/reason", "null")),
        ({"reason": 5}, ("/reason", "invalid")),
        ({"why": "x"}, ("/why", "unknown-field")),
        ([], ("", "invalid")),
    ],
)
def test_cancel_with_a_wrong_body_is_400(body, entry, manager, event):
    answer = manager.post(f"/events/{event.pk}/cancel", body)
    assert refused(answer, 400, "invalid-input")
    assert errors_in(answer) == [entry]
    assert stored(event)["status"] == "published"


def test_publish_takes_no_fields(manager, draft):
    assert errors_in(manager.post(f"/events/{draft.pk}/publish", {"at": STARTS})) == [("/at", "unknown-field")]
    assert stored(draft)["status"] == "draft"
    assert manager.post(f"/events/{draft.pk}/publish", {}).status_code == 200


# Delete


def test_delete_takes_its_types_along(manager, event, make_type):
    make_type(event=event)
    assert manager.delete(f"/events/{event.pk}").status_code == 204
    assert (Event.objects.count(), TicketType.objects.count()) == (0, 0)


def test_delete_of_a_booked_event_is_409_with_the_number_of_bookings(manager, event, make_type, book):
    seat = make_type(event=event)
    book((seat, 1)).cancel()
    book((seat, 2))
    answer = manager.delete(f"/events/{event.pk}")
    assert refused(answer, 409, "in-use")
    assert answer.json()["errors"] == [
        {"pointer": "", "code": "in-use", "detail": "2 bookings refer to it.", "bookings": 2}
    ]
    assert (Event.objects.count(), TicketType.objects.count(), Booking.objects.count()) == (1, 1, 2)


# Drafts


def test_draft_is_invisible_to_the_public(anonymous, event, draft):
    page = anonymous.get("/events")
    assert (names(page), page.json()["count"]) == (["Concert"], 1)
    for query in ("status=draft", "available=false&search=draft", "upcoming=true&search=draft"):
        page = anonymous.get(f"/events?{query}")
        assert (names(page), page.json()["count"]) == ([], 0)
    assert refused(anonymous.get(f"/events/{draft.pk}"), 404, "not-found")


@pytest.mark.parametrize("role", ["manager", "box_office", "door", "auditor"])
def test_draft_is_visible_to_staff(role, client_as, event, draft):
    client = client_as(role)
    assert sorted(names(client.get("/events"))) == ["Concert", "Draft"]
    assert names(client.get("/events?status=draft")) == ["Draft"]
    assert client.get(f"/events/{draft.pk}").json()["status"] == "draft"


@pytest.mark.parametrize("role", ["anonymous", "manager"])
def test_type_of_a_draft_cannot_be_booked(role, client_as, draft, make_type):
    seat = make_type(event=draft)
    answer = client_as(role).post(
        "/bookings",
        {"customer_name": "Ann", "customer_email": "a@example.com", "items": [{"ticket_type": seat.pk, "quantity": 1}]},
    )
    assert refused(answer, 400, "invalid-input")
    assert errors_in(answer) == [("/items/0/ticket_type", "does-not-exist")]
    assert Booking.objects.count() == 0
