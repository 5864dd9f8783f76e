"""The front page."""

import datetime as dt
from decimal import Decimal

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from bookings.models import Booking
from bookings.problems import HoldExpired
from config.access.roles import Role
from config.tests.harness.pages import staff
from events.models import Event

SPACE = "\N{NO-BREAK SPACE}"


def front_page(role=None):
    return staff(role).get(reverse("admin:index"))


def confirmed(booking, at):
    hour = dt.timedelta(hours=1)
    booking.confirm()
    Booking.objects.filter(pk=booking.pk).update(created_at=at - hour, expires_at=at + hour, confirmed_at=at)
    return booking


@pytest.fixture
def a_month(book, make_type, make_event):
    """Sales of today, of this week's Monday, of last week and of long ago, in two currencies."""
    euro, pound = make_type(), make_type(event=make_event(name="Jazz", currency="GBP"), price=Decimal(10))
    now = timezone.now()
    monday = (now - dt.timedelta(days=now.weekday())).replace(hour=0, minute=0, second=1)
    confirmed(book((euro, 2)), now.replace(hour=0, minute=0, second=2))
    confirmed(book((pound, 1)), monday)
    confirmed(book((euro, 3)), monday - dt.timedelta(days=2))
    confirmed(book((euro, 5)), now - dt.timedelta(days=40))
    return euro, pound


def test_tiles_tell_what_was_sold_today_this_week_and_in_30_days(a_month):
    page = front_page(Role.BOX_OFFICE)
    is_monday = timezone.now().weekday() == 0
    told = [(tile["name"], tile["tickets"], tile["bookings"], tile["amounts"]) for tile in page.context["tiles"]]
    euro, both = [f"99.80{SPACE}EUR"], [f"99.80{SPACE}EUR", f"10.00{SPACE}GBP"]
    assert told == [
        ("Sold today", 3 if is_monday else 2, 2 if is_monday else 1, both if is_monday else euro),
        ("Sold this week", 3, 2, both),
        ("Sold in 30 days", 6, 3, [f"249.50{SPACE}EUR", f"10.00{SPACE}GBP"]),
    ]


def test_each_number_leads_to_the_list_behind_it(a_month):
    browser = staff(Role.AUDITOR)
    page = browser.get(reverse("admin:index"))

    def added_up(link):
        totals = browser.get(link).context["cl"].totals
        return [(total.state, total.places, total.bookings, total.amounts) for total in totals]

    for tile in page.context["tiles"]:
        expected = ("confirmed", tile["tickets"], tile["bookings"], tile["amounts"])
        assert added_up(tile["url"]) == [expected]
    for row in page.context["by_event"]:
        assert [places for _, places, *_ in added_up(row["list_url"])] == [row["tickets"]]
    for name in ("holds", "refunds", "events"):
        found = browser.get(page.context[f"{name}_url"]).context["cl"].result_count
        assert str(found) == page.context[f"{name}_count"]


def test_chart_has_a_column_and_a_row_for_each_of_30_days(a_month):
    chart = front_page().context["daily"]
    assert chart.picture.count('class="column"') == len(chart.rows) == 30
    assert chart.header == ["Day", "Bookings", "Tickets", "EUR", "GBP"]
    assert sum(row[1] for row in chart.rows) == 3
    assert "style=" not in chart.picture
    assert 'aria-hidden="true"' in chart.picture


def test_events_are_ranked_by_the_tickets_sold_of_them(a_month):
    rows = front_page().context["by_event"]
    assert [(row["label"].partition(",")[0], row["tickets"], row["width"]) for row in rows] == [
        ("Concert", 5, "100.0"),
        ("Jazz", 1, "20.0"),
    ]


def test_to_do_lists_holds_that_run_out_and_payments_without_places(book, make_type, make_event):
    seat = make_type(event=make_event(capacity=3))
    soon = book((seat, 1), hold=dt.timedelta(minutes=3))
    book((seat, 1), hold=dt.timedelta(minutes=30))
    late = book((seat, 1), hold=dt.timedelta(microseconds=1))
    book((seat, 1))
    with pytest.raises(HoldExpired):
        late.confirm(payment_reference="pay-1")
    page = front_page(Role.BOX_OFFICE)
    assert [(row["booking"], row["minutes"]) for row in page.context["holds"]] == [(soon, 3)]
    assert (page.context["holds_count"], page.context["refunds_count"]) == ("1", "1")
    assert [row["booking"] for row in page.context["refunds"]] == [late]
    assert "pay-1" in page.content.decode()
    assert page.context["refunds_amounts"] == [f"49.90{SPACE}EUR"]


