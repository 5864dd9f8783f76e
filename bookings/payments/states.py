"""The states of payments and refunds, and the only transitions between them."""

from django.db.models import TextChoices


class PaymentStatus(TextChoices):
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class RefundStatus(TextChoices):
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


# A failed payment may still succeed: the customer tries another card. So may one that was cancelled here while the
# customer paid it there: the money has arrived, and is recorded.
PAYMENT_TRANSITIONS = {
    PaymentStatus.PENDING: {PaymentStatus.SUCCEEDED, PaymentStatus.FAILED, PaymentStatus.CANCELLED},
    PaymentStatus.FAILED: {PaymentStatus.SUCCEEDED, PaymentStatus.CANCELLED},
    PaymentStatus.CANCELLED: {PaymentStatus.SUCCEEDED},
    PaymentStatus.SUCCEEDED: set[PaymentStatus](),
}
# Banks send some refunds back days after the provider has called them successful.
REFUND_TRANSITIONS = {
    RefundStatus.PENDING: {RefundStatus.SUCCEEDED, RefundStatus.FAILED},
    RefundStatus.SUCCEEDED: {RefundStatus.FAILED},
    RefundStatus.FAILED: set[RefundStatus](),
}


def sources(
    transitions: "dict[PaymentStatus, set[PaymentStatus]] | dict[RefundStatus, set[RefundStatus]]", target: str
) -> list[str]:
    """The states from which `target` can be reached."""
    return [source for source, targets in transitions.items() if target in targets]
