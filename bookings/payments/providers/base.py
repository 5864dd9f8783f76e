"""What a payment provider does. A new one is a module with a subclass, named in PAYMENT_PROVIDERS."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from bookings.payments.models import Payment, Refund


class ProviderUnavailable(Exception):
    """The provider did not answer, or not with yes or no. Ask again later, with the same idempotency key."""


class KeyRefused(ProviderUnavailable):
    """The provider does not accept this server's key, until an operator corrects it."""

    text = "The payment provider does not accept the key of this server."  # stored with what was asked for

    def __init__(self) -> None:
        super().__init__(self.text)


class ProviderRefused(Exception):
    """The provider said no, and will say so again."""


class UnverifiedEvent(Exception):
    """The callback is not the provider's, or too old."""


class AmountRefused(ProviderRefused):
    """The provider cannot move this amount. Its text is ours, so customers may read it."""


@dataclass(frozen=True)
class Outcome:
    """What a provider says of a payment or refund: `status` is one of PaymentStatus or RefundStatus."""

    status: str
    reference: str = ""
    error: str = ""


@dataclass(frozen=True)
class Started:
    """A payment that the customer can make, or has made."""

    reference: str
    client_secret: str  # for the provider's own program in the customer's browser; never stored
    outcome: Outcome


@dataclass(frozen=True)
class PaymentEvent:
    """A verified callback. Without an `outcome` it means nothing here."""

    id: str
    kind: str
    subject: str = ""  # "payment" or "refund"
    booking_id: str = ""  # our own ids, from the metadata
    payment_reference: str = ""
    payment_id: int | None = None
    refund_id: int | None = None
    amount: Decimal = Decimal()
    currency: str = ""
    outcome: Outcome | None = None


class Provider(ABC):
    name: ClassVar[str]
    is_manual: ClassVar[bool] = False  # staff move the money, the system only notes it

    @abstractmethod
    def start(self, payment: "Payment") -> Started:
        """Asks for a payment, with its id as idempotency key, or looks it up when its reference is known. Raises
        ProviderUnavailable, ProviderRefused.
        """

    def cancel(self, payment: "Payment") -> Outcome:
        """Ends a started payment that nothing is due for any more, and says what became of it: it may have succeeded.
        By default it is looked up alone. Raises ProviderUnavailable, ProviderRefused.
        """
        return self.start(payment).outcome

    @abstractmethod
    def refund(self, refund: "Refund") -> Outcome:
        """Asks for a refund, with its id as idempotency key. Raises ProviderUnavailable, ProviderRefused."""

    @abstractmethod
    def read_event(self, body: bytes, headers: Mapping[str, str] | None) -> PaymentEvent:
        """Verifies and reads a callback; without headers one that was verified before. Raises UnverifiedEvent."""
