"""The cache of deploy/nginx.conf: what it keeps, for how long, and what never passes from one client to another."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from config.tests.harness.nginx import nginx
from config.tests.proxy.conftest import ORIGINS, ask
from config.tests.proxy.echo import echo

FOR_A_MINUTE = "Cache-Control=public,max-age%3D60"
OF_ONE_REQUEST = ("X-Request-ID", "RateLimit", "RateLimit-Policy", "Set-Cookie", "Access-Control-Allow-Origin")


def test_anonymous_reads_are_cached_as_cache_control_says(proxy, venue):
    path = f"/api/v1/venues/{venue}?"  # an address of its own in the cache
    first, second = (ask(proxy.url, "GET", path) for _ in range(2))
    assert (first.cache, second.cache) == ("MISS", "HIT")
    assert second.content == first.content
    assert second.headers["ETag"] == first.headers["ETag"]
    assert ask(proxy.url, "HEAD", path).cache == "HIT"
    unchanged = ask(proxy.url, "GET", path, If_None_Match=first.headers["ETag"])
    assert (unchanged.status, unchanged.cache, unchanged.content) == (304, "HIT", b"")


@pytest.mark.parametrize(("path", "status"), [("/api/v1/venues/0", 404), ("/health", 200), ("/admin/login/", 200)])
def test_what_must_not_be_stored_is_not_cached(path, status, proxy):
    answers = [ask(proxy.url, "GET", path) for _ in range(2)]
    assert [(answer.status, answer.cache) for answer in answers] == [(status, "MISS")] * 2


def test_credentials_bypass_the_cache_both_ways(proxy, venue, known):
    path = f"/api/v1/venues?search=hall&limit={venue}"
    assert ask(proxy.url, "GET", path, **known).cache == "BYPASS"
    assert ask(proxy.url, "GET", path).cache == "MISS"  # nothing was stored of the answer before
    assert ask(proxy.url, "GET", path, **known).cache == "BYPASS"
    assert ask(proxy.url, "GET", path, Cookie="a=b").cache == "BYPASS"
    assert ask(proxy.url, "GET", path, Authorization="Bearer wrong").status == 401
    assert ask(proxy.url, "GET", path).cache == "HIT"


def test_unchanged_answer_is_304_for_everybody(proxy, venue, known):
    path = f"/api/v1/venues?limit={venue}&skip=3"
    for headers in ({}, known):
        tag = ask(proxy.url, "GET", path, **headers).headers["ETag"]
        for value in (tag, f"W/{tag}"):
            assert ask(proxy.url, "GET", path, If_None_Match=value, **headers).status == 304
        assert ask(proxy.url, "GET", path, If_None_Match='"other"', **headers).status == 200


def test_no_header_of_one_request_reaches_another(proxy, venue):
    path = f"/api/v1/venues?limit={venue}&skip=0"
    first = ask(proxy.url, "GET", path, X_Request_ID="of-the-first")
    assert (first.cache, first.headers["X-Request-ID"]) == ("MISS", "of-the-first")
    assert first.headers["RateLimit"].startswith('"anonymous-reads";r=')
    second = ask(proxy.url, "GET", path)
    assert second.cache == "HIT"
    assert len(second.headers["X-Request-ID"]) == 32
    assert {name for name in OF_ONE_REQUEST if name in second.headers} == {"X-Request-ID"}
    assert ask(proxy.url, "GET", path, X_Request_ID="of-the-third").headers.get_all("X-Request-ID") == ["of-the-third"]


def test_each_origin_has_an_answer_of_its_own(proxy, venue):
    path = f"/api/v1/venues?limit={venue}&skip=1"
    for cache in ("MISS", "HIT"):
        for origin in (*ORIGINS, "https://evil.example.com", ""):
            answer = ask(proxy.url, "GET", path, **({"Origin": origin} if origin else {}))
            assert answer.cache == cache
            assert answer.headers["Access-Control-Allow-Origin"] == (origin if origin in ORIGINS else None)


def test_each_media_type_has_an_answer_of_its_own(proxy, venue):
    path = f"/api/v1/venues?limit={venue}&skip=2"
    assert [ask(proxy.url, "GET", path).headers["Content-Type"] for _ in range(2)] == ["application/json"] * 2
    page = ask(proxy.url, "GET", path, Accept="text/html")
    assert (page.cache, page.headers["Content-Type"]) == ("MISS", "text/html; charset=utf-8")


def test_answer_that_sets_a_cookie_is_not_cached(mirror):
    path = f"/?{FOR_A_MINUTE}&Set-Cookie=session%3Dsecret"
    assert [ask(mirror.url, "GET", path).cache for _ in range(2)] == ["MISS", "MISS"]
    assert [ask(mirror.url, "GET", f"/?{FOR_A_MINUTE}").cache for _ in range(2)] == ["MISS", "HIT"]


def test_hosts_share_nothing(mirror):
    path = f"/hosts?{FOR_A_MINUTE}"
    caches = [ask(mirror.url, "GET", path, Host=host).cache for host in ("one.example.com", "two.example.com") * 2]
    assert caches == ["MISS", "MISS", "HIT", "HIT"]


def test_writes_are_not_cached(mirror):
    path = f"/writes?{FOR_A_MINUTE}"
    marks = {ask(mirror.url, method, path, {}).data["mark"] for method in ("POST", "PUT", "PATCH", "DELETE") * 2}
    assert len(marks) == 8


def test_one_request_fills_the_cache_for_all_who_wait(server, proxy, known):
    hall = {"name": "Locked", "address": "1 Main Street", "capacity": 100, "timezone": "UTC"}
    path = f"/api/v1/venues/{ask(proxy.url, 'POST', '/api/v1/venues', hall, **known).data['id']}"
    with ThreadPoolExecutor(20) as clients:
        answers = list(clients.map(lambda _: ask(proxy.url, "GET", path), range(20)))
    assert sorted({answer.cache for answer in answers}) == ["HIT", "MISS"]
    assert server.logged().count(f"GET {path} ") == 1


def test_stale_answer_is_served_while_it_is_updated(mirror):
    path = "/stale?Cache-Control=public,max-age%3D1&RateLimit=mine"
    first = ask(mirror.url, "GET", path)
    time.sleep(2.1)  # nginx counts whole seconds
    stale = ask(mirror.url, "GET", path)
    assert (stale.cache, stale.data["mark"]) == ("STALE", first.data["mark"])
    assert "RateLimit" not in stale.headers
    time.sleep(0.3)
    updated = ask(mirror.url, "GET", path)
    assert updated.cache == "HIT"
    assert updated.data["mark"] != first.data["mark"]


def test_catalogue_can_be_read_while_the_server_is_away():
    path = "/away?Cache-Control=public,max-age%3D1"
    with ExitStack() as server, nginx(server.enter_context(echo())) as proxy:
        assert ask(proxy.url, "GET", path).cache == "MISS"
        server.close()
        time.sleep(2.1)
        assert ask(proxy.url, "GET", path).cache == "STALE"
        away = ask(proxy.url, "GET", "/other")
        assert (away.status, away.data["code"], away.headers["Retry-After"]) == (503, "unavailable", "1")
