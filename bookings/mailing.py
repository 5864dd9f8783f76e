"""The mail with the link that confirms a free booking.

It holds nothing that an anonymous client wrote, so that nobody sends texts of their own to strangers. Call this outside
of transactions: it waits for the mail server.
"""

import logging

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from rest_framework.request import Request

from bookings.lifecycle.by_mail import mail_token
from bookings.lifecycle.states import Status
from bookings.models import Booking, BookingChange
from bookings.problems import NothingToSend
from config.access.rate_limits import count_mail
from config.backoffice.formats import event_times, local_time_with_offset
from config.problems import TooManyRequests, Unavailable

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


def resend_link(booking: Booking, request: Request) -> None:
    """Raises NothingToSend, TooManyRequests, Unavailable."""
    if not booking.is_confirmed_by_mail or booking.status_at(timezone.now()) != Status.PENDING:
        raise NothingToSend
    send_link(booking, request)


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
