"""docs/payments.md: its commands lead from a test key to a paid and refunded booking, and its code runs."""

import json
import re
import shutil
import subprocess

import pytest
from django.conf import settings

from bookings.models import Booking
from bookings.payments.providers import provider_named
from bookings.payments.tests.served import Shop, variables
from config.tests.harness import stripe as harness
from config.tests.harness.server import migrated_database, served

# One process makes what all tests of this module share.
pytestmark = pytest.mark.xdist_group("payments guide")

GUIDE = (settings.BASE_DIR / "docs" / "payments.md").read_text()
PRINTED, STRIPE = "http://127.0.0.1:8000", "https://api.stripe.com"
# What the browser and Stripe.js do for the page: the customer presses the button, and has a good card.
BROWSER = """
const booking = BOOKING, found = {}, listen = (_, act) => act({ preventDefault() {} });
globalThis.location = { href: "https://example.com" };
globalThis.document = { querySelector: (name) => (found[name] ??= { addEventListener: listen }) };
globalThis.Stripe = () => ({
  elements: ({ clientSecret }) => ({ clientSecret, create: () => ({ mount() {} }) }),
  confirmPayment: async ({ elements }) => {
    const body = new URLSearchParams({ payment_method: "pm_card_visa" });
    const intent = elements.clientSecret.split("_secret")[0];
    await fetch(`STRIPE/v1/payment_intents/${intent}/confirm`, { method: "POST", body });
    return {};
  },
});
CODE
await showPayment(booking);
while (!found["#message"]?.textContent) await new Promise((resolve) => setTimeout(resolve, 200));
console.log(found["#message"].textContent);
"""


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def shop():
    with harness.stripe_server() as stripe, migrated_database() as url, served(url, **variables(stripe)) as server:
        stripe.deliver_to(server.url, "payment_intent.succeeded")
        yield Shop.open(server, stripe)


def run(shop, *command, program):
    program = program.replace(PRINTED, shop.server.url).replace(STRIPE, shop.stripe.url)
    done = subprocess.run(
        [*command, program],
        check=False, cwd=settings.BASE_DIR, env=shop.server.environment, text=True, capture_output=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_shell_of_the_guide_pays_and_refunds(shop):
    run(shop, "sh", "-e", "-c", program="\n".join(blocks("sh")))
    (booking,) = shop.staff("GET", "/bookings?customer_email=ann@example.com")[1]["results"]
    assert shop.state(booking) == ("cancelled", 2, "199.60", "189.80", "0.00")
    assert [(it["provider"], it["amount_refunded"]) for it in shop.payments(booking)] == [
        ("manual", "90.00"), ("stripe", "99.80")]  # fmt: skip


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_page_of_the_guide_pays(shop):
    booking, (code,) = shop.book(), blocks("js")
    program = BROWSER.replace("CODE", code).replace("BOOKING", json.dumps(booking))
    said = run(shop, "node", "--input-type=module", "--eval", program=program.replace("STRIPE", STRIPE))
    assert said.startswith("Your tickets: ")
    assert shop.state(booking) == ("confirmed", 2, "99.80", "0.00", "0.00")


@pytest.fixture
def example(tmp_path, monkeypatch, settings):
    """The provider of the guide, in a module of its own."""
    provider, _ = blocks("python")
    (tmp_path / "payments_example.py").write_text(provider)
    monkeypatch.syspath_prepend(tmp_path)
    settings.PAYMENT_PROVIDERS = {**settings.PAYMENT_PROVIDERS, "example": "payments_example.ExampleProvider"}
    yield
    provider_named.cache_clear()


def test_provider_of_the_guide_is_complete(example, anonymous, manager, book):
    booking = book()
    headers = {"Booking-Secret": booking.secret}
    payment = anonymous.post(f"/bookings/{booking.pk}/payments", {"provider": "example"}, headers=headers).json()
    event = {"id": "1", "reference": payment["reference"], "amount": payment["amount"], "currency": "EUR"}
    path, secret = "/payments/example/events", {"Example-Secret": "secret"}
    assert anonymous.post(path, event).status_code == 400
    assert anonymous.post(path, event, headers=secret).status_code == 200
    manager.post(f"/bookings/{booking.pk}/cancel", {})
    assert (
        manager.post(f"/bookings/{booking.pk}/refunds", {}).json()["payments"][0]["refunds"][0]["status"] == "succeeded"
    )
    assert Booking.objects.get(pk=booking.pk).amount_refunded == booking.total_price


def test_links_inside_the_guide_lead_somewhere():
    headings = {it.lower().replace(" ", "-") for it in re.findall(r"^## (.*)$", GUIDE, re.MULTILINE)}
    assert set(re.findall(r"\(#([a-z-]+)\)", GUIDE)) == headings
