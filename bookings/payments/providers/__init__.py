from functools import cache

from django.conf import settings
from django.utils.module_loading import import_string

from bookings.payments.providers.absent import AbsentProvider
from bookings.payments.providers.base import Provider


@cache
def provider_named(name: str) -> Provider:
    """The provider of a stored payment: an AbsentProvider when the settings do not name it any more."""
    path = settings.PAYMENT_PROVIDERS.get(name)
    provider: Provider = import_string(path)() if path else AbsentProvider(name)
    return provider
