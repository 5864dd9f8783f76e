"""A provider that has payments, and is not set up any more. What it was asked for waits until it is."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NoReturn

from bookings.payments.providers.base import Provider, ProviderUnavailable, UnverifiedEvent

if TYPE_CHECKING:
    from bookings.payments.models import Payment, Refund


class AbsentProvider(Provider):
    def __init__(self, name: str) -> None:
        self.says = f"The payment provider {name} is not set up."

    def start(self, payment: "Payment") -> NoReturn:
        raise ProviderUnavailable(self.says)

    def refund(self, refund: "Refund") -> NoReturn:
        raise ProviderUnavailable(self.says)

    def read_event(self, body: bytes, headers: Mapping[str, str] | None) -> NoReturn:
        raise UnverifiedEvent(self.says)
