"""Who may read GET /metrics, and how it is answered."""

import ipaddress
import json

import pytest

from config.access.models import ApiToken
from config.access.roles import Role
from config.tests.harness.answers import refused
from conftest import client_of, make_user

HERE = [ipaddress.ip_network("127.0.0.0/8")]


def token_of(user, *scopes):
    client = client_of()
    _, text = ApiToken.issue(user=user, name="x", scopes=list(scopes))
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    return client


def test_metrics_need_a_token(anonymous, db):
    answer = anonymous.get("//metrics")
    assert refused(answer, 401, "unauthenticated")
    assert answer["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    ("role", "status"),
    [(Role.MANAGER, 200), (Role.AUDITOR, 200), (Role.BOX_OFFICE, 403), (Role.DOOR, 403), (None, 403)],
)
def test_metrics_need_the_permission(role, status, db):
    assert client_of(make_user(role)).get("//metrics").status_code == status


@pytest.mark.parametrize(("scope", "status"), [("metrics", 200), ("read", 403), ("reports", 403), ("changes", 403)])
def test_metrics_need_their_scope(scope, status, db):
    assert token_of(make_user(is_superuser=True), scope).get("//metrics").status_code == status


def test_scope_covers_nothing_else(scraper):
    assert scraper.get("/bookings").status_code == 403
    assert scraper.get("/reports/overview").status_code == 403
    assert scraper.get("/changes").status_code == 403


def test_allowed_network_needs_no_token(anonymous, settings, db):
    settings.METRICS_ALLOW = HERE
    assert anonymous.get("//metrics").status_code == 200
    assert anonymous.head("//metrics/").status_code == 200
    assert anonymous.get("//metrics", REMOTE_ADDR="192.0.2.1").status_code == 401


def test_allowed_network_is_that_of_the_client_behind_proxies(anonymous, settings, db):
    settings.METRICS_ALLOW, settings.NUM_PROXIES = HERE, 1
    assert anonymous.get("//metrics", HTTP_X_FORWARDED_FOR="192.0.2.1").status_code == 401
    assert anonymous.get("//metrics", HTTP_X_FORWARDED_FOR="127.0.0.1, 192.0.2.1").status_code == 401
    assert anonymous.get("//metrics", HTTP_X_FORWARDED_FOR="127.0.0.1").status_code == 200


def test_allowed_network_adds_nothing_to_credentials(anonymous, settings, db):
    settings.METRICS_ALLOW = HERE
    assert token_of(make_user(Role.DOOR)).get("//metrics").status_code == 403
    anonymous.credentials(HTTP_AUTHORIZATION="Bearer tbs_garbage")
    assert refused(anonymous.get("//metrics"), 401, "unauthenticated")


def test_rate_limit_counts_all_but_allowed_networks(anonymous, settings, db):
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "anonymous-reads": (2, 60)}
    assert [anonymous.get("//metrics").status_code for _ in range(3)] == [401, 401, 429]
    settings.METRICS_ALLOW = HERE
    answers = [anonymous.get("//metrics") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200] * 3
    assert not any("RateLimit" in answer for answer in answers)


def test_scrapes_by_token_count_for_the_token(scraper, settings):
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "tokens": (2, 60), "anonymous-reads": (1, 60)}
    assert [scraper.get("//metrics").status_code for _ in range(3)] == [200, 200, 429]


@pytest.mark.parametrize("accept", [None, "text/plain;version=0.0.4;q=0.5,*/*;q=0.1", "application/openmetrics-text"])
def test_answer_is_text_that_nobody_caches(accept, scraper):
    answer = scraper.get("//metrics", HTTP_ORIGIN="https://evil.example", **({"HTTP_ACCEPT": accept} if accept else {}))
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer["Cache-Control"] == "no-store"
    assert "ETag" not in answer
    assert "Access-Control-Allow-Origin" not in answer


def test_metrics_can_only_be_read(scraper):
    for method in ("post", "put", "patch", "delete"):
        assert refused(getattr(scraper, method)("//metrics"), 405, "method-not-allowed")
    assert scraper.options("//metrics").status_code == 204
    assert refused(scraper.get("//metrics?limit=1"), 400, "invalid-input")


def test_openapi_document_does_not_have_them(anonymous):
    assert "metrics" not in json.dumps(list(anonymous.get("/openapi.json").json()["paths"]))
