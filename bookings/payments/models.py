"""Payments and refunds: each movement of money is a row that is never changed but in its state."""

from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from bookings.payments.states import PaymentStatus, RefundStatus
from config.values import money
from config.values.text import validate_line


class PaymentQuerySet(models.QuerySet["Payment"]):
    def succeeded(self) -> Self:
        return self.filter(status=PaymentStatus.SUCCEEDED)

    def refundable(self) -> Self:
        """Succeeded and not wholly refunded; the oldest first."""
        return self.succeeded().filter(amount_refunded__lt=F("amount")).order_by("pk")

    def with_refunds(self) -> Self:
        """With their refunds, in the order in which they were made; one more query."""
        return self.prefetch_related(
            models.Prefetch("refunds", Refund.objects.select_related("payment").order_by("pk"))
        )


class Payment(models.Model):
    """Money for a booking, under the reference that its provider gave it.

    A reference is one payment for ever, whatever becomes of the booking.
    """

    Status = PaymentStatus

    class Method(models.TextChoices):
        CASH = "cash"
        CARD = "card"
        TRANSFER = "transfer"
        ONLINE = "online"
        OTHER = "other"

        @classmethod
        def elsewhere(cls) -> "list[Payment.Method]":
            """Those of payments that this server does not start."""
            return [it for it in cls if it != cls.ONLINE]

    booking = models.ForeignKey("bookings.Booking", on_delete=models.PROTECT, related_name="payments")
    provider = models.CharField(max_length=20, editable=False)
    method = models.CharField(max_length=8, choices=Method, default=Method.OTHER, editable=False)
    reference = models.CharField(max_length=200, blank=True, default="", editable=False, validators=[validate_line])
    amount = money.MoneyField(editable=False)
    amount_refunded = money.MoneyField(
        default=0, db_default=0, editable=False, help_text="Refunds that have succeeded or are pending."
    )
    currency = models.CharField(max_length=3, editable=False)
    status = models.CharField(max_length=9, choices=Status, editable=False)
    error = models.CharField(max_length=500, blank=True, default="", editable=False)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, editable=False, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    succeeded_at = models.DateTimeField(null=True, editable=False)

    objects = PaymentQuerySet.as_manager()

    is_replay = False  # whether `start_payment` returned an earlier one for its idempotency key

    class Meta:
        ordering = ["-id"]
        indexes = [
            # GET /payments?updated_after=.
            models.Index(fields=["updated_at"], name="payment_by_update"),
            # The till of a day, and payments by day in reports.
            models.Index(fields=["succeeded_at"], name="payment_by_day", condition=Q(status="succeeded")),
            # The search by reference, with any provider.
            models.Index(fields=["reference"], name="payment_by_reference", condition=~Q(reference="")),
            # Payments that the worker asks the provider about.
            models.Index(fields=["created_at"], name="payment_pending", condition=Q(status="pending")),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "reference"],
                condition=~Q(reference=""),
                name="payment_reference_is_unique_for_its_provider",
                violation_error_message="A payment has this reference already.",
                violation_error_code="already-exists",
            ),
            models.CheckConstraint(
                condition=Q(status__in=PaymentStatus.values),
                name="payment_status_is_known",
                violation_error_message="A payment is pending, succeeded, failed or cancelled.",
                violation_error_code="unknown-status",
            ),
            models.CheckConstraint(
                condition=Q(method__in=["cash", "card", "transfer", "online", "other"]),
                name="payment_method_is_known",
                violation_error_message="A payment is made by cash, card, transfer, online or otherwise.",
                violation_error_code="unknown-method",
            ),
            models.CheckConstraint(
                condition=Q(amount__gt=0),
                name="payment_amount_is_above_0",
                violation_error_message="A payment's amount must be above 0.",
                violation_error_code="invalid-amount",
            ),
            models.CheckConstraint(
                condition=Q(amount_refunded__gte=0, amount_refunded__lte=F("amount")),
                name="payment_is_not_refunded_beyond_its_amount",
                violation_error_message="No more can be refunded than was paid.",
                violation_error_code="invalid-refund",
            ),
            models.CheckConstraint(
                condition=Q(amount_refunded=0) | Q(status="succeeded"),
                name="payment_refunded_has_succeeded",
                violation_error_message="Only a payment that has succeeded can be refunded.",
                violation_error_code="invalid-refund",
            ),
            models.CheckConstraint(
                condition=~Q(status="succeeded") | Q(succeeded_at__isnull=False),
                name="payment_succeeded_has_a_time",
                violation_error_message="A payment that has succeeded has a time.",
                violation_error_code="invalid-status",
            ),
            models.CheckConstraint(
                condition=Q(currency__length=3),
                name="payment_currency_has_3_letters",
                violation_error_message="A currency code has 3 letters.",
                violation_error_code="invalid-currency",
            ),
        ]

    def __str__(self) -> str:
        return self.reference or f"{self.method} {self.pk}"

    @property
    def refundable(self) -> Any:
        """What has not been refunded yet."""
        return self.amount - self.amount_refunded if self.status == PaymentStatus.SUCCEEDED else 0


