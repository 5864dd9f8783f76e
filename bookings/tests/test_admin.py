import datetime as dt
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from bookings.models import Booking, BookingChange, Ticket
from config.access.roles import Role
from config.tests.harness.pages import act, faults_of, messages_of, open_form, send_form, staff, url


def overdue(booking):
    now = timezone.now()
    Booking.objects.filter(pk=booking.pk).update(
        created_at=now - dt.timedelta(hours=2), expires_at=now - dt.timedelta(hours=1)
    )
    return booking


def rows(browser, **query):
    return list(browser.get(url(Booking, "changelist"), query).context["cl"].queryset)


def carried(page):
    """What a page that asks sends with its answer, of what it showed."""
    return {field.html_name: str(field.value()) for field in page.context["form"].hidden_fields()}


def cancel(browser, *bookings, **answers):
    """Cancels bookings as somebody does who is asked first."""
    return act(browser, "cancel", *bookings, confirmed="yes", **carried(act(browser, "cancel", *bookings)), **answers)


def test_booking_is_corrected_in_the_name_of_who_did_it(book):
    browser, booking = staff(Role.BOX_OFFICE), book(metadata={"seat": "aisle"})
    form = open_form(browser, booking)
    assert form["metadata"] == "seat: aisle"
    send_form(browser, booking, form, customer_email="Ann.Lee@Example.com", metadata="seat: window\nlang: de:at")
    booking.refresh_from_db()
    assert (booking.customer_email, booking.customer_key) == ("Ann.Lee@Example.com", "ann.lee@example.com")
    assert booking.metadata == {"seat": "window", "lang": "de:at"}
    change = booking.changes.last()
    assert (change.verb, change.by_name) == ("correct", "staff-box-office")
    assert change.details == {"fields": ["customer_email", "metadata"]}


def test_correction_of_a_name_is_told_with_the_old_and_the_new_one(book):
    browser, booking = staff(Role.BOX_OFFICE), book()
    form = open_form(browser, booking)
    send_form(browser, booking, form, customer_name="Ann Smith", customer_email="ann.smith@example.com")
    for page in ("change", "history"):
        shown = browser.get(url(Booking, page, booking.pk)).content.decode()
        assert "Name: Ann Lee → Ann Smith" in shown
        assert "Fields: E-mail" in shown


@pytest.mark.parametrize(
    "notes", ["no colon", "bad name: x", "a: 1\na: 2", "a:" + "x" * 501, "\n".join("abcdefghijklmnopqrstu")]
)
def test_notes_that_the_api_would_not_take_are_refused(book, notes):
    browser, booking = staff(), book(metadata={"seat": "aisle"})
    answer = send_form(browser, booking, open_form(browser, booking), metadata=notes)
    assert list(faults_of(answer)) == ["metadata"]
    booking.refresh_from_db()
    assert booking.metadata == {"seat": "aisle"}


def test_correction_leaves_state_and_counters_as_they_are_by_now(make_type, book):
    seat = make_type(capacity=20)
    browser, booking = staff(), book((seat, 3))
    form = open_form(browser, booking)
    booking.confirm(payment_reference="ref")
    send_form(browser, booking, form, customer_name="Bo", status="expired", payment_reference="", quantity="9")
    booking.refresh_from_db()
    assert (booking.customer_name, booking.status, booking.payment_reference) == ("Bo", "confirmed", "ref")
    assert (booking.quantity, booking.tickets.count()) == (3, 3)


@pytest.mark.parametrize("role", [Role.DOOR, Role.AUDITOR])
def test_booking_is_changed_by_nobody_who_may_only_look(book, role):
    browser, booking = staff(role), book()
    assert browser.post(url(Booking, "change", booking.pk), {"customer_name": "Bo"}).status_code == 403
    for action in ("confirm", "cancel", "refund"):
        browser.post(
            url(Booking, "changelist"),
            {
                "action": action,
                "_selected_action": [str(booking.pk)],
                "confirmed": "yes",
                "seen": f"{booking}:pending-1",
            },
        )
    assert list(Booking.objects.values_list("customer_name", "status")) == [("Ann Lee", "pending")]


