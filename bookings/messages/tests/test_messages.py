"""Which mails there are, and what is in them."""

import datetime as dt
import io
from decimal import Decimal

import pytest
from django.core import mail
from django.utils import timezone
from icalendar import Calendar
from pypdf import PdfReader

from bookings.messages.models import Message
from bookings.messages.rendering import NotNeeded, load, render
from bookings.messages.sending import send_due
from bookings.models import Booking
from config.values.timezones import find_zone
from conftest import holder_of
from venues.models import Venue

pytestmark = pytest.mark.both
STRANGE = "Win at https://spam.example\u2028now"


@pytest.fixture(autouse=True)
def _switched_on(settings):
    settings.SEND_MAIL = True


@pytest.fixture
def sold(book, make_type):
    seat = make_type(name="Seat", fee=Decimal("2.50"), tax_rate=Decimal(13))
    return book((seat, 2), customer_name="Zo Customer").confirm(payment_reference="pay_1")


def kinds(**filters):
    return list(Message.objects.filter(**filters).order_by("pk").values_list("kind", flat=True))


def newest(kind):
    return render(load(Message.objects.filter(kind=kind).latest("pk").pk))


def pages(rendered):
    (pdf,) = [content for name, content, kind in rendered.attachments if kind == "application/pdf"]
    return [" ".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(pdf)).pages]


def calendar(rendered):
    (content,) = [content for name, content, kind in rendered.attachments if kind == "text/calendar"]
    return Calendar.from_ical(content)


def plain(rendered):
    return rendered.text.replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize("way", ["at once", "in steps", "late"])
def test_confirmation_is_written_once(book, make_type, pass_time, way):
    booking = book((make_type(price=0 if way == "in steps" else 5), 1))
    if way == "late":
        pass_time(minutes=30)
        booking.refresh_from_db()
    for _ in range(2):
        booking.confirm(payment_reference="pay_1")
    (message,) = Message.objects.all()
    assert (message.kind, message.address, message.state) == ("confirmation", "ann@example.com", "pending")
    assert (message.attempts, message.booking_id, message.details) == (0, booking.pk, {})
    assert message.created_at <= timezone.now()


def test_confirmation_says_what_was_booked(sold, settings):
    settings.SUPPORT_EMAIL, settings.PROJECT_NAME = "help@example.com", "Old Hall Tickets"
    settings.BOOKING_URL = "https://shop.example/b/{id}?s={secret}"
    rendered = newest("confirmation")
    local = sold.event.starts_at.astimezone(find_zone("Europe/Vienna"))
    for text in (plain(rendered), rendered.html.replace("\N{NO-BREAK SPACE}", " ").replace("&nbsp;", " ")):
        for words in ("Concert", f"{local:%H:%M}", "Europe/Vienna", "Old Hall, 1 Main Street", sold.confirmation_code,
                      "2 × Seat", "104.80 EUR", "Fees", "5.00 EUR", "12.06 EUR", "13 % tax", "attached",
                      "help@example.com", "Old Hall Tickets", sold.secret):  # fmt: skip
            assert words in text, words
        assert "Zo Customer" not in text
    assert rendered.subject == "Your tickets: Concert"
    assert [page.count("Zo Customer") for page in pages(rendered)] == [1, 1]
    assert calendar(rendered)["METHOD"] == "PUBLISH"


def test_expiring_and_cancelled_holds_get_no_mail(book, make_type, pass_time, anonymous):
    seat = make_type()
    book((seat, 1)).cancel()
    book((seat, 1))
    pass_time(minutes=30)
    anonymous.get(f"/events/{seat.event_id}")
    assert Message.objects.count() == 0


def test_cancellations_are_told(sold):
    ticket = sold.tickets.first()
    sold.cancel(tickets=[ticket.code])
    rendered = newest("part_cancelled")
    assert len(pages(rendered)) == 1
    assert "52.40 EUR will be refunded" in plain(rendered)
    sold.cancel(reason="Ill.")
    rendered = newest("cancellation")
    assert "Reason: Ill." in rendered.text
    assert calendar(rendered)["METHOD"] == "CANCEL"
    assert kinds() == ["confirmation", "part_cancelled", "cancellation"]


def test_cancelled_event_is_told_to_its_buyers_alone(sold, book):
    held = book((sold.items.get().ticket_type, 1), customer_email="held@example.com")
    sold.event.cancel(reason="Storm.", at=timezone.now())
    held.refresh_from_db()
    assert held.status == "cancelled"
    assert kinds() == ["confirmation", "event_cancelled"]
    rendered = newest("event_cancelled")
    assert (rendered.subject, "Reason: Storm." in rendered.text) == ("Cancelled: Concert", True)
    assert calendar(rendered)["METHOD"] == "CANCEL"
    sold.event.cancel(at=timezone.now())
    assert Message.objects.count() == 2


