import re

import pytest
from django.utils import timezone

from config.access.roles import Role
from config.tests.harness.pages import act, faults_of, form_on, messages_of, open_form, send_form, staff, url
from config.webhooks.models import WebhookDelivery, WebhookEndpoint
from config.webhooks.tests.conftest import deliver

URL = "https://shop.example.com/webhooks"


@pytest.fixture
def manager(db):
    return staff(Role.MANAGER)


@pytest.fixture
def delivery(endpoint, tell):
    tell()
    deliver(endpoint)
    return WebhookDelivery.objects.get()


def add(browser, **typed):
    form = form_on(browser.get(url(WebhookEndpoint, "add")), WebhookEndpoint)
    return browser.post(url(WebhookEndpoint, "add"), {**form, "is_active": "on", **typed})


def test_endpoint_is_added_and_its_secret_is_shown_once(manager):
    page = add(manager, url=URL, description="Shop", types=["booking.placed"])
    endpoint = WebhookEndpoint.objects.get()
    assert (endpoint.url, endpoint.types, endpoint.is_active) == (URL, ["booking.placed"], True)
    assert re.search(r'id="secret">([^<]+)<', page.content.decode())[1].replace("&#x2B;", "+") == endpoint.secret
    page = manager.get(url(WebhookEndpoint, "change", endpoint.pk))
    assert endpoint.secret not in page.content.decode()


def test_endpoint_with_a_bad_url_is_refused(manager, settings):
    settings.WEBHOOK_ALLOW_PRIVATE = False
    for wrong in ("http://shop.example.com", "https://127.0.0.1", "shop"):
        assert list(faults_of(add(manager, url=wrong))) == ["url"]
    assert not WebhookEndpoint.objects.exists()


def test_endpoint_is_changed_and_switched_off(manager, endpoint):
    form = open_form(manager, endpoint)
    send_form(manager, endpoint, form, description="New", types=["booking.placed"])
    endpoint.refresh_from_db()
    assert (endpoint.description, endpoint.types, endpoint.is_active) == ("New", ["booking.placed"], False)
    page = manager.get(url(endpoint, "history", endpoint.pk))
    assert [verb for _, _, verb, _ in page.context["entries"]] == ["Changed", "Created"]


def test_types_that_the_user_may_not_see_are_refused(endpoint, django_user_model):
    browser = staff()
    user = django_user_model.objects.get()
    user.is_superuser = False
    user.save()
    names = ["add_webhookendpoint", "view_webhookendpoint", "view_venue"]
    user.user_permissions.set(user.user_permissions.model.objects.filter(codename__in=names))
    assert list(faults_of(add(browser, url=URL))) == ["types"]
    assert list(faults_of(add(browser, url=URL, types=["booking.placed"]))) == ["types"]
    assert add(browser, url=URL, types=["venue.created"]).status_code == 200
    assert WebhookEndpoint.objects.latest("pk").types == ["venue.created"]


def test_list_shows_the_health(manager, endpoint, tell):
    tell()
    shown = [
        ({}, "Nothing sent yet"),
        ({"last_success_at": timezone.now()}, "Works"),
        ({"failing_since": timezone.now()}, "Failing"),
        ({"is_active": False, "disabled_reason": "The receiver answered 410 Gone."}, "Switched off: The receiver"),
    ]
    for changes, text in shown:
        WebhookEndpoint.objects.update(**changes)
        assert text in manager.get(url(WebhookEndpoint, "changelist")).content.decode()


def test_test_is_sent(manager, endpoint, receiver):
    answer = act(manager, "send_test", endpoint)
    assert messages_of(answer)[0][0] == "success"
    assert deliver(endpoint) == 1
    assert receiver.messages[0].data["type"] == "webhook_endpoint.tested"


def test_secret_is_rotated_after_a_question(manager, endpoint):
    data = {"from_page": "yes"}
    act(manager, "rotate_secret", endpoint, **data)
    assert WebhookEndpoint.objects.get().secret == endpoint.secret
    page = act(manager, "rotate_secret", endpoint, confirmed="yes", **data)
    stored = WebhookEndpoint.objects.get()
    assert stored.previous_secret == endpoint.secret
    assert stored.secret in page.content.decode().replace("&#x2B;", "+").replace("&#43;", "+")


def test_delivery_shows_request_and_response_and_is_sent_again(manager, delivery):
    page = manager.get(url(delivery, "change", delivery.pk)).content.decode()
    assert str(delivery.webhook_id) in page
    assert "Zoë" in page
    act(manager, "send_again", delivery, from_page="yes")
    delivery.refresh_from_db()
    assert delivery.state == "pending"


def test_delivery_hides_what_the_user_may_not_see(delivery, django_user_model):
    browser = staff()
    user = django_user_model.objects.get()
    user.is_superuser = False
    user.save()
    user.user_permissions.set(user.user_permissions.model.objects.filter(codename="view_webhookdelivery"))
    page = browser.get(url(delivery, "change", delivery.pk))
    assert page.status_code == 200
    assert "Zoë" not in page.content.decode()


def test_auditor_reads_and_changes_nothing(endpoint, delivery):
    browser = staff(Role.AUDITOR)
    assert browser.get(url(delivery, "change", delivery.pk)).status_code == 200
    act(browser, "send_again", delivery)
    act(browser, "send_test", endpoint)
    assert list(WebhookDelivery.objects.values_list("state", flat=True)) == ["delivered"]


def test_endpoint_is_deleted_with_its_deliveries(manager, endpoint, delivery):
    page = manager.get(url(endpoint, "delete", endpoint.pk))
    assert dict(page.context["model_count"]) == {"webhook endpoints": 1, "webhook deliveries": 1}
    manager.post(url(endpoint, "delete", endpoint.pk), {"post": "yes"})
    assert not WebhookDelivery.objects.exists()
