"""Headers about the client, the scheme, the host, the path and the time: only those of a declared proxy matter."""

import http.client
import json
import secrets
import time
from urllib.parse import urlsplit

import pytest
from django.test import Client

from config.tests.harness.server import migrated_database, served

pytestmark = pytest.mark.xdist_group("headers")

URL, CLIENT, HOST = "/admin/login/", "198.51.100.7", "evil.example"
FORGED = [
    *((name, "/evil") for name in ("Script-Name", "X-Script-Name", "Script-Url", "Redirect-Url", "X-Forwarded-Prefix")),
    *((name, URL) for name in ("Path-Info", "X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Path")),
    *((name, HOST) for name in ("X-Forwarded-Host", "X-Forwarded-Server", "X-Host", "Server-Name", "Http-Host")),
    *((name, CLIENT) for name in ("X-Forwarded-For", "X-Real-IP", "X-Client-IP", "True-Client-IP", "Remote-Addr")),
    *((name, "https") for name in ("X-Forwarded-Proto", "X-Forwarded-Protocol", "X-Url-Scheme", "Wsgi.Url-Scheme")),
    *((name, "on") for name in ("X-Forwarded-Ssl", "Front-End-Https", "Https")),
    *((name, "8443") for name in ("X-Forwarded-Port", "Server-Port")),
    ("Forwarded", f"for={CLIENT};host={HOST};proto=https"),
    *((name, "DELETE") for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "Request-Method")),
    *((name, "root") for name in ("Remote-User", "X-Remote-User", "X-Forwarded-User")),
    *(("X-Request-Start", value) for value in ("t={late}", "t=0", "t=1", "t=99999999999", "nonsense")),
    ("Tickets.Late", "1"),
]
OF_A_PROXY = ("X-Forwarded-For", "X-Forwarded-Proto", "X-Request-Start")
REQUESTS = [("GET", "/", ""), ("GET", "/admin/", ""), ("GET", "/api/v1/venues?limit=1", ""),
            ("GET", "/api/v1/bookings", ""), ("POST", "/api/v1/bookings", "{}")]  # fmt: skip
OF_ONE_ANSWER = {"x-request-id", "date", "expires", "ratelimit", "connection"}


def forged(name, value):
    return {name: value.format(late=f"{time.time() - 1:.3f}")}


def comparable(status, headers, body):
    data = json.loads(body) if "json" in headers.get("Content-Type", "") else body
    if isinstance(data, dict):
        data.pop("request_id", None)
    return status, {name: value for name, value in headers.items() if name.lower() not in OF_ONE_ANSWER}, data


@pytest.fixture(scope="module", params=["http", "https alone"])
def server(request):
    """Without a declared proxy. The second one redirects plain HTTP, as production does."""
    production = {
        "DJANGO_SETTINGS_MODULE": "config.settings.production",
        "SECRET_KEY": secrets.token_urlsafe(50),
        "ALLOWED_HOSTS": "127.0.0.1",
    }
    settings = {"RATE_LIMIT_ANONYMOUS_READS": "100000/day", **(production if request.param == "https alone" else {})}
    with migrated_database() as url, served(url, is_production=True, workers=1, DEBUG="False", **settings) as running:
        yield running


def ask(server, method, path, body, headers):
    address = urlsplit(server.url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=20)
    try:
        connection.request(method, path, body or None, {"Content-Type": "application/json", **headers})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


@pytest.fixture(scope="module")
def plain(server):
    return [comparable(*ask(server, *request, {})) for request in REQUESTS]


@pytest.mark.parametrize("separator", ["-", "_"])
@pytest.mark.parametrize(("name", "value"), FORGED)
def test_server_alone_answers_as_without_the_header(name, value, separator, server, plain):
    """A name with underscores is the same variable in WSGI."""
    headers = forged(name.replace("-", separator), value)
    assert [comparable(*ask(server, *request, headers)) for request in REQUESTS] == plain


def remaining(server, headers):
    return int(ask(server, "GET", "/api/v1/venues", "", headers)[1]["RateLimit"].split("r=")[1].split(";")[0])


@pytest.mark.parametrize("server", ["http"], indirect=True)
def test_no_header_makes_another_client(server):
    first = remaining(server, {})
    names = [(name.replace("-", separator), value) for name, value in FORGED for separator in "-_"]
    counts = [remaining(server, forged(name, value)) for name, value in names]
    assert counts == list(range(first - 1, first - 1 - len(names), -1))


@pytest.fixture(params=["no proxy", "a proxy"])
def trusted(request, settings):
    """The headers that the settings trust."""
    if request.param == "no proxy":
        return ()
    settings.NUM_PROXIES = 1
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    return OF_A_PROXY


@pytest.mark.parametrize("is_redirected", [False, True])
def test_settings_trust_no_other_header(is_redirected, trusted, settings, db):
    settings.SECURE_SSL_REDIRECT = is_redirected

    def answers(**headers):
        client = Client(headers={"Accept": "application/json", **headers})
        found = [client.generic(method, path, body, "application/json") for method, path, body in REQUESTS]
        return [comparable(it.status_code, it.headers, it.content) for it in found]

    expected = answers()
    changed = {name for name, value in FORGED if answers(**forged(name, value)) != expected}
    assert changed <= set(trusted)
    assert ("X-Forwarded-Proto" in changed) is bool(trusted and is_redirected)
