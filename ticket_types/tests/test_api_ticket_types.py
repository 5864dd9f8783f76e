import datetime as dt
from decimal import Decimal

import pytest
from django.utils import timezone

from config.tests.harness.answers import errors_in, names, refused
from events.models import Event
from ticket_types.models import TicketType

pytestmark = pytest.mark.both

OPEN = {"status": "on_sale", "quantity": None, "reserved": 0, "available": 100}


@pytest.fixture
def client_as(request):
    return request.getfixturevalue


@pytest.fixture
def event(make_event):
    return make_event()


@pytest.fixture
def seat(make_type, event):
    return make_type(event=event)


def stored(ticket_type):
    return TicketType.objects.filter(pk=ticket_type.pk).values().get()


def availability(client, ticket_type):
    return client.get(f"/ticket-types/{ticket_type.pk}").json()["availability"]


def test_create_answers_the_type_with_its_defaults(manager, event):
    answer = manager.post("/ticket-types", {"event": event.pk, "name": "Seat", "price": "49.90"})
    created = TicketType.objects.get()
    assert (answer.status_code, answer["Location"]) == (201, f"/api/v1/ticket-types/{created.pk}")
    times = {name: answer.json()[name] for name in ("created_at", "updated_at") if name in answer.json()}
    assert answer.json() == {
        **times,
        "id": created.pk,
        "event": event.pk,
        "name": "Seat",
        "description": "",
        "price": "49.90",
        "fee": "0.00",
        "tax_rate": "0",
        "currency": "EUR",
        "quantity": None,
        "min_per_booking": 1,
        "max_per_booking": 10,
        "sales_start_at": None,
        "sales_end_at": None,
        "is_name_required": False,
        "position": 0,
        "availability": OPEN,
    }
    assert manager.get(f"/ticket-types/{created.pk}").json() == answer.json()


def test_put_replaces_and_patch_changes(manager, seat):
    body = {"event": seat.event_id, "name": "Box", "price": "80", "quantity": 50, "description": "Two\nlines"}
    answer = manager.put(f"/ticket-types/{seat.pk}", body)
    assert (answer.status_code, {**answer.json(), **body, "price": "80.00"}) == (200, answer.json())
    answer = manager.patch(f"/ticket-types/{seat.pk}", {"quantity": None, "position": 3})
    assert (answer.status_code, answer.json()["quantity"], answer.json()["position"]) == (200, None, 3)
    assert answer.json()["name"] == "Box"


def test_type_stays_with_its_event(manager, seat, make_event):
    other = make_event(name="Other")
    before = stored(seat)
    answer = manager.patch(f"/ticket-types/{seat.pk}", {"event": other.pk, "name": "New"})
    assert refused(answer, 400, "invalid-input")
    assert errors_in(answer) == [("/event", "fixed")]
    assert stored(seat) == before
    assert manager.patch(f"/ticket-types/{seat.pk}", {"event": seat.event_id}).status_code == 200


@pytest.mark.parametrize(
    ("role", "status", "code"),
    [("anonymous", 401, "unauthenticated"), *((role, 403, "forbidden") for role in ("box_office", "door", "auditor"))],
)
def test_managers_alone_write(role, status, code, client_as, seat):
    before = stored(seat)
    client = client_as(role)
    body = {"event": seat.event_id, "name": "New", "price": "1"}
    assert refused(client.post("/ticket-types", body), status, code)
    assert refused(client.put(f"/ticket-types/{seat.pk}", body), status, code)
    assert refused(client.patch(f"/ticket-types/{seat.pk}", {"name": "New"}), status, code)
    assert refused(client.delete(f"/ticket-types/{seat.pk}"), status, code)
    assert (TicketType.objects.count(), stored(seat)) == (1, before)


@pytest.mark.parametrize(
    ("rate", "shown"),
    [("19", "19"), ("7.70", "7.7"), ("8.875", "8.875"), ("0", "0"), ("100.000", "100"), ("0.1", "0.1")],
)
def test_tax_rate_is_answered_in_its_shortest_form(rate, shown, manager, seat):
    answer = manager.patch(f"/ticket-types/{seat.pk}", {"tax_rate": rate, "fee": "2.5"})
    assert (answer.status_code, answer.json()["tax_rate"], answer.json()["fee"]) == (200, shown, "2.50")
    assert manager.get(f"/events/{seat.event_id}?expand=ticket_types").json()["ticket_types"] == [answer.json()]


@pytest.mark.parametrize(
    "rate", [19, 7.7, None, "", "-1", "+1", "07", "7.1234", "1e1", "7,7", "100.001", "1000", "NaN"]
)
def test_invalid_tax_rate_is_400(rate, manager, seat):
    before = stored(seat)
    answer = manager.patch(f"/ticket-types/{seat.pk}", {"tax_rate": rate})
    assert refused(answer, 400, "invalid-input")
    assert [pointer for pointer, _ in errors_in(answer)] == ["/tax_rate"]
    assert stored(seat) == before


