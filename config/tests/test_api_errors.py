"""Errors of requests that do not depend on the resource."""

import json
import logging
import re

import pytest
from django.urls import path
from rest_framework.views import APIView

from config import problems
from config.logs import RequestIdFilter
from config.tests.harness.answers import errors_in, refused
from venues.models import Venue

VENUE = {"name": "Old Hall", "address": "1 Main Street", "capacity": 100}


def post(client, body, content_type="application/json"):
    return client.generic("POST", "/venues", body, content_type=content_type)


DEEP = '{"a":' * 31 + "[]" + "}" * 31
MALFORMED = {
    "": '{"name": ',
    "empty text": " ",
    "two values": "{} {}",
    "byte order mark": "\ufeff{}",
    "single quotes": "{'name': 1}",
    "trailing comma": '{"name": "x",}',
    "many digits": '{"capacity": ' + "1" * 5000 + "}",
    "very deep": "[" * 100_000,
}
MALFORMED_AT = {
    "NaN": ('{"capacity": NaN}', "/capacity"),
    "Infinity": ('{"capacity": [1, Infinity]}', "/capacity/1"),
    "-Infinity": ("-Infinity", ""),
    "a key twice": ('{"name": "a", "name": "b"}', ""),
    "a key twice inside": ('{"x/y": {"~": {"a": 1, "b": 2, "a": 3}}}', "/x~1y/~0"),
    "a torn text": ('{"name": "\\ud83c"}', "/name"),
    "a torn key": ('{"name": {"\\udf89": 1}}', "/name"),
    "33 levels": ('{"a":' * 32 + "[]" + "}" * 32, "/a" * 32),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_body_that_is_not_json_is_400(case, manager):
    answer = post(manager, MALFORMED[case])
    assert refused(answer, 400, "malformed")
    assert not re.search("Expecting|sys|Exceeds|line 1 column", answer.json()["detail"])  # no exception text
    assert Venue.objects.count() == 0


@pytest.mark.parametrize("case", MALFORMED_AT)
def test_malformed_value_is_400_with_its_pointer(case, manager):
    body, pointer = MALFORMED_AT[case]
    answer = post(manager, body)
    assert refused(answer, 400, "malformed")
    assert errors_in(answer) == [(pointer, "malformed")]
    assert Venue.objects.count() == 0


def test_body_with_32_levels_is_accepted(manager):
    assert errors_in(post(manager, DEEP))[-1] == ("/a", "unknown-field")


def test_body_with_a_surrogate_pair_is_accepted(manager):
    answer = post(manager, json.dumps({**VENUE, "name": "🎉"}))
    assert (answer.status_code, answer.json()["name"]) == (201, "🎉")


def test_body_that_is_not_utf_8_is_400(manager):
    answer = post(manager, b'{"name": "\xff"}')
    assert refused(answer, 400, "malformed")
    assert answer.json()["detail"] == "The body is not UTF-8 (byte 10)."


@pytest.mark.parametrize("body", ["null", "[]", "1", "1.5", "1e999", '"text"', "true"])
def test_body_that_is_not_an_object_is_400(body, manager):
    answer = post(manager, body)
    assert refused(answer, 400, "invalid-input")
    assert [pointer for pointer, _ in errors_in(answer)] == [""]


def test_missing_body_is_an_empty_object(manager):
    answer = manager.generic("POST", "/venues", "")
    assert errors_in(answer) == [("/name", "required"), ("/address", "required"), ("/capacity", "required")]


@pytest.mark.parametrize("levels", ["form-data", "x-www-form-urlencoded"])
def test_forms_are_415(levels, manager):
    kinds = {
        "form-data": "multipart/form-data; boundary=x",
        "x-www-form-urlencoded": "application/x-www-form-urlencoded",
    }
    assert refused(post(manager, "name=x", kinds[levels]), 415, "unsupported-media-type")


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "*/*", "application/*", "application/problem+json", "application/json; charset=latin-1", "json"],
)
def test_other_media_types_are_415(content_type, manager):
    assert refused(post(manager, json.dumps(VENUE), content_type), 415, "unsupported-media-type")
    assert Venue.objects.count() == 0


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=UTF-8", "APPLICATION/JSON"])
def test_json_in_utf_8_is_accepted(content_type, manager):
    assert post(manager, json.dumps(VENUE), content_type).status_code == 201


@pytest.mark.parametrize(("size", "status"), [(262_144, 400), (262_145, 413)])
def test_body_is_limited_to_256_kilobytes(size, status, manager):
    answer = post(manager, '"' + "a" * (size - 2) + '"')
    assert refused(answer, status, "too-large" if status == 413 else "invalid-input")


@pytest.mark.parametrize("accept", ["text/csv", "application/xml", "image/*", "garbage", "*/*;q=0"])
def test_unsupported_accept_header_is_406(accept, anonymous, db):
    assert refused(anonymous.get("/venues", HTTP_ACCEPT=accept), 406, "not-acceptable")


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "*/*",
        "application/*",
        "application/json",
        "application/json; indent=4",
        "text/csv;q=0.9, application/json;q=0.1",
        "text/html;q=0, */*",
        "text/html;q=0.2, */*;q=0.3",
    ],
)
def test_accept_header_that_includes_json_returns_json(accept, anonymous, db):
    answer = anonymous.get("/venues", HTTP_ACCEPT=accept)
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")