def test_payments_to_refund_are_added_up_in_each_currency(book, make_type, make_event):
    seat, pound = make_type(), make_type(event=make_event(name="Jazz", currency="GBP"))
    for number, kind in enumerate((seat, seat, pound)):
        book((kind, 2)).confirm(payment_reference=f"till {number}").cancel()
    browser = staff(Role.BOX_OFFICE)
    page = browser.get(reverse("admin:index"))
    sums = [f"199.60{SPACE}EUR", f"99.80{SPACE}GBP"]
    assert (page.context["refunds_count"], page.context["refunds_amounts"]) == ("3", sums)
    assert f"<li>{sums[0]}</li><li>{sums[1]}</li>" in page.content.decode()
    assert browser.get(page.context["refunds_url"]).context["cl"].refunds_due == sums


def test_coming_up_are_published_events_that_are_not_over_the_soonest_first(make_event, make_type, book):
    later = make_event(name="Later")
    make_event(name="Draft", is_published=False)
    now = timezone.now()
    soon = make_type(event=make_event(name="Soon", starts_at=now + dt.timedelta(days=1), capacity=4))
    over = make_event(name="Over")
    Event.objects.filter(pk=over.pk).update(starts_at=now - dt.timedelta(days=2), ends_at=now - dt.timedelta(days=1))
    book((soon, 1)).confirm()
    book((soon, 2))
    rows = front_page(Role.DOOR).context["events"]
    assert [row["event"] for row in rows] == [soon.event, later]
    assert "<title>1 sold, 2 held, 1 available</title>" in rows[0]["bar"]


SALES, TO_DO, EVENTS = {"tiles", "daily", "by_event"}, {"holds", "refunds"}, {"events"}


@pytest.mark.parametrize(
    ("role", "shown"),
    [
        (None, SALES | TO_DO | EVENTS),
        (Role.MANAGER, SALES | TO_DO | EVENTS),
        (Role.BOX_OFFICE, SALES | TO_DO | EVENTS),
        (Role.AUDITOR, SALES | TO_DO | EVENTS),
        (Role.DOOR, EVENTS),
    ],
)
def test_each_role_sees_what_it_may(a_month, role, shown):
    page = front_page(role)
    assert {name for name in SALES | TO_DO | EVENTS if page.context.get(name) is not None} == shown
    assert (f"{SPACE}EUR" in page.content.decode()) == (shown >= SALES)


def test_who_may_see_reports_alone_gets_no_links_to_bookings(a_month, django_user_model):
    user = django_user_model.objects.create(username="accountant", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_reports"))
    browser = Client()
    browser.force_login(user)
    page = browser.get(reverse("admin:index"))
    assert [tile["url"] for tile in page.context["tiles"]] == [None] * 3
    assert "/admin/bookings/" not in page.content.decode()


def test_empty_house_has_a_front_page_too(db):
    page = front_page()
    text = page.content.decode()
    assert page.context["daily"] is None
    assert "No sales in the last 30 days." in text
    assert "No upcoming events are published." in text


def test_front_page_takes_as_many_queries_for_many_as_for_one(book, make_type, django_assert_num_queries):
    book((make_type(), 1)).confirm()
    browser = staff()
    with django_assert_num_queries(20):  # one of them for the failed logins, which superusers see
        browser.get(reverse("admin:index"))
    for number in range(3):
        seat = make_type(name=f"Seat {number}")
        book((seat, 1)).confirm()
        book((seat, 1), hold=dt.timedelta(minutes=3))
    with django_assert_num_queries(20):
        browser.get(reverse("admin:index"))


def test_days_are_those_of_the_office(book, settings):
    noon = timezone.now().replace(hour=12, minute=0)
    confirmed(book(), noon.replace(hour=1))
    browser = staff()

    def sold_today():
        with time_machine.travel(noon, tick=False):
            page = browser.get(reverse("admin:index"))
        return page.context["tiles"][0]["tickets"], page.context["timezone"]

    assert sold_today() == (1, "UTC")
    settings.BACK_OFFICE_TIME_ZONE = "Pacific/Kiritimati"  # where it is 14 hours later, and so the next day
    assert sold_today() == (0, "Pacific/Kiritimati")
