"""Broken and unusual requests, sent byte by byte to the production server without a proxy in front.

`TRANSPORT_ROUNDS` is how often everything is sent, and how many hundred connections stay half-sent.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import time

import pytest

from config.tests.harness.server import migrated_database, served

ROUNDS = int(os.environ.get("TRANSPORT_ROUNDS", "1"))
HALL = json.dumps({"name": "Hall", "address": "1 Main Street", "capacity": 10, "timezone": "UTC"}).encode()
POST = b"POST /api/v1/venues HTTP/1.1"
JSON = b"Content-Type: application/json"

pytestmark = pytest.mark.xdist_group("transport")


@pytest.fixture(scope="module")
def server():
    with migrated_database() as url, served(url, is_production=True, DEBUG="False") as running:
        yield running


@pytest.fixture(scope="module")
def token(server):
    return b"Authorization: Bearer " + server.manage("create_api_token", "t", "--role", "manager").strip().encode()


def connect(server, *, is_slow_reader=False):
    host, port = server.url.removeprefix("http://").split(":")
    connection = socket.socket()
    connection.settimeout(20)
    if is_slow_reader:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect((host, int(port)))
    return connection


@contextlib.contextmanager
def connected(server):
    """A connection, and what comes back on it."""
    with connect(server) as connection, connection.makefile("rb") as stream:
        yield connection, stream


GET = b"GET /api/v1/venues HTTP/1.1"


def message(*headers, body=b"", length=True):
    lines = [*headers, b"Host: localhost"]
    lines += [b"Content-Length: %d" % len(body)] if length else []
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def chunked(body, size=7):
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def read_answer(stream):
    """Status, headers and body of one answer; None when the other side hung up."""
    line = stream.readline()
    if not line:
        return None
    headers = {}
    while (header := stream.readline()) not in (b"\r\n", b""):
        name, _, value = header.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    status = int(line.split()[1])
    if status == 100:
        return read_answer(stream)
    if headers.get("transfer-encoding") == "chunked":
        body = b""
        while size := int(stream.readline(), 16):
            body += stream.read(size)
            stream.readline()
        stream.readline()
        return status, headers, body
    return status, headers, stream.read(int(headers.get("content-length", 0)))


def ask(server, raw):
    with connected(server) as (connection, stream):
        connection.sendall(raw)
        return read_answer(stream)


def refused(answer, status, code):
    assert answer is not None
    assert (answer[0], answer[1]["content-type"]) == (status, "application/problem+json"), answer
    return json.loads(answer[2])["code"] == code


def is_refused(answer):
    """Whether the server refused the request or hung up. What is no HTTP it refuses by itself, without a body."""
    return answer is None or 400 <= answer[0] < 500


def venues(server):
    status, _, body = ask(server, message(b"GET /api/v1/venues HTTP/1.1", b"Connection: close", length=False))
    assert status == 200
    return json.loads(body)["count"]


@pytest.fixture(autouse=True)
def _still_works(server):
    """Whatever was sent, the server still answers afterwards."""
    yield
    assert venues(server) >= 0


@pytest.mark.parametrize(
    "body", [chunked(HALL), chunked(b""), b"5\r\n{", b"ff\r\n\r\n0\r\n\r\n", b"xyz\r\n{}\r\n0\r\n\r\n"]
)
def test_chunked_body_needs_a_proxy_that_collects_it(body, server, token):
    """The server does not say whether the last chunk arrived, so a part would pass for the whole."""
    raw = message(POST, JSON, token, b"Transfer-Encoding: chunked", body=body, length=False)
    assert refused(ask(server, raw), 411, "length-required")


def test_body_over_the_limit_is_413(server, token):
    big = b'"' + b"x" * 300_000 + b'"'
    assert refused(ask(server, message(POST, JSON, token, body=big)), 413, "too-large")


@pytest.mark.parametrize(
    "headers",
    [
        [b"Content-Length: 5", b"Content-Length: 100"],
        [b"Content-Length: -1"],
        [b"Content-Length: x"],
        [b"Content-Length: +5"],
        [b"Content-Length: 99999999999999999999999999"],
        [b"Content-Length: 5", b"Transfer-Encoding: chunked"],
        [b"Transfer-Encoding: chunked, identity"],
        [b"Transfer-Encoding: xchunked"],
    ],
    ids=["two", "negative", "word", "plus", "endless", "both", "chunked-not-last", "unknown"],
)
def test_ambiguous_length_is_refused(headers, server, token):
    """What follows on the connection must not be taken for a request."""
    before = venues(server)
    smuggled = message(POST, JSON, token, body=HALL)
    answer = ask(server, message(POST, JSON, token, *headers, body=b"0\r\n\r\n" + smuggled, length=False))
    assert is_refused(answer)
    assert venues(server) == before


def test_missing_length_is_a_missing_body(server, token):
    assert refused(ask(server, message(POST, JSON, token, length=False)), 400, "invalid-input")


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ([b"Content-Type: application/json; charset=latin-1"], 415, "unsupported-media-type"),
        ([b"Content-Type: application/json; charset=no-such"], 415, "unsupported-media-type"),
        ([b"Content-Type: application/json; charset=UTF-8"], 201, ""),
        ([b"Content-Type: text/plain"], 415, "unsupported-media-type"),
        ([b"Content-Type: nonsense"], 415, "unsupported-media-type"),
        ([JSON, b"Content-Encoding: gzip"], 415, "unsupported-media-type"),
        ([JSON, b"Content-Encoding: identity"], 201, ""),
    ],
)
def test_body_is_json_in_utf_8_and_nothing_else(headers, status, code, server, token):
    answer = ask(server, message(POST, token, *headers, body=HALL))
    assert answer[0] == status
    assert status == 201 or refused(answer, status, code)


def test_two_authorizations_are_401(server, token):
    answer = ask(server, message(POST, JSON, token, b"Authorization: Bearer other", body=HALL))
    assert refused(answer, 401, "unauthenticated")


@pytest.mark.parametrize(
    "headers",
    [
        [b"X-%d: y" % number for number in range(500)],
        [b"X: " + b"y" * 1_000_000],
        [b"X" * 1_000_000 + b": y"],
        [b"X : y"],
        [b"X\x00: y"],
        [b"X: a\x00b"],
        [b": y"],
    ],
    ids=["many", "huge", "huge-name", "space", "null-name", "null", "nameless"],
)
def test_header_bombs_are_refused(headers, server):
    assert is_refused(ask(server, message(b"GET /api/v1/venues HTTP/1.1", *headers, length=False)))


@pytest.mark.parametrize(
    "line",
    [
        b"GET /api/v1/venues?" + b"x" * 100_000 + b" HTTP/1.1",
        b"GET /api/v1/venues HTTP/9.9",
        b"GET /api/v1/venues",
        b"G\x00T / HTTP/1.1",
        b"nonsense",
        b"GET /api/v1/\xff\xfe HTTP/1.1",
    ],
)
def test_odd_request_lines_are_refused(line, server):
    assert is_refused(ask(server, message(line, length=False)))


@pytest.mark.parametrize("host", [b"evil.example", b"a b", b"", b"localhost\x00"])
def test_wrong_host_is_400(host, server):
    raw = b"GET /api/v1/venues HTTP/1.1\r\nHost: " + host + b"\r\n\r\n"
    answer = ask(server, raw)
    assert is_refused(answer)
    if host == b"evil.example":
        assert refused(answer, 400, "bad-host")


def test_expect_continue_is_answered(server, token):
    with connected(server) as (connection, stream):
        connection.sendall(
            message(POST, JSON, token, b"Expect: 100-continue", b"Content-Length: %d" % len(HALL), length=False)
        )
        assert stream.readline() == b"HTTP/1.1 100 Continue\r\n"
        stream.readline()
        connection.sendall(HALL)
        assert read_answer(stream)[0] == 201


def test_pipelined_requests_are_answered_in_order(server):
    paths = [b"/api/v1/venues", b"/api/v1/nothing", b"/health"]
    raw = b"".join(message(b"GET %s HTTP/1.1" % path, length=False) for path in paths)
    with connected(server) as (connection, stream):
        connection.sendall(raw)
        assert [read_answer(stream)[0] for _ in paths] == [200, 404, 200]


def test_early_requests_are_answered_in_order(server):
    with connected(server) as (connection, stream):
        for _ in range(20):
            for path in (b"/api/v1/venues", b"/api/v1/nothing", b"/health") * 3:
                connection.sendall(message(b"GET %s HTTP/1.1" % path, length=False))
                time.sleep(0.001)
            assert [read_answer(stream)[0] for _ in range(9)] == [200, 404, 200] * 3


@pytest.mark.parametrize("line", [b"HEAD /api/v1/venues HTTP/1.1", b"HEAD /api/v1/venues HTTP/1.0"])
def test_head_and_http_1_0_are_answered(line, server):
    with connected(server) as (connection, stream):
        connection.sendall(message(line, b"Connection: close", length=False))
        headers, _, body = stream.read().partition(b"\r\n\r\n")
        assert headers.startswith(line[-8:] + b" 200 OK\r\n")
        assert body == b""


def test_unchanged_answer_has_no_body(server):
    with connected(server) as (connection, stream):
        connection.sendall(message(GET, length=False))
        tag = read_answer(stream)[1]["etag"].encode()
        connection.sendall(message(GET, b"If-None-Match: " + tag, length=False) + message(GET, length=False))
        while (line := stream.readline()) != b"\r\n":
            assert not line.lower().startswith(b"transfer-encoding")
        assert read_answer(stream)[0] == 200


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"GET /api/v1/venues HTTP/1.1\r\nHost: loc",
        message(POST, JSON, b"Content-Length: 1000", body=b"{", length=False),
        message(POST, JSON, b"Transfer-Encoding: chunked", body=b"5\r\n{", length=False),
        message(POST, JSON, b"Content-Length: 999999", body=b"x" * 100_000, length=False),
        message(
            b"POST /admin/login/ HTTP/1.1",
            b"Cookie: csrftoken=" + b"x" * 32,
            b"Content-Type: multipart/form-data; boundary=x",
            b"Content-Length: 200000",
            body=b"--x\r\n",
            length=False,
        ),
        message(POST, JSON, b"Transfer-Encoding: chunked", body=b"0\r\n" * 87_000, length=False),
        message(GET, length=False) + b"GET /api/v1/venues HTTP/1.1\r\nHost: loc",
        message(GET, b"Connection: close", length=False),
        b"nonsense\r\n\r\n",
    ],
    ids=[
        "nothing",
        "half-headers",
        "half-body",
        "half-chunk",
        "half-of-too-much",
        "half-form",
        "too-many-chunks",
        "half-of-second",
        "answered",
        "refused",
    ],
)
def test_100_stopped_senders_delay_nobody(start, server):
    """A half-sent body holds one of the 128 threads; whatever else stops in the middle holds none."""
    waiting = []
    try:
        for _ in range(100):
            connection = connect(server)
            with contextlib.suppress(ConnectionError):  # it was refused before all of it was sent
                connection.sendall(start)
            waiting.append(connection)
        taken = []
        for _ in range(30):
            at = time.monotonic()
            venues(server)
            taken.append(time.monotonic() - at)
        assert max(taken) < 2
    finally:
        for connection in waiting:
            connection.close()


FORM = b"POST %s HTTP/1.1\r\nCookie: csrftoken=%s; sessionid=%s\r\nContent-Type: multipart/form-data; boundary=x"
STALLED = {
    "login": (b"/admin/login/", 1_000_000),
    "import": (b"/admin/ticket_types/tickettype/import_catalogue/", 5_000_000),
    "api": (b"/api/v1/bookings", 1_000_000),
    "unknown": (b"/nowhere", 1_000_000),
}


@pytest.mark.parametrize("name", STALLED)
def test_stalled_upload_above_the_limit_holds_no_thread(name, server):
    """Twice as many as there are threads, with made-up cookies. Each is answered before its body is sent."""
    path, length = STALLED[name]
    start = message(FORM % (path, b"x" * 32, b"y" * 32), b"Content-Length: %d" % length, body=b"--x\r\n", length=False)
    with contextlib.ExitStack() as stack:
        waiting = [stack.enter_context(connected(server)) for _ in range(256)]
        for connection, _ in waiting:
            connection.sendall(start)
        at = time.monotonic()
        assert [refused(read_answer(stream), 413, "too-large") for _, stream in waiting] == [True] * 256
        venues(server)
        assert time.monotonic() - at < 5


LARGE_FILE = b"/static/drf_spectacular_sidecar/redoc/bundles/redoc.standalone.js.map"  # 4 MB


def test_100_clients_that_do_not_read_delay_nobody(server):
    """Each holds one of the 128 threads, because the file is larger than the buffers of a connection."""
    with contextlib.ExitStack() as stack:
        for _ in range(100):
            connection = stack.enter_context(connect(server, is_slow_reader=True))
            connection.sendall(message(b"GET %s HTTP/1.1" % LARGE_FILE, length=False))
        taken = []
        for _ in range(30):
            at = time.monotonic()
            venues(server)
            taken.append(time.monotonic() - at)
        assert max(taken) < 2


def test_broken_requests_leave_no_trace(server, token):
    good = message(POST, JSON, token, body=HALL)
    for _ in range(10 * ROUNDS):
        for cut in (10, len(good) // 2, len(good) - 1):
            with connect(server) as connection:
                connection.sendall(good[:cut])
        assert ask(server, good)[0] == 201


@pytest.fixture
def other():
    with migrated_database() as url, served(url, is_production=True, DEBUG="False", workers=2) as running:
        yield running


def workers(server):
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    return {int(pid) for pid, parent in map(str.split, listed.splitlines()) if int(parent) == server.process.pid}


def test_killed_worker_is_replaced(other):
    before = workers(other)
    os.kill(min(before), signal.SIGKILL)
    give_up = time.monotonic() + 10
    while len(after := workers(other) - {min(before)}) < 2 and time.monotonic() < give_up:
        time.sleep(0.1)
    assert len(after) == 2
    assert venues(other) == 0


def test_sigterm_lets_a_request_finish_and_ends(other):
    with connected(other) as (idle, _), connected(other) as (half, stream):
        idle.sendall(message(GET, length=False))
        raw = message(POST, JSON, b"Authorization: Bearer none", body=HALL)
        half.sendall(raw[:-10])
        time.sleep(0.5)
        other.process.terminate()
        time.sleep(0.5)
        half.sendall(raw[-10:])
        assert read_answer(stream)[0] == 401
        assert other.process.wait(timeout=8) == 0


def test_body_that_breaks_off_changes_nothing(server, token):
    """Otherwise a part of a body would be taken for the whole, or for no body at all."""
    before = ask(server, message(b"GET /api/v1/venues HTTP/1.1"))[2]
    with connected(server) as (connection, stream):
        whole = message(POST, JSON, token, b"Content-Length: %d" % (len(HALL) + 12), body=HALL, length=False)
        connection.sendall(whole)
        connection.shutdown(socket.SHUT_WR)
        assert refused(read_answer(stream), 400, "malformed")
    assert ask(server, message(b"GET /api/v1/venues HTTP/1.1"))[2] == before