def test_browser_gets_a_page_and_problems_as_json(anonymous, make_venue):
    make_venue()
    for accept in ("text/html", "text/html,application/xhtml+xml,*/*;q=0.8", "application/json;q=0, */*"):
        page = anonymous.get("/venues", HTTP_ACCEPT=accept)
        assert (page.status_code, page["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert refused(anonymous.get("/venues/4242", HTTP_ACCEPT="text/html"), 404, "not-found")


@pytest.mark.parametrize("path", ["/venues", "/nothing", "/openapi.json", "//problems", "//", "//docs"])
@pytest.mark.parametrize("host", ["evil.example", "a b", "testserver:port"])
def test_unknown_host_is_400(path, host, anonymous, db):
    answer = anonymous.get(path, HTTP_HOST=host)
    assert refused(answer, 400, "bad-host")
    assert host not in answer.content.decode()


def test_unknown_host_is_a_problem_in_debug_mode_too(anonymous, settings, db):
    settings.DEBUG = True
    assert refused(anonymous.get("/venues", HTTP_HOST="evil.example"), 400, "bad-host")


@pytest.mark.parametrize("path", ["", "/openapi.json"])
def test_unknown_parameter_of_other_routes_is_400(path, anonymous, db):
    answer = anonymous.get(f"{path}?limit=1")
    assert refused(answer, 400, "invalid-input")
    assert errors_in(answer) == [("limit", "unknown-parameter")]


def test_validation_errors_are_limited_to_100(anonymous, db):
    answer = anonymous.post("/bookings", {f"field-{number}": 1 for number in range(1000)})
    assert refused(answer, 400, "invalid-input")
    assert len(answer.json()["errors"]) == 100


def test_query_that_is_not_utf_8_is_400(anonymous, db):
    assert refused(anonymous.get("/venues?search=%ff"), 400, "malformed")


def test_query_of_a_thousand_parameters_is_400(anonymous, db):
    query = "&".join(f"a{number}=1" for number in range(1001))
    assert refused(anonymous.get(f"/venues?{query}"), 400, "malformed")


def test_invalid_token_is_401_with_a_challenge(anonymous, db):
    answer = anonymous.get("/venues", HTTP_AUTHORIZATION="Bearer tbs_nonsense")
    assert refused(answer, 401, "unauthenticated")
    assert answer["WWW-Authenticate"] == 'Bearer realm="api"'


@pytest.mark.parametrize("path", ["/venues", "/nothing"])
def test_request_id_is_echoed(path, anonymous, db):
    for given in ("a", "my-id.42/~!", "x" * 128):
        assert anonymous.get(path, HTTP_X_REQUEST_ID=given)["X-Request-ID"] == given


@pytest.mark.parametrize("given", [None, "", "x" * 129, "with space", "tab\t", "ümlaut"])
def test_request_id_is_generated(given, anonymous, db):
    headers = {} if given is None else {"HTTP_X_REQUEST_ID": given}
    ids = {anonymous.get("/venues", **headers)["X-Request-ID"] for _ in range(2)}
    assert len(ids) == 2
    assert all(re.fullmatch(r"[0-9a-f-]{36}", made) for made in ids)


def test_request_id_is_in_every_log_line_about_the_request(anonymous, caplog, db):
    caplog.handler.addFilter(RequestIdFilter())
    with caplog.at_level(logging.WARNING):
        anonymous.get("/venues/4242", HTTP_X_REQUEST_ID="find-me")
    assert [(record.getMessage(), record.request_id) for record in caplog.records] == [
        ("Not Found: /api/v1/venues/4242", "find-me")
    ]


class FaultyView(APIView):
    permission_classes = []

    def get(self, request):
        raise RuntimeError("secret")


urlpatterns = [path("api/v1/faulty", FaultyView.as_view())]
handler500 = "config.api.errors.server_error"


@pytest.mark.urls(__name__)
def test_exception_is_500_without_its_text(anonymous, db):
    anonymous.raise_request_exception = False
    answer = anonymous.get("/faulty")
    assert refused(answer, 500, "server-error")
    assert "secret" not in answer.content.decode()


def test_problems_lists_every_class(anonymous):
    listed = anonymous.get("//problems").json()["results"]
    assert sorted(entry["code"] for entry in listed) == sorted(kind.code for kind in problems.Problem.family())
    assert {"sold-out", "in-use", "invalid-input", "unavailable"} <= {entry["code"] for entry in listed}
    assert [entry["status"] for entry in listed] == sorted(entry["status"] for entry in listed)
    assert all(entry["description"].endswith(".") or entry["code"] == "bad-host" for entry in listed)


def test_problem_codes_belong_to_one_class_each():
    codes = [kind.code for kind in problems.Problem.family()]
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize("kind", list(problems.Problem.family()), ids=lambda kind: kind.code)
def test_problem_describes_itself(kind, anonymous):
    answer = anonymous.get(f"//problems/{kind.code}")
    assert answer.status_code == 200
    assert answer.json() == {
        "type": f"/problems/{kind.code}",
        "code": kind.code,
        "title": kind.title,
        "status": kind.status,
        "description": " ".join(kind.__doc__.split()),
    }


@pytest.mark.parametrize("code", ["nonsense", "SOLD-OUT", "sold_out"])
def test_unknown_problem_is_404(code, anonymous):
    assert refused(anonymous.get(f"//problems/{code}"), 404, "not-found")
