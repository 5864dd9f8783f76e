"""Rate limits: which requests count, and what the responses say."""

import logging
import pickle
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
import time_machine
from django.core.cache import cache
from django.core.cache.backends.base import BaseCache
from django.test import Client

from bookings.models import Booking
from config.access import counter
from config.access.clients import address_key, warn_about_proxy
from config.access.counter import IN_PROCESS, Limit, Pause, cache_key, count, current_count, give_back
from config.access.models import ApiToken
from config.access.roles import Role
from config.env import CACHE_OPTIONS
from config.tests.harness.answers import refused
from config.tests.harness.valkey import valkey
from conftest import client_of, holder_of, make_user

LOCMEM = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "limits"}


def shared_cache(url):
    """As CACHE_URL sets it."""
    backend = "django.core.cache.backends.redis.RedisCache"
    return {"BACKEND": backend, "LOCATION": url, "OPTIONS": CACHE_OPTIONS[backend]}


@pytest.fixture(scope="module")
def server():
    with valkey() as running:
        yield running


@pytest.fixture(params=["one process", "shared"])
def counters(request, settings):
    """An empty cache of each kind."""
    is_shared = request.param == "shared"
    settings.CACHES = {"default": shared_cache(request.getfixturevalue("server").url) if is_shared else LOCMEM}
    cache.clear()
    yield
    cache.close()


@pytest.fixture
def limit(settings, counters):
    """Sets the limits that are named, as so many in a minute, and no others."""

    def set_to(**quotas):
        limits = {purpose.replace("_", "-"): (quota, 60) for purpose, quota in quotas.items()}
        settings.RATE_LIMITS = {**dict.fromkeys(settings.RATE_LIMITS), **limits}

    return set_to


def statuses(client, path, times, method="get", **how):
    return [getattr(client, method)(path, **how).status_code for _ in range(times)]


def order(ticket_type):
    line = {"ticket_type": ticket_type.pk, "quantity": 1}
    return {"customer_name": "Ann", "customer_email": "ann@example.com", "items": [line]}


def test_anonymous_read_above_the_limit_is_429(limit, anonymous, db):
    limit(anonymous_reads=3)
    assert statuses(anonymous, "/venues", 3) == [200] * 3
    answer = anonymous.get("/venues")
    assert refused(answer, 429, "too-many-requests")
    assert 1 <= int(answer["Retry-After"]) <= 60
    assert answer.json()["detail"] == (
        f"Rate limit exceeded (3 requests per minute). Retry in {answer['Retry-After']} seconds."
    )


def test_headers_show_the_remaining_requests(limit, anonymous, db):
    limit(anonymous_reads=2)
    answers = [anonymous.get("/venues") for _ in range(3)]
    assert [answer["RateLimit-Policy"] for answer in answers] == ['"anonymous-reads";q=2;w=60'] * 3
    assert [answer["RateLimit"].rpartition(";")[0] for answer in answers] == [
        f'"anonymous-reads";r={left}' for left in (1, 0, 0)
    ]
    for answer in answers:
        assert 1 <= int(answer["RateLimit"].rpartition("t=")[2]) <= 60


def test_answer_without_a_limit_has_no_headers(limit, anonymous, db):
    limit()
    assert not {"RateLimit", "RateLimit-Policy"} & set(anonymous.get("/venues").headers)


def test_304_counts(limit, anonymous, db):
    limit(anonymous_reads=2)
    tag = anonymous.get("/venues")["ETag"]
    answer = anonymous.get("/venues", HTTP_IF_NONE_MATCH=tag)
    assert (answer.status_code, answer["RateLimit"].rpartition(";")[0]) == (304, '"anonymous-reads";r=0')
    assert anonymous.get("/venues", HTTP_IF_NONE_MATCH=tag).status_code == 429


@pytest.mark.parametrize("path", ["/venues", "/", "/openapi.json", "//docs", "//redoc", "/events.ics", "/nonsense/1"])
def test_every_read_counts(path, limit, anonymous, db):
    limit(anonymous_reads=1)
    anonymous.get("/venues")
    assert anonymous.get(path).status_code == 429


