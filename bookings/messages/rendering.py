"""Mails as they are sent: text, HTML, and the tickets and the calendar entry that they carry.

They hold nothing that a customer wrote, but for the names on the tickets, so that nobody sends texts of their own to
strangers. Only the customer gets links with the booking's secret.
"""

from dataclasses import dataclass, field, replace
from email.mime.image import MIMEImage
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse

from bookings.lifecycle.states import LIVE, Status
from bookings.messages.documents.calendar import booking_calendar
from bookings.messages.documents.pdf import tickets_pdf
from bookings.messages.kinds import Kind
from bookings.messages.models import Message
from bookings.messages.queueing import is_mailbox
from bookings.models import Booking, Ticket
from config.backoffice.formats import event_times, format_amount
from config.values import percent
from config.values.text import fold

HIDDEN = "[secret]"
LOGO = "logo"  # its Content-ID
MAX_LINKS = 50
TO_HOLDERS = (Kind.TRANSFER, Kind.TRANSFERRED)
WITH_TICKETS = (Kind.CONFIRMATION, Kind.RESCHEDULED, Kind.PART_CANCELLED, Kind.TRANSFER)
# Not needed once the booking is cancelled.
OF_SOLD = (Kind.CONFIRMATION, Kind.POSTPONED, Kind.RESCHEDULED, Kind.PART_CANCELLED)


class NotNeeded(Exception):
    """Raised with the reason for a mail that has become pointless before it was sent."""


@dataclass
class Rendered:
    """The parts of one mail."""

    address: str
    subject: str
    text: str
    html: str
    attachments: list[tuple[str, bytes, str]] = field(default_factory=list)  # name, content, media type
    secrets: list[str] = field(default_factory=list)  # of the bookings that its links open

    def without_secrets(self) -> "Rendered":
        """As staff see it, who have rights of their own."""
        text, html = self.text, self.html
        for secret in self.secrets:
            text, html = text.replace(secret, HIDDEN), html.replace(secret, HIDDEN)
        return replace(self, text=text, html=html, secrets=[])

    def to_email(self, message_id: str) -> EmailMultiAlternatives:
        email = EmailMultiAlternatives(
            subject=self.subject,
            body=self.text,
            to=[self.address],
            reply_to=[settings.SUPPORT_EMAIL] if settings.SUPPORT_EMAIL else None,
            headers={
                "Message-ID": message_id,
                "Auto-Submitted": "auto-generated",  # RFC 3834: no answers of machines
                "X-Auto-Response-Suppress": "All",
            },
        )
        email.attach_alternative(self.html, "text/html")
        for attachment in self.attachments:
            email.attach(*attachment)
        if settings.MESSAGE_LOGO:
            email.attach(logo())
        return email


def logo() -> MIMEImage:
    image = MIMEImage(Path(settings.MESSAGE_LOGO).read_bytes())
    image.add_header("Content-ID", f"<{LOGO}>")
    image.add_header("Content-Disposition", "inline")
    return image


def render(message: Message) -> Rendered:
    """Raises NotNeeded."""
    if message.kind == Kind.LINKS:
        return render_links(message)
    booking = message.booking
    if booking is None:
        raise NotNeeded("Its booking was deleted.")
    address = message.address if message.kind in TO_HOLDERS else booking.customer_email
    if not is_mailbox(address):
        raise NotNeeded("The address cannot exist, or was erased.")
    if message.kind in OF_SOLD and booking.status != Status.CONFIRMED:
        raise NotNeeded("The booking is not confirmed any more.")
    if message.kind == Kind.POSTPONED and not booking.event.is_postponed:
        raise NotNeeded("The event is not postponed any more.")
    tickets = tickets_of(message)
    mail = compose(message.kind, address, booking_context(message, fold(address) == booking.customer_key))
    mail.secrets = [booking.secret] if booking.secret else []
    if message.kind in WITH_TICKETS and tickets:
        name = f"tickets-{booking.confirmation_code}.pdf"
        mail.attachments.append((name, tickets_pdf(booking, tickets), "application/pdf"))
    if message.kind not in (Kind.REFUND, Kind.TRANSFERRED):
        name = f"booking-{booking.confirmation_code}.ics"
        mail.attachments.append((name, booking_calendar(booking), "text/calendar"))
    return mail


