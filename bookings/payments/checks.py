"""Checks of the settings of payments."""

from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register
from django.utils.module_loading import import_string

LIVE = ("sk_live_", "rk_live_")


@register(Tags.security)
def check_live_key(**kwargs: Any) -> list[CheckMessage]:
    if not settings.DEBUG or not settings.STRIPE_SECRET_KEY.startswith(LIVE):
        return []
    text = "STRIPE_SECRET_KEY moves real money, and DEBUG is on: error pages show settings and data."
    return [Error(text, hint="Develop with a test key, sk_test_….", id="payments.E001")]


@register(Tags.security)
def check_both_secrets(**kwargs: Any) -> list[CheckMessage]:
    pair = {name: bool(getattr(settings, name)) for name in ("STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET")}
    if len(set(pair.values())) == 1:
        return []
    missing = next(name for name, is_set in pair.items() if not is_set)
    effect = "no payment can start" if missing == "STRIPE_SECRET_KEY" else "callbacks of payments are refused"
    hint = "Set both or none; docs/payments.md says where they are found."
    return [checks.Warning(f"{missing} is missing: {effect}.", hint=hint, id="payments.W002")]


@register
def check_providers(**kwargs: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    for name, path in settings.PAYMENT_PROVIDERS.items():
        try:
            import_string(path)
        except ImportError as error:
            hint = "Install requirements/production.txt." if name == "stripe" else "Correct PAYMENT_PROVIDERS."
            found.append(
                Error(f"The payment provider {name} cannot be imported: {error}", hint=hint, id="payments.E003")
            )
    return found