@pytest.mark.parametrize(
    ("method", "path", "sent", "status"),
    [
        ("get", "/nonsense", {}, 404),
        ("delete", "/nonsense/1/2", {}, 404),
        ("get", "//nonsense", {}, 404),
        ("get", "//problems/nonsense", {}, 404),
        ("post", "//health", {}, 405),
        ("post", "//admin/login/", {"HTTP_TRANSFER_ENCODING": "chunked"}, 411),
        ("get", "/venues", {"HTTP_HOST": "evil.example"}, 400),
        ("get", "//nonsense", {"HTTP_HOST": "evil.example"}, 400),
    ],
)
def test_error_that_no_view_counts_is_counted(limit, anonymous, db, caplog, method, path, sent, status):
    caplog.set_level(logging.WARNING, "config.api.errors")
    limit(anonymous_reads=2)
    answers = [getattr(anonymous, method)(path, **sent) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [status, status, 429, 429]
    assert refused(answers[-1], 429, "too-many-requests")
    assert answers[-1]["RateLimit"].startswith('"anonymous-reads";r=0;t=')
    assert len([it for it in caplog.records if "evil.example" in it.getMessage()]) == (2 if status == 400 else 0)


def test_unknown_host_over_plain_http_logs_nothing(client, settings, caplog):
    settings.SECURE_SSL_REDIRECT = True
    assert client.get("/", HTTP_HOST="evil.example").status_code == 400
    assert caplog.records == []


def test_error_is_counted_once(limit, anonymous, manager):
    limit(anonymous_reads=9, tokens=9, guesses=9)
    for client, path, purpose in [
        (anonymous, "/venues/0", "anonymous-reads"),
        (anonymous, "/bookings", "anonymous-reads"),
        (manager, "/venues/0", "tokens"),
    ]:
        answer = client.get(path)
        assert answer["RateLimit-Policy"] == f'"{purpose}";q=9;w=60'
    assert anonymous.get("/venues", HTTP_AUTHORIZATION="Bearer x")["RateLimit-Policy"] == '"guesses";q=9;w=60'
    assert anonymous.get("/venues")["RateLimit"].startswith('"anonymous-reads";r=6;')


def test_refused_request_counts(limit, anonymous, manager):
    limit(anonymous_reads=2, anonymous_bookings=2, tokens=2)
    assert statuses(anonymous, "/bookings", 3) == [401, 401, 429]
    assert statuses(anonymous, "/venues", 3, "post") == [401, 401, 429]
    assert statuses(manager, "/bookings/0", 3) == [404, 404, 429]


def test_known_client_counts_as_anonymous_where_it_has_no_right(limit, anonymous, door, auditor):
    limit(anonymous_reads=2, anonymous_bookings=1, tokens=9)
    assert statuses(door, "/bookings", 3) == [403, 403, 429]  # may not view them
    assert statuses(auditor, "/bookings", 3) == [200] * 3
    assert statuses(anonymous, "/venues", 1) == [429]  # the same address
    assert statuses(auditor, "/venues", 2, "post") == [403, 429]
    reader = client_of()
    _, text = ApiToken.issue(user=make_user(Role.MANAGER), name="shop", scopes=["bookings"])
    reader.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    assert statuses(reader, "/bookings", 2) == [200] * 2
    assert statuses(reader, "/events", 1) == [429]  # open to anyone, but not within its scopes


def test_bookings_and_reads_have_separate_limits(limit, anonymous, make_type):
    limit(anonymous_reads=2, anonymous_bookings=1)
    body = order(make_type())
    assert statuses(anonymous, "/bookings", 2, "post", data=body) == [201, 429]
    assert statuses(anonymous, "/venues", 3) == [200, 200, 429]
    assert Booking.objects.count() == 1


def test_all_anonymous_writes_share_one_limit(limit, anonymous, make_type, book):
    limit(anonymous_bookings=3)
    seat = make_type(price="0.00")
    free, other = book((seat, 1)), book((seat, 1))
    assert anonymous.post("/bookings?dry_run=true", order(seat)).status_code == 200
    assert holder_of(free).post(f"/bookings/{free.pk}/confirm").status_code == 200
    assert holder_of(other).post(f"/bookings/{other.pk}/cancel").status_code == 200
    assert refused(anonymous.post("/bookings", order(seat)), 429, "too-many-requests")
    assert Booking.objects.count() == 2


def test_each_token_has_its_own_limit(limit, anonymous, db):
    limit(anonymous_reads=1, tokens=2)
    user = make_user(Role.AUDITOR)
    for name in ("one", "other"):
        _, text = ApiToken.issue(user=user, name=name)
        program = client_of()
        program.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
        assert statuses(program, "/bookings", 3) == [200, 200, 429]
    assert statuses(anonymous, "/venues", 2) == [200, 429]


def test_session_counts_for_its_user(limit, db):
    limit(anonymous_reads=1, tokens=2)
    for name in ("one", "other"):
        browser = client_of()
        browser.force_login(make_user(Role.AUDITOR, username=name))
        assert statuses(browser, "/venues", 3) == [200, 200, 429]


def test_forged_forwarding_header_changes_nothing(limit, anonymous, db):
    limit(anonymous_reads=2)
    asked = [anonymous.get("/venues", HTTP_X_FORWARDED_FOR=f"203.0.113.{number}").status_code for number in range(4)]
    assert asked == [200, 200, 429, 429]


def test_each_client_of_a_proxy_has_its_own_limit(limit, anonymous, settings, db):
    limit(anonymous_reads=1)
    settings.NUM_PROXIES = 1
    for client in ("198.51.100.1", "198.51.100.2"):
        asked = [anonymous.get("/venues", HTTP_X_FORWARDED_FOR=f"10.0.0.{n}, {client}").status_code for n in range(2)]
        assert asked == [200, 429]


@pytest.mark.parametrize(
    ("proxies", "peer", "forwarded", "expected"),
    [
        (0, "192.0.2.1", None, "192.0.2.1"),
        (0, "192.0.2.1", "198.51.100.1", "192.0.2.1"),
        (1, "10.0.0.1", "198.51.100.1", "198.51.100.1"),
        (1, "10.0.0.1", "1.1.1.1, 198.51.100.1", "198.51.100.1"),
        (1, "10.0.0.1", "1.1.1.1,,198.51.100.1, ", "198.51.100.1"),
        (2, "10.0.0.1", "1.1.1.1, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        (2, "10.0.0.1", "198.51.100.1", "198.51.100.1"),
        (1, "10.0.0.1", None, "10.0.0.1"),
        (1, "10.0.0.1", "198.51.100.1:4711", "198.51.100.1"),
        (1, "10.0.0.1", "[2001:db8:1:2::3]:4711", "2001:db8:1:2::/64"),
        (0, "2001:db8:1:2:3:4:5:6", None, "2001:db8:1:2::/64"),
        (0, "2001:db8:1:2:ffff::1", None, "2001:db8:1:2::/64"),
        (0, "2001:db8:1:3::1", None, "2001:db8:1:3::/64"),
        (0, "fe80::1%eth0", None, "fe80::/64"),
        (0, "::ffff:192.0.2.1", None, "192.0.2.1"),
        (0, "", None, "unknown"),
        (1, "10.0.0.1", "nonsense", "unknown"),
        (1, "10.0.0.1", "255.249.199.0", "255.249.199.0"),
        *(
            (1, "10.0.0.1", none, "unknown")
            for none in ("256.0.0.1", "010.0.0.1", "1.2.3", "1.2.3.4.5", "1.2.3.\uff14")
        ),
        (1, "10.0.0.1", "other nonsense", "unknown"),
    ],
)
def test_address_key_is_the_clients(proxies, peer, forwarded, expected, rf, settings):
    settings.NUM_PROXIES = proxies
    sent = {} if forwarded is None else {"HTTP_X_FORWARDED_FOR": forwarded}
    assert address_key(rf.get("/", REMOTE_ADDR=peer, **sent)) == f"address:{expected}"


def test_proxy_without_num_proxies_is_warned_about_once(rf, caplog):
    warn_about_proxy.cache_clear()
    caplog.set_level(logging.WARNING)
    for peer in ("8.8.4.4", "10.0.0.1", "10.0.0.1"):
        address_key(rf.get("/", REMOTE_ADDR=peer, HTTP_X_FORWARDED_FOR="8.8.8.8"))
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "set NUM_PROXIES" in caplog.text


@pytest.mark.parametrize("counters", ["one process"], indirect=True)
def test_window_begins_with_the_clients_first_request(limit, anonymous, db):
    limit(anonymous_reads=2)
    with time_machine.travel("2027-01-01T12:00:50Z", tick=False) as clock:
        assert anonymous.get("/venues")["RateLimit"] == '"anonymous-reads";r=1;t=60'
        clock.shift(59)
        assert anonymous.get("/venues")["RateLimit"] == '"anonymous-reads";r=0;t=1'
        assert anonymous.get("/venues")["Retry-After"] == "1"
        clock.shift(1)
        assert anonymous.get("/venues")["RateLimit"] == '"anonymous-reads";r=1;t=60'


# Guesses


def test_unknown_ids_and_wrong_secrets_of_bookings_are_limited(limit, anonymous, book):
    limit(guesses=4)
    booking = book()
    path, holder = f"/bookings/{booking.pk}", holder_of(booking)
    assert statuses(holder, path, 5) == [200] * 5
    unknown = anonymous.get(f"/bookings/{uuid.uuid4()}"), holder.post(f"/bookings/{uuid.uuid4()}/cancel")
    wrong = anonymous.get(path), anonymous.get(f"{path}?secret=wrong")
    for answer in (*unknown, *wrong):
        assert refused(answer, 404, "not-found")
    for path in (f"/bookings/{uuid.uuid4()}", f"/bookings/{booking.pk}", "/bookings/nonsense"):
        answer = holder.get(path)
        assert refused(answer, 429, "too-many-requests")
        assert answer["RateLimit"].startswith('"guesses";r=0;t=')
    assert statuses(anonymous, "/venues/0", 3) == [404] * 3  # whose numbers are no secret


def test_guess_above_the_limit_is_429_instead_of_404(limit, anonymous, db, monkeypatch):
    limit(guesses=2)
    # All requests pass the first check before any of them is counted.
    monkeypatch.setattr("config.access.rate_limits.current_count", lambda limit, client: None)
    assert statuses(anonymous, f"/bookings/{uuid.uuid4()}", 4) == [404, 404, 429, 429]


UNKNOWN = "A" * 26


def test_unknown_ticket_codes_are_limited_for_each_token(limit, door, auditor):
    limit(door=1, guesses=0)
    assert [door.post(f"/tickets/{UNKNOWN}/check-in").status_code for _ in range(2)] == [404, 429]
    assert [auditor.get(f"/tickets/{UNKNOWN}").status_code for _ in range(2)] == [404, 429]


def test_what_cannot_be_a_ticket_code_counts_as_no_guess(limit, door):
    limit(door=1)
    assert statuses(door, "/tickets/hello/check-in", 5, "post") == [404] * 5
    assert statuses(door, f"/tickets/{'I' * 26}/check-in", 5, "post") == [404] * 5


def test_tickets_of_others_do_not_close_the_door(settings, counters, door, book):
    """With the limits that are the default."""
    ticket = book().confirm().tickets.get()
    assert set(statuses(door, f"/tickets/{UNKNOWN}/check-in", 200, "post")) == {404}
    assert door.post(f"/tickets/{ticket.code}/check-in").status_code == 200


def test_invalid_tokens_are_limited(limit, anonymous, db):
    limit(guesses=2)
    _, text = ApiToken.issue(user=make_user(Role.AUDITOR), name="right")
    tries = ["Bearer tbs_wrong", "nonsense", "Bearer tbs_other"]
    answers = [anonymous.get("/venues", HTTP_AUTHORIZATION=authorization) for authorization in tries]
    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert anonymous.get("/bookings", HTTP_AUTHORIZATION=f"Bearer {text}").status_code == 200


# Logins


@pytest.fixture
def anna(db, django_user_model):
    return django_user_model.objects.create_user("anna", password="right-Password-1", is_staff=True)


def log_in(username="anna", password="wrong", **how):
    return Client().post("/admin/login/", {"username": username, "password": password}, **how)


def test_login_attempts_of_an_address_are_limited(limit, anna):
    limit(logins=2)
    assert [log_in(f"user {number}").status_code for number in range(2)] == [200, 200]
    answer = log_in(password="right-Password-1")
    assert answer.status_code == 429
    seconds = answer["Retry-After"]
    assert answer.context["form"].non_field_errors() == [f"Too many login attempts. Retry in {seconds} seconds."]
    assert f"Retry in {seconds} seconds." in answer.content.decode()
    assert answer["RateLimit"] == f'"logins";r=0;t={seconds}'
    assert log_in(password="right-Password-1", REMOTE_ADDR="192.0.2.7").status_code == 302


def test_login_attempts_for_a_name_at_an_address_are_limited(limit, anna):
    limit(logins=4)
    assert [log_in(spelling).status_code for spelling in ("anna", "ANNA")] == [200, 200]
    answer = log_in(password="right-Password-1")
    assert answer.status_code == 429
    assert "sessionid" not in answer.cookies
    assert log_in().status_code == 429
    assert log_in("bob").status_code == 200  # what was refused for one name is left for another
    assert [log_in(name).status_code for name in ("bob", "eve")] == [200, 429]


def test_stranger_locks_nobody_out(limit, anna):
    limit(logins=2)
    for number in range(9):
        assert log_in(REMOTE_ADDR=f"192.0.2.{number}").status_code == 200
    assert {log_in(REMOTE_ADDR="192.0.2.99").status_code for _ in range(9)} == {200, 429}
    assert log_in(password="right-Password-1", REMOTE_ADDR="198.51.100.1").status_code == 302


def test_invented_names_fill_no_cache_above_the_limit(limit, anna, monkeypatch):
    limit(logins=2)
    counted = []
    monkeypatch.setattr("config.access.login.count", lambda *of: counted.append(of) or count(*of))
    assert [log_in(f"user {number}").status_code for number in range(4)] == [200, 200, 429, 429]
    assert len(counted) == 2 * 2 + 2


def test_login_with_an_unknown_name_is_answered_alike(limit, anna):
    limit(logins=1)
    texts = []
    for name, address in (("anna", "192.0.2.1"), ("nobody", "198.51.100.1")):
        first = log_in(name, REMOTE_ADDR=address)
        second = log_in(name, REMOTE_ADDR=address)
        errors = [str(error) for error in first.context["form"].non_field_errors()]
        texts.append((errors, second.status_code, second.context["form"].non_field_errors()[0].split(" in ")[0]))
    assert texts[0] == texts[1]


def test_login_without_a_limit_is_possible(limit, anna):
    limit()
    assert {log_in().status_code for _ in range(5)} == {200}
    assert log_in(password="right-Password-1").status_code == 302


# The counter


@pytest.mark.parametrize(
    ("limit", "text"), [(Limit("x", 1, 1), "1 request per second"), (Limit("x", 20, 86_400), "20 requests per day")]
)
def test_limit_reads_as_a_rate(limit, text):
    assert str(limit) == text


def test_concurrent_threads_pass_within_the_quota(counters):
    limit, passed, together = Limit("test", 20, 60), [], threading.Barrier(16)

    def ask():
        together.wait()
        for _ in range(5):
            counted = count(limit, "somebody")
            passed.append(not counted.is_exceeded)
        cache.close()

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(passed), sum(passed)) == (80, 20)


def test_window_of_a_second_ends(counters):
    limit = Limit("test", 1, 1)
    assert [count(limit, "x").is_exceeded for _ in range(2)] == [False, True]
    threading.Event().wait(1.1)
    assert count(limit, "x").is_exceeded is False


class Planted:
    def __reduce__(self):
        return exec, ("import config.access.counter as it; it.was_executed = True",)


def raw_client():
    """The connection behind Django's cache, whose public methods cannot store what another program would."""
    return cache._cache.get_client(write=True)


@pytest.mark.parametrize("counters", ["shared"], indirect=True)
def test_pickle_planted_in_the_shared_cache_is_not_executed(counters, monkeypatch):
    monkeypatch.setattr(Pause, "until", 0.0)
    monkeypatch.setattr("config.access.counter.was_executed", False, raising=False)
    limit = Limit("test", 2, 60)
    client, key = raw_client(), cache.make_key(cache_key(limit, "x"))
    client.set(key, pickle.dumps(Planted()))
    with pytest.raises(ValueError, match="invalid literal"):
        cache.get(cache_key(limit, "x"))
    assert current_count(limit, "x") is None
    assert counter.was_executed is False


@pytest.mark.parametrize("counters", ["shared"], indirect=True)
@pytest.mark.parametrize("value", [True, "1", 1.5, None, [1], Planted()])
def test_shared_cache_holds_integers_only(value, counters):
    with pytest.raises(TypeError, match="integers only"):
        cache.set("key", value)
    assert cache.get("key") is None


def test_shared_cache_with_a_password_counts(settings):
    with valkey(password="secret-of-the-cache") as running:
        settings.CACHES = {"default": shared_cache(running.url)}
        assert [count(Limit("test", 1, 60), "x").is_exceeded for _ in range(2)] == [False, True]
        cache.close()
        with pytest.raises(redis.AuthenticationError):
            redis.Redis(port=running.port).get("key")


@pytest.mark.parametrize("counters", ["shared"], indirect=True)
def test_counter_without_expiry_gets_one(counters):
    """The window ended between the two commands by which Django adds to a number."""
    limit = Limit("test", 2, 60)
    client, key = raw_client(), cache.make_key(cache_key(limit, "x"))
    client.incr(key)
    assert client.ttl(key) == -1
    assert [count(limit, "x").is_exceeded for _ in range(2)] == [False, True]
    assert 0 < client.ttl(key) <= 60


@pytest.fixture
def no_outage(monkeypatch):
    monkeypatch.setattr(Pause, "until", 0.0)
    IN_PROCESS.clear()
    yield
    cache.close()


def is_over(monkeypatch):
    """The pause: the next request asks the cache."""
    monkeypatch.setattr(Pause, "until", 0.001)


def test_unreachable_cache_lets_each_process_count(settings, anonymous, make_type, caplog, monkeypatch, no_outage):
    caplog.set_level(logging.WARNING, "config.access.counter")
    with valkey() as running:
        settings.CACHES = {"default": shared_cache(running.url)}
        settings.RATE_LIMITS = dict.fromkeys(settings.RATE_LIMITS, (2, 60))
        body = order(make_type())
        assert statuses(anonymous, "/venues", 3) == [200, 200, 429]
        running.crash()
        for _ in range(2):  # the second time after a pause
            assert statuses(anonymous, "/venues", 3)[-1] == 429
            is_over(monkeypatch)
        assert statuses(anonymous, "/bookings", 3, "post", data=body) == [201, 201, 429]
        assert statuses(anonymous, f"/bookings/{uuid.uuid4()}", 1) == [429]
        assert [record.levelname for record in caplog.records] == ["ERROR"]
        ready = anonymous.get("//health/ready")
        assert (ready.status_code, ready.json()["status"]) == (200, "ready")
        assert ready.json()["checks"]["cache"] == "failed: ConnectionError"
        running.start()
        is_over(monkeypatch)
        assert statuses(anonymous, "/venues", 3) == [200, 200, 429]
        assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]


