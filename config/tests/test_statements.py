import uuid

import pytest
from django.db import connection, connections
from django.db.models import BigIntegerField, CharField, F
from django.forms.models import model_to_dict

from bookings.lifecycle.sql import OFFERED
from bookings.models import Booking, BookingChange, BookingItem
from config import statements
from config.statements import AnyOf, Parameter, Statement
from conftest import make_user
from ticket_types.models import TicketType
from venues.models import Venue

PK = Parameter("pk", BigIntegerField())


def data(row):
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def test_statement_is_built_once_for_each_shape(make_venue):
    made = []

    def build(order):
        made.append(order)
        return Venue.objects.filter(capacity__gte=Parameter("least", BigIntegerField())).order_by(order)

    small, large = make_venue(name="A", capacity=10), make_venue(name="B", capacity=20)
    found = Statement(build)
    assert found.objects("name", least=5) == [small, large]
    assert found.objects("name", least=15) == [large]
    assert found.objects("-name", least=5) == [large, small]
    assert made == ["name", "-name"]


def test_objects_are_what_the_queryset_gives(make_type):
    seat = make_type(capacity=5)
    (found,) = Statement(lambda: TicketType.objects.select_related("event__venue").filter(pk=PK)).objects(pk=seat.pk)
    stored = TicketType.objects.get(pk=seat.pk)
    assert (type(found), data(found), found == stored) == (TicketType, data(stored), True)
    assert (found._state.adding, found._state.db) == (False, "default")


def test_objects_bring_along_what_they_refer_to(make_type, django_assert_num_queries):
    seat = make_type()
    one = Statement(lambda: TicketType.objects.select_related("event").filter(pk=PK).annotate(twice=F("price") * 2))
    with django_assert_num_queries(1):
        (found,) = one.objects(pk=seat.pk)
        assert found.event.name == "Concert"
    assert found.twice == TicketType.objects.annotate(twice=F("price") * 2).get(pk=seat.pk).twice


def test_object_without_a_column_loads_it_when_it_is_asked_for(make_venue, django_assert_num_queries):
    venue = make_venue(address="Far away")
    (found,) = Statement(lambda: Venue.objects.only("name").filter(pk=PK)).objects(pk=venue.pk)
    with django_assert_num_queries(1):
        assert found.address == "Far away"


def test_object_can_be_saved_and_told(make_venue):
    venue = make_venue()
    (found,) = Statement(lambda: Venue.objects.filter(pk=PK)).objects(pk=venue.pk)
    found.revise(name="New Hall")
    assert model_to_dict(Venue.objects.get()) == {**model_to_dict(venue), "name": "New Hall"}


@pytest.mark.parametrize("count", [0, 1, 3])
def test_any_of_takes_any_number(make_venue, count):
    venues = [make_venue(name=str(number)) for number in range(3)]
    chosen = [venue.pk for venue in venues[:count]]
    assert Statement(lambda: Venue.objects.filter(AnyOf(F("pk"), "ids"))).objects(ids=chosen) == venues[:count]


@pytest.mark.parametrize("name", ["O'Brien", "100 %", "%s", "\\'; --", "“Ä”", "$1", "%%s'"])
def test_constants_are_written_in_as_they_are(make_venue, name):
    venue = make_venue(name=name)
    make_venue(name="Another")
    constant = Statement(lambda: Venue.objects.filter(name=name))
    assert constant.objects() == [venue]
    assert constant.compiled((), "default").params == ()
    assert Statement(lambda: Venue.objects.filter(name=Parameter("name", CharField()))).objects(name=name) == [venue]


def test_page_is_a_part_of_the_rows(make_venue):
    names = [make_venue(name=name).name for name in "ABCD"]
    every = Statement(lambda: Venue.objects.order_by("name"))
    rows = every.page(limit=2, skip=1)
    assert [venue.name for venue in every.made(rows=rows)] == names[1:3]


def test_what_is_placed_is_what_save_would_have_written(make_type, book):
    """The claim writes columns by itself: each must have what the ORM reads back."""
    seat = make_type()
    placed = book((seat, 2), metadata={"basket": "7"})
    stored = Booking.objects.get(pk=placed.pk)
    assert data(stored) == data(placed)
    (item,), (placed_item,) = stored.items.all(), placed.items.all()
    assert data(item) == data(placed_item)
    (change,) = BookingChange.objects.filter(booking=stored)
    assert (change.at, change.by, change.verb, change.from_status, change.to_status, change.details) == (
        stored.created_at, None, "place", "", "pending", {},
    )  # fmt: skip
    assert BookingItem.objects.count() == 1


