"""A server behind nginx, a venue to read, and a client for both."""

import http.client
import json
from functools import partial
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest

from config.tests.harness.nginx import nginx
from config.tests.harness.server import migrated_database, served
from config.tests.proxy.echo import echo

ORIGINS = ("https://one.example.com", "https://two.example.com")
SETTINGS = {
    "DEBUG": "False",
    "CATALOGUE_CACHE": "True",  # as in production
    "NUM_PROXIES": "1",
    "CORS_ALLOWED_ORIGINS": ",".join(ORIGINS),
    "RATE_LIMIT_ANONYMOUS_READS": "100000/min",
}


def ask(base, method, path, body=None, source="127.0.0.1", **headers):
    """One answer. `source` is the client's own address on the loopback interface."""
    address = urlsplit(base)
    connection = http.client.HTTPConnection(
        address.hostname, address.port, timeout=20, source_address=(source, 0), blocksize=65_536
    )
    sent = None if body is None else json.dumps(body)
    if sent is not None:
        headers["Content-Type"] = "application/json"
    try:
        connection.request(method, path, sent, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        content = answer.read()
        is_json = "json" in answer.headers.get("Content-Type", "") and "Content-Encoding" not in answer.headers
        return SimpleNamespace(
            status=answer.status, headers=answer.headers, cache=answer.headers.get("X-Cache"), content=content,
            data=json.loads(content) if is_json and content else None,
        )  # fmt: skip
    finally:
        connection.close()


@pytest.fixture(scope="session")
def database():
    """The URL of a migrated database, which all servers share."""
    with migrated_database() as url:
        yield url


@pytest.fixture(scope="session")
def serve(database):
    """Starts a production server: a context manager."""
    return partial(served, database, is_production=True, **SETTINGS)


@pytest.fixture(scope="session")
def server(serve):
    # So few threads that the attacks would take them all, if nginx passed them on.
    with serve(workers=2, threads=8, arguments=["--access-log"]) as running:
        yield running


@pytest.fixture(scope="session")
def proxy(server):
    with nginx(server.url) as running:
        yield running


@pytest.fixture(scope="session")
def token(server):
    return server.manage("create_api_token", "shop", "--role", "manager").strip().splitlines()[-1]


@pytest.fixture(scope="session")
def known(token):
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture(scope="session")
def venue(proxy, known):
    hall = {"name": "Hall", "address": "1 Main Street", "capacity": 100, "timezone": "UTC"}
    return ask(proxy.url, "POST", "/api/v1/venues", hall, **known).data["id"]


@pytest.fixture(scope="session")
def mirror():
    """nginx in front of a server that answers with what it was sent."""
    with echo() as url, nginx(url) as running:
        yield running