class Refund(models.Model):
    """Money that goes back from one payment. A failed one counts for nothing: try again with a new one."""

    Status = RefundStatus

    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="refunds")
    amount = money.MoneyField(editable=False)
    goodwill = money.MoneyField(default=0, editable=False, help_text="The part of it that was not due.")
    status = models.CharField(max_length=9, choices=Status, editable=False)
    reference = models.CharField(max_length=200, blank=True, default="", editable=False)
    reason = models.CharField(max_length=500, blank=True, default="", editable=False)
    error = models.CharField(max_length=500, blank=True, default="", editable=False)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, editable=False, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    succeeded_at = models.DateTimeField(null=True, editable=False)
    failed_at = models.DateTimeField(null=True, editable=False)

    is_replay = False  # whether `refund` returned an earlier one for its idempotency key

    class Meta:
        ordering = ["-id"]
        indexes = [
            # Refunds by day in reports, and of the till.
            models.Index(fields=["succeeded_at"], name="refund_by_payday", condition=Q(succeeded_at__isnull=False)),
            models.Index(fields=["failed_at"], name="refund_by_return", condition=Q(failed_at__isnull=False)),
            # Refunds that the worker asks the provider for.
            models.Index(fields=["created_at"], name="refund_pending", condition=Q(status="pending")),
            # The list of refunds to try again.
            models.Index(fields=["created_at"], name="refund_failed", condition=Q(status="failed")),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["payment", "reference"],
                condition=~Q(reference=""),
                name="refund_reference_is_unique_for_its_payment",
                violation_error_message="A refund has this reference already.",
                violation_error_code="already-exists",
            ),
            models.CheckConstraint(
                condition=Q(status__in=RefundStatus.values),
                name="refund_status_is_known",
                violation_error_message="A refund is pending, succeeded or failed.",
                violation_error_code="unknown-status",
            ),
            models.CheckConstraint(
                condition=Q(amount__gt=0),
                name="refund_amount_is_above_0",
                violation_error_message="A refund's amount must be above 0.",
                violation_error_code="invalid-amount",
            ),
            models.CheckConstraint(
                condition=Q(goodwill__gte=0, goodwill__lte=F("amount")),
                name="refund_goodwill_is_a_part_of_it",
                violation_error_message="The goodwill is a part of the refund.",
                violation_error_code="invalid-amount",
            ),
            models.CheckConstraint(
                condition=~Q(status="succeeded") | Q(succeeded_at__isnull=False),
                name="refund_succeeded_has_a_time",
                violation_error_message="A refund that has succeeded has a time.",
                violation_error_code="invalid-status",
            ),
        ]

    def __str__(self) -> str:
        return self.reference or f"refund {self.pk}"

    @property
    def currency(self) -> str:
        return self.payment.currency


class ProviderEvent(models.Model):
    """A provider's callback, stored under its id when it arrives, so that it is handled once."""

    provider = models.CharField(max_length=20, editable=False)
    event_id = models.CharField(max_length=200, editable=False)
    kind = models.CharField(max_length=100, editable=False)
    body = models.TextField(blank=True, default="", editable=False, help_text="As it was sent; emptied after 30 days.")
    payment = models.ForeignKey(Payment, null=True, on_delete=models.SET_NULL, editable=False, related_name="events")
    received_at = models.DateTimeField(auto_now_add=True)
    handled_at = models.DateTimeField(null=True, editable=False)
    error = models.CharField(max_length=500, blank=True, default="", editable=False)

    class Meta:
        ordering = ["-id"]
        indexes = [
            # Events that the worker tries again, and `purge`.
            models.Index(fields=["received_at"], name="provider_event_unhandled", condition=Q(handled_at=None)),
            models.Index(fields=["received_at"], name="provider_event_with_body", condition=~Q(body="")),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "event_id"],
                name="provider_event_is_stored_once",
                violation_error_message="This event is stored already.",
                violation_error_code="already-exists",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.event_id}"
