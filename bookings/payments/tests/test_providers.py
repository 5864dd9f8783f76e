"""Providers: one that is not set up any more, and the settings without Stripe."""

import datetime as dt
import subprocess
import sys

import pytest
from django.conf import settings as project
from django.core.management import call_command

from bookings.payments import upkeep
from bookings.payments.models import Payment, ProviderEvent, Refund
from bookings.payments.providers import provider_named
from config.tests.harness.server import environment_for

pytestmark = pytest.mark.both


@pytest.fixture
def gone(settings, book):
    """A paid and cancelled booking of a provider that is not set up any more, and a pending payment of it."""
    booking, pending = book(), book()
    data = {"provider": "gone", "method": "online", "amount": booking.amount_due, "currency": "EUR"}
    booking.confirm(payment_reference="g1")
    Payment.objects.update(provider="gone", method="online")
    pending.payments.create(status="pending", **data)
    ProviderEvent.objects.create(provider="gone", event_id="1", kind="x", body="{}")
    provider_named.cache_clear()
    yield booking.cancel()
    provider_named.cache_clear()


def test_refund_of_a_provider_that_is_gone_waits(gone, manager):
    answer = manager.post(f"/bookings/{gone.pk}/refunds", {})
    (refund,) = answer.json()["payments"][0]["refunds"]
    assert (answer.status_code, refund["status"], bool(refund["error"])) == (201, "pending", True)


def test_worker_goes_on_without_a_provider_that_is_gone(gone, book, monkeypatch):
    other = book()
    other.payments.create(provider="fake", method="online", amount=1, currency="EUR", status="pending")
    gone.refund()
    monkeypatch.setattr(upkeep, "GRACE", dt.timedelta(0))
    call_command("worker", once=True)
    states = {"gone": ("pending", ""), "fake": ("pending", f"fake_{other.payments.get().pk}")}
    rows = Payment.objects.filter(status="pending").values_list("provider", "status", "reference")
    assert {provider: (status, reference) for provider, status, reference in rows} == states
    assert (Refund.objects.get().status, ProviderEvent.objects.get().handled_at) == ("pending", None)


WITHOUT_STRIPE = """
import sys
sys.modules["stripe"] = None  # importing it fails
import django
django.setup()
from django.conf import settings
from django.core.management import call_command
call_command("check")
print(sorted(settings.PAYMENT_PROVIDERS))
"""


@pytest.mark.parametrize(("key", "code", "says"), [("", 0, "['manual']"), ("sk_test_1", 1, "payments.E003")])
def test_stripe_is_needed_only_with_its_key(key, code, says):
    environment = environment_for("sqlite:///:memory:") | {"STRIPE_SECRET_KEY": key}
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_STRIPE],
        check=False, cwd=project.BASE_DIR, env=environment, text=True, capture_output=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, says in done.stdout + done.stderr) == (code, True), done.stderr
