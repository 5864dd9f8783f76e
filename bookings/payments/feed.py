"""Payments in the change feed, with their refunds."""

from collections.abc import Collection, Iterable
from typing import Any

from bookings.payments.models import Payment
from bookings.payments.serializers import PaymentSerializer
from config.outbox.telling import Resource, register_resource


def load(ids: Collection[Any]) -> Iterable[Payment]:
    return Payment.objects.filter(pk__in=ids).with_refunds().order_by("pk")


register_resource("payment", Resource(PaymentSerializer, load))
