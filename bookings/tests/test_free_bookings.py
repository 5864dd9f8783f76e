"""Bookings that cost nothing: who confirms them, and how."""

import re
from smtplib import SMTPRecipientsRefused
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.cache import cache
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection

from bookings.mailing import send_link
from bookings.models import Booking
from config.logs import Text
from config.problems import Forbidden
from config.tests.harness.answers import errors_in, refused
from conftest import holder_of
from events.models import Event

pytestmark = pytest.mark.both


@pytest.fixture
def free(make_type):
    return make_type(name="Free", price=0)


@pytest.mark.parametrize("is_released", [True, False])
def test_anonymous_client_does_not_confirm_late(is_released, anonymous, box_office, book, free, pass_time, figures):
    booking = book((free, 2))
    pass_time(minutes=16)
    free.refresh_from_db()
    free.revise(price=10)
    if is_released:
        assert anonymous.get(f"/events/{free.event_id}").json()["availability"]["reserved"] == 0
    assert refused(holder_of(booking).post(f"/bookings/{booking.pk}/confirm"), 409, "hold-expired")
    booking.refresh_from_db()
    assert (booking.status, booking.tickets.count(), figures()["Free"]) == ("expired", 0, 0)
    answer = box_office.post(f"/bookings/{booking.pk}/confirm").json()
    assert (answer["status"], answer["is_late"], figures()["Free"]) == ("confirmed", True, 2)


# Who confirms


@pytest.fixture
def by_mail(free):
    free.event.revise(free_confirmation="by_mail", name="Gala\u00a0Night")
    return free


@pytest.fixture
def order(anonymous):
    """Places a booking of an anonymous client, and returns its id."""

    def place(ticket_type, **data):
        body = {"customer_name": "Win at https://spam.example", "customer_email": "ann@example.com", **data}
        answer = anonymous.post("/bookings", {**body, "items": [{"ticket_type": ticket_type.pk, "quantity": 2}]})
        assert answer.status_code == 201
        return answer.json()["id"]

    return place


def holder(pk):
    return holder_of(Booking.objects.get(pk=pk))


def token_of(mail):
    return re.search(r"http://testserver/bookings/confirm\?token=(\S+)$", mail.body, re.MULTILINE)[1]


def test_free_confirmation_is_one_of_three(manager, free):
    answer = manager.patch(f"/events/{free.event_id}", {"free_confirmation": "never"})
    assert errors_in(answer) == [("/free_confirmation", "invalid-choice")]
    answer = manager.patch(f"/events/{free.event_id}", {"free_confirmation": "staff"})
    assert answer.json()["free_confirmation"] == "staff"


def test_event_that_leaves_it_to_staff_lets_only_them_confirm(anonymous, box_office, free, order, mailoutbox):
    free.event.revise(free_confirmation="staff")
    pk = order(free)
    assert refused(holder(pk).post(f"/bookings/{pk}/confirm"), 401, "unauthenticated")
    with pytest.raises(Forbidden):
        Booking.objects.get(pk=pk).confirm_free()
    assert box_office.post(f"/bookings/{pk}/confirm").json()["status"] == "confirmed"
    assert mailoutbox == []


def test_mail_says_what_to_confirm_and_nothing_that_the_client_wrote(by_mail, order, mailoutbox, settings):
    settings.SUPPORT_EMAIL = "help@example.com"
    booking = Booking.objects.get(pk=order(by_mail))
    (mail,) = mailoutbox
    assert (mail.to, mail.subject) == (["ann@example.com"], "Confirm your booking: Gala Night")
    assert (mail.reply_to, mail.extra_headers) == (["help@example.com"], {"Auto-Submitted": "auto-generated"})
    assert "spam" not in str(mail.message())
    until = booking.expires_at.astimezone(ZoneInfo("Europe/Vienna"))
    for text in (f"{until:%d %b %Y, %H:%M} CE", "2 × Free", "Old Hall, 1 Main Street", "help@example.com"):
        assert text in mail.body
    assert str(booking.pk) not in mail.body