def test_price_and_fee_with_too_many_decimals_are_both_named(manager, event):
    body = {"event": event.pk, "name": "Seat", "price": "0.001", "fee": "0.001"}
    answer = manager.post("/ticket-types", body)
    assert errors_in(answer) == [("/price", "too-many-decimals"), ("/fee", "too-many-decimals")]
    assert TicketType.objects.count() == 0


@pytest.mark.parametrize(
    ("currency", "price", "shown"),
    [
        ("EUR", "49.9", "49.90"),
        ("EUR", "0", "0.00"),
        ("EUR", "999999999", "999999999.00"),
        ("EUR", "0.01", "0.01"),
        ("JPY", "1", "1"),
        ("KWD", "1.234", "1.234"),
        ("KWD", "1.2", "1.200"),
        ("CLF", "1.2345", "1.2345"),
    ],
)
def test_price_is_answered_with_the_currencys_decimals(currency, price, shown, manager, make_event):
    event = make_event(currency=currency)
    answer = manager.post("/ticket-types", {"event": event.pk, "name": "Seat", "price": price})
    assert (answer.status_code, answer.json()["price"], answer.json()["currency"]) == (201, shown, currency)
    assert TicketType.objects.get().price == Decimal(price)


@pytest.mark.parametrize(
    ("currency", "price"), [("EUR", "1.234"), ("EUR", "1.000"), ("JPY", "1.5"), ("JPY", "1.0"), ("KWD", "1.2345")]
)
def test_price_with_more_decimals_than_its_currency_is_400(currency, price, manager, make_event, make_type):
    event = make_event(currency=currency)
    answer = manager.post("/ticket-types", {"event": event.pk, "name": "Seat", "price": price})
    assert errors_in(answer) == [("/price", "too-many-decimals")]
    assert TicketType.objects.count() == 0
    seat = make_type(event=event, price=1)
    assert errors_in(manager.patch(f"/ticket-types/{seat.pk}", {"price": price})) == [("/price", "too-many-decimals")]
    assert stored(seat)["price"] == 1


@pytest.mark.parametrize(
    "price",
    [49.9, 49, True, "", " 1", "1 ", "-1", "+1", "1e3", "1,50", "1.", ".5", "01", "00.5", "NaN", "Infinity", "1_0",
     "\uff11", "0x1", "1.00000", [1], {}, "9" * 400],
)  # fmt: skip
def test_price_that_is_no_text_of_plain_digits_is_400(price, manager, event):
    answer = manager.post("/ticket-types", {"event": event.pk, "name": "Seat", "price": price})
    assert refused(answer, 400, "invalid-input")
    assert errors_in(answer) == [("/price", "invalid")]
    assert TicketType.objects.count() == 0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "a" * 100),
        ("description", "a" * 2000),
        ("description", "One\n\ttwo"),
        ("quantity", 1),
        ("quantity", 1_000_000),
        ("min_per_booking", 10),
        ("max_per_booking", 1),
        ("max_per_booking", 100),
        ("position", 0),
        ("position", 10_000),
        ("sales_start_at", "2000-01-01T00:00:00Z"),
        ("sales_end_at", "2100-12-31T23:59:59Z"),
    ],
)
def test_value_at_its_bound_is_accepted(field, value, manager, seat):
    answer = manager.patch(f"/ticket-types/{seat.pk}", {field: value})
    assert (answer.status_code, answer.json()[field]) == (200, value)


@pytest.mark.parametrize("field", ["quantity", "min_per_booking", "max_per_booking", "position", "event"])
@pytest.mark.parametrize("value", [True, 1.0, "1", "", [1], {}])
def test_number_that_is_no_json_integer_is_400(field, value, manager, seat):
    before = stored(seat)
    answer = manager.patch(f"/ticket-types/{seat.pk}", {field: value})
    assert refused(answer, 400, "invalid-input")
    assert errors_in(answer) == [(f"/{field}", "incorrect-type" if field == "event" else "invalid")]
    assert stored(seat) == before


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("min_per_booking", None, "null"),
        ("position", None, "null"),
        ("price", None, "null"),
        ("event", None, "null"),
        ("event", 0, "does-not-exist"),
        ("event", -1, "does-not-exist"),
        ("event", 4242, "does-not-exist"),
        ("event", 2**63, "does-not-exist"),
        ("currency", "EUR", "read-only"),
        ("availability", {}, "read-only"),
        ("capacity", 5, "unknown-field"),
        ("reserved", 5, "unknown-field"),
        ("description", "a\x00", "bad-character"),
    ],
)
def test_wrong_value_is_400(field, value, code, manager, seat):
    before = stored(seat)
    assert errors_in(manager.patch(f"/ticket-types/{seat.pk}", {field: value})) == [(f"/{field}", code)]
    assert stored(seat) == before


