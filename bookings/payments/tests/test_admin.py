"""Payments and refunds in the back office."""

import csv
import io
import re
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.utils import timezone

from bookings.models import Booking
from bookings.payments.models import Payment, ProviderEvent, Refund
from bookings.payments.providers.base import Outcome
from bookings.payments.refunding import apply_outcome
from config.access.roles import Role
from config.tests.harness.pages import FormReader, act, messages_of, staff, url
from conftest import make_user

NBSP = "\N{NO-BREAK SPACE}"


@pytest.fixture
def seat(make_type):
    return make_type()


@pytest.fixture
def paid(book, seat):
    """Three places for 149.70 EUR, paid in two parts."""
    booking = book((seat, 3)).confirm(payment_reference="till 1", amount=Decimal(100))
    return booking.confirm(payment_reference="till 2", amount=Decimal("49.70"))


def hidden(page):
    return {field.html_name: str(field.value()) for field in page.context["form"].hidden_fields()}


def asked(browser, action, *objects, **answers):
    """Runs an action and submits its form as it was shown."""
    where = {"from_page": "yes"} if len(objects) == 1 else {}
    page = act(browser, action, *objects, **where)
    return act(browser, action, *objects, **where, confirmed="yes", **hidden(page), **answers)


def balance(booking):
    booking.refresh_from_db()
    return [booking.amount_paid, booking.amount_refunded, booking.amount_due, booking.refund_amount]


# Payments of bookings


@pytest.mark.parametrize("method", ["cash", "card", "transfer", "other"])
def test_payment_without_a_reference_is_recorded_once(book, method):
    booking, browser = book(), staff(Role.BOX_OFFICE)
    asked(browser, "confirm", booking, method=method)
    payment = booking.payments.get()
    assert (payment.method, payment.reference, payment.amount) == (method, "", Decimal("49.90"))
    assert payment.by.username == "staff-box-office"
    assert balance(booking) == [Decimal("49.90"), 0, 0, 0]


def test_payment_that_is_sent_twice_is_recorded_once(book):
    booking, browser = book().confirm(), staff(Role.BOX_OFFICE)
    form = hidden(act(browser, "record_payment", booking, from_page="yes"))
    for _ in range(2):
        answer = act(
            browser, "record_payment", booking, from_page="yes", confirmed="yes", method="cash", amount="20", **form
        )
    assert messages_of(answer) == [("warning", f"{booking}: skipped, because a payment has been recorded already.")]
    assert balance(booking) == [20, 0, Decimal("29.90"), 0]


def test_fee_of_a_cancelled_booking_can_be_paid(book):
    booking, browser = book().confirm(), staff(Role.BOX_OFFICE)
    page = act(browser, "cancel", booking)
    act(browser, "cancel", booking, confirmed="yes", reason="ill", fee="9.90", **hidden(page))
    assert balance(booking) == [0, 0, Decimal("9.90"), 0]
    asked(browser, "record_payment", booking, method="cash")
    assert balance(booking) == [Decimal("9.90"), 0, 0, 0]


def test_unpaid_booking_is_confirmed_only_with_the_permission(book):
    browser, other = staff(Role.BOX_OFFICE), book()
    user = make_user(username="clerk", is_staff=True)
    names = ["view_booking", "change_booking", "confirm_booking"]
    user.user_permissions.add(*Permission.objects.filter(codename__in=names))
    clerk = Client()
    clerk.force_login(user)
    ((level, text),) = messages_of(asked(clerk, "confirm", other))
    assert (level, "49.90 EUR is missing" in text) == ("error", True)
    asked(browser, "confirm", other)
    other.refresh_from_db()
    assert (other.status, other.amount_due) == ("confirmed", Decimal("49.90"))


def test_amount_has_the_decimals_of_its_currency(book, make_type, make_event):
    booking = book((make_type(event=make_event(currency="JPY"), price=500), 1))
    browser = staff()
    page = act(browser, "confirm", booking)
    assert page.context["form"]["amount"].value() == "500"
    assert 'step="1"' in page.content.decode()
    page = asked(browser, "confirm", booking, method="cash", amount="499.50")
    assert "amount" in page.context["form"].errors
    assert booking.payments.count() == 0


# Refunds