def test_booking_is_confirmed_with_the_token_of_the_mail_alone(anonymous, by_mail, order, mailoutbox):
    pk = order(by_mail)
    assert refused(holder(pk).post(f"/bookings/{pk}/confirm"), 409, "confirm-by-mail")
    for wrong in ("x", token_of(mailoutbox[0])[:-1] + "-", token_of(mailoutbox[0]).replace(".", ":")):
        answer = holder(pk).post(f"/bookings/{pk}/confirm", {"mail_token": wrong})
        assert (answer.status_code, errors_in(answer)) == (400, [("/mail_token", "invalid")])
        assert refused(anonymous.post(f"/bookings/{pk}/confirm", {"mail_token": wrong}), 404, "not-found")
    assert Booking.objects.get().status == "pending"
    for path in (f"/bookings/{pk}/cancel", f"/bookings/{pk}/resend"):  # the token opens nothing else
        assert anonymous.post(path, {"mail_token": token_of(mailoutbox[0])}).status_code in (400, 404)
    answer = anonymous.post(f"/bookings/{pk}/confirm", {"mail_token": token_of(mailoutbox[0])})
    assert (answer.json()["status"], len(answer.json()["tickets"])) == ("confirmed", 2)
    assert holder(pk).post(f"/bookings/{pk}/confirm").json() == answer.json()


def test_token_is_for_one_booking_and_its_address(anonymous, box_office, by_mail, order, mailoutbox):
    first, second = order(by_mail), order(by_mail)
    token = token_of(mailoutbox[0])
    answer = holder(second).post(f"/bookings/{second}/confirm", {"mail_token": token})
    assert (answer.status_code, errors_in(answer)) == (400, [("/mail_token", "invalid")])
    box_office.patch(f"/bookings/{first}", {"customer_email": "bob@example.com"})
    answer = holder(first).post(f"/bookings/{first}/confirm", {"mail_token": token})
    assert (answer.status_code, errors_in(answer)) == (400, [("/mail_token", "invalid")])
    assert anonymous.post(f"//bookings/confirm?token={token}").status_code == 404
    assert holder(first).post(f"/bookings/{first}/resend").status_code == 200
    verbs = list(Booking.objects.get(pk=first).changes.values_list("verb", flat=True))
    assert verbs == ["place", "send mail", "correct", "send mail"]
    assert mailoutbox[-1].to == ["bob@example.com"]
    assert token_of(mailoutbox[-1]) != token


def test_token_ends_with_the_secret(anonymous, box_office, by_mail, order, mailoutbox):
    pk = order(by_mail)
    token = token_of(mailoutbox[0])
    confirmed = anonymous.post(f"/bookings/{pk}/confirm", {"mail_token": token})
    assert (confirmed.status_code, len(confirmed.json()["tickets"])) == (200, 2)
    assert box_office.post(f"/bookings/{pk}/renew-secret").status_code == 200
    assert refused(anonymous.post(f"/bookings/{pk}/confirm", {"mail_token": token}), 404, "not-found")
    assert anonymous.get(f"//bookings/confirm?token={token}").status_code == 404


def test_token_does_not_confirm_late(anonymous, by_mail, order, mailoutbox, pass_time, figures):
    pk = order(by_mail)
    pass_time(minutes=16)
    token = token_of(mailoutbox[0])
    assert refused(anonymous.post(f"/bookings/{pk}/confirm", {"mail_token": token}), 409, "hold-expired")
    assert anonymous.post(f"//bookings/confirm?token={token}").status_code == 409
    assert figures()["Free"] == 0


