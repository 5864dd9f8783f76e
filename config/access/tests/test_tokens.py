import datetime as dt
import hashlib

import pytest
from django.utils import timezone

from config.access.models import ApiToken
from config.access.roles import Role
from config.tests.answers import refused
from conftest import client_of, make_user


@pytest.fixture
def user(db):
    return make_user(Role.AUDITOR, username="anna")


@pytest.fixture
def issued(user):
    return ApiToken.issue(user=user, name="web shop")


def ask(authorization):
    return client_of().get("/bookings", HTTP_AUTHORIZATION=authorization)


def assert_unknown(authorization):
    """Refused alike for staff's pages and for public ones: who sends credentials means to be somebody."""
    for path in ("/bookings", "/venues"):
        answer = client_of().get(path, HTTP_AUTHORIZATION=authorization)
        assert refused(answer, 401, "unauthenticated")
        assert answer["WWW-Authenticate"] == 'Bearer realm="api"'


def test_digest_is_stored_and_the_token_is_not(issued):
    token, text = issued
    stored = {str(value) for value in ApiToken.objects.filter(pk=token.pk).values().get().values()}
    assert token.digest == hashlib.sha256(text.encode()).hexdigest()
    assert not any(text in value for value in stored)
    assert (text[:4], token.start, len(text)) == ("tbs_", text[:12], 47)


def test_tokens_differ(user):
    assert len({ApiToken.issue(user=user, name="same")[1] for _ in range(5)}) == 5


@pytest.mark.parametrize("spelling", ["Bearer {}", "bearer {}", "BEARER {}", "Bearer  {}", "Bearer {} "])
def test_valid_token_is_its_user(spelling, issued):
    assert ask(spelling.format(issued[1])).status_code == 200


NO_TOKENS = ("{}", "Bearer", "Bearer ", "Bearer {}x", "Bearer x {}", "Bearer {} x", "Token {}", "Basic {}", ",",
             "Bearer \u00e9", "Bearer \x00", "Bearer tbs_")  # fmt: skip


@pytest.mark.parametrize("spelling", NO_TOKENS)
def test_anything_else_is_401(spelling, issued):
    assert_unknown(spelling.format(issued[1]))


def test_digest_is_no_token(issued):
    assert_unknown(f"Bearer {issued[0].digest}")


def test_token_ends_when_it_expires(user):
    token, text = ApiToken.issue(user=user, name="short", expires_at=timezone.now() + dt.timedelta(hours=1))
    assert ask(f"Bearer {text}").status_code == 200
    past = timezone.now() - dt.timedelta(hours=2)
    ApiToken.objects.filter(pk=token.pk).update(created_at=past, expires_at=past + dt.timedelta(hours=1))
    assert_unknown(f"Bearer {text}")


def test_token_ends_when_it_is_revoked(issued):
    token, text = issued
    first, later = timezone.now(), timezone.now() + dt.timedelta(hours=1)
    token.revoke(at=first)
    assert_unknown(f"Bearer {text}")
    token.revoke(at=later)
    assert token.revoked_at == first


def test_token_ends_with_its_user(user, issued):
    user.is_active = False
    user.save()
    assert_unknown(f"Bearer {issued[1]}")


def test_other_tokens_of_the_user_go_on(user, issued):
    _, other = ApiToken.issue(user=user, name="other")
    issued[0].revoke(at=timezone.now())
    assert ask(f"Bearer {other}").status_code == 200


@pytest.mark.parametrize("text", ["valid", "tbs_nonsense"])
def test_authentication_is_one_query(text, issued, make_venue, django_assert_num_queries):
    pk = make_venue().pk
    authorization = f"Bearer {issued[1] if text == 'valid' else text}"
    with django_assert_num_queries(2 if text == "valid" else 1):  # the token, and the venue
        answer = client_of().get(f"/venues/{pk}", HTTP_AUTHORIZATION=authorization)
    assert answer.status_code == (200 if text == "valid" else 401)


def test_unknown_expired_and_revoked_read_the_same(user, issued):
    issued[0].revoke(at=timezone.now())
    answers = [ask(f"Bearer {text}").json() for text in (issued[1], "tbs_nonsense")]
    assert answers[0]["detail"] == answers[1]["detail"] == "The token is not valid."


def test_session_is_somebody_too_and_needs_a_csrf_token_to_write(user):
    client = client_of()
    client.handler.enforce_csrf_checks = True
    client.force_login(user)
    assert client.get("/bookings").status_code == 200
    answer = client.post("/bookings", {})
    assert refused(answer, 403, "forbidden")
