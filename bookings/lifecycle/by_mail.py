"""The confirmation of free bookings by their customers: at once, or with a link in a mail, which proves the address."""

import re
from typing import Any

from django.core.signing import BadSignature, Signer

from bookings import models
from bookings.lifecycle import confirm
from bookings.lifecycle.states import Status
from bookings.payments.ledger import NO_RECEIPT
from bookings.problems import ConfirmByMail
from config.problems import Forbidden, InvalidInput, NotFound

TOKEN = re.compile(r"(?P<booking>[0-9a-f]{32})\.[A-Za-z0-9_-]{43}")


def signer(booking: "models.Booking") -> Signer:
    return Signer(sep=".", salt=f"bookings.confirm_by_mail {booking.secret} {booking.customer_key}")


def mail_token(booking: "models.Booking") -> str:
    """Names the booking, and confirms it as long as it has its hold, this address and this secret.

    It opens nothing else.
    """
    return signer(booking).sign(booking.pk.hex)


def is_valid(token: str, booking: "models.Booking") -> bool:
    try:
        return signer(booking).unsign(token) == booking.pk.hex
    except BadSignature:
        return False


def booking_of(token: str) -> "models.Booking":
    """The booking of a valid token, with its event and venue. Raises NotFound."""
    if match := TOKEN.fullmatch(token):
        bookings = models.Booking.objects.select_related("event__venue")
        booking = bookings.filter(pk=match["booking"]).first()
        if booking is not None and is_valid(token, booking):
            return booking
    raise NotFound("This link is not valid.")


def confirm_free(booking: "models.Booking", *, mail_token: str, by: Any) -> "models.Booking":
    if not booking.is_left_to_customer:
        raise Forbidden("Only staff confirm this booking.")
    if booking.status == Status.PENDING and booking.is_confirmed_by_mail and not is_valid(mail_token, booking):
        if mail_token:
            detail = "This token is not valid for this booking and its e-mail address."
            raise InvalidInput(errors=[{"pointer": "/mail_token", "code": "invalid", "detail": detail}])
        raise ConfirmByMail("Use the link in the mail to the customer. POST /bookings/{id}/resend sends it again.")
    return confirm.confirm(booking, NO_RECEIPT, may_be_unpaid=False, by=by, in_time_only=True)
