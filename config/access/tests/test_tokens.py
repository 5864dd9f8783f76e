import base64
import datetime as dt
import hashlib
import logging
import re

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from config.access.models import ApiToken, digest
from config.access.roles import Role
from config.tests.harness.answers import refused
from conftest import client_of, make_user

TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[.\d]*")


@pytest.fixture
def user(db):
    return make_user(Role.AUDITOR, username="anna")


@pytest.fixture
def issued(user):
    return ApiToken.issue(user=user, name="web shop")


def ask(authorization):
    return client_of().get("/bookings", HTTP_AUTHORIZATION=authorization)


def assert_unknown(authorization):
    """Refused where anonymous clients are allowed, too."""
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
def test_valid_token_authenticates(spelling, issued):
    assert ask(spelling.format(issued[1])).status_code == 200


NO_TOKENS = ("{}", "Bearer", "Bearer ", "Bearer {}x", "Bearer x {}", "Bearer {} x", "Token {}", "Basic {}", ",",
             "Bearer \u00e9", "Bearer \x00", "Bearer tbs_")  # fmt: skip


@pytest.mark.parametrize("spelling", NO_TOKENS)
def test_invalid_authorization_is_401(spelling, issued):
    assert_unknown(spelling.format(issued[1]))


def test_digest_does_not_authenticate(issued):
    assert_unknown(f"Bearer {issued[0].digest}")


def test_expired_token_is_refused(user):
    token, text = ApiToken.issue(user=user, name="short", expires_at=timezone.now() + dt.timedelta(hours=1))
    assert ask(f"Bearer {text}").status_code == 200
    past = timezone.now() - dt.timedelta(hours=2)
    ApiToken.objects.filter(pk=token.pk).update(created_at=past, expires_at=past + dt.timedelta(hours=1))
    assert_unknown(f"Bearer {text}")


def test_revoked_token_is_refused(issued):
    token, text = issued
    first, later = timezone.now(), timezone.now() + dt.timedelta(hours=1)
    token.revoke(at=first)
    assert_unknown(f"Bearer {text}")
    token.revoke(at=later)
    assert token.revoked_at == first


def test_token_of_an_inactive_user_is_refused(user, issued):
    user.is_active = False
    user.save()
    assert_unknown(f"Bearer {issued[1]}")


def test_other_tokens_of_the_user_stay_valid(user, issued):
    _, other = ApiToken.issue(user=user, name="other")
    issued[0].revoke(at=timezone.now())
    assert ask(f"Bearer {other}").status_code == 200


def test_token_holds_256_random_bits(issued):
    assert len(base64.urlsafe_b64decode(issued[1].removeprefix("tbs_") + "=")) == 32


@pytest.mark.parametrize("text", ["valid", "tbs_nonsense"])
def test_authentication_is_one_query(text, issued, make_venue, django_assert_num_queries):
    issued[0].note_use(at=timezone.now())
    pk = make_venue().pk
    authorization = f"Bearer {issued[1] if text == 'valid' else text}"
    with django_assert_num_queries(4 if text == "valid" else 1):  # the token with its user, permissions, the venue
        answer = client_of().get(f"/venues/{pk}", HTTP_AUTHORIZATION=authorization)
    assert answer.status_code == (200 if text == "valid" else 401)


def test_request_that_needs_a_permission_is_five_queries(issued, django_assert_num_queries):
    issued[0].note_use(at=timezone.now())
    with django_assert_num_queries(5):  # token and user, own and groups' permissions, due holds, the bookings
        assert ask(f"Bearer {issued[1]}").json()["results"] == []  # items and tickets would be two more


def refusals(user):
    """Invalid tokens, each for another reason."""
    now = timezone.now()
    revoked, expired, both, idle = (ApiToken.issue(user=user, name=name) for name in ("a", "b", "c", "d"))
    leaver = ApiToken.issue(user=make_user(username="leaver", is_active=False), name="e")
    narrow = ApiToken.issue(user=user, name="f", scopes=["read"])
    for token, _ in (revoked, both, narrow):
        token.revoke(at=now)
    past = {"created_at": now - dt.timedelta(2), "expires_at": now - dt.timedelta(1)}
    ApiToken.objects.filter(pk__in=[expired[0].pk, both[0].pk]).update(**past)
    ApiToken.objects.filter(pk=idle[0].pk).delete()
    known = {"revoked": revoked, "expired": expired, "both": both, "deleted": idle, "left": leaver, "narrow": narrow}
    return {"unknown": "tbs_" + "A" * 43, **{why: text for why, (_, text) in known.items()}}


@pytest.mark.parametrize("path", ["/bookings", "/venues", "/tickets/AAAA", "/nothing"])
def test_invalid_tokens_get_the_same_answer_after_the_same_work(path, user):
    answers, work = {}, {}
    for why, text in refusals(user).items():
        with CaptureQueriesContext(connection) as queries:
            answer = client_of().get(path, HTTP_AUTHORIZATION=f"Bearer {text}", HTTP_X_REQUEST_ID="same")
        answers[why] = (answer.status_code, sorted(answer.items()), answer.content)
        work[why] = [query["sql"].replace(digest(text), "") for query in queries]
        work[why] = [TIME.sub("", sql) for sql in work[why]]
    assert {why: answer for why, answer in answers.items() if answer != answers["unknown"]} == {}
    assert {why: done for why, done in work.items() if done != work["unknown"]} == {}
    assert answers["unknown"][0] == (404 if path == "/nothing" else 401)
    assert len(work["unknown"]) == (0 if path == "/nothing" else 1)


def test_refused_token_does_not_count_as_used(user):
    for text in refusals(user).values():
        ask(f"Bearer {text}")
    assert set(ApiToken.objects.values_list("last_used_at", flat=True)) == {None}


def test_last_use_is_stored_every_five_minutes(issued, django_assert_num_queries):
    token, text = issued
    first = timezone.now()
    with django_assert_num_queries(6):  # one more than without the note
        assert ask(f"Bearer {text}").json()["results"] == []
    token.refresh_from_db()
    assert first <= token.last_used_at <= timezone.now()
    with django_assert_num_queries(5):
        ask(f"Bearer {text}")
    ApiToken.objects.update(last_used_at=first - dt.timedelta(minutes=5))
    with django_assert_num_queries(6):
        ask(f"Bearer {text}")
    token.refresh_from_db()
    assert token.last_used_at >= first


def test_last_use_is_stored_once_by_concurrent_requests(issued):
    stale = ApiToken.objects.get(pk=issued[0].pk)
    first, later = timezone.now(), timezone.now() + dt.timedelta(minutes=1)
    issued[0].note_use(at=first)
    stale.note_use(at=later)
    assert ApiToken.objects.get(pk=stale.pk).last_used_at == first


def test_failure_to_store_the_last_use_fails_no_request(issued, monkeypatch, caplog):
    def fail(self, *, at):
        raise OperationalError("database is locked")

    monkeypatch.setattr(ApiToken, "note_use", fail)
    caplog.set_level(logging.WARNING)
    assert ask(f"Bearer {issued[1]}").status_code == 200
    assert [record.message for record in caplog.records] == [
        "Could not store when a token was last used: database is locked"
    ]


def test_session_authenticates_and_needs_a_csrf_token_to_write(user):
    client = client_of()
    client.handler.enforce_csrf_checks = True
    client.force_login(user)
    assert client.get("/bookings").status_code == 200
    answer = client.post("/bookings", {})
    assert refused(answer, 403, "forbidden")
