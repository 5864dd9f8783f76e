"""Selling at the counter."""

import datetime as dt
import re
from decimal import Decimal

import pytest
from django.utils import timezone

from bookings.models import Booking
from config.access.roles import Role
from config.tests.harness.pages import FormReader, messages_of, staff, url
from events.models import Event
from ticket_types.models import TicketType


@pytest.fixture
def seat(make_type, make_event):
    return make_type(event=make_event(capacity=10))


def page_of(event):
    return f"{url(Booking, 'sell')}?event={event.pk}"


def open_page(browser, event):
    return FormReader(browser.get(page_of(event)).content.decode(), "sale_form").data


def sell(browser, event, form, **typed):
    return browser.post(page_of(event), {**form, **typed}, follow=True)


def errors_of(answer):
    return {name: list(texts) for name, texts in answer.context["form"].errors.items()}


def facts():
    return list(Booking.objects.order_by("created_at").values_list("status", "quantity", "total_price"))


@pytest.mark.parametrize("role", [Role.MANAGER, Role.BOX_OFFICE])
def test_sale_books_and_confirms_in_one_go(seat, role, figures):
    browser = staff(role)
    form = open_page(browser, seat.event)
    typed = {f"quantity_{seat.pk}": "2", "customer_name": "Bo Ek", "customer_email": "bo@example.com"}
    answer = sell(browser, seat.event, form, **typed, payment_reference="till 4")
    booking = Booking.objects.get()
    assert (booking.status, booking.customer_name, booking.customer_email) == ("confirmed", "Bo Ek", "bo@example.com")
    assert (booking.payment_reference, booking.metadata) == ("till 4", {"channel": "counter"})
    assert booking.tickets.count() == 2
    assert [change.by_name for change in booking.changes.all()] == [f"staff-{role}"] * 2
    assert figures() == {"Concert": 2, "Seat": 2}
    ((level, text),) = messages_of(answer)
    assert (level, "Sold: 2 × Seat, 99.80\N{NO-BREAK SPACE}EUR to Bo Ek. Booking" in text) == ("success", True)
    assert url(Booking, "change", booking.pk) in text
    assert answer.redirect_chain == [(page_of(seat.event), 302)]


def test_customer_without_a_name_and_an_address_has_ones_that_lead_nowhere(seat):
    seat.event.revise(max_per_customer=1)
    browser = staff()
    for _ in range(2):  # each walk-in customer is one of their own
        sell(browser, seat.event, open_page(browser, seat.event), **{f"quantity_{seat.pk}": "1"})
    names = Booking.objects.values_list("customer_name", "customer_email")
    assert {name for name, _ in names} == {"Walk-in customer"}
    assert len({address for _, address in names}) == 2
    assert {address.partition("@")[2] for _, address in names} == {"walk-in.invalid"}


def test_form_sent_twice_sells_once(seat):
    browser = staff()
    form = {**open_page(browser, seat.event), f"quantity_{seat.pk}": "2"}
    first, second = (sell(browser, seat.event, form) for _ in range(2))
    assert messages_of(first) == messages_of(second)
    assert facts() == [("confirmed", 2, Decimal("99.80"))]


def test_form_used_again_for_something_else_sells_nothing_until_it_was_looked_at(seat):
    browser = staff()
    form = open_page(browser, seat.event)
    sell(browser, seat.event, form, **{f"quantity_{seat.pk}": "2"})
    answer = sell(browser, seat.event, form, **{f"quantity_{seat.pk}": "3"})
    assert errors_of(answer) == {
        "__all__": ["This form was already used for another sale. Nothing was sold: submit it again."]
    }
    assert len(facts()) == 1
    shown = FormReader(answer.content.decode(), "sale_form").data
    assert (shown[f"quantity_{seat.pk}"], shown["key"] != form["key"]) == ("3", True)
    sell(browser, seat.event, shown)
    assert len(facts()) == 2


