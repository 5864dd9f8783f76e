"""What customers do by themselves: have mails sent again, look their bookings up, cancel."""

import datetime as dt

import pytest
from django.core import mail
from django.core.cache import cache
from django.utils import timezone

from bookings.messages.models import Message
from bookings.messages.sending import send_due
from config.tests.harness.answers import errors_in, refused
from conftest import holder_of

pytestmark = pytest.mark.both


@pytest.fixture(autouse=True)
def _switched_on(settings):
    settings.SEND_MAIL = True


@pytest.fixture
def limited(settings):
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "mails": (2, 3600)}
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def sold(book):
    return book().confirm(payment_reference="pay_1")


def look_up(client, email="ann@example.com", **data):
    return client.post("/bookings/lookup", {"customer_email": email, **data})


# Resend


@pytest.mark.parametrize("who", ["holder", "staff"])
def test_tickets_are_sent_again(sold, box_office, who):
    client = box_office if who == "staff" else holder_of(sold)
    assert client.post(f"/bookings/{sold.pk}/resend").status_code == 200
    assert Message.objects.filter(kind="confirmation", state="pending").count() == 2
    assert sold.changes.last().verb == "send mail"
    assert send_due() == 2
    assert len({it.extra_headers["Message-ID"] for it in mail.outbox}) == 2


@pytest.mark.parametrize("state", ["pending", "cancelled", "walk-in", "switched off"])
def test_there_is_nothing_to_send_again(book, settings, state):
    booking = book(customer_email="x@walk-in.invalid" if state == "walk-in" else "ann@example.com")
    if state != "pending":
        booking.confirm()
    if state == "cancelled":
        booking.cancel()
    settings.SEND_MAIL = state != "switched off"
    before = Message.objects.count()
    assert refused(holder_of(booking).post(f"/bookings/{booking.pk}/resend"), 409, "nothing-to-send")
    assert Message.objects.count() == before


def test_tickets_are_sent_again_of_a_shop_that_sends_its_own(book):
    booking = book(notify=False).confirm()
    assert Message.objects.count() == 0
    assert holder_of(booking).post(f"/bookings/{booking.pk}/resend").status_code == 200
    assert Message.objects.count() == 1


@pytest.mark.usefixtures("limited")
def test_mails_to_one_address_are_limited(sold, anonymous):
    path = f"/bookings/{sold.pk}/resend"
    assert [holder_of(sold).post(path).status_code for _ in range(2)] == [200, 200]
    assert refused(holder_of(sold).post(path), 429, "too-many-requests")
    assert Message.objects.count() == 3


@pytest.mark.usefixtures("limited")
def test_look_ups_are_limited_and_keep_no_other_mail_from_being_sent(sold, anonymous):
    spellings = ("ann@example.com", "Ann@Example.com", "ann+x@example.com")
    assert [look_up(anonymous, it).status_code for it in spellings] == [202, 202, 429]
    assert holder_of(sold).post(f"/bookings/{sold.pk}/resend").status_code == 200


# Lookup


def test_links_are_sent_to_the_address_alone(sold, book, anonymous, settings):
    settings.BOOKING_URL = "https://shop.example/b/{id}?s={secret}"
    book(customer_email="bob@example.com").confirm()
    over = book().confirm()
    over.cancel()
    mail.outbox.clear()
    Message.objects.all().delete()
    answer = look_up(anonymous, "ANN@example.com")
    assert (answer.status_code, answer.content) == (202, b"")
    send_due()
    (sent,) = mail.outbox
    assert sent.to == ["ann@example.com"]
    assert f"https://shop.example/b/{sold.pk}?s={sold.secret}" in sent.body
    assert sent.body.count("https://shop.example") == 1
    assert sent.attachments == []


def test_lookup_says_nothing_about_unknown_addresses(sold, anonymous):
    known, unknown = look_up(anonymous), look_up(anonymous, "eve@example.com")
    assert known.status_code == unknown.status_code == 202
    assert known.content == unknown.content
    mail.outbox.clear()
    send_due()
    assert [it.to for it in mail.outbox if it.subject == "Your bookings"] == [["ann@example.com"]]
    assert Message.objects.get(address="eve@example.com").state == "skipped"


def test_lookup_is_narrowed_to_an_event(sold, book, anonymous):
    other = book().confirm()
    look_up(anonymous, event=other.event_id)
    mail.outbox.clear()
    send_due()
    (body,) = [it.body for it in mail.outbox if it.subject == "Your bookings"]
    assert other.confirmation_code in body
    assert sold.confirmation_code not in body


def test_lookup_is_refused_without_mails(anonymous, settings, db):
    settings.SEND_MAIL = False
    assert refused(look_up(anonymous), 409, "mail-switched-off")
    assert errors_in(look_up(anonymous, "ann")) == [("/customer_email", "invalid")]


# Cancellation


@pytest.fixture
def cancellable(make_event, make_type, book):
    event = make_event(starts_at=timezone.now() + dt.timedelta(hours=30), is_cancellable_by_customer=True)
    return book((make_type(event=event), 2)).confirm(payment_reference="pay_1")


def test_customer_cancels_when_the_event_allows_it(cancellable, figures):
    client = holder_of(cancellable)
    code = cancellable.tickets.first().code
    part = client.post(f"/bookings/{cancellable.pk}/cancel", {"tickets": [code]})
    assert (part.status_code, part.json()["refund_amount"]) == (200, "49.90")
    answer = client.post(f"/bookings/{cancellable.pk}/cancel", {}).json()
    assert (answer["status"], answer["refund_amount"]) == ("cancelled", "99.80")
    assert set(figures().values()) == {0}
    assert Message.objects.filter(kind="cancellation").count() == 1


@pytest.mark.parametrize("reason", ["event", "time", "fee", "no secret"])
def test_customer_does_not_cancel(cancellable, settings, reason, figures, anonymous):
    before = figures()
    if reason == "event":
        cancellable.event.revise(is_cancellable_by_customer=False)
    settings.CUSTOMER_CANCEL_UNTIL = 31 if reason == "time" else 24
    client = anonymous if reason == "no secret" else holder_of(cancellable)
    body = {"fee": "0.00"} if reason == "fee" else {}
    assert client.post(f"/bookings/{cancellable.pk}/cancel", body).status_code in (401, 403, 404)
    cancellable.refresh_from_db()
    assert (cancellable.status, figures()) == ("confirmed", before)
