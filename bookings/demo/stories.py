"""What happens to the bookings of the demo, and when."""

import contextlib
import datetime as dt
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from django.db.models import QuerySet

from bookings.models import Booking, BookingChange, Ticket
from bookings.payments.models import Payment, Refund
from bookings.problems import HoldExpired

HOLD = dt.timedelta(minutes=15)


@dataclass
class Story:
    """The times of one booking's history, by verb, and the places that it gave back, by ticket type."""

    booking: Booking
    random: Random
    last: dt.datetime  # the latest time of any change
    at: dict[str, dt.datetime]
    returned: Counter[int] = field(default_factory=Counter)

    @property
    def expires_at(self) -> dt.datetime:
        return self.at["place"] + HOLD

    @property
    def confirmed_at(self) -> dt.datetime | None:
        return self.at.get("confirm", self.at.get("confirm late"))

    @property
    def payment(self) -> str:
        return "" if self.booking.is_free else payment_reference(self.booking.confirmation_code)

    @property
    def sold(self) -> int:
        return self.booking.quantity - self.returned.total()

    def soon_after(self, instant: dt.datetime) -> dt.datetime:
        return instant + dt.timedelta(seconds=self.random.randint(60, 720))

    def long_after(self, instant: dt.datetime) -> dt.datetime:
        return (instant + (self.last - instant) * self.random.random()).replace(microsecond=0)

    def end_hold(self) -> None:
        """Backdates the hold, so that it is due now."""
        self.at["expire"] = self.expires_at
        rows = Booking.objects.filter(pk=self.booking.pk)
        rows.update(created_at=self.at["place"], expires_at=self.expires_at)

    def return_places(self) -> None:
        for item in self.booking.items.all():
            self.returned[item.ticket_type_id] += item.quantity


def payment_reference(confirmation_code: str) -> str:
    return f"pay_{confirmation_code.lower()}"


def confirm(story: Story) -> None:
    story.at["confirm"] = story.soon_after(story.at["place"])
    story.booking.confirm(payment_reference=story.payment, by="system")


def confirm_late(story: Story) -> None:
    story.end_hold()
    story.at["confirm late"] = story.soon_after(story.expires_at)
    story.booking.confirm(payment_reference=story.payment, by="system")


def cancel_partly(story: Story) -> None:
    """Cancels some of its tickets, unless there is only one."""
    confirm(story)
    tickets = list(story.booking.tickets.all())
    if len(tickets) == 1:
        return
    returned = tickets[: story.random.randint(1, len(tickets) - 1)]
    story.at["cancel tickets"] = story.long_after(story.at["confirm"])
    codes = [ticket.code for ticket in returned]
    story.booking.cancel(tickets=codes, reason="Not all of us can come.", by="system")
    story.returned.update(ticket.ticket_type_id for ticket in returned)
    pay_back(story, story.at["cancel tickets"])


def cancel_paid(story: Story) -> None:
    confirm(story)
    story.at["cancel"] = story.long_after(story.at["confirm"])
    story.booking.cancel(reason="I cannot come.", by="system")
    pay_back(story, story.at["cancel"])
    story.return_places()


def pay_back(story: Story, cancelled_at: dt.datetime) -> None:
    if story.booking.refund_due and story.random.random() < 0.5:
        story.at["refund"] = story.soon_after(cancelled_at)
        story.booking.refund(by="system")


def give_up(story: Story) -> None:
    story.at["cancel"] = story.soon_after(story.at["place"])
    story.booking.cancel(reason="Changed my mind.")
    story.return_places()


def expire(story: Story) -> None:
    story.end_hold()
    story.return_places()


def pay_too_late(story: Story) -> None:
    """Sends the payment of an expired booking when the event is sold out, so that a refund is due."""
    story.at["refuse payment"] = story.soon_after(story.expires_at)
    with contextlib.suppress(HoldExpired):
        story.booking.confirm(payment_reference=story.payment, by="system")


# Each with its weight.
FATES: dict[Callable[[Story], None], int] = {
    confirm: 76,
    confirm_late: 3,
    cancel_partly: 4,
    cancel_paid: 4,
    give_up: 5,
    expire: 8,
}


def backdate(stories: dict[Any, Story]) -> None:
    """Writes the times of the stories to bookings and what belongs to them; nothing else is changed."""
    bookings = list(Booking.objects.filter(pk__in=stories))
    for booking in bookings:
        story = stories[booking.pk]
        booking.created_at, booking.expires_at = story.at["place"], story.expires_at
        booking.confirmed_at, booking.cancelled_at = story.confirmed_at, story.at.get("cancel")
    Booking.objects.bulk_update(bookings, ["created_at", "expires_at", "confirmed_at", "cancelled_at"])

    tickets = list(Ticket.objects.filter(booking__in=stories))
    for ticket in tickets:
        ticket.created_at = stories[ticket.booking_id].confirmed_at or ticket.created_at
    Ticket.objects.bulk_update(tickets, ["created_at"])

    changes = list(BookingChange.objects.filter(booking__in=stories))
    for change in changes:
        change.at = stories[change.booking_id].at[change.verb]
    # A plain queryset: the model's own refuses to change history.
    history: QuerySet[BookingChange] = QuerySet(BookingChange)
    history.bulk_update(changes, ["at"])

    payments = list(Payment.objects.filter(booking__in=stories))
    for payment in payments:
        story = stories[payment.booking_id]
        payment.succeeded_at = payment.created_at = story.confirmed_at or story.at["refuse payment"]
    Payment.objects.bulk_update(payments, ["succeeded_at", "created_at"])

    refunds = list(Refund.objects.filter(payment__booking__in=stories).select_related("payment"))
    for refund in refunds:
        refund.succeeded_at = refund.created_at = stories[refund.payment.booking_id].at["refund"]
    Refund.objects.bulk_update(refunds, ["succeeded_at", "created_at"])