def test_list_and_filter_show_the_state_of_this_moment(book):
    held, ran_out = book(), overdue(book(customer_email="bo@example.com"))
    browser = staff()
    assert rows(browser, state="pending") == [held]
    assert rows(browser, state="expired") == [ran_out]
    assert "Expired" in browser.get(url(Booking, "changelist"), {"q": ran_out.confirmation_code}).content.decode()
    assert Booking.objects.filter(status="expired").count() == 1


def test_search_finds_a_booking_by_what_a_customer_says(book):
    booking = book(customer_name="Zoë Quist", customer_email="zoe@example.com").confirm(payment_reference="pay-1")
    book()
    browser = staff()
    for term in (booking.confirmation_code.lower(), "quist", "zoe@example.com", "pay-1"):
        assert rows(browser, q=term) == [booking]
    assert len(rows(browser, q="concert")) == 2


def test_list_shows_the_total_with_its_currency(make_type, book):
    book((make_type(), 2))
    assert "99.80\N{NO-BREAK SPACE}EUR" in staff().get(url(Booking, "changelist")).content.decode()


def test_confirm_asks_for_a_payment_reference_first(book):
    page = act(staff(Role.BOX_OFFICE), "confirm", book())
    assert page.context["title"] == "Confirm bookings"
    assert Booking.objects.get().status == "pending"


def test_action_on_many_rows_names_the_first_ones_and_counts_the_rest(make_type, book):
    seat = make_type()
    bookings = [book((seat, 1)) for _ in range(52)]
    page = act(staff(), "cancel", *bookings)
    assert len(page.context["lines"]) == 51
    assert page.context["lines"][-1] == "And 2 more."


def test_confirm_issues_tickets(make_type, book):
    booking = book((make_type(), 2))
    answer = act(staff(Role.BOX_OFFICE), "confirm", booking, confirmed="yes", payment_reference="till 4")
    assert messages_of(answer) == [("success", "Confirmed: 1 booking.")]
    booking.refresh_from_db()
    assert (booking.status, booking.payment_reference, booking.tickets.count()) == ("confirmed", "till 4", 2)


def test_confirm_of_a_cancelled_booking_keeps_the_payment_for_a_refund(book):
    booking = book().cancel()
    browser = staff(Role.BOX_OFFICE)
    answer = act(browser, "confirm", booking, confirmed="yes", payment_reference="till 4")
    noted = "The payment till 4 was recorded: a refund of 49.90\xa0EUR is due."
    assert messages_of(answer) == [("error", f"{booking}: The booking was cancelled. {noted}")]
    booking.refresh_from_db()
    assert (booking.status, booking.refund_due, booking.payment_reference) == ("cancelled", True, "till 4")
    assert rows(browser, refund_due__exact="1") == [booking]


def test_refund_is_paid_once_it_was_asked_about_with_its_amount(make_type, book):
    paid, other = book((make_type(), 2)).confirm(payment_reference="till 4").cancel(), book()
    browser = staff(Role.BOX_OFFICE)
    page = act(browser, "refund", paid, other)
    line = f"{paid}, Ann Lee: refund of 99.80\xa0EUR, from Other till 4: 99.80\xa0EUR."
    assert page.context["lines"] == [line]
    paid.refresh_from_db()
    assert paid.refund_due
    answer = act(browser, "refund", paid, other, confirmed="yes", **carried(page))
    assert messages_of(answer) == [
        ("success", "Refunded: 1 booking."),
        ("warning", f"{other}: skipped, because no refund is due."),
    ]
    paid.refresh_from_db()
    assert (paid.refund_due, paid.changes.last().by_name) == (False, "staff-box-office")