def test_refund_shows_its_payments_and_takes_an_amount_and_a_reason(paid):
    browser = staff(Role.BOX_OFFICE)
    paid.cancel()
    page = act(browser, "refund", paid)
    (line,) = page.context["lines"]
    assert line.endswith(f"from Other till 1: 100.00{NBSP}EUR; Other till 2: 49.70{NBSP}EUR.")
    assert page.context["form"]["amount"].value() == "149.70"
    act(browser, "refund", paid, confirmed="yes", amount="120.00", reason="ill", **hidden(page))
    refunds = Refund.objects.order_by("payment_id")
    assert list(refunds.values_list("amount", "reason")) == [(100, "ill"), (20, "ill")]
    assert balance(paid) == [Decimal("149.70"), 120, 0, Decimal("29.70")]


def test_refund_is_made_once_however_often_its_form_is_sent(paid):
    browser = staff(Role.BOX_OFFICE)
    paid.cancel()
    form = hidden(act(browser, "refund", paid))
    act(browser, "refund", paid, confirmed="yes", amount="50", **form)
    page = act(browser, "refund", paid, confirmed="yes", amount="50", **form)
    assert messages_of(page) == [("error", f"{paid} has changed. Nothing was done: check it again.")]
    assert Refund.objects.count() == 1


@pytest.mark.parametrize(
    ("role", "reason", "refunded"),
    [(Role.BOX_OFFICE, "sorry", 0), (Role.MANAGER, "", 0), (Role.MANAGER, "sorry", 10)],
)
def test_more_than_what_is_due_needs_the_permission_and_a_reason(paid, role, reason, refunded):
    browser = staff(role)
    page = browser.get(url(Booking, "change", paid.pk))
    assert ("refund" in dict(page.context["page_actions"])) == (role == Role.MANAGER)
    asked(browser, "refund", paid, amount="10", reason=reason)
    assert balance(paid) == [Decimal("149.70"), refunded, 0, 0]
    assert paid.goodwill_amount == refunded


def test_one_payment_is_refunded_from_its_page(paid):
    browser = staff(Role.BOX_OFFICE)
    paid.cancel()
    payment = paid.payments.get(reference="till 2")
    answer = asked(browser, "refund", payment, amount="49.70", reason="ill")
    assert messages_of(answer) == [("success", "Refunded: 1 payment.")]
    payment.refresh_from_db()
    assert (payment.amount_refunded, balance(paid)[3]) == (Decimal("49.70"), 100)
    page = browser.get(url(Payment, "change", payment.pk))
    assert page.context["page_actions"] == []


def test_failed_refund_is_shown_and_can_be_tried_again(paid):
    browser = staff(Role.BOX_OFFICE)
    paid.cancel()
    (first, _second) = paid.refund()
    apply_outcome(first, Outcome("failed", error="The card was closed."))
    page = browser.get(url(Booking, "change", paid.pk)).content.decode()
    assert '<span class="badge failed">Failed</span> The card was closed.' in page
    failed = browser.get("/admin/").context["failed_refunds"]
    assert [(row["booking"], row["error"]) for row in failed] == [(paid, "The card was closed.")]
    asked(browser, "refund", paid, reason="by transfer")
    assert balance(paid)[1:] == [Decimal("149.70"), 0, 0]
    assert browser.get("/admin/").context["failed_refunds"] == []


# Cancellation with a fee


def test_fee_is_kept_of_the_whole_and_of_tickets(paid):
    browser = staff(Role.BOX_OFFICE)
    code = paid.tickets.first().code
    asked(browser, "cancel_tickets", paid, tickets=[code], fee="5", reason="ill")
    assert balance(paid)[2:] == [0, Decimal("44.90")]
    page = act(browser, "cancel", paid)
    assert page.context["form"].fields["fee"].max_value == Decimal("99.80")
    act(browser, "cancel", paid, confirmed="yes", fee="10.00", reason="ill", **hidden(page))
    assert balance(paid)[2:] == [0, Decimal("134.70")]
    assert paid.cancellation_fee == 15


@pytest.mark.parametrize("fee", ["-1", "149.71", "1.001"])
def test_wrong_fee_cancels_nothing(paid, fee):
    page = asked(staff(), "cancel", paid, fee=fee, reason="")
    assert list(page.context["form"].errors) == ["fee"]
    paid.refresh_from_db()
    assert paid.status == "confirmed"