def test_price_that_changed_meanwhile_is_told_first(seat, figures):
    browser = staff()
    form = open_page(browser, seat.event)
    TicketType.objects.get().revise(price=60)
    answer = sell(browser, seat.event, form, **{f"quantity_{seat.pk}": "2"})
    assert errors_of(answer) == {
        "__all__": ["A price has changed. Nothing was sold: check the new total and submit again."]
    }
    assert (figures(), facts()) == ({"Concert": 0, "Seat": 0}, [])
    shown = FormReader(answer.content.decode(), "sale_form").data
    assert shown[f"price_{seat.pk}"] == "60.00"
    sell(browser, seat.event, shown)
    assert facts()[-1] == ("confirmed", 2, Decimal(120))


def test_sale_takes_the_fee_that_the_page_shows(seat):
    seat.revise(fee=Decimal("2.50"), tax_rate=Decimal("7.7"))
    browser = staff()
    page = browser.get(page_of(seat.event)).content.decode()
    assert 'data-price="52.40"' in page
    assert "with a fee of 2.50\N{NO-BREAK SPACE}EUR" in page
    sell(browser, seat.event, open_page(browser, seat.event), **{f"quantity_{seat.pk}": "2"})
    assert facts() == [("confirmed", 2, Decimal("104.80"))]
    shown = browser.get(url(Booking, "change", Booking.objects.get().pk)).content.decode()
    for text in ("5.00\N{NO-BREAK SPACE}EUR", "7.49\N{NO-BREAK SPACE}EUR (7.7 %)"):
        assert text in shown


def test_refusal_is_shown_beside_what_it_is_about(seat, make_type, book, figures):
    small = make_type(event=seat.event, name="Box", capacity=2)
    browser = staff()
    form = open_page(browser, seat.event)
    book((small, 2))
    answer = sell(browser, seat.event, form, **{f"quantity_{seat.pk}": "1", f"quantity_{small.pk}": "1"})
    assert errors_of(answer) == {f"quantity_{small.pk}": ["“Box”: 1 requested, 0 available."]}
    assert figures() == {"Concert": 2, "Seat": 0, "Box": 2}
    assert Booking.objects.count() == 1


def test_refusal_about_the_whole_is_shown_above(seat, figures):
    seat.event.revise(max_per_customer=1)
    browser = staff()
    typed = {f"quantity_{seat.pk}": "2", "customer_email": "bo@example.com"}
    answer = sell(browser, seat.event, open_page(browser, seat.event), **typed)
    detail = "A customer may have 1 places of this event, and this one has 0."
    assert errors_of(answer) == {"__all__": [detail]}
    assert figures() == {"Concert": 0, "Seat": 0}


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ({}, "__all__"),
        ({"quantity": "0"}, "__all__"),
        ({"quantity": "-1"}, "quantity"),
        ({"quantity": "11"}, "quantity"),
        ({"quantity": "x"}, "quantity"),
        ({"quantity": "1", "customer_email": "nobody"}, "customer_email"),
        ({"quantity": "1", "customer_name": "a\u202eb"}, "customer_name"),
        ({"quantity": "1", "key": "x"}, "key"),
    ],
)
def test_form_that_makes_no_sale_says_why(seat, typed, name, figures):
    browser = staff()
    names = {"quantity": f"quantity_{seat.pk}"}
    typed = {names.get(field, field): value for field, value in typed.items()}
    answer = sell(browser, seat.event, open_page(browser, seat.event), **typed)
    assert list(errors_of(answer)) == [names.get(name, name)]
    assert (Booking.objects.count(), figures()) == (0, {"Concert": 0, "Seat": 0})


