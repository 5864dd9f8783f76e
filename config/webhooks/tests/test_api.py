import pytest
from django.utils import timezone

from config.access.models import ApiToken
from config.tests.harness.answers import errors_in
from config.webhooks.models import WebhookDelivery, WebhookEndpoint
from config.webhooks.signing import new_secret
from config.webhooks.tests.conftest import deliver
from conftest import client_of, make_user

URL = "https://shop.example.com/webhooks"
ENDPOINTS, DELIVERIES = "/webhook-endpoints", "/webhook-deliveries"


@pytest.fixture(autouse=True)
def _public(settings, _private):
    settings.WEBHOOK_ALLOW_PRIVATE = False


@pytest.fixture
def delivery(endpoint, receiver, tell, settings):
    settings.WEBHOOK_ALLOW_PRIVATE = True
    tell()
    deliver(endpoint)
    return WebhookDelivery.objects.get()


def test_endpoint_is_created_and_its_secret_is_shown_once(manager):
    answer = manager.post(ENDPOINTS, {"url": URL, "types": ["booking.placed", "booking.placed"], "description": "Shop"})
    assert answer.status_code == 201
    data = answer.json()
    assert answer["Location"] == f"/api/v1{ENDPOINTS}/{data['id']}"
    assert data["secret"] == WebhookEndpoint.objects.get().secret
    assert data | {"id": 0, "secret": "", "created_at": "", "updated_at": ""} == {
        "id": 0, "url": URL, "types": ["booking.placed"], "description": "Shop", "is_active": True,
        "disabled_reason": "", "last_success_at": None, "failing_since": None, "secret": "", "created_at": "",
        "updated_at": "",
    }  # fmt: skip
    shown = manager.get(f"{ENDPOINTS}/{data['id']}")
    assert "secret" not in shown.json()
    assert shown["ETag"].partition("-")[0] == answer["ETag"].partition("-")[0]
    assert "secret" not in manager.get(ENDPOINTS).json()["results"][0]
    assert answer["Cache-Control"] == "no-store"


def test_endpoint_takes_a_secret_of_the_receiver(manager):
    secret = new_secret()
    assert manager.post(ENDPOINTS, {"url": URL, "secret": secret}).json()["secret"] == secret


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, ("/url", "required")),
        ({"url": "http://shop.example.com"}, ("/url", "insecure-url")),
        ({"url": "https://127.0.0.1/"}, ("/url", "private-address")),
        ({"url": "https://[::ffff:169.254.169.254]/"}, ("/url", "private-address")),
        ({"url": "https://localhost/"}, ("/url", "private-address")),
        ({"url": "shop"}, ("/url", "invalid-url")),
        ({"url": ""}, ("/url", "invalid-url")),
        ({"url": f"{URL}{'a' * 500}"}, ("/url", "invalid-url")),
        ({"url": URL, "types": ["booking.lost"]}, ("/types/0", "invalid-choice")),
        ({"url": URL, "types": "booking.placed"}, ("/types", "not-a-list")),
        ({"url": URL, "secret": "whsec_broken"}, ("/secret", "invalid-secret")),
        ({"url": URL, "secret": ""}, ("/secret", "blank")),
        ({"url": URL, "description": "a" * 201}, ("/description", "max-length")),
        ({"url": URL, "is_active": "yes"}, ("/is_active", "invalid")),
        ({"url": URL, "position": 1}, ("/position", "unknown-field")),
        ({"url": URL, "failing_since": None}, ("/failing_since", "read-only")),
    ],
)
def test_endpoint_with_bad_input_is_refused_by_the_name_of_the_field(manager, body, error):
    answer = manager.post(ENDPOINTS, body)
    assert (answer.status_code, errors_in(answer)) == (400, [error])
    assert not WebhookEndpoint.objects.exists()


def test_private_url_is_accepted_where_it_is_allowed(manager, settings):
    settings.WEBHOOK_ALLOW_PRIVATE = True
    assert manager.post(ENDPOINTS, {"url": "http://127.0.0.1:9000/hooks"}).status_code == 201


def test_endpoint_is_changed_and_deleted(manager, endpoint):
    path = f"{ENDPOINTS}/{endpoint.pk}"
    answer = manager.patch(path, {"is_active": False, "types": []})
    assert (answer.status_code, answer.json()["is_active"]) == (200, False)
    assert errors_in(manager.patch(path, {"url": "http://x.example.com"})) == [("/url", "insecure-url")]
    assert errors_in(manager.patch(path, {"secret": new_secret()})) == [("/secret", "unknown-field")]
    assert manager.patch(path, {"description": "a"}, headers={"If-Match": '"0-0"'}).status_code == 412
    # The stored URL is private, and stays as it is.
    assert manager.put(path, {"url": endpoint.url, "description": "New"}).status_code == 200
    assert manager.delete(path).status_code == 204
    assert manager.get(path).status_code == 404