def test_one_request_in_a_pause_asks_the_cache_again(monkeypatch, no_outage):
    asked = []

    class Broken(BaseCache):
        def add(self, key, *of):
            asked.append(key)
            threading.Event().wait(0.2)
            raise TimeoutError

        incr = add

    is_over(monkeypatch)
    monkeypatch.setattr("config.access.counter.caches", {"default": Broken({})})
    together = threading.Barrier(8)

    def ask(_):
        together.wait()
        return count(Limit("test", 3, 60), "x").is_exceeded

    with ThreadPoolExecutor(8) as threads:
        assert sorted(threads.map(ask, range(8))) == [False] * 3 + [True] * 5
    assert len(asked) == 1


@pytest.mark.parametrize("kind", ["dummy.DummyCache", "filebased.FileBasedCache"])
def test_cache_that_cannot_count_lets_each_process_count(kind, settings, anonymous, db, no_outage, tmp_path):
    settings.CACHES = {"default": {"BACKEND": f"django.core.cache.backends.{kind}", "LOCATION": str(tmp_path)}}
    settings.RATE_LIMITS = dict.fromkeys(settings.RATE_LIMITS, (1, 60))
    assert statuses(anonymous, "/venues", 3) == [200, 429, 429]


# Amounts


def test_amount_is_counted_and_given_back(counters):
    limit = Limit("test", 10, 60)
    assert [count(limit, "x", 6).is_exceeded for _ in range(2)] == [False, True]
    spent = count(limit, "x", 5)
    assert [give_back(spent, "x", amount).used for amount in (5, 6)] == [12, 6]
    assert count(limit, "x", 4).remaining == 0


@pytest.mark.parametrize("counters", ["one process"], indirect=True)
def test_amount_is_not_given_back_to_another_window(counters):
    limit = Limit("test", 10, 60)
    with time_machine.travel("2027-01-01T12:00:00Z", tick=False) as clock:
        spent = count(limit, "x", 6)
        clock.shift(61)
        assert give_back(spent, "x", 6) == spent
        count(limit, "x")
        assert give_back(spent, "x", 6) == spent
        assert current_count(limit, "x").used == 1


def test_count_below_zero_borrows_nothing_from_the_end_of_its_window(counters):
    limit = Limit("test", 10, 60)
    spent = count(limit, "x")
    low = count(limit, "x", -3)
    assert (low.used, low.end, low.remaining) == (-2, spent.end, 12)
