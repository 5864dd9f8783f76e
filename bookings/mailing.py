"""The mail with the link that confirms a free booking, and mails that are asked for again.

The link is sent at once, since the customer waits for it and the answer says whether it was. It holds nothing that an
anonymous client wrote, so that nobody sends texts of their own to strangers. Call `send_link` outside of transactions:
it waits for the mail server.
"""

import logging
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from rest_framework.request import Request

from bookings.lifecycle.by_mail import mail_token
from bookings.lifecycle.states import Status
from bookings.messages.kinds import Kind
from bookings.messages.models import Message
from bookings.messages.queueing import is_mailbox, new_message
from bookings.models import Booking, BookingChange
from bookings.problems import MailSwitchedOff, NothingToSend
from config.access.rate_limits import count_mail
from config.backoffice.formats import event_times, local_time_with_offset
from config.problems import TooManyRequests, Unavailable
from config.values.text import fold

logger = logging.getLogger(__name__)


def send_link_of_new(booking: Booking, request: Request) -> None:
    """Sends the link of a booking that an anonymous client has just placed.

    A mail that cannot be sent does not lose the booking: the client may ask for it again.
    """
    if request.user.is_authenticated or booking.is_replay or not booking.is_confirmed_by_mail:
        return
    try:
        send_link(booking, request)
    except (TooManyRequests, Unavailable) as problem:
        logger.warning("A new booking got no mail: %s", problem.detail)


def resend(booking: Booking, request: Request) -> None:
    """The link of a pending booking at once, the tickets of a confirmed one by the worker.

    Raises NothingToSend, TooManyRequests, Unavailable.
    """
    if booking.is_confirmed_by_mail and booking.status_at(timezone.now()) == Status.PENDING:
        send_link(booking, request)
    else:
        send_tickets(booking, by=request.user)


def send_tickets(booking: Booking, *, by: Any) -> None:
    """Also for a booking whose shop sends its own mails: somebody asked for this one.

    Raises NothingToSend, TooManyRequests.
    """
    if booking.status != Status.CONFIRMED or not settings.SEND_MAIL or not is_mailbox(booking.customer_email):
        raise NothingToSend
    count_mail(booking.customer_key)
    with transaction.atomic():
        new_message(Kind.CONFIRMATION, booking).save(force_insert=True)
        BookingChange.entry(booking.pk, "send mail", booking.status, booking.status, by=by).save()


def send_again(message: Message, *, by: Any) -> None:
    """The same mail once more, as a mail of its own. Raises NothingToSend, TooManyRequests."""
    if not settings.SEND_MAIL:
        raise NothingToSend
    count_mail(fold(message.address))
    with transaction.atomic():
        again = new_message(message.kind, message.booking, message.address, **message.details)
        again.save(force_insert=True)
        if booking := message.booking:
            BookingChange.entry(booking.pk, "send mail", booking.status, booking.status, by=by).save()


def refuse_switched_off() -> None:
    """Raises MailSwitchedOff."""
    if not settings.SEND_MAIL:
        raise MailSwitchedOff


def send_link(booking: Booking, request: Request) -> None:
    count_mail(booking.customer_key)
    try:
        message(booking, link(booking, request)).send()
    except Exception as error:  # of the mail server, the network, or an address that no mail can have
        logger.exception("A mail could not be sent.")
        raise Unavailable("The mail could not be sent. Retry later.", retry_after=60) from error
    BookingChange.entry(booking.pk, "send mail", booking.status, booking.status, by=request.user).save()


def link(booking: Booking, request: Request) -> str:
    """To the shop's page when there is one, otherwise to ours."""
    page = request.build_absolute_uri(reverse("confirm-booking"))
    url = settings.CONFIRM_URL or f"{page}?token={{token}}"
    return url.replace("{booking}", str(booking.pk)).replace("{token}", mail_token(booking))


def message(booking: Booking, url: str) -> EmailMessage:
    event = booking.event
    context = {
        "event": event,
        "when": event_times(event),
        "until": local_time_with_offset(booking.expires_at, event.venue.timezone),
        "items": booking.item_list,
        "url": url,
        "project": settings.PROJECT_NAME,
        "support": settings.SUPPORT_EMAIL,
    }
    return EmailMessage(
        subject=" ".join(f"Confirm your booking: {event.name}".split()),  # a header has one line
        body=render_to_string("bookings/confirm_mail.txt", context),
        to=[booking.customer_email],
        reply_to=[settings.SUPPORT_EMAIL] if settings.SUPPORT_EMAIL else None,
        headers={"Auto-Submitted": "auto-generated"},  # RFC 3834: no answers of machines
    )