def tickets_of(message: Message) -> list[Ticket]:
    """Those that the mail is about, without void ones."""
    booking: Any = message.booking
    valid = [it for it in booking.ticket_list if it.status != Ticket.Status.VOID]
    if message.kind != Kind.TRANSFER:
        return valid
    found = [it for it in valid if it.code == message.details["ticket"]]
    if not found or fold(found[0].holder_email or booking.customer_email) != fold(message.address):
        raise NotNeeded("The ticket is void, or has another holder.")
    return found


def render_links(message: Message) -> Rendered:
    bookings: Any = Booking.objects.of_customer(message.address).filter(status__in=LIVE)
    if event := message.details.get("event"):
        bookings = bookings.filter(event=event)
    rows = list(bookings.select_related("event__venue").order_by("-event__starts_at", "-pk")[:MAX_LINKS])
    if not rows or not is_mailbox(message.address):
        raise NotNeeded("There are no bookings of this address.")
    return compose_links(rows)


def compose_links(rows: list[Booking]) -> Rendered:
    """To the customer of all of these bookings."""
    entries = [{"booking": it, "when": event_times(it.event), "link": link(it)} for it in rows]
    mail = compose(Kind.LINKS, rows[0].customer_email, {"bookings": entries})
    mail.secrets = [it.secret for it in rows if it.secret]
    return mail


def compose(kind: str, address: str, context: dict[str, Any]) -> Rendered:
    """The first line of the text template is the subject."""
    context = {
        "project": settings.PROJECT_NAME,
        "support": settings.SUPPORT_EMAIL,
        "logo": bool(settings.MESSAGE_LOGO),
        **context,
    }
    head, _, text = render_to_string(f"{kind}.txt", context, using="messages").partition("\n")
    subject = " ".join(head.removeprefix("Subject:").split())  # a header has one line
    html = render_to_string(f"{kind}.html", {**context, "subject": subject}, using="messages")
    return Rendered(address, subject, text.strip() + "\n", html)


def booking_context(message: Message, is_customer: bool) -> dict[str, Any]:
    booking: Any = message.booking
    return {
        "booking": {"code": booking.confirmation_code, "reason": booking.cancel_reason, "places": booking.places},
        "event": booking.event,
        "venue": booking.event.venue,
        "when": event_times(booking.event),
        "items": [item_context(item, booking) for item in booking.item_list] if is_customer else [],
        "money": money_context(booking) if is_customer else [],
        "link": link(booking) if is_customer else "",
        "refund_amount": booking.refund_amount and format_amount(booking.refund_amount, booking.currency),
        "amount_due": booking.amount_due and format_amount(booking.amount_due, booking.currency),
        "details": message.details,
    }


def item_context(item: Any, booking: Any) -> dict[str, Any]:
    return {
        "quantity": item.quantity - item.cancelled_quantity,
        "cancelled": item.cancelled_quantity,
        "name": item.name,
        "price": format_amount(item.price_with_fee, booking.currency),
        "total": format_amount(item.price_with_fee * (item.quantity - item.cancelled_quantity), booking.currency),
        "tax_rate": percent.plain(item.tax_rate),
    }


def money_context(booking: Any) -> list[tuple[str, str]]:
    """Names and amounts, as booked and as paid by now, without what is 0."""
    amounts = [
        ("Price without fees", booking.subtotal if booking.fees else 0),
        ("Fees", booking.fees),
        ("Total when booked", booking.total_price),
        ("Tax in it", booking.tax),
        ("Paid", booking.amount_paid),
        ("Refunded", booking.amount_refunded),
        ("Still to be paid", booking.amount_due),
        ("Refund due", booking.refund_amount),
    ]
    return [(name, format_amount(amount, booking.currency)) for name, amount in amounts if amount]


def link(booking: Any) -> str:
    """To the shop's page of a booking when there is one, otherwise to its tickets on this server; empty when neither
    address is known, or after the secret was erased.
    """
    if not booking.secret:
        return ""
    if settings.BOOKING_URL:
        return settings.BOOKING_URL.replace("{id}", str(booking.pk)).replace("{secret}", booking.secret)
    if not settings.PUBLIC_URL or booking.status != Status.CONFIRMED:
        return ""
    return f"{settings.PUBLIC_URL}{reverse('booking-tickets', args=[booking.pk])}?secret={booking.secret}"


def load(pk: int) -> Message:
    """A mail with all that its text needs; one read of the present."""
    return Message.objects.select_related("booking__event__venue").get(pk=pk)