def test_what_is_not_on_sale_cannot_be_chosen(seat, make_type):
    later = make_type(event=seat.event, name="Later", sales_start_at=timezone.now() + dt.timedelta(days=1))
    browser = staff()
    page = browser.get(page_of(seat.event)).content.decode()
    assert f'name="quantity_{later.pk}"' not in page
    assert "On sale later" in page
    typed = {f"quantity_{later.pk}": "1", f"quantity_{seat.pk}": "1"}
    answer = sell(browser, seat.event, open_page(browser, seat.event), **typed)
    refusal = "“Later” cannot be booked: its sale has not started."
    assert errors_of(answer) == {f"quantity_{later.pk}": [refusal]}
    assert Booking.objects.count() == 0


def test_sale_whose_event_is_cancelled_in_between_holds_nothing(seat, monkeypatch, figures):
    receive = Booking.receive

    def too_late(self, receipt, **facts):
        Event.objects.get().cancel(reason="storm", at=timezone.now())
        return receive(self, receipt, **facts)

    monkeypatch.setattr(Booking, "receive", too_late)
    browser = staff()
    typed = {f"quantity_{seat.pk}": "1", "payment_reference": "till 4"}
    answer = sell(browser, seat.event, open_page(browser, seat.event), **typed)
    noted = "The payment till 4 was recorded: a refund of 49.90\N{NO-BREAK SPACE}EUR is due."
    assert errors_of(answer) == {"__all__": [f"The booking was cancelled. {noted}"]}
    assert (facts()[0][0], figures()) == ("cancelled", {"Concert": 0, "Seat": 0})


def test_sale_that_cannot_be_confirmed_lets_its_places_go(seat, monkeypatch, figures):
    from bookings.problems import SoldOut

    def refuse(self, receipt, **facts):
        raise SoldOut("No more.")

    monkeypatch.setattr(Booking, "receive", refuse)
    browser = staff()
    answer = sell(browser, seat.event, open_page(browser, seat.event), **{f"quantity_{seat.pk}": "1"})
    assert errors_of(answer) == {"__all__": ["No more."]}
    assert (facts()[0][0], figures()) == ("cancelled", {"Concert": 0, "Seat": 0})


def test_page_without_an_event_lets_one_be_chosen_of_what_is_on_sale(seat, make_event, make_type, book):
    make_event(name="No types")
    full = make_type(event=make_event(name="Full", capacity=1))
    book((full, 1))
    soon = make_type(event=make_event(name="Soon", starts_at=timezone.now() + dt.timedelta(days=1)))
    browser = staff(Role.BOX_OFFICE)

    def offered(**query):
        return [event.name for event, *_ in browser.get(url(Booking, "sell"), query).context["events"]]

    assert offered() == ["Soon", "Concert"]
    assert offered(q="conc hall") == ["Concert"]
    assert offered(q="barn") == []
    assert offered(event="x") == offered(event="9" * 30) == offered(event="0") == ["Soon", "Concert"]
    assert browser.get(page_of(soon.event)).context["title"] == "Soon"


@pytest.mark.parametrize("role", [Role.DOOR, Role.AUDITOR])
def test_nobody_sells_who_may_not(seat, role, figures):
    browser = staff(role)
    assert browser.get(page_of(seat.event)).status_code == 403
    assert browser.post(page_of(seat.event), {f"quantity_{seat.pk}": "1"}).status_code == 403
    assert (Booking.objects.count(), figures()) == (0, {"Concert": 0, "Seat": 0})
    assert url(Booking, "sell") not in [link for _, link, _ in browser.get("/admin/").context["navigation"]]


def test_page_takes_as_many_queries_for_three_types_as_for_one(make_type, django_assert_num_queries):
    seat = make_type()
    browser = staff()
    with django_assert_num_queries(6):
        browser.get(page_of(seat.event))
    for number in (1, 2):
        make_type(event=seat.event, name=f"Seat {number}")
    with django_assert_num_queries(6):
        browser.get(page_of(seat.event))


# Where one begins to type, and what cannot be sold