def test_refund_that_has_changed_since_it_was_asked_about_is_asked_about_again(make_type, book):
    booking = book((make_type(), 3)).confirm(payment_reference="till 4")
    codes = list(booking.tickets.values_list("code", flat=True))
    booking.cancel(tickets=codes[:1])
    browser = staff(Role.BOX_OFFICE)
    page = act(browser, "refund", booking)
    booking.cancel(tickets=codes[1:2])
    again = act(browser, "refund", booking, confirmed="yes", amount="49.90", **carried(page))
    assert messages_of(again) == [("error", f"{booking} has changed. Nothing was done: check it again.")]
    assert "refund of 99.80\xa0EUR" in again.context["lines"][0]
    booking.refresh_from_db()
    assert booking.refund_amount == Decimal("99.80")
    act(browser, "refund", booking, confirmed="yes", amount="99.80", **carried(again))
    assert booking.changes.last().details == {"amount": "99.80 EUR"}


def test_refund_that_is_not_due_is_not_asked_about(book):
    booking = book()
    answer = act(staff(), "refund", booking)
    assert messages_of(answer) == [("warning", f"{booking}: skipped, because no refund is due.")]


def test_confirm_that_comes_too_late_tells_what_became_of_the_payment(make_type, make_event, book):
    seat, free = make_type(event=make_event(capacity=2)), make_type(event=make_event(capacity=2), price=0)
    late, gratis = overdue(book((seat, 2))), overdue(book((free, 2)))
    book((seat, 2)), book((free, 2))
    browser = staff(Role.BOX_OFFICE)
    sold_out = "“Seat”: 2 requested, 0 available."
    for booking, noted in (
        (late, " The payment late 9 was recorded: a refund of 99.80\xa0EUR is due."),
        (gratis, " The payment late 10 was recorded."),
    ):
        reference = "late 9" if booking is late else "late 10"
        answer = act(browser, "confirm", booking, confirmed="yes", payment_reference=reference)
        assert messages_of(answer) == [("error", f"{booking}: {sold_out}{noted}")]
    answer = act(browser, "confirm", late, confirmed="yes", payment_reference="")
    assert messages_of(answer) == [("error", f"{late}: {sold_out}")]
    late.refresh_from_db()
    assert (late.payment_reference, late.refund_amount) == ("late 9", Decimal("99.80"))


@pytest.mark.parametrize(("action", "state"), [("confirm", "confirmed"), ("cancel", "cancelled")])
def test_action_says_which_bookings_it_passed_over_and_why(make_type, book, action, state):
    seat = make_type()
    fresh, done = book((seat, 1)), book((seat, 1))
    done.confirm(payment_reference="till 3") if action == "confirm" else done.cancel()
    entries = done.changes.count()
    browser = staff()
    page = act(browser, action, fresh, done)
    answer = act(browser, action, fresh, done, confirmed="yes", **carried(page), payment_reference="till 4", reason="")
    assert messages_of(answer) == [
        ("success", f"{state.capitalize()}: 1 booking."),
        ("warning", f"{done}: skipped, because it is already {state}."),
    ]
    assert done.changes.count() == entries
    fresh.refresh_from_db()
    assert fresh.status == state


def test_cancel_gives_the_places_back(make_type, book):
    seat = make_type(capacity=5)
    booking = book((seat, 2)).confirm()
    answer = cancel(staff(Role.BOX_OFFICE), booking, reason="ill")
    assert messages_of(answer) == [("success", "Cancelled: 1 booking.")]  # it was not paid
    booking.refresh_from_db()
    seat.refresh_from_db()
    assert (booking.status, booking.cancel_reason, seat.reserved) == ("cancelled", "ill", 0)


