"""What becomes of payments later: export, erasure, retention, doctor, and the checks of settings."""

import datetime as dt
import json

import pytest
from django.core import checks
from django.core.management import call_command
from django.utils import timezone

from bookings.checkup import check_payments
from bookings.models import Booking
from bookings.payments.models import Payment, ProviderEvent, Refund
from bookings.personal_data import attempts_before
from config.problems import DomainError

pytestmark = pytest.mark.both


@pytest.fixture
def paid(book):
    """Paid, cancelled and refunded, with the event of a provider."""
    booking = book().confirm(payment_reference="p1").cancel()
    (refund,) = booking.refund(reason="Ann was ill")
    ProviderEvent.objects.create(provider="fake", event_id="evt_1", kind="x", body="Ann", payment=refund.payment)
    return booking


def try_to_pay(booking, status, reference="fake_1"):
    data = {"provider": "fake", "method": "online", "amount": booking.amount_due, "currency": booking.currency}
    return booking.payments.create(status=status, reference=reference, **data)


def test_export_contains_payments_and_refunds(paid, capsys):
    call_command("export_customer", "ann@example.com")
    (booking,) = json.loads(capsys.readouterr().out)["bookings"]
    (payment,) = booking["payments"]
    (refund,) = payment["refunds"]
    assert (payment["reference"], payment["amount"], payment["amount_refunded"]) == ("p1", "49.90", "49.90")
    assert (refund["amount"], refund["reason"]) == ("49.90", "Ann was ill")


@pytest.mark.parametrize(("with_payments", "reference"), [(False, "p1"), (True, "")])
def test_erasure_keeps_amounts_and_no_texts(paid, with_payments, reference):
    assert Booking.erase_customer("ann@example.com", with_payments=with_payments) == 1
    payment, refund, event = Payment.objects.get(), Refund.objects.get(), ProviderEvent.objects.get()
    assert (payment.amount, payment.reference) == (refund.amount, reference)
    assert (refund.reason, event.body) == ("", "")


def purge(capsys, age="1d"):
    call_command("purge", older_than=age)
    return capsys.readouterr().out


@pytest.mark.parametrize("status", ["pending", "failed", "cancelled"])
def test_attempt_is_purged_with_its_unpaid_payments(book, pass_time, capsys, status):
    try_to_pay(book(), status)
    pass_time(days=4)
    assert purge(capsys).startswith("1 attempts deleted")
    assert (Booking.objects.count(), Payment.objects.count()) == (0, 0)


def test_attempt_whose_payment_may_still_succeed_is_kept(book, pass_time, capsys):
    booking = book()
    pass_time(days=4)
    try_to_pay(booking, "pending")
    assert purge(capsys).startswith("0 attempts deleted")
    assert not attempts_before(timezone.now()).exists()


def test_booking_that_was_paid_is_never_purged(book, pass_time, capsys):
    booking = book()
    pass_time(minutes=16)
    Booking.objects.get(pk=booking.pk).event.cancel(at=timezone.now())
    with pytest.raises(DomainError):
        Booking.objects.get(pk=booking.pk).confirm(payment_reference="p1")
    Booking.objects.get(pk=booking.pk).refund()
    pass_time(days=400)
    assert purge(capsys, "365d").startswith("0 attempts deleted, 1 sales erased")
    assert Payment.objects.get().reference == "p1"


def test_body_of_an_event_is_emptied_after_30_days(db, capsys):
    for number, days in enumerate((29, 31)):
        row = ProviderEvent.objects.create(provider="fake", event_id=f"evt_{number}", kind="x", body="Ann")
        ProviderEvent.objects.filter(pk=row.pk).update(received_at=timezone.now() - dt.timedelta(days=days))
    assert "1 bodies of payment events and 0 changes" in purge(capsys)
    assert list(ProviderEvent.objects.order_by("pk").values_list("body", flat=True)) == ["Ann", ""]


# Doctor


def test_doctor_finds_nothing_about_settled_payments(paid):
    ProviderEvent.objects.update(handled_at=timezone.now())
    assert check_payments()[0] == "ok"


@pytest.mark.parametrize("kind", ["event", "failed", "pending"])
def test_doctor_finds_what_waits(paid, pass_time, kind):
    if kind != "event":
        ProviderEvent.objects.update(handled_at=timezone.now())
    if kind == "pending":
        Refund.objects.update(status="pending")
    if kind == "failed":
        Refund.objects.update(status="failed")
        Payment.objects.update(amount_refunded=0)
        Booking.objects.update(amount_refunded=0, refund_amount=paid.amount_paid, refund_due=True)
    if kind == "event":
        pass_time(minutes=4)
        assert check_payments()[0] == "ok"
        pass_time(minutes=2)
    else:
        pass_time(hours=2)
    assert check_payments()[0] == "look"


# Settings


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, []),
        ({"STRIPE_SECRET_KEY": "sk_test_1", "STRIPE_WEBHOOK_SECRET": "whsec_1"}, []),
        ({"STRIPE_SECRET_KEY": "sk_test_1"}, ["payments.W002"]),
        ({"STRIPE_WEBHOOK_SECRET": "whsec_1"}, ["payments.W002"]),
        ({"STRIPE_SECRET_KEY": "sk_live_1", "STRIPE_WEBHOOK_SECRET": "whsec_1", "DEBUG": True}, ["payments.E001"]),
        ({"STRIPE_SECRET_KEY": "sk_live_1", "STRIPE_WEBHOOK_SECRET": "whsec_1", "DEBUG": False}, []),
        ({"PAYMENT_PROVIDERS": {"bank": "nowhere.Bank"}}, ["payments.E003"]),
    ],
)
def test_settings_of_payments_are_checked(settings, changes, found):
    for name, value in changes.items():
        setattr(settings, name, value)
    assert [it.id for it in checks.run_checks() if it.id.startswith("payments.")] == found