def test_several_bookings_are_cancelled_without_a_fee(book, seat):
    page = act(staff(), "cancel", book((seat, 1)).confirm(), book((seat, 1)).confirm())
    assert "fee" not in page.context["form"].fields


# Pages and lists


def test_page_of_a_booking_shows_where_its_money_is(paid):
    paid.cancel(tickets=[paid.tickets.first().code], fee=Decimal(5))
    paid.refund(amount=Decimal(20), reason="ill")
    paid.refund(amount=Decimal(30), reason="sorry", may_exceed=True)
    page = staff(Role.AUDITOR).get(url(Booking, "change", paid.pk))
    assert [(str(name), amount.replace(NBSP, " ")) for name, amount in page.context["money"]["figures"]] == [
        ("Total when booked", "149.70 EUR"),
        ("Cancelled", "49.90 EUR"),
        ("Cancellation fee", "5.00 EUR"),
        ("Goodwill", "5.10 EUR"),
        ("Paid", "149.70 EUR"),
        ("Refunded", "50.00 EUR"),
    ]
    html = page.content.decode()
    assert html.count('<span class="badge succeeded">Succeeded</span>') == 4
    assert url(Payment, "change", paid.payments.first().pk) in html


@pytest.mark.parametrize(("role", "is_shown"), [(None, True), (Role.MANAGER, False)])
def test_body_of_an_event_is_for_superusers(paid, role, is_shown):
    payment = paid.payments.first()
    event = ProviderEvent.objects.create(
        provider="manual",
        event_id="evt_1",
        kind="charge.spare",
        body='{"secret": 1}',
        payment=payment,
        error="Strange.",
    )
    browser = staff(role)
    pages = [url(Payment, "change", payment.pk), url(ProviderEvent, "change", event.pk)]
    for page in (browser.get(path).content.decode() for path in pages):
        assert ("{&quot;secret&quot;: 1}" in page, "charge.spare" in page, "Strange." in page) == (is_shown, True, True)


def test_list_of_payments_is_found_filtered_and_exported(paid, settings):
    settings.BACK_OFFICE_TIME_ZONE = "Asia/Tokyo"
    Payment.objects.filter(reference="till 1").update(succeeded_at="2026-10-20T15:30:00Z", method="cash")
    browser = staff(Role.AUDITOR)

    def found(**query):
        return sorted(str(it) for it in browser.get(url(Payment, "changelist"), query).context["cl"].queryset)

    for query in ({"q": "till 1"}, {"method__exact": "cash"}, {"paid_from": "2026-10-21", "paid_to": "2026-10-21"}):
        assert found(**query) == ["till 1"]
    for query in ({"q": paid.confirmation_code.lower()}, {"status__exact": "succeeded"}, {"provider": "manual"}):
        assert found(**query) == ["till 1", "till 2"]
    for query in ({"paid_from": "2026-10-20", "paid_to": "2026-10-20"}, {"q": "till"}):
        assert found(**query) == []
    assert "21 Oct 2026, 00:30" in browser.get(url(Payment, "changelist")).content.decode()
    answer = browser.get(url(Payment, "export"), {"q": "till 1"})
    table = b"".join(answer.streaming_content).decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(table, newline=""))
    assert (row["booking"], row["amount"], row["method"]) == (paid.confirmation_code, "100.00", "cash")
    assert row["succeeded at (UTC)"] == "2026-10-20 15:30:00"


def test_what_is_sold_and_not_paid_is_listed(book, seat, paid):
    unpaid, _held = book((seat, 1)).confirm(), book((seat, 1))
    browser = staff()
    page = browser.get(url(Booking, "changelist"), {"due": "yes"})
    assert list(page.context["cl"].queryset) == [unpaid]
    assert f"Confirmed, due: 49.90{NBSP}EUR" in page.content.decode()
    assert [row["booking"] for row in browser.get("/admin/").context["unpaid"]] == [unpaid]


@pytest.mark.parametrize(("role", "count"), [(Role.MANAGER, 1), (Role.BOX_OFFICE, None)])
def test_unhandled_events_are_counted_for_managers(db, role, count):
    ProviderEvent.objects.create(provider="manual", event_id="evt_1", kind="spare")
    ProviderEvent.objects.create(provider="manual", event_id="evt_2", kind="spare", handled_at=timezone.now())
    browser = staff(role)
    assert browser.get("/admin/").context.get("unhandled_count") == count
    listed = browser.get(url(ProviderEvent, "changelist"), {"handled": "no"})
    assert listed.status_code == (200 if count else 403)