@pytest.mark.parametrize("change", ["starts_at", "venue"])
def test_moved_event_is_told(sold, book, change):
    before = sold.event.starts_at.astimezone(find_zone("Europe/Vienna"))
    book((sold.items.get().ticket_type, 1), customer_email="held@example.com")
    values = {
        "starts_at": sold.event.starts_at + dt.timedelta(minutes=30),
        "venue": Venue.objects.create(name="New Hall", address="2 Side Street", capacity=500, timezone="Europe/Rome"),
    }
    sold.event.revise(name="Concert")
    sold.event.revise(**{change: values[change]})
    assert kinds(kind="rescheduled") == ["rescheduled"]
    message = Message.objects.get(kind="rescheduled")
    assert (message.booking_id, message.attempts, message.state) == (sold.pk, 0, "pending")
    rendered = newest("rescheduled")
    assert f"Before: {before:%a %d %b %Y, %H:%M}" in rendered.text
    assert ("New Hall" in rendered.text) is (change == "venue")
    assert len(pages(rendered)) == 2
    assert send_due() == 2


def test_postponed_event_is_told_until_it_has_a_new_time(sold, book):
    book((sold.items.get().ticket_type, 1), customer_email="held@example.com")
    for _ in range(2):
        sold.event.postpone(reason="Storm.", at=timezone.now())
    assert kinds(kind="postponed") == ["postponed"]
    rendered = newest("postponed")
    assert (rendered.subject, "Reason: Storm." in rendered.text) == ("Postponed: Concert", True)
    entry = calendar(rendered)
    assert entry["METHOD"] == "PUBLISH"
    assert (entry.events[0]["STATUS"], entry.events[0]["SUMMARY"]) == ("TENTATIVE", "Postponed: Concert")
    later = dt.timedelta(days=90)
    times = {"starts_at": sold.event.starts_at + later, "ends_at": sold.event.ends_at + later}
    for _ in range(2):
        sold.event.reschedule(**times, reason="The roof was repaired.", at=timezone.now())
    assert kinds(kind="rescheduled") == ["rescheduled"]
    rendered = newest("rescheduled")
    assert ("Before: " in rendered.text, "Reason: The roof was repaired." in rendered.text) == (True, True)
    assert len(pages(rendered)) == 2
    send_due()
    states = dict(Message.objects.values_list("kind", "state"))
    assert (states["postponed"], states["rescheduled"]) == ("skipped", "sent")


def test_event_that_takes_place_as_planned_after_all_is_told(sold):
    sold.event.postpone(at=timezone.now())
    sold.event.reschedule(starts_at=sold.event.starts_at, ends_at=sold.event.ends_at, at=timezone.now())
    rendered = newest("rescheduled")
    assert ("not postponed any more" in rendered.text, "Before: " in rendered.text) == (True, False)


def test_draft_that_moves_tells_nobody(make_event):
    event = make_event(is_published=False)
    event.revise(ends_at=event.ends_at + dt.timedelta(hours=1))
    assert Message.objects.count() == 0


def test_refund_is_told_with_its_amount(sold):
    sold.cancel()
    sold.refund()
    assert "104.80 EUR was refunded" in newest("refund").text
    assert kinds() == ["confirmation", "cancellation", "refund"]


def test_transfer_is_told_to_both(sold, settings):
    settings.BOOKING_URL = "https://shop.example/b/{id}?s={secret}"
    ticket = sold.tickets.first()
    holder = {"holder_name": "Bea Moss", "holder_email": "bea@example.com"}
    held = sold.transfer(ticket.code, **holder, new_code=True)
    to_new, to_old = newest("transfer"), newest("transferred")
    assert (to_new.address, to_old.address) == ("bea@example.com", "ann@example.com")
    (page,) = pages(to_new)
    assert held.code[:4] in page
    assert "Bea Moss" in page
    for text in (to_new.text, to_new.html):
        assert not [it for it in (sold.secret, "EUR", "Zo", "Bea", "ann@example.com") if it in text]
    assert to_old.attachments == []
    assert sold.secret in to_old.text
    sold.transfer(held.code, holder_name="Bea Moos")
    assert kinds() == ["confirmation", "transfer", "transferred"]


def test_mail_that_is_pointless_by_now_is_skipped(sold):
    ticket = sold.tickets.first()
    sold.transfer(ticket.code, holder_email="bea@example.com")
    sold.transfer(ticket.code, holder_email="cy@example.com")
    sold.cancel()
    assert send_due() == 6
    assert sorted(Message.objects.values_list("kind", "state").exclude(state="sent")) == [
        ("confirmation", "skipped"),
        ("transfer", "skipped"),
        ("transfer", "skipped"),
    ]
    assert [it.subject for it in mail.outbox].count("Cancelled: your booking for Concert") == 1