def focused(page):
    (tag,) = re.findall(r"<(?:input|a)[^>]*autofocus[^>]*>", page.content.decode())
    return re.search(r'(?:name|href)="([^"]*)"', tag)[1]


def test_first_quantity_that_can_be_sold_has_the_focus(seat, make_type):
    later = make_type(event=seat.event, name="Later", position=0, sales_start_at=timezone.now() + dt.timedelta(days=1))
    TicketType.objects.filter(pk=seat.pk).update(position=1)
    browser = staff()
    assert TicketType.objects.first() == later
    assert focused(browser.get(page_of(seat.event))) == f"quantity_{seat.pk}"
    form = open_page(browser, seat.event)
    assert focused(sell(browser, seat.event, form)) == f"quantity_{seat.pk}"
    wrong = {f"quantity_{seat.pk}": "1", "customer_email": "nobody"}
    assert focused(sell(browser, seat.event, form, **wrong)) == "customer_email"
    assert focused(browser.get(url(Booking, "sell"))) == "q"


@pytest.mark.parametrize(
    ("quantity", "fault"),
    [
        ("11", "A booking may have 1 to 10 of “Seat”."),
        ("9" * 30, "Ensure this value is less than or equal to 100."),
        ("-1", "Enter a whole number, 0 or more."),
        ("1.5", "Enter a whole number, 0 or more."),
        ("two", "Enter a whole number, 0 or more."),
    ],
)
def test_quantity_that_is_none_is_refused_in_plain_words(seat, quantity, fault):
    browser = staff()
    typed = {f"quantity_{seat.pk}": quantity}
    answer = sell(browser, seat.event, open_page(browser, seat.event), **typed)
    assert errors_of(answer) == {f"quantity_{seat.pk}": [fault]}


def quantity_field(page, kind):
    return re.search(rf'<input type="number" name="quantity_{kind.pk}"[^>]*>', page.content.decode())[0]


def test_more_than_is_left_is_refused_at_once_with_what_is_left(seat, make_type, book):
    few = make_type(event=seat.event, name="Box 100%", capacity=3, max_per_booking=8)
    browser = staff()
    form = open_page(browser, seat.event)
    page = browser.get(page_of(seat.event))
    assert ' max="3"' in quantity_field(page, few)
    assert ' max="10"' in quantity_field(page, seat)
    answer = sell(browser, seat.event, form, **{f"quantity_{few.pk}": "4"})
    assert errors_of(answer) == {f"quantity_{few.pk}": ["“Box 100%”: 4 requested, 3 available."]}
    book((few, 3))
    answer = sell(browser, seat.event, form, **{f"quantity_{few.pk}": "3"})
    assert errors_of(answer) == {f"quantity_{few.pk}": ["“Box 100%”: 3 requested, 0 available."]}
    assert Booking.objects.count() == 1


def test_form_that_sold_the_last_places_and_is_sent_twice_sells_once(make_type):
    last = make_type(capacity=3)
    browser = staff()
    form = {**open_page(browser, last.event), f"quantity_{last.pk}": "3"}
    first, second = (sell(browser, last.event, form) for _ in range(2))
    assert messages_of(first) == messages_of(second)
    assert facts() == [("confirmed", 3, Decimal("149.70"))]


def test_look_again_keeps_what_was_typed_and_shows_what_is_by_now(seat, book):
    browser = staff()
    form = open_page(browser, seat.event)
    book((seat, 6))
    TicketType.objects.get().revise(price=60)
    typed = {f"quantity_{seat.pk}": "9", "customer_name": "Bo Ek", "payment_reference": "till 4"}
    page = sell(browser, seat.event, form, **typed, refresh="yes")
    assert errors_of(page) == {}
    assert ' max="4"' in quantity_field(page, seat)
    shown = FormReader(page.content.decode(), "sale_form").data
    assert {name: shown[name] for name in typed} == typed
    assert (shown["key"], shown[f"price_{seat.pk}"]) == (form["key"], "60.00")
    assert facts() == [("pending", 6, Decimal("299.40"))]
    sell(browser, seat.event, shown, **{f"quantity_{seat.pk}": "4"})
    assert facts()[-1] == ("confirmed", 4, Decimal(240))


