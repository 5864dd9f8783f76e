import json
import re

import pytest

from config.idempotency import once
from config.idempotency.models import KeyedRequest
from config.idempotency.tests.creates import (
    IN_ONE_TABLE,
    ROWS,
    WITHOUT_KEY,
    body_of,
    content,
    posts,
    send,
    superuser,
)
from config.problems import Busy
from config.tests.harness import canaries, matrix
from config.tests.harness.answers import refused

pytestmark = [pytest.mark.both, pytest.mark.usefixtures("sends_mail")]

KEY = "the-key-of-one-request-that-creates"
OTHER_BODIES = {
    "/venues": {"name": "Other"},
    "/events": {"name": "Other"},
    "/ticket-types": {"name": "Other"},
    "/ticket-types/bulk": {"ticket_types": []},
    "/bookings": {"customer_name": "Other"},
    "/bookings/{pending}/payments": {"provider": "stripe"},
    "/bookings/{confirmed}/refunds": {"amount": "1.00"},
    "/webhook-endpoints": {"url": "https://other.example.com"},
}


@pytest.fixture
def world(make_venue, make_event, make_type, book):
    return matrix.make_world(make_venue, make_event, make_type, book)


@pytest.fixture
def root(db):
    return superuser()


def counts():
    return {model._meta.label: model._base_manager.count() for model in canaries.own_models()}


def test_every_post_creates_once_or_has_a_reason_not_to():
    creating = {matrix.route_of(matrix.full_path(path)) for path, statuses in posts() if 201 in statuses}
    others = {matrix.route_of(matrix.full_path(path)) for path, statuses in posts() if statuses and 201 not in statuses}
    assert {matrix.route_of(matrix.full_path(path)) for path in ROWS} == creating
    assert {matrix.route_of(matrix.full_path(path)) for path in WITHOUT_KEY} == others - creating


def test_document_has_both_headers_where_something_is_created():
    operations = [it["post"] for it in canaries.document()["paths"].values() if "post" in it]
    creating = [it for it in operations if "201" in it["responses"]]
    assert len(creating) == len({re.sub("{[^}]+}", "{}", path) for path in ROWS})
    for operation in operations:
        sent = {it["name"] for it in operation.get("parameters", ()) if it["in"] == "header"}
        assert ("Idempotency-Key" in sent) == (operation in creating) == ("422" in operation["responses"])
        answered = operation["responses"].get("201", {}).get("headers", {})
        assert ("Idempotent-Replayed" in answered) == (operation in creating)


@pytest.mark.parametrize("path", ROWS)
def test_replay_answers_the_same_and_creates_nothing(path, world, root):
    first = send(root, path, world, KEY)
    assert (first.status_code, first.get("Idempotent-Replayed")) == (201, None)
    before = counts()
    again = send(root, path, world, KEY)
    assert (again.status_code, again.get("Idempotent-Replayed")) == (201, "true")
    assert content(again) == content(first)
    assert again.get("Location") == first.get("Location")
    assert counts() == before


@pytest.mark.parametrize("path", ROWS)
def test_request_without_a_key_creates_again_or_is_refused(path, world, root):
    before = ROWS[path].objects.count()
    answers = [send(root, path, world, None) for _ in range(2)]
    assert answers[0].status_code == 201
    assert not any("Idempotent-Replayed" in it for it in answers)
    assert KeyedRequest.objects.count() == 0
    created = 1 if path.endswith("/payments") else [it.status_code for it in answers].count(201)  # one is pending
    assert ROWS[path].objects.count() == before + created


@pytest.mark.parametrize("path", OTHER_BODIES)
def test_another_body_is_refused(path, world, root):
    send(root, path, world, KEY)
    before = counts()
    other = body_of(path, world) | OTHER_BODIES[path]
    assert refused(send(root, path, world, KEY, other), 422, "idempotency-key-reused")
    assert counts() == before


