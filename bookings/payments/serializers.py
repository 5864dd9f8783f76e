from rest_framework import serializers

from bookings.payments.models import Payment, Refund
from config.api.fields import AmountField, LineField, PriceField, WholeNumberField
from config.api.serializers import ModelSerializer, Serializer

REFUND = {
    "id": 1,
    "amount": "49.90",
    "status": "succeeded",
    "reference": "re_1",
    "reason": "One of us is ill.",
    "error": "",
    "created_at": "2026-11-23T12:00:00Z",
    "succeeded_at": "2026-11-23T12:00:01Z",
}
PAYMENT = {
    "id": 1,
    "booking": "0c9ab0c4-1f7c-4c8e-8d7e-1c2f3a4b5c6d",
    "provider": "stripe",
    "method": "online",
    "reference": "pi_1",
    "amount": "99.80",
    "currency": "EUR",
    "status": "succeeded",
    "error": "",
    "amount_refunded": "49.90",
    "refunds": [REFUND],
    "created_at": "2026-11-23T10:00:00Z",
    "updated_at": "2026-11-23T12:00:01Z",
    "succeeded_at": "2026-11-23T10:02:00Z",
}


class RefundSerializer(ModelSerializer):
    amount = AmountField(read_only=True, help_text="In the payment's currency.")

    class Meta:
        model = Refund
        fields = ["id", "amount", "status", "reference", "reason", "error", "created_at", "succeeded_at"]
        example = REFUND


class PaymentSerializer(ModelSerializer):
    booking = serializers.UUIDField(source="booking_id", read_only=True)
    amount = AmountField(read_only=True)
    amount_refunded = PriceField(read_only=True, help_text="Refunds that have succeeded or are pending.")
    refunds = RefundSerializer(many=True, read_only=True)

    class Meta:
        model = Payment
        fields = [
            "id",
            "booking",
            "provider",
            "method",
            "reference",
            "amount",
            "currency",
            "status",
            "error",
            "amount_refunded",
            "refunds",
            "created_at",
            "updated_at",
            "succeeded_at",
        ]
        example = PAYMENT


class StartedPaymentSerializer(PaymentSerializer):
    """A payment that the customer can make now."""

    client_secret = serializers.SerializerMethodField(
        help_text="For the provider's program in the customer's browser. It pays this payment, and shows nothing else."
    )

    class Meta(PaymentSerializer.Meta):
        fields = [*PaymentSerializer.Meta.fields, "client_secret"]
        example = {
            **PAYMENT,
            "status": "pending",
            "amount_refunded": "0.00",
            "refunds": [],
            "succeeded_at": None,
            "client_secret": f"{PAYMENT['reference']}_secret_2",
        }

    def get_client_secret(self, payment: Payment) -> str:
        secret: str = self.context["client_secret"]
        return secret


class StartPaymentSerializer(Serializer):
    provider = LineField(max_length=20, help_text="The provider, such as stripe.")

    class Meta:
        example = {"provider": "stripe"}


class RefundBookingSerializer(Serializer):
    amount = AmountField(required=False, help_text="By default what is due; more needs a permission and a reason.")
    payment = WholeNumberField(
        required=False, min_value=1, max_value=2**63 - 1, help_text="By default the oldest payments first."
    )
    reason = LineField(max_length=500, required=False, default="", allow_blank=True)

    class Meta:
        example = {"amount": "49.90", "reason": "One of us is ill."}


class RefundedPaymentsSerializer(Serializer):
    payments = PaymentSerializer(many=True, help_text="The payments from which the refund comes.")

    class Meta:
        example = {"payments": [PAYMENT]}