def test_cancel_refuses_one_and_does_the_other(make_type, book):
    seat = make_type()
    used, unused = book((seat, 1)).confirm(), book((seat, 1)).confirm()
    used.tickets.get().check_in(at=timezone.now())
    answer = cancel(staff(), used, unused, reason="")
    levels = [level for level, _ in messages_of(answer)]
    assert levels == ["success", "error"]
    assert messages_of(answer)[1][1].startswith(f"{used}: Ticket {used.tickets.get()} was checked in on ")
    used.refresh_from_db()
    unused.refresh_from_db()
    assert (used.status, unused.status) == ("confirmed", "cancelled")


def test_booking_that_was_confirmed_since_its_cancellation_was_asked_about_is_asked_about_again(make_type, book):
    booking, other = book((make_type(), 2)), book()
    browser = staff(Role.BOX_OFFICE)
    page = act(browser, "cancel", booking, other)
    booking.confirm(payment_reference="till 4")
    again = act(browser, "cancel", booking, other, confirmed="yes", **carried(page), reason="ill")
    assert messages_of(again) == [("error", f"{booking} has changed. Nothing was done: check it again.")]
    (line,) = [line for line in again.context["lines"] if line.startswith(str(booking))]
    assert line.endswith("2 places, 99.80\xa0EUR, confirmed")
    assert again.context["form"]["reason"].value() == "ill"
    assert set(Booking.objects.values_list("status", flat=True)) == {"confirmed", "pending"}
    done = act(browser, "cancel", booking, other, confirmed="yes", **carried(again), reason="ill")
    assert messages_of(done) == [
        ("success", "Cancelled: 2 bookings."),
        ("warning", "Refunds due: 99.80\xa0EUR."),
    ]


def test_booking_of_which_a_ticket_was_cancelled_meanwhile_is_asked_about_again(make_type, book):
    booking = book((make_type(), 2)).confirm()
    browser = staff()
    page = act(browser, "cancel", booking)
    booking.cancel(tickets=[booking.tickets.first().code])
    again = act(browser, "cancel", booking, confirmed="yes", **carried(page), reason="")
    assert messages_of(again) == [("error", f"{booking} has changed. Nothing was done: check it again.")]
    assert booking.tickets.filter(status="valid").count() == 1


def test_cancellation_that_nobody_was_asked_about_is_asked_about(book):
    shown, new = book(), book()
    browser = staff()
    page = act(browser, "cancel", shown)
    again = act(browser, "cancel", shown, new, confirmed="yes", **carried(page), reason="")
    assert messages_of(again) == [("error", f"{new} has changed. Nothing was done: check it again.")]
    assert Booking.objects.filter(status="pending").count() == 2


def test_booking_that_is_confirmed_while_it_is_cancelled_stays_so(book, monkeypatch):
    booking = book()
    asked = Booking.cancel

    def too_late(self, **data):
        Booking.objects.get(pk=self.pk).confirm(payment_reference="till 4")
        return asked(self, **data)

    monkeypatch.setattr(Booking, "cancel", too_late)
    answer = cancel(staff(), booking, reason="")
    assert messages_of(answer) == [("error", f"{booking}: It was confirmed in the meantime, and not cancelled.")]
    booking.refresh_from_db()
    assert (booking.status, booking.refund_due) == ("confirmed", False)


def test_cancel_tells_what_is_to_be_paid_back_in_each_currency(make_type, make_event, book):
    seat, pound = make_type(), make_type(event=make_event(name="Jazz", currency="GBP"))
    kinds = enumerate((seat, seat, pound))
    paid = [book((kind, 2)).confirm(payment_reference=f"till {number}") for number, kind in kinds]
    unknown, held = book((seat, 1)).confirm(), book((seat, 1))
    answer = cancel(staff(), *paid, unknown, held, reason="")
    assert messages_of(answer) == [
        ("success", "Cancelled: 5 bookings."),
        ("warning", "Refunds due: 199.60\xa0EUR, 99.80\xa0GBP."),
    ]


