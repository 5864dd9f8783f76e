"""The worker's step for mails."""

from bookings.messages.sending import send_due
from config.outbox.worker import Step, register

register(Step("send-mail", send_due, every=0.5))