# The counter and the till


def sell(browser, seat, **typed):
    page = f"{url(Booking, 'sell')}?event={seat.event_id}"
    form = FormReader(browser.get(page).content.decode(), "sale_form").data
    form |= {f"quantity_{seat.pk}": "2", **typed}
    return [browser.post(page, form, follow=True) for _ in range(2)]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ({"payment": "cash"}, [("cash", "")]),
        ({"payment": "card", "payment_reference": "slip 7"}, [("card", "slip 7")]),
        ({"payment": "invoice"}, []),
    ],
)
def test_sale_that_is_sent_twice_takes_the_money_once(seat, typed, expected):
    answers = sell(staff(Role.BOX_OFFICE), seat, **typed)
    booking = Booking.objects.get()
    assert booking.status == "confirmed"
    assert list(booking.payments.values_list("method", "reference")) == expected
    assert booking.amount_due == (0 if expected else Decimal("99.80"))
    assert messages_of(answers[0]) == messages_of(answers[1])


def test_sale_on_invoice_says_what_stays_due(seat):
    answer, _ = sell(staff(Role.BOX_OFFICE), seat, payment="invoice")
    assert f"99.80{NBSP}EUR stays due" in messages_of(answer)[0][1]
    answer, _ = sell(staff(), seat, payment="cash")
    assert "due" not in messages_of(answer)[0][1]


def test_invoice_with_a_reference_is_refused(seat):
    answer, _ = sell(staff(Role.BOX_OFFICE), seat, payment="invoice", payment_reference="slip 7")
    assert list(answer.context["form"].errors) == ["payment_reference"]
    assert Booking.objects.count() == 0


def test_free_sale_has_no_payment(make_type):
    sell(staff(Role.BOX_OFFICE), make_type(price=0), payment="cash")
    assert (Booking.objects.get().status, Payment.objects.count()) == ("confirmed", 0)


def test_cash_is_not_taken_when_nothing_is_sold(seat, monkeypatch):
    receive = Booking.receive

    def too_late(self, receipt, **options):
        seat.event.cancel(reason="storm", at=timezone.now())
        return receive(self, receipt, **options)

    monkeypatch.setattr(Booking, "receive", too_late)
    sell(staff(), seat, payment="cash")
    assert (Booking.objects.get().status, Payment.objects.count()) == ("cancelled", 0)


def test_invoice_needs_the_permission(seat):
    browser = staff(Role.BOX_OFFICE)
    group = Group.objects.get(name="Box office")
    group.permissions.remove(Permission.objects.get(codename="confirm_unpaid"))
    answer, _ = sell(browser, seat, payment="invoice")
    assert list(answer.context["form"].errors) == ["payment"]
    assert Booking.objects.count() == 0


def test_till_adds_up_a_day(seat, settings):
    settings.BACK_OFFICE_TIME_ZONE = "Asia/Tokyo"
    browser = staff(Role.BOX_OFFICE)
    sell(browser, seat, payment="cash")
    sell(browser, seat, payment="card", payment_reference="slip 7")
    Payment.objects.update(succeeded_at="2026-11-30T15:30:00Z")
    page = browser.get(f"{url(Payment, 'till')}?day=2026-12-01")
    amount = f"99.80{NBSP}EUR"
    assert page.context["totals"] == [("Card", amount), ("Cash", amount)]
    assert [(row["user"], row["method"], row["net"]) for row in page.context["rows"]] == [
        ("staff-box-office", "Card", amount),
        ("staff-box-office", "Cash", amount),
    ]
    table = b"".join(browser.get(f"{url(Payment, 'till')}?day=2026-12-01&format=csv").streaming_content).decode()
    assert "staff-box-office,card,EUR,99.80,0.00,99.80,1" in table
    assert browser.get(f"{url(Payment, 'till')}?day=2026-11-30").context["rows"] == []


@pytest.mark.parametrize("day", ["", "x", "2026-02-30", "0001-01-01", "9999-12-31"])
def test_till_shows_today_for_what_is_no_day(db, day):
    page = staff().get(url(Payment, "till"), {"day": day})
    assert (page.status_code, bool(re.fullmatch(r"20\d\d-\d\d-\d\d", page.context["day"]))) == (200, True)
