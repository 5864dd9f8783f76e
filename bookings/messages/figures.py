"""What `GET /metrics` shows of mails."""

from bookings.messages.kinds import State
from bookings.messages.models import Message
from config.metrics.figures import Figure, Samples, count_of, register


def pending() -> Samples:
    return {(): count_of(Message.objects.filter(state=State.PENDING).values("next_attempt_at"))}


def undelivered() -> Samples:
    return {(): count_of(Message.objects.filter(state__in=[State.BOUNCED, State.FAILED]).values("pk"))}


register(Figure("tickets_mails_pending", "Mails to send, up to 100,000.", pending))
register(Figure("tickets_mails_undelivered", "Mails that were refused or given up, up to 100,000.", undelivered))
