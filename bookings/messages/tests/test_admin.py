import pytest
from django.core import mail
from django.urls import reverse

from bookings.messages.kinds import Kind
from bookings.messages.models import Message
from bookings.messages.sending import send_due
from bookings.models import Booking, BookingItem, Ticket
from config.access.roles import Role
from config.tests.harness.pages import act, messages_of, staff, url
from events.models import Event

pytestmark = pytest.mark.both
PART, PREVIEW = (reverse(f"admin:booking_messages_message_{name}") for name in ("part", "preview"))


@pytest.fixture(autouse=True)
def _switched_on(settings):
    settings.SEND_MAIL = True
    settings.BOOKING_URL = "https://shop.example/b/{id}?s={secret}"


@pytest.fixture
def message(book):
    book(customer_name="Zo Customer").confirm(payment_reference="pay_1")
    return Message.objects.get()


def test_list_shows_states_and_errors(message):
    Message.objects.filter(pk=message.pk).update(state="bounced", next_attempt_at=None, error="550 No such mailbox")
    page = staff(Role.BOX_OFFICE).get(url(message, "changelist") + "?state__exact=bounced").content.decode()
    for text in ("ann@example.com", message.booking.confirmation_code, "Refused by the mail server", "550 No such"):
        assert text in page


def test_page_shows_the_mail_without_the_secret(message):
    browser = staff(Role.AUDITOR)
    page = browser.get(url(message, "change", message.pk))
    text = page.content.decode()
    assert "Your tickets: Concert" in text
    assert message.booking.secret not in text
    assert "s=[secret]" in text
    parts = [(browser.get(link), name) for name, link in page.context["parts"]]
    kinds = [answer["Content-Type"] for answer, _name in parts]
    assert kinds == ["text/html; charset=utf-8", "application/pdf", "text/calendar"]
    assert message.booking.secret not in parts[0][0].content.decode()
    policy = parts[0][0]["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "sandbox" in policy


@pytest.mark.parametrize("query", ["", "?id=x", "?id=999", "?id={pk}&part=7", "?kind=absent", "?id={pk}&part=text"])
def test_unknown_part_is_not_found(message, query):
    assert staff().get(PART + query.format(pk=message.pk)).status_code == 404


@pytest.mark.parametrize("kind", Kind.values)
def test_every_kind_has_a_preview(kind, db):
    browser = staff(Role.MANAGER)
    page = browser.get(f"{PREVIEW}?kind={kind}")
    assert page.status_code == 200
    assert "Summer Concert" in page.content.decode()
    for _name, link in page.context["parts"]:
        assert browser.get(link).status_code == 200
    assert not any(model.objects.exists() for model in (Booking, BookingItem, Ticket, Event, Message))


def test_door_and_strangers_see_no_mails(message, client):
    for browser in (staff(Role.DOOR), client):
        for address in (url(message, "changelist"), f"{PART}?id={message.pk}", PREVIEW):
            assert browser.get(address).status_code in (302, 403)


def test_mail_is_sent_again(message):
    send_due()
    browser = staff(Role.BOX_OFFICE)
    page = act(browser, "resend", message)
    assert messages_of(page)[0][0] == "success"
    assert send_due() == 1
    assert [it.to for it in mail.outbox] == [["ann@example.com"]] * 2
    message.booking.cancel()
    assert messages_of(act(browser, "resend", message))[0][0] == "warning"
    act(staff(Role.AUDITOR), "resend", message)
    assert Message.objects.filter(kind="confirmation").count() == 2


def test_tickets_are_sent_again_from_the_page_of_the_booking(message):
    browser = staff(Role.BOX_OFFICE)
    page = act(browser, "resend", message.booking, from_page="yes")
    assert messages_of(page)[0][0] == "success"
    assert Message.objects.count() == 2
    assert (
        url(Message, "changelist") in browser.get(url(message.booking, "change", message.booking.pk)).content.decode()
    )