@pytest.mark.parametrize("case", ["priced", "immediate", "token", "replay", "quote"])
def test_only_an_anonymous_free_booking_of_such_an_event_gets_a_mail(
    case, anonymous, box_office, by_mail, order, make_type, mailoutbox
):
    if case == "priced":
        order(make_type(event=by_mail.event))
    elif case == "immediate":
        by_mail.event.revise(free_confirmation="immediate")
        order(by_mail)
    else:
        client = box_office if case == "token" else anonymous
        item = {"ticket_type": by_mail.pk, "quantity": 1}
        body = {"customer_name": "A", "customer_email": "a@example.com", "items": [item]}
        for _ in range(2):
            key = {"HTTP_IDEMPOTENCY_KEY": "a-key-that-nobody-guesses"} if case == "replay" else {}
            client.post(f"/bookings{'?dry_run=true' if case == 'quote' else ''}", body, **key)
    assert len(mailoutbox) == (case == "replay")


# Mails


class Refusing(BaseEmailBackend):
    def send_messages(self, messages):
        assert not connection.in_atomic_block
        raise SMTPRecipientsRefused({"ann@example.com": (550, b"no such user")})


@pytest.mark.django_db(transaction=True)
def test_mail_that_fails_loses_no_booking_and_logs_no_address(anonymous, by_mail, order, settings, caplog, mailoutbox):
    backend = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = f"{__name__}.Refusing"
    pk = order(by_mail)
    answer = holder(pk).post(f"/bookings/{pk}/resend")
    assert refused(answer, 503, "unavailable")
    assert answer["Retry-After"] == "60"
    assert [record.levelname for record in caplog.records if record.name == "bookings.mailing"].count("ERROR") == 2
    lines = [Text("{message}", style="{").format(record) for record in caplog.records]
    assert any("SMTPRecipientsRefused" in line for line in lines)
    assert [line for line in lines if "ann@example.com" in line] == []
    settings.EMAIL_BACKEND = backend
    assert holder(pk).post(f"/bookings/{pk}/resend").json()["status"] == "pending"
    assert len(mailoutbox) == 1


def test_name_cannot_add_a_header(by_mail, book, rf, mailoutbox):
    Event.objects.update(name="Gala\r\nBcc: all@example.com")
    booking = book((by_mail, 1), customer_name="Ann\nBcc: all@example.com")
    request = rf.post("/")
    request.user = AnonymousUser()
    send_link(Booking.objects.get(pk=booking.pk), request)
    assert mailoutbox[0].subject == "Confirm your booking: Gala Bcc: all@example.com"
    assert "Bcc" not in mailoutbox[0].message()


@pytest.mark.parametrize("state", ["immediate", "confirmed", "expired"])
def test_resend_without_need_is_409(state, anonymous, by_mail, book, pass_time, mailoutbox):
    booking = book((by_mail, 1))
    if state == "immediate":
        by_mail.event.revise(free_confirmation="immediate")
    elif state == "confirmed":
        booking.confirm()
    else:
        pass_time(minutes=16)
    assert refused(holder_of(booking).post(f"/bookings/{booking.pk}/resend"), 409, "nothing-to-send")
    assert mailoutbox == []


def test_mails_to_one_address_are_limited(anonymous, by_mail, order, settings, mailoutbox):
    cache.clear()
    settings.RATE_LIMITS = {"mails": (2, 3600)}
    pk = order(by_mail)
    order(by_mail, customer_email="ANN@example.com")
    order(by_mail, customer_email="aNN@example.com")
    answer = holder(pk).post(f"/bookings/{pk}/resend")
    assert refused(answer, 429, "too-many-requests")
    assert 3500 < int(answer["Retry-After"]) <= 3600
    order(by_mail, customer_email="bob@example.com")
    assert [mail.to for mail in mailoutbox] == [["ann@example.com"], ["ANN@example.com"], ["bob@example.com"]]
    cache.clear()


