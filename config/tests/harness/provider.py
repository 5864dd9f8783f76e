"""A payment provider without a network, for tests of routes and rows: whatever it is asked for succeeds."""

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from bookings.payments.providers.base import Outcome, PaymentEvent, Provider, Started, UnverifiedEvent
from bookings.payments.states import PaymentStatus, RefundStatus

if TYPE_CHECKING:
    from bookings.payments.models import Payment, Refund


class FakeProvider(Provider):
    name = "fake"

    def start(self, payment: "Payment") -> Started:
        reference = payment.reference or f"fake_{payment.pk}"
        return Started(reference, f"{reference}_secret", Outcome(PaymentStatus.PENDING, reference))

    def refund(self, refund: "Refund") -> Outcome:
        return Outcome(RefundStatus.SUCCEEDED, f"fake_refund_{refund.pk}")

    def read_event(self, body: bytes, headers: Mapping[str, str] | None) -> PaymentEvent:
        try:
            event_id = json.loads(body)["id"]
        except (ValueError, KeyError, TypeError) as error:
            raise UnverifiedEvent(f"The event cannot be read: {error!r}") from None
        if not isinstance(event_id, str) or not re.fullmatch(r"evt_[0-9]{1,10}", event_id):
            raise UnverifiedEvent("The event has no id.")
        return PaymentEvent(id=event_id, kind="nothing")