def test_page_offers_the_edges_that_lead_on(book):
    browser, booking = staff(), book()

    def offered():
        return [name for name, _ in browser.get(url(Booking, "change", booking.pk)).context["page_actions"]]

    assert offered() == ["confirm", "cancel", "extend", "renew_secret"]
    overdue(booking)
    assert offered() == ["confirm", "renew_secret"]
    booking.confirm(payment_reference="ref")
    assert offered() == ["cancel", "refund", "resend", "change_holder", "renew_secret"]
    booking.cancel()
    assert offered() == ["refund", "renew_secret"]


def test_secret_is_renewed_and_not_shown(book):
    browser, booking = staff(), book()
    old = booking.secret
    data = {"from_page": "yes", "_selected_action": [str(booking.pk)], "action": "renew_secret"}
    pages = [browser.post(url(Booking, "changelist"), {**data, **more}, follow=True) for more in ({}, {"confirmed": 1})]
    booking.refresh_from_db()
    pages += [browser.get(url(Booking, page, booking.pk)) for page in ("change", "history")]
    assert old != booking.secret
    assert [page.status_code for page in pages] == [200] * 4
    assert not [page for page in pages for secret in (old, booking.secret) if secret in page.content.decode()]
    assert booking.changes.get(verb="renew secret").details == {}


def test_page_of_a_large_booking_can_be_saved(make_event, make_type, book):
    event = make_event(capacity=1000)
    types = [make_type(event=event, name=f"Row {row}", max_per_booking=100) for row in range(6)]
    booking = book(*[(row, 100) for row in types]).confirm()
    browser = staff()
    form = open_form(browser, booking)
    assert len(form) < 1000
    send_form(browser, booking, form, customer_name="Bo")
    booking.refresh_from_db()
    assert (booking.customer_name, booking.tickets.count(), booking.items.count()) == ("Bo", 600, 6)


def test_some_tickets_of_a_booking_are_cancelled(make_type, book):
    booking = book((make_type(), 3)).confirm()
    browser = staff(Role.BOX_OFFICE)
    page = act(browser, "cancel_tickets", booking, from_page="yes")
    assert page.context["title"] == "Cancel tickets"
    codes = [ticket.code for ticket in booking.tickets.all()]
    ((title, choices),) = page.context["form"].fields["tickets"].choices
    assert title == "Seat: 3 tickets, 49.90\xa0EUR each"
    assert [code for code, _ in choices] == codes
    answer = act(
        browser, "cancel_tickets", booking, from_page="yes", confirmed="yes", tickets=codes[:2], reason="too many"
    )
    assert messages_of(answer) == [("success", "Tickets cancelled: 1 booking.")]
    assert answer.redirect_chain == [(url(Booking, "change", booking.pk), 302)]
    booking.refresh_from_db()
    assert (booking.status, booking.places, booking.changes.last().details["reason"]) == ("confirmed", 1, "too many")


def test_all_tickets_of_a_booking_are_chosen_by_one_field(make_event, make_type, book):
    event = make_event()
    seat, box = (make_type(event=event, name=name, price=price) for name, price in (("Seat", 20), ("Box", 50)))
    booking = book((seat, 2), (box, 1)).confirm()
    browser = staff(Role.BOX_OFFICE)
    page = act(browser, "cancel_tickets", booking, from_page="yes")
    titles = [title for title, _ in page.context["form"].fields["tickets"].choices]
    assert titles == ["Seat: 2 tickets, 20.00\xa0EUR each", "Box: 1 ticket, 50.00\xa0EUR each"]
    assert page.context["form"].fields["everything"].label == "All 3 tickets"
    act(browser, "cancel_tickets", booking, from_page="yes", confirmed="yes", everything="on", reason="")
    booking.refresh_from_db()
    assert booking.status == "cancelled"


def test_tickets_that_are_checked_in_are_not_offered_and_that_is_said(make_type, book):
    booking = book((make_type(), 3)).confirm()
    used, *unused = booking.tickets.all()
    used.check_in(at=timezone.now())
    field = act(staff(), "cancel_tickets", booking, from_page="yes").context["form"].fields["tickets"]
    assert [code for _, options in field.choices for code, _ in options] == [ticket.code for ticket in unused]
    assert field.help_text == "1 ticket is checked in. Undo the check-in to cancel it."