INSTANTS = ["2027-01-01", "2027-01-01T10:00:00", "2027-01-01 10:00:00Z", "2027-02-30T10:00:00Z", "2027-01-01T25:00:00Z",
            "2027-01-01T10:00:00+99:00", "20270101T100000Z", "1e9", "", 1, True, ["2027-01-01T10:00:00Z"]]  # fmt: skip


@pytest.mark.parametrize("value", INSTANTS)
def test_instant_that_is_none_is_400(value, manager, seat):
    answer = manager.patch(f"/ticket-types/{seat.pk}", {"sales_start_at": value})
    assert errors_in(answer) == [("/sales_start_at", "invalid")]
    assert stored(seat)["sales_start_at"] is None


def test_instant_is_answered_in_utc(manager, seat):
    answer = manager.patch(f"/ticket-types/{seat.pk}", {"sales_start_at": "2027-07-01T10:00:00.5+02:00"})
    assert answer.json()["sales_start_at"] == "2027-07-01T08:00:00.500000Z"


def test_two_types_of_one_name_are_409_in_one_event_only(manager, seat, make_event):
    body = {"event": seat.event_id, "name": "Seat", "price": "1"}
    answer = manager.post("/ticket-types", body)
    assert refused(answer, 409, "already-exists")
    assert errors_in(answer) == [("/name", "already-exists")]
    assert TicketType.objects.count() == 1
    assert manager.post("/ticket-types", {**body, "event": make_event().pk}).status_code == 201


def test_new_price_does_not_touch_a_booking_made_before(manager, seat, book):
    booking = book((seat, 2))
    assert manager.patch(f"/ticket-types/{seat.pk}", {"price": "99"}).json()["price"] == "99.00"
    items = manager.get(f"/bookings/{booking.pk}").json()["items"]
    assert [(item["unit_price"], item["total_price"]) for item in items] == [("49.90", "99.80")]


def test_quantity_below_reserved_is_409(manager, seat, book):
    book((seat, 3))
    before = stored(seat)
    answer = manager.patch(f"/ticket-types/{seat.pk}", {"quantity": 2})
    assert refused(answer, 409, "capacity-below-reserved")
    assert errors_in(answer) == [("/quantity", "capacity-below-reserved")]
    assert stored(seat) == before
    assert manager.patch(f"/ticket-types/{seat.pk}", {"quantity": 3}).json()["availability"]["available"] == 0


def test_quantity_may_go_below_holds_that_ran_out(manager, seat, book, pass_time):
    book((seat, 3))
    pass_time(minutes=16)
    assert manager.patch(f"/ticket-types/{seat.pk}", {"quantity": 2}).json()["availability"] == {
        "status": "on_sale",
        "quantity": 2,
        "reserved": 0,
        "available": 2,
    }


def test_delete_of_a_booked_type_is_409_and_of_another_works(manager, seat, book, make_type):
    other = make_type(event=seat.event, name="Other")
    book((seat, 1)).cancel()
    answer = manager.delete(f"/ticket-types/{seat.pk}")
    assert refused(answer, 409, "in-use")
    assert answer.json()["detail"] == "1 booking refers to it."
    assert TicketType.objects.count() == 2
    assert manager.delete(f"/ticket-types/{other.pk}").status_code == 204
    assert list(TicketType.objects.all()) == [seat]


# Drafts


@pytest.fixture
def draft_seat(make_event, make_type):
    return make_type(event=make_event(name="Draft", is_published=False), name="Draft seat")


def test_types_of_a_draft_are_invisible_to_the_public(anonymous, seat, draft_seat):
    page = anonymous.get("/ticket-types")
    assert (names(page), page.json()["count"]) == (["Seat"], 1)
    assert names(anonymous.get(f"/ticket-types?event={draft_seat.event_id}")) == []
    assert names(anonymous.get("/ticket-types?on_sale=false")) == []
    assert refused(anonymous.get(f"/ticket-types/{draft_seat.pk}"), 404, "not-found")


@pytest.mark.parametrize("role", ["manager", "box_office", "door", "auditor"])
def test_types_of_a_draft_are_visible_to_staff(role, client_as, seat, draft_seat):
    client = client_as(role)
    assert names(client.get("/ticket-types")) == ["Seat", "Draft seat"]
    assert client.get(f"/ticket-types/{draft_seat.pk}").json()["availability"]["status"] == "not_published"


# Availability