def test_corrected_address_gets_the_mail(sold):
    sold.correct(customer_email="bob@example.com")
    send_due()
    assert [it.to for it in mail.outbox] == [["bob@example.com"]]
    assert Message.objects.get().address == "bob@example.com"


@pytest.mark.parametrize("reason", ["switch", "notify", "address"])
def test_no_mail_is_written_when_it_is_switched_off(book, make_type, settings, reason):
    settings.SEND_MAIL = reason != "switch"
    email = "walk@walk-in.invalid" if reason == "address" else "ann@example.com"
    event = make_type().event
    booking = book((event.ticket_types.get(), 2), notify=reason != "notify", customer_email=email).confirm()
    booking.cancel(tickets=[booking.tickets.first().code])
    event.revise(ends_at=event.ends_at + dt.timedelta(hours=1))
    event.cancel(at=timezone.now())
    assert Message.objects.count() == 0


def test_mail_has_the_headers_of_a_machine(sold, settings):
    settings.SUPPORT_EMAIL, settings.DEFAULT_FROM_EMAIL = "help@example.com", "Old Hall <tickets@example.com>"
    message = Message.objects.get()
    email = render(load(message.pk)).to_email(message.message_id).message()
    assert email["Message-ID"] == message.message_id
    assert message.message_id.endswith("@example.com>")
    assert (email["Auto-Submitted"], email["Reply-To"]) == ("auto-generated", "help@example.com")
    kinds_of_parts = [part.get_content_type() for part in email.walk() if not part.is_multipart()]
    assert kinds_of_parts == ["text/plain", "text/html", "application/pdf", "text/calendar"]


def test_names_inject_no_headers(book, make_type, make_event):
    event = make_event(name="Concert\u0085Bcc: eve@example.com")
    booking = book((make_type(event=event), 1), customer_name=STRANGE.replace("\u2028", " ")).confirm()
    message = Message.objects.get()
    rendered = render(load(message.pk))
    email = rendered.to_email(message.message_id).message()
    assert "\n" not in rendered.subject
    assert email["Bcc"] is None
    assert "spam.example" not in rendered.text + rendered.html
    assert booking.customer_name.split()[-1] in pages(rendered)[0]


def test_html_escapes_names(book, make_type, make_event):
    booking = book((make_type(event=make_event(name="<b>Rock & Roll</b>")), 1)).confirm()
    rendered = newest("confirmation")
    assert "<b>Rock & Roll</b>" in rendered.text
    assert "&lt;b&gt;Rock &amp; Roll&lt;/b&gt;" in rendered.html
    assert booking.confirmation_code in rendered.html


def test_templates_of_the_operator_come_first(sold, tmp_path, settings):
    own = tmp_path / "confirmation.txt"
    own.write_text("Subject: Hello {{ booking.code }}\n\nSee you at {{ event.name }}.\n")
    (engine,) = [it for it in settings.TEMPLATES if it.get("NAME") == "messages"]
    changed = {**engine, "DIRS": [tmp_path, *engine["DIRS"]]}
    settings.TEMPLATES = [it if it is not engine else changed for it in settings.TEMPLATES]
    rendered = newest("confirmation")
    assert (rendered.subject, rendered.text) == (f"Hello {sold.confirmation_code}", "See you at Concert.\n")


def test_logo_stands_in_the_mail(sold, tmp_path, settings):
    settings.MESSAGE_LOGO = str(tmp_path / "logo.png")
    from bookings.messages.documents.qr import png

    (tmp_path / "logo.png").write_bytes(png("A"))
    message = Message.objects.get()
    email = render(load(message.pk)).to_email(message.message_id).message()
    assert [part["Content-ID"] for part in email.walk() if part.get_content_type() == "image/png"] == ["<logo>"]
    assert 'src="cid:logo"' in render(load(message.pk)).html


def test_link_is_to_the_tickets_when_there_is_no_shop(sold, settings):
    assert "http" not in newest("confirmation").text
    settings.PUBLIC_URL = "https://tickets.example"
    path = f"/bookings/{sold.pk}/tickets.pdf"
    (line,) = [it for it in newest("confirmation").text.splitlines() if "https://" in it]
    assert line == f"Open the booking: https://tickets.example/api/v1{path}?secret={sold.secret}"
    assert holder_of(sold).get(path).status_code == 200


def test_erased_booking_gets_no_mail(sold, pass_time):
    pass_time(days=60)
    Booking.erase_customer("ann@example.com")
    assert send_due() <= 1
    assert mail.outbox == []
    assert "ann@example.com" not in Message.objects.values_list("address", flat=True)


def test_deleted_booking_gets_no_mail(db):
    message = Message(kind="refund", address="ann@example.com")
    with pytest.raises(NotNeeded):
        render(message)
