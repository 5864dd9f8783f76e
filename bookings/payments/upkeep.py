"""The worker's steps for payments: what lost its answer or its callback is asked for again."""

import datetime as dt

from django.conf import settings
from django.utils import timezone

from bookings.payments import online
from config.outbox.worker import Step, register

GRACE = dt.timedelta(minutes=2)  # in which the answer or the callback may still come


def look_up_payments() -> int:
    return online.look_up_payments(older_than=GRACE, at=timezone.now())


def finish_refunds() -> int:
    return online.finish_refunds(older_than=GRACE, at=timezone.now())


def handle_events() -> int:
    return online.handle_events(at=timezone.now())


def refund_automatically() -> int:
    return online.refund_automatically() if settings.REFUND_AUTOMATICALLY else 0


register(Step("look-up-payments", look_up_payments, every=60))
register(Step("finish-refunds", finish_refunds, every=60))
register(Step("handle-payment-events", handle_events, every=60))
register(Step("refund-automatically", refund_automatically, every=60))