def test_availability_counts_live_places(anonymous, make_type, event, book, pass_time):
    seat = make_type(event=event, capacity=10)
    standing = make_type(event=event, name="Standing")
    book((seat, 3), (standing, 1)).confirm()
    book((seat, 2), (standing, 4))
    assert availability(anonymous, seat) == {"status": "on_sale", "quantity": 10, "reserved": 5, "available": 5}
    assert availability(anonymous, standing) == {"status": "on_sale", "quantity": None, "reserved": 5, "available": 90}
    pass_time(minutes=16)  # the hold runs out, and nothing sweeps it
    assert availability(anonymous, seat) == {"status": "on_sale", "quantity": 10, "reserved": 3, "available": 7}
    assert availability(anonymous, standing) == {"status": "on_sale", "quantity": None, "reserved": 1, "available": 96}


def test_availability_is_limited_by_the_event(anonymous, manager, make_event, make_type, book):
    event = make_event(capacity=5)
    seat = make_type(event=event, capacity=10)
    standing = make_type(event=event, name="Standing", capacity=3)
    assert availability(anonymous, seat)["available"] == 5
    assert availability(anonymous, standing)["available"] == 3
    book((seat, 4)).confirm()
    assert availability(anonymous, standing) == {"status": "on_sale", "quantity": 3, "reserved": 0, "available": 1}
    book((standing, 1))
    assert [availability(anonymous, one)["status"] for one in (seat, standing)] == ["sold_out", "sold_out"]


NOW = timezone.now()
STATES = {
    "on_sale": lambda seat: seat.revise(
        sales_start_at=timezone.now() - dt.timedelta(hours=1), sales_end_at=timezone.now() + dt.timedelta(hours=1)
    ),
    "not_started": lambda seat: seat.revise(sales_start_at=timezone.now() + dt.timedelta(minutes=1)),
    "ended": lambda seat: seat.revise(sales_end_at=timezone.now() - dt.timedelta(minutes=1)),
    "cancelled": lambda seat: seat.event.cancel(at=timezone.now()),
    "not_published": lambda seat: Event.objects.update(status="draft", published_at=None),
}


@pytest.mark.parametrize("status", STATES)
def test_status_follows_event_and_sales_window(status, manager, seat):
    STATES[status](seat)
    assert availability(manager, seat)["status"] == status
    assert names(manager.get("/ticket-types?on_sale=true")) == (["Seat"] if status == "on_sale" else [])
    assert names(manager.get("/ticket-types?on_sale=false")) == ([] if status == "on_sale" else ["Seat"])


def test_status_is_ended_when_the_event_is_over(anonymous, seat, pass_time):
    pass_time(days=30, hours=2)  # it has begun, and can still be booked
    assert availability(anonymous, seat)["status"] == "on_sale"
    pass_time(hours=2)
    assert availability(anonymous, seat)["status"] == "ended"
    assert names(anonymous.get("/ticket-types?on_sale=true")) == []


def test_status_is_sold_out_until_a_hold_runs_out(anonymous, make_type, book, pass_time):
    seat = make_type(capacity=2)
    book((seat, 2))
    assert availability(anonymous, seat) == {"status": "sold_out", "quantity": 2, "reserved": 2, "available": 0}
    assert names(anonymous.get("/ticket-types?on_sale=true")) == []
    pass_time(minutes=16)
    assert availability(anonymous, seat) == {"status": "on_sale", "quantity": 2, "reserved": 0, "available": 2}
    assert names(anonymous.get("/ticket-types?on_sale=true")) == ["Seat"]


# Lists


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["B", "A", "C"]),
        ("ordering=position", ["B", "C", "A"]),
        ("ordering=-position", ["A", "C", "B"]),
        ("ordering=name", ["A", "B", "C"]),
        ("ordering=-name", ["C", "B", "A"]),
        ("ordering=price", ["C", "A", "B"]),
        ("ordering=-price", ["B", "A", "C"]),
    ],
)
def test_list_orders(query, found, anonymous, make_event, make_type):
    event = make_event()
    make_type(event=event, name="A", position=2, price=9)
    make_type(event=event, name="B", position=0, price=10)
    make_type(event=make_event(name="Later"), name="C", position=1, price=Decimal("8.99"))
    assert names(anonymous.get(f"/ticket-types?{query}")) == found


def test_list_filters_by_event(anonymous, seat, make_type):
    other = make_type(name="Other")
    assert names(anonymous.get(f"/ticket-types?event={other.event_id}")) == ["Other"]
    assert names(anonymous.get("/ticket-types?event=4242")) == []


@pytest.mark.parametrize("query", ["event=", "event=abc", "event=-1", "on_sale=", "on_sale=1", "on_sale=True"])
def test_filter_that_cannot_be_read_is_400_and_named(query, anonymous, db):
    answer = anonymous.get(f"/ticket-types?{query}")
    assert refused(answer, 400, "invalid-input")
    assert errors_in(answer) == [(query.split("=")[0], "invalid")]
