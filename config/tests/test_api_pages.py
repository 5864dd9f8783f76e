"""The pages outside of any version, for people and for programs."""

import re

import pytest

from config import problems
from config.tests.answers import refused

HTML = "text/html,application/xhtml+xml,*/*;q=0.8"
PAGES = ["//", "//health", "//health/ready", "//problems", "//problems/sold-out"]


def test_problems_are_a_page_for_a_browser(guest):
    answer = guest.get("//problems", HTTP_ACCEPT=HTML)
    page = answer.content.decode()
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/html; charset=utf-8")
    for kind in problems.Problem.family():
        assert f'href="/problems/{kind.code}"' in page
        assert kind.title in page
    assert "accept" in answer["Vary"].lower()


def test_problem_is_a_page_for_a_browser(guest):
    page = guest.get("//problems/sold-out", HTTP_ACCEPT=HTML).content.decode()
    assert "<h1>Not enough tickets left</h1>" in page
    assert "409" in page
    assert 'href="/problems"' in page


@pytest.mark.parametrize("accept", ["application/json", "*/*", ""])
def test_problems_are_json_for_a_program(accept, guest):
    answer = guest.get("//problems", HTTP_ACCEPT=accept)
    assert answer["Content-Type"] == "application/json"
    assert {row["code"] for row in answer.json()["results"]} == {kind.code for kind in problems.Problem.family()}


def test_unknown_problem_is_404_for_both(guest):
    assert refused(guest.get("//problems/nothing"), 404, "not-found")
    page = guest.get("//problems/nothing", HTTP_ACCEPT=HTML)
    assert (page.status_code, page["Content-Type"]) == (404, "text/html; charset=utf-8")


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_pages_are_only_read(path, method, guest):
    client = type(guest)(enforce_csrf_checks=True)
    answer = client.generic(method, path, b"{}", "application/json")
    assert refused(answer, 405, "method-not-allowed")
    assert answer["Allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    ("path", "kept"),
    [("//", "public, max-age=300"), ("//problems", "public, max-age=300"), ("//health", "no-store")],
)
def test_pages_say_how_long_they_may_be_kept(path, kept, guest):
    assert guest.get(path)["Cache-Control"] == kept


@pytest.mark.parametrize("path", ["//docs", "//redoc", "//problems", "//admin/login/", "/venues"])
def test_pages_for_browsers_run_no_scripts_of_strangers(path, guest, db):
    answer = guest.get(path, HTTP_ACCEPT=HTML)
    policy = dict(part.strip().split(" ", 1) for part in answer["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'self'"
    assert "script-src" not in policy
    assert policy["frame-ancestors"] == policy["object-src"] == "'none'"
    scripts = re.findall(r"<script(?![^>]*\bsrc=)[^>]*>", answer.content.decode())
    assert [script for script in scripts if "application/json" not in script] == []
    assert not re.search(rb"""<[^>]+\son\w+=["']""", answer.content)
    assert not re.search(rb"""<(script|link|img)[^>]+(src|href)=["']https?://""", answer.content)


def test_favicon_is_there(guest):
    assert guest.get("//favicon.ico").status_code == 302