def test_open_page_asks_for_what_is_left_by_now(seat, make_type, book, django_assert_num_queries):
    box = make_type(event=seat.event, name="Box", max_per_booking=8)
    browser = staff()
    page = browser.get(page_of(seat.event)).content.decode()
    assert f'<td class="count" data-available="{box.pk}">10</td>' in page

    def left():
        answer = browser.get(f"{page_of(seat.event)}&available=yes").json()
        assert re.fullmatch(r"\d\d:\d\d", answer["now"])
        assert f"{10 - int(answer['available'][str(seat.pk)][0])} / 10</span>" in answer["bar"]
        return answer["available"]

    assert left() == {str(seat.pk): ["10", 10, "Seat: 10 available"], str(box.pk): ["10", 8, "Box: 10 available"]}
    book((seat, 10))
    with django_assert_num_queries(5):
        assert left() == {str(seat.pk): ["0", 0, "Seat: 0 available"], str(box.pk): ["0", 0, "Box: 0 available"]}
    assert staff(Role.DOOR).get(f"{page_of(seat.event)}&available=yes").status_code == 403


def test_look_again_at_what_cannot_be_sold_any_more_says_why(seat):
    browser = staff()
    form = open_page(browser, seat.event)
    seat.event.cancel(reason="storm", at=timezone.now())
    page = sell(browser, seat.event, form, refresh="yes")
    assert page.context["state"] == "cancelled"


def test_time_of_what_is_shown_names_its_zone_and_a_missing_payment_is_explained(seat):
    page = staff().get(page_of(seat.event)).content.decode()
    now = r"\d\d:\d\d"
    assert re.search(rf'Prices of {now}, places of <span id="now">{now}</span>, Europe/Vienna\.', page)
    assert "Such as the number of the receipt; may be empty." in page


def unsold(event):
    page = staff().get(page_of(event))
    assert "sale_form" not in page.content.decode()
    assert page.context["event_url"] == url(Event, "change", event.pk)
    return page.context["state"], page


def test_event_that_cannot_be_sold_says_why_instead_of_showing_a_form(make_event, make_type, book):
    draft = make_event(is_published=False)
    assert unsold(draft)[0] == "not_published"


def test_event_without_ticket_types_says_so(make_event):
    assert unsold(make_event())[0] == "no_ticket_types"


def test_event_whose_sale_begins_later_says_when(make_event, make_type):
    event = make_event()
    make_type(event=event, sales_start_at=dt.datetime(2090, 6, 12, 8, 0, tzinfo=dt.UTC))
    state, page = unsold(event)
    assert state == "not_started"
    assert "It starts on Mon 12 Jun 2090, 10:00 CEST." in page.content.decode()


def test_event_that_was_cancelled_is_over_or_sold_out_says_so(make_event, make_type, book):
    full = make_type(event=make_event(name="Full", capacity=1))
    book((full, 1))
    browser = staff()
    assert browser.get(page_of(full.event)).context["state"] == "sold_out"
    over = make_type(event=make_event(name="Over"), sales_end_at=timezone.now() - dt.timedelta(hours=1))
    assert browser.get(page_of(over.event)).context["state"] == "ended"
    now = timezone.now()
    hours = {"starts_at": now - dt.timedelta(hours=9), "ends_at": now - dt.timedelta(hours=1)}
    Event.objects.filter(pk=over.event.pk).update(**hours)
    assert browser.get(page_of(over.event)).context["state"] == "over"
    over.event.cancel(reason="The singer is ill", at=timezone.now())
    assert "This event is cancelled. The singer is ill" in browser.get(page_of(over.event)).content.decode()
