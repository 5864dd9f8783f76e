from functools import cache

from django.conf import settings
from django.utils.module_loading import import_string

from bookings.payments.providers.base import Provider


@cache
def provider_named(name: str) -> Provider:
    """Raises LookupError for a provider that the settings do not name."""
    provider: Provider = import_string(settings.PAYMENT_PROVIDERS[name])()
    return provider
