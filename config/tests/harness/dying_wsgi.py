"""The production application, whose process is killed at the point of a payment that DIE_AT names.

Each point lies between two steps that another process, or the provider, can see apart.
"""

import os
import signal
from typing import Any

from bookings.payments import ledger, online, refunding
from config.wsgi import application

__all__ = ["POINTS", "application"]

# The owner of a function, its name, and whether the process dies before or after it.
STRIPE = "bookings.payments.providers.stripe.StripeProvider"
POINTS: dict[str, tuple[Any, str, str]] = {
    "start asked for": (online, "start_payment", "before"),
    "payment stored": (STRIPE, "start", "before"),
    "intent made": (STRIPE, "start", "after"),
    "intent stored": (online, "look_up", "after"),
    "event received": (online, "receive_event", "before"),
    "event stored": (online, "handle", "before"),
    "event being handled": (ledger, "add", "before"),
    "event applied": (online, "apply_event", "after"),
    "event handled": (online, "receive_event", "after"),
    "refund asked for": (refunding, "refund", "before"),
    "refund stored": (STRIPE, "refund", "before"),
    "refund made": (STRIPE, "refund", "after"),
    "refund answered": (refunding, "finish_refund", "after"),
}


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def arm(owner: Any, name: str, when: str) -> None:
    if owner == STRIPE:
        from bookings.payments.providers.stripe import StripeProvider as owner  # noqa: N813
    original = getattr(owner, name)

    def dying(*args: Any, **kwargs: Any) -> None:
        if when == "after":
            original(*args, **kwargs)
        die()

    setattr(owner, name, dying)


if os.environ.get("DIE_AT"):
    arm(*POINTS[os.environ["DIE_AT"]])