def test_secret_is_rotated(manager, endpoint):
    path = f"{ENDPOINTS}/{endpoint.pk}/rotate-secret"
    answer = manager.post(path, {})
    stored = WebhookEndpoint.objects.get()
    assert (answer.status_code, answer.json()["secret"]) == (200, stored.secret)
    assert stored.previous_secret == endpoint.secret
    secret = new_secret()
    assert manager.post(path, {"secret": secret}).json()["secret"] == secret
    assert errors_in(manager.post(path, {"secret": "whsec_"})) == [("/secret", "invalid-secret")]
    assert WebhookEndpoint.objects.get().secret == secret


def test_test_is_a_delivery(manager, endpoint):
    answer = manager.post(f"{ENDPOINTS}/{endpoint.pk}/test", {})
    assert answer.status_code == 201
    assert (answer.json()["type"], answer.json()["state"]) == ("webhook_endpoint.tested", "pending")
    assert manager.get(f"{DELIVERIES}?type=webhook_endpoint.tested").json()["results"] == [answer.json()]
    WebhookEndpoint.objects.update(is_active=False)
    answer = manager.post(f"{ENDPOINTS}/{endpoint.pk}/test", {})
    assert (answer.status_code, answer.json()["code"]) == (409, "endpoint-inactive")


def test_delivery_is_shown_and_sent_again(manager, delivery):
    path = f"{DELIVERIES}/{delivery.pk}"
    data = manager.get(path).json()
    assert (data["state"], data["attempts"], data["status"], data["object_id"]) == ("delivered", 1, 204, "1")
    answer = manager.post(f"{path}/redeliver", {})
    assert (answer.status_code, answer.json()["state"], answer.json()["webhook_id"]) == (
        200, "pending", data["webhook_id"])  # fmt: skip
    WebhookEndpoint.objects.update(is_active=False)
    answer = manager.post(f"{path}/redeliver", {})
    assert (answer.status_code, answer.json()["code"]) == (409, "endpoint-inactive")


def test_deliveries_are_filtered(manager, delivery):
    def found(query):
        return [it["id"] for it in manager.get(f"{DELIVERIES}?{query}").json()["results"]]

    at = timezone.now().isoformat().replace("+00:00", "Z")
    mine = [delivery.pk]
    assert found(f"endpoint={delivery.endpoint_id}&state=delivered&type=event.changed") == mine
    assert found("created_after=2026-01-01T00:00:00Z") == mine
    for query in ("endpoint=99", "state=failed", "type=event.created", f"created_after={at}"):
        assert found(query) == []
    assert errors_in(manager.get(f"{DELIVERIES}?state=lost")) == [("state", "invalid-choice")]


def test_deliveries_have_pages(manager, endpoint, tell):
    for _ in range(3):
        endpoint.test(at=timezone.now())
    first = manager.get(f"{DELIVERIES}?limit=2").json()
    second = manager.get(first["next"].partition("/api/v1")[2]).json()
    ids = [it["id"] for it in first["results"] + second["results"]]
    assert ids == sorted(ids, reverse=True)
    assert len(ids) == 3


@pytest.mark.parametrize("count", [1, 3])
def test_lists_need_a_constant_number_of_queries(manager, endpoint, count, django_assert_num_queries):
    for _ in range(count - 1):
        WebhookEndpoint.add(url=URL)
    for _ in range(count):
        endpoint.test(at=timezone.now())
    for path in (ENDPOINTS, DELIVERIES):
        with django_assert_num_queries(4):
            assert len(manager.get(path).json()["results"]) == count


# Personal data: only who may see it may have it delivered.


@pytest.fixture
def planner(db):
    """May manage webhooks and see the catalogue, but no bookings."""
    user = make_user(username="planner", is_superuser=True)
    _, text = ApiToken.issue(user=user, name="planner", scopes=["webhooks"])
    client = client_of()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    return client


def test_types_that_the_client_may_not_see_are_refused(planner):
    for types in (["booking.placed"], ["event.changed", "payment.succeeded"], []):
        answer = planner.post(ENDPOINTS, {"url": URL, "types": types})
        assert (answer.status_code, errors_in(answer)) == (400, [("/types", "not-permitted")])
    assert planner.post(ENDPOINTS, {"url": URL, "types": ["event.changed"]}).status_code == 201


def test_endpoint_of_others_cannot_be_pointed_elsewhere(planner, endpoint):
    answer = planner.patch(f"{ENDPOINTS}/{endpoint.pk}", {"url": URL})
    assert (answer.status_code, errors_in(answer)) == (400, [("/types", "not-permitted")])
    assert WebhookEndpoint.objects.get().url == endpoint.url