def test_tickets_to_cancel_are_chosen_among_the_bookings_own(make_type, book):
    booking, other = book((make_type(), 2)).confirm(), book().confirm()
    browser = staff()
    for tickets in ([], [other.tickets.get().code]):
        page = act(browser, "cancel_tickets", booking, from_page="yes", confirmed="yes", tickets=tickets)
        assert list(page.context["form"].errors) == ["tickets"]
        told = [f"Ticket {code} cannot be cancelled. Nothing was cancelled." for code in tickets]
        assert page.context["form"].errors["tickets"] == (
            told or ["Choose the tickets to cancel. Nothing was cancelled."]
        )
    assert Ticket.objects.filter(status="void").count() == 0


def cancel_tickets(browser, booking, **answers):
    return act(browser, "cancel_tickets", booking, from_page="yes", **answers)


def test_ticket_that_is_gone_since_it_was_shown_is_named(make_type, book):
    booking = book((make_type(), 4)).confirm()
    first, second, third, _ = booking.tickets.all()
    booking.cancel(tickets=[first.code])
    second.check_in(at=timezone.now())
    chosen = [first.code, second.code, third.code]
    page = cancel_tickets(staff(), booking, confirmed="yes", tickets=chosen, reason="ill")
    assert page.context["form"].errors["tickets"] == [
        f"Ticket {first} cannot be cancelled. Nothing was cancelled.",
    ]
    assert booking.tickets.filter(status="valid").count() == 2
    assert page.context["form"]["tickets"].value() == chosen


@pytest.mark.parametrize("answers", [{}, {"confirmed": "yes", "everything": "on"}, {"confirmed": "yes"}])
def test_tickets_of_which_none_can_be_cancelled_are_not_asked_about(make_type, book, answers):
    cancelled, inside = (book((make_type(name=name), 2)).confirm() for name in ("Seat", "Row"))
    pending = book((make_type(name="Box"), 2))
    for ticket in inside.tickets.all():
        ticket.check_in(at=timezone.now())
    cancelled.cancel()
    browser = staff(Role.BOX_OFFICE)
    for booking in (cancelled, inside, pending):
        answer = cancel_tickets(browser, booking, **answers)
        text = f"{booking}: skipped, because none of its tickets can be cancelled."
        assert messages_of(answer) == [("warning", text)]
        assert answer.redirect_chain == [(url(Booking, "change", booking.pk), 302)]


def test_whole_booking_that_is_cancelled_by_its_tickets_tells_what_to_give_back(make_type, book):
    paid = book((make_type(), 2)).confirm(payment_reference="till 4")
    unpaid = book((make_type(name="Row"), 2)).confirm()
    browser = staff()
    done = ("success", "Tickets cancelled: 1 booking.")
    for booking, texts in ((paid, [("warning", "Refunds due: 99.80\xa0EUR."), done]), (unpaid, [done])):
        answer = cancel_tickets(browser, booking, confirmed="yes", everything="on", reason="")
        assert messages_of(answer) == texts


def test_tickets_are_not_cancelled_from_the_list(book):
    booking = book().confirm()
    browser = staff()
    actions = browser.get(url(Booking, "changelist")).context["action_form"].fields["action"].choices
    assert [name for name, _ in actions] == ["", "confirm", "cancel", "extend", "refund"]
    act(browser, "cancel_tickets", booking, confirmed="yes", tickets=[booking.tickets.get().code])
    assert booking.tickets.get().status == "valid"