SPELLINGS = [
    "ann+1@example.com",
    '"ann"@example.com',
    '"a\\nn+2"@example.com',
    "ANN@\uff25xample.com",
]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_mails_to_other_spellings_of_one_address_are_limited(spelling, by_mail, order, settings, mailoutbox):
    cache.clear()
    settings.RATE_LIMITS = {"mails": (1, 3600)}
    order(by_mail)
    order(by_mail, customer_email=spelling)
    assert [mail.to for mail in mailoutbox] == [["ann@example.com"]]
    order(by_mail, customer_email="+ann@example.com")
    order(by_mail, customer_email=f"ann@{'ä' * 40}.example.com")
    assert len(mailoutbox) == 3
    cache.clear()


def test_link_leads_to_the_page_of_the_shop(by_mail, order, settings, mailoutbox):
    settings.CONFIRM_URL = "https://shop.example.com/confirm?booking={booking}&token={token}"
    pk = order(by_mail)
    assert f"\nhttps://shop.example.com/confirm?booking={pk}&token={UUID(pk).hex}." in mailoutbox[0].body


# The page


@pytest.fixture
def page(by_mail, order, mailoutbox):
    order(by_mail)
    return f"//bookings/confirm?token={token_of(mailoutbox[0])}"


def test_page_confirms_by_its_button_and_not_by_being_opened(anonymous, page):
    for answer in (anonymous.get(page), anonymous.head(page), anonymous.get(page)):
        assert (answer.status_code, Booking.objects.get().status) == (200, "pending")
    assert '<form method="post"><button>' in answer.content.decode()
    for _ in range(2):
        answer = anonymous.post(page)
        assert (answer.status_code, Booking.objects.get().status) == (200, "confirmed")
    assert Booking.objects.get().confirmation_code in answer.content.decode()
    assert b"<form" not in anonymous.get(page).content
    assert Booking.objects.get().changes.last().by_name == "anonymous"


def test_page_is_not_stored_and_tells_no_other_site(anonymous, page):
    for answer in (anonymous.get(page), anonymous.post(page), anonymous.get("//bookings/confirm?token=x")):
        assert (answer["Cache-Control"], answer["Referrer-Policy"]) == ("no-store", "no-referrer")
        policy = dict(part.split(" ", 1) for part in answer["Content-Security-Policy"].split("; "))
        assert (policy["default-src"], policy["script-src"], policy["form-action"]) == ("'none'", "'none'", "'self'")
        assert not answer.cookies
        assert b"ann@example.com" not in answer.content


@pytest.mark.parametrize("state", ["staff", "cancelled", "expired"])
def test_page_has_no_button_when_it_would_not_confirm(state, anonymous, page, by_mail, pass_time):
    booking = Booking.objects.get()
    if state == "staff":
        by_mail.event.revise(free_confirmation="staff")
    elif state == "cancelled":
        booking.cancel()
    else:
        pass_time(minutes=16)
    answer = anonymous.get(page)
    assert (answer.status_code, b"<form" in answer.content) == (200, False)
    assert anonymous.post(page).status_code == (403 if state == "staff" else 409)
    assert Booking.objects.get().status != "confirmed"


@pytest.mark.parametrize("token", ["", "x", "\x00", f"{'0' * 32}.{'A' * 43}", f"{'0' * 32}.{'!' * 43}"])
def test_page_of_an_unknown_token_is_404(token, anonymous, db):
    for method in (anonymous.get, anonymous.post):
        assert method(f"//bookings/confirm?{urlencode({'token': token})}").status_code == 404


def test_page_counts_for_the_rate_limits(anonymous, page, settings):
    cache.clear()
    settings.RATE_LIMITS = {"anonymous-reads": (1, 60), "anonymous-bookings": (0, 60)}
    assert [anonymous.get(page).status_code for _ in range(2)] == [200, 429]
    answer = anonymous.post(page)
    assert (answer.status_code, Booking.objects.get().status) == (429, "pending")
    assert 0 < int(answer["Retry-After"]) <= 60
    cache.clear()
