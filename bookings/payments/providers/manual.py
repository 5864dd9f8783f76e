"""Payments that staff or another system take: cash, a card terminal, a bank transfer, a shop's own provider."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NoReturn

from bookings.payments.providers.base import Outcome, Provider, UnverifiedEvent
from bookings.payments.states import RefundStatus

if TYPE_CHECKING:
    from bookings.payments.models import Payment, Refund


class ManualProvider(Provider):
    name = "manual"
    is_manual = True

    def start(self, payment: "Payment") -> NoReturn:
        raise NotImplementedError("A manual payment is recorded when it has been made.")

    def refund(self, refund: "Refund") -> Outcome:
        return Outcome(RefundStatus.SUCCEEDED)

    def read_event(self, body: bytes, headers: Mapping[str, str] | None) -> NoReturn:
        raise UnverifiedEvent("Manual payments have no callbacks.")