def test_hold_is_extended(book, settings):
    booking = book(hold=dt.timedelta(minutes=5))
    browser = staff(Role.BOX_OFFICE)
    page = act(browser, "extend", booking, from_page="yes")
    assert page.context["form"]["minutes"].value() == settings.BOOKING_HOLD_MINUTES
    answer = act(browser, "extend", booking, from_page="yes", confirmed="yes", minutes="30")
    assert messages_of(answer) == [("success", "Hold extended: 1 booking.")]
    booking.refresh_from_db()
    assert booking.seconds_left(timezone.now()) > 29 * 60
    assert booking.changes.last().by_name == "staff-box-office"
    assert "30 minutes left, until " in browser.get(url(Booking, "change", booking.pk)).content.decode()


@pytest.mark.parametrize("minutes", ["", "0", "-5", "61", "x", "9" * 30])
def test_hold_is_extended_by_no_more_than_the_settings_say(book, minutes):
    booking = book()
    before = booking.expires_at
    page = act(staff(), "extend", booking, confirmed="yes", minutes=minutes)
    assert list(page.context["form"].errors) == ["minutes"]
    booking.refresh_from_db()
    assert booking.expires_at == before


def test_hold_that_lasts_longer_already_is_passed_over_and_that_is_said(book):
    longer, shorter = book(hold=dt.timedelta(minutes=30)), book(hold=dt.timedelta(minutes=5))
    before = longer.expires_at
    answer = act(staff(), "extend", longer, shorter, confirmed="yes", minutes="10")
    until = f"{timezone.localtime(before, ZoneInfo('Europe/Vienna')):%H:%M} Europe/Vienna"
    assert messages_of(answer) == [
        ("success", "Hold extended: 1 booking."),
        ("warning", f"{longer}: skipped, because its hold lasts until {until}."),
    ]
    longer.refresh_from_db()
    assert (longer.expires_at, longer.changes.count()) == (before, 1)


def test_hold_that_ran_out_is_not_extended_and_that_is_said(book):
    booking = overdue(book())
    answer = act(staff(), "extend", booking, confirmed="yes", minutes="10")
    refusal = f"{booking}: The hold has expired. Its places are already available again."
    assert messages_of(answer) == [("error", refusal)]


def test_booking_that_is_over_has_no_places_left_on_its_page(make_type, book):
    seat = make_type()
    cancelled, expired = book((seat, 4)).confirm().cancel(), overdue(book((seat, 4)))
    partly = book((seat, 4)).confirm()
    partly.cancel(tickets=[partly.tickets.first().code])
    browser = staff()
    booked = '<br><span class="quiet">booked for 199.60\xa0EUR</span>'
    for booking, places, total, left in (
        (cancelled, "0 of 4", f"0.00\xa0EUR{booked}", 0),
        (expired, "0 of 4", f"0.00\xa0EUR{booked}", 0),
        (partly, "3 of 4", f"149.70\xa0EUR{booked}", 3),
        (book((seat, 4)), "4", "199.60\xa0EUR", 4),
    ):
        page = browser.get(url(Booking, "change", booking.pk)).content.decode()
        assert f"<dt>Places</dt><dd>{places}</dd>" in page
        assert f"<dt>Total</dt><dd>{total}</dd>" in page
        assert f'<td class="count">4</td><td class="count">{left}</td>' in page


def test_booking_on_one_screen(make_type, book):
    booking = book((make_type(), 2), customer_name="Zoë Quist").confirm(payment_reference="till 4")
    booking.tickets.first().check_in(at=timezone.now())
    page = staff(Role.AUDITOR).get(url(Booking, "change", booking.pk))
    verbs = [(verb, change.by_name) for change, verb, *_ in page.context["changes"]]
    assert verbs == [("Booked", "anonymous"), ("Confirmed", "anonymous"), ("Checked in", "anonymous")]
    assert [(row["ticket"].status, row["checked_in"] is not None) for row in page.context["tickets"]] == [
        ("checked_in", True),
        ("valid", False),
    ]
    text = page.content.decode()
    for shown in ("till 4", "99.80\N{NO-BREAK SPACE}EUR", "Europe/Vienna", "Zoë Quist", str(booking.pk)):
        assert shown in text