def test_fresh_instance_is_what_the_model_itself_makes(make_type, django_user_model):
    seat, user = make_type(), django_user_model.objects.create_user("ann")
    given = {
        Booking: {"event": seat.event, "customer_name": "Ann Lee", "metadata": {"seat": "A1"}},
        BookingItem: {"booking_id": uuid.uuid4(), "ticket_type": seat, "quantity": 2},
        BookingChange: {"by": user, "by_name": "ann", "verb": "place"},
    }
    drawn = {"id", "confirmation_code"}  # by chance, each time
    for model, values in given.items():
        made, fresh = model(**values), statements.fresh(model, **values)
        assert {**data(made), **dict.fromkeys(drawn)} == {**data(fresh), **dict.fromkeys(drawn)}
        assert (fresh._state.adding, fresh._state.db) == (True, None)
    assert statements.fresh(Booking, event=seat.event).event is seat.event
    assert statements.fresh(BookingChange, by=None).by is None


def test_sum_is_exact_when_it_is_small_and_may_be_a_second_old_when_it_is_large(monkeypatch):
    now, figures = 100.0, iter([(5,), (6,), (2000,), (2001,), (2002,)])
    monkeypatch.setattr(statements.time, "monotonic", lambda: now)
    sums = statements.Sums()
    found = [sums.of("held", lambda: next(figures))[0] for _ in range(4)]
    now += 1.0
    found.append(sums.of("held", lambda: next(figures))[0])
    found.append(sums.of("another", lambda: next(figures))[0])
    assert found == [5, 6, 2000, 2000, 2001, 2002]


def test_sums_that_are_kept_have_a_bound():
    sums = statements.Sums()
    for name in range(sums.most + 10):
        sums.of(name, lambda: (2000,))
    assert len(sums.kept) <= sums.most


def test_what_is_confirmed_is_what_save_would_have_written(make_type, book):
    clerk, seat = make_user(username="ann"), make_type()
    box = make_type(event=seat.event, name="Box")
    confirmed = book((box, 2), (seat, 3)).confirm(payment_reference="pay_1", by=clerk)
    stored = Booking.objects.get(pk=confirmed.pk)
    assert data(stored) == data(confirmed)
    assert [data(it) for it in stored.tickets.all()] == [data(it) for it in confirmed.tickets.all()]
    assert [it.ticket_type for it in stored.tickets.all()] == [box, box, seat, seat, seat]
    assert {(it.status, it.created_at, it.checked_in_at) for it in stored.tickets.all()} == {
        ("valid", stored.confirmed_at, None)
    }
    change = BookingChange.objects.get(booking=stored, verb="confirm")
    assert (change.at, change.by, change.by_name, change.from_status, change.to_status, change.details) == (
        stored.confirmed_at, clerk, "ann", "pending", "confirmed", {"payment_reference": "pay_1"},
    )  # fmt: skip


def test_what_is_left_to_the_databases_default_is_written_as_that(make_event):
    left = Booking(event=make_event(), customer_name="Ann Lee")
    names = [column.attname for column in statements.columns_of(Booking)]
    values = dict(zip(names, statements.stored(left, "default"), strict=True))
    assert (values["name_key"], left.name_key, values["customer_name"]) == ("", "", "Ann Lee")


def test_rows_are_inserted_in_order_and_numbered(make_venue):
    venue = make_venue()
    rows = [statements.stored(venue, "default") for _ in range(3)]
    numbers = statements.insert_and_number(Venue, rows, "default")
    assert numbers == sorted(set(numbers))
    assert statements.insert_all(Venue, iter(rows), "default") == 3
    assert [data(it) | {"id": 0} for it in Venue.objects.all()] == [data(venue) | {"id": 0}] * 7


def test_statements_are_prepared_unless_a_pooler_stands_between(make_venue):
    """A pooler in transaction mode gives the next statement another session, in which nothing is prepared."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite keeps its own statements prepared.")
    venue = make_venue()
    driver = connections["default"].connection

    def prepared(threshold):
        before, driver.prepare_threshold = driver.prepare_threshold, threshold
        least = -1 if threshold is None else threshold  # so that the two statements differ
        one = Statement(lambda: Venue.objects.filter(pk=PK, capacity__gt=least))
        try:
            assert one.objects(pk=venue.pk) == [venue]
            with connection.cursor() as cursor:
                text = f"%venues_venue%capacity%> {least}%"
                cursor.execute("SELECT COUNT(*) FROM pg_prepared_statements WHERE statement LIKE %s", [text])
                return cursor.fetchone()[0]
        finally:
            driver.prepare_threshold = before

    assert driver.prepare_threshold == 0
    assert (prepared(0), prepared(None)) == (1, 0)


def test_statement_that_is_prepared_is_planned_once(make_type):
    """Left to itself, PostgreSQL would plan this one each time, at three times the cost of running it."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite keeps its own statements prepared.")
    seat = make_type()
    for _ in range(10):
        OFFERED.rows(ids=[seat.pk], wanted=1)
    with connection.cursor() as cursor:
        cursor.execute("SELECT MAX(generic_plans), SUM(custom_plans) FROM pg_prepared_statements")
        planned, again = cursor.fetchone()
    assert planned >= 10
    assert again == 0