@pytest.mark.parametrize("path", IN_ONE_TABLE)
def test_another_path_is_refused(path, world, root):
    assert send(root, path, world, KEY).status_code == 201
    before = counts()
    for other in IN_ONE_TABLE:
        if other != path:
            assert refused(send(root, other, world, KEY), 422, "idempotency-key-reused")
    assert counts() == before


def test_another_object_in_the_path_is_refused(world, root):
    for first, other in (("pending", "mailed"), ("confirmed", "pending")):
        path = f"/bookings/{{{first}}}/{'payments' if first == 'pending' else 'refunds'}"
        assert send(root, path, world, f"{KEY}-{first}").status_code == 201
        body = body_of(path, world)
        answer = send(root, path.replace(first, other), world, f"{KEY}-{first}", body)
        assert refused(answer, 422, "idempotency-key-reused")


def test_path_written_in_another_way_is_the_same(world, root):
    booking = world["confirmed"].pk
    paths = [f"/bookings/{booking}/refunds", f"/bookings/{str(booking).upper()}/refunds/"]
    answers = [root.post(path, {}, headers={"Idempotency-Key": KEY}) for path in paths]
    assert [(it.status_code, it.get("Idempotent-Replayed")) for it in answers] == [(201, None), (201, "true")]


@pytest.mark.parametrize("path", ROWS)
def test_another_caller_gets_nothing_of_the_first(path, world, root):
    send(root, path, world, KEY)
    answer = send(superuser("other"), path, world, KEY)
    assert answer.status_code in (201, 409)  # a name, or what is due, is there once
    assert "Idempotent-Replayed" not in answer
    assert answer.json().get("code") in (None, "already-exists", "nothing-to-refund")


@pytest.mark.parametrize("path", IN_ONE_TABLE)
def test_refused_attempt_leaves_nothing(path, world, root, monkeypatch):
    """Refused at the last moment: what was created goes with its key."""

    def refuse(objects):
        assert len(list(objects)) == 1
        raise Busy(retry_after=1)

    before = counts()
    with monkeypatch.context() as patched:
        patched.setattr(once.Created, "of", refuse)
        assert refused(send(root, path, world, KEY), 429, "busy")
    assert counts() == before
    answer = send(root, path, world, KEY)
    assert (answer.status_code, answer.get("Idempotent-Replayed")) == (201, None)


@pytest.mark.parametrize("path", ROWS)
def test_invalid_attempt_leaves_nothing(path, world, root):
    before = counts()
    body = body_of(path, world)
    assert refused(send(root, path, world, KEY, {**body, "surplus": 1}), 400, "invalid-input")
    assert counts() == before
    assert "Idempotent-Replayed" not in send(root, path, world, KEY)


@pytest.mark.parametrize("path", ROWS)
@pytest.mark.parametrize("key", ["", "a b", "ä", "x" * 256])
def test_key_that_is_not_visible_ascii_is_refused(path, key, world, root):
    before = counts()
    answer = root.post(
        matrix.fill_path(path, world, "superuser"), body_of(path, world), headers={"Idempotency-Key": key}
    )
    assert refused(answer, 400, "invalid-input")
    assert [it.get("header") for it in answer.json()["errors"]] == ["Idempotency-Key"]
    assert counts() == before


def test_key_is_stored_without_an_answer_or_a_secret(world, root):
    secret = send(root, "/webhook-endpoints", world, KEY).json()["secret"]
    stored = KeyedRequest.objects.values().get()
    assert secret not in json.dumps(stored, default=str)
    assert {**stored, "id": 0, "created_at": 0, "fingerprint": len(stored["fingerprint"])} == {
        "id": 0,
        "client": stored["client"],
        "key": KEY,
        "operation": "webhook-endpoint-create",
        "subject": "",
        "fingerprint": 64,
        "object_ids": [str(ROWS["/webhook-endpoints"].objects.latest("pk").pk)],
        "created_at": 0,
    }