def test_page_of_a_booking_takes_as_many_queries_for_many_tickets_as_for_one(
    make_type, book, django_assert_num_queries
):
    one, many = book((make_type(), 1)).confirm(), book((make_type(name="Row"), 9)).confirm()
    browser = staff()
    browser.get(url(Booking, "change", one.pk))  # learns the kinds of content
    for booking in (one, many):
        with django_assert_num_queries(8):
            browser.get(url(Booking, "change", booking.pk))


def test_history_of_a_booking_is_shown_and_cannot_be_written(book):
    booking = book()
    browser = staff(Role.BOX_OFFICE)
    page = browser.get(url(Booking, "change", booking.pk))
    assert [(change.by_name, verb) for change, verb, *_ in page.context["changes"]] == [("anonymous", "Booked")]
    change = booking.changes.get()
    assert browser.post(url(BookingChange, "change", change.pk), {"verb": "x"}).status_code == 403
    assert booking.changes.get().verb == "place"


def test_door_checks_in_and_undoes_it(book):
    ticket = book().confirm().tickets.get()
    browser = staff(Role.DOOR)
    page = act(browser, "check_in", ticket)  # asks for the event of the door first
    assert page.context["form"].fields["event"].queryset.get() == ticket.booking.event
    assert Ticket.objects.get().status == "valid"
    door = {"confirmed": "yes", "event": str(ticket.event_id)}
    told = messages_of(act(browser, "check_in", ticket, **door))
    assert told[0] == ("success", "Checked in: 1 ticket.")
    assert [(level, text.split(", ")[:2]) for level, text in told[1:]] == [
        ("info", ["Let in: Ann Lee", "Seat: Concert"])
    ]
    assert Ticket.objects.get().status == "checked_in"
    local = timezone.localtime(Ticket.objects.get().checked_in_at, ZoneInfo("Europe/Vienna"))
    text = f"{ticket}: Ticket {ticket} was checked in on {local:%a %d %b %Y, %H:%M %Z}."
    assert messages_of(act(browser, "check_in", ticket, **door)) == [("error", text)]
    assert messages_of(act(browser, "undo_check_in", ticket)) == [("success", "Check-in undone: 1 ticket.")]
    assert messages_of(act(browser, "undo_check_in", ticket)) == [("error", f"{ticket}: Not checked in.")]
    assert Ticket.objects.get().status == "valid"


def test_auditor_cannot_check_in(book):
    ticket = book().confirm().tickets.get()
    act(staff(Role.AUDITOR), "check_in", ticket, confirmed="yes", event=str(ticket.event_id))
    assert Ticket.objects.get().status == "valid"


def test_what_is_to_be_paid_back_is_told_where_staff_look(book, make_type):
    booking = book((make_type(), 3)).confirm(payment_reference="pay_1")
    browser = staff(Role.BOX_OFFICE)
    chosen = booking.tickets.values_list("code", flat=True)[:2]
    answer = act(browser, "cancel_tickets", booking, confirmed="yes", reason="ill", tickets=list(chosen), from_page="1")
    due = "99.80\N{NO-BREAK SPACE}EUR"
    assert f"Refunds due: {due}." in [str(message) for message in answer.context["messages"]]
    page = browser.get(url(Booking, "change", booking.pk)).content.decode()
    assert f"<dt>Refund due</dt><dd>{due}</dd>" in page
    assert f"Confirmed, refund due: {due}" in page
    assert rows(browser, refund_due__exact="1") == [booking]
    assert f"<td>{due}</td>" in browser.get("/admin/").content.decode()
    page = act(browser, "refund", booking)
    act(browser, "refund", booking, confirmed="yes", amount="99.80", **carried(page))
    page = browser.get(url(Booking, "change", booking.pk)).content.decode()
    assert "Refund due" not in page
    assert "Amount: 99.80 EUR" in page
