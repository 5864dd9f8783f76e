"""Requests that are broken below HTTP's surface, sent by hand to the production server.

`TRANSPORT_ROUNDS` is how often everything is sent, and how many hundred connections stay half-sent.
"""

import contextlib
import json
import os
import re
import socket
import time

import pytest

from config.tests.harness.server import fresh_database, served

ROUNDS = int(os.environ.get("TRANSPORT_ROUNDS", "1"))
HALL = json.dumps({"name": "Hall", "address": "1 Main Street", "capacity": 10, "timezone": "UTC"}).encode()
POST = b"POST /api/v1/venues HTTP/1.1"
JSON = b"Content-Type: application/json"

pytestmark = pytest.mark.xdist_group("transport")


@pytest.fixture(scope="module")
def server():
    with fresh_database() as url, served(url, is_production=True, DEBUG="False") as running:
        yield running


@pytest.fixture(scope="module")
def token(server):
    return b"Authorization: Bearer " + server.manage("create_api_token", "t", "--role", "manager").strip().encode()


def connect(server):
    host, port = server.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=20)


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


def unread(answer):
    """Whether a request that is no request was answered as a problem of the sender's, or hung up on."""
    return answer is None or (400 <= answer[0] < 500 and answer[1]["content-type"] == "application/problem+json")


def venues(server):
    status, _, body = ask(server, message(b"GET /api/v1/venues HTTP/1.1", b"Connection: close", length=False))
    assert status == 200
    return json.loads(body)["count"]


@pytest.fixture(autouse=True)
def _still_works(server):
    """Whatever was sent: afterwards the service answers, and nothing was a fault of its own."""
    yield
    assert venues(server) >= 0


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_chunked_body_is_read_as_any_other(size, server, token):
    raw = message(POST, JSON, token, b"Transfer-Encoding: chunked", body=chunked(HALL, size), length=False)
    status, _, body = ask(server, raw)
    assert (status, json.loads(body)["name"]) == (201, "Hall")


def test_chunked_body_in_many_pieces_is_read_when_it_is_there(server, token):
    raw = message(POST, JSON, token, b"Transfer-Encoding: chunked", body=chunked(HALL, 20), length=False)
    with connected(server) as (connection, stream):
        for at in range(0, len(raw), 40):
            connection.sendall(raw[at : at + 40])
            time.sleep(0.01)
        assert read_answer(stream)[0] == 201


def test_body_over_the_limit_is_413_however_it_comes(server, token):
    big = b'"' + b"x" * 300_000 + b'"'
    assert refused(ask(server, message(POST, JSON, token, body=big)), 413, "too-large")
    raw = message(POST, JSON, token, b"Transfer-Encoding: chunked", body=chunked(big, 50_000), length=False)
    assert refused(ask(server, raw), 413, "too-large")


def test_connection_ends_when_the_body_was_not_read_to_its_end(server):
    big = b'"' + b"x" * 300_000 + b'"'
    status, headers, _ = ask(server, message(POST, JSON, body=big))
    assert (status, headers["connection"]) == (401, "close")


@pytest.mark.parametrize(
    "chunks", [b"xyz\r\n{}\r\n0\r\n\r\n", b"-1\r\n{}\r\n0\r\n\r\n", b"\r\n\r\n", b"0x2\r\n{}\r\n0\r\n\r\n"]
)
def test_broken_chunks_are_refused(chunks, server, token):
    raw = message(POST, JSON, token, b"Transfer-Encoding: chunked", body=chunks, length=False)
    assert unread(ask(server, raw))


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
def test_length_that_two_servers_could_read_differently_is_refused(headers, server, token):
    """By gunicorn itself: what follows on the connection must not be taken for a request."""
    before = venues(server)
    smuggled = message(POST, JSON, token, body=HALL)
    answer = ask(server, message(POST, JSON, token, *headers, body=b"0\r\n\r\n" + smuggled, length=False))
    assert unread(answer)
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
        [b"X: " + b"y" * 100_000],
        [b"X" * 10_000 + b": y"],
        [b"X : y"],
        [b"X\x00: y"],
        [b"X: a\x00b"],
        [b": y"],
    ],
    ids=["many", "huge", "huge-name", "space", "null-name", "null", "nameless"],
)
def test_header_bombs_are_refused(headers, server):
    """By gunicorn itself, before the application."""
    assert unread(ask(server, message(b"GET /api/v1/venues HTTP/1.1", *headers, length=False)))


@pytest.mark.parametrize(
    "headers", [[b"X-%d: y" % number for number in range(101)], [b"X: " + b"y" * 9_000]], ids=["many", "long"]
)
def test_headers_over_the_limit_are_431(headers, server):
    answer = ask(server, message(b"GET /api/v1/venues HTTP/1.1", *headers, length=False))
    assert refused(answer, 431, "headers-too-large")


def test_address_may_have_8_kilobytes_and_no_more(server):
    def search(length):
        return message(b"GET /api/v1/venues?search=" + b"x" * length + b" HTTP/1.1", length=False)

    assert refused(ask(server, search(8_000)), 400, "invalid-input")
    assert refused(ask(server, search(8_200)), 414, "address-too-long")


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
    assert unread(ask(server, message(line, length=False)))


@pytest.mark.parametrize("host", [b"evil.example", b"a b", b"", b"localhost\x00"])
def test_wrong_host_is_400(host, server):
    raw = b"GET /api/v1/venues HTTP/1.1\r\nHost: " + host + b"\r\n\r\n"
    answer = ask(server, raw)
    assert unread(answer)
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


def test_headers_and_body_come_in_one_piece(server):
    with connect(server) as connection:
        for _ in range(50):
            connection.sendall(message(b"GET /api/v1/venues HTTP/1.1", length=False))
            headers, _, body = connection.recv(65_536).partition(b"\r\n\r\n")
            assert len(body) == int(re.search(rb"content-length: (\d+)", headers.lower())[1])


def test_pipelined_requests_are_answered_in_order(server):
    paths = [b"/api/v1/venues", b"/api/v1/nothing", b"/health"]
    raw = b"".join(message(b"GET %s HTTP/1.1" % path, length=False) for path in paths)
    with connected(server) as (connection, stream):
        connection.sendall(raw)
        assert [read_answer(stream)[0] for _ in paths] == [200, 404, 200]


def test_requests_that_come_while_another_is_answered_are_answered_in_order(server):
    """The event loop has to leave the connection to its thread, and the thread to give it back."""
    with connected(server) as (connection, stream):
        for _ in range(20):
            for path in (b"/api/v1/venues", b"/api/v1/nothing", b"/health") * 3:
                connection.sendall(message(b"GET %s HTTP/1.1" % path, length=False))
                time.sleep(0.001)
            assert [read_answer(stream)[0] for _ in range(9)] == [200, 404, 200] * 3


def test_one_connection_may_ask_as_it_likes(server, token):
    """In ways that gunicorn's parser reads and in ways that it need not, one after the other."""
    with connected(server) as (connection, stream):
        for _ in range(3):
            connection.sendall(message(POST, JSON, token, body=HALL))
            assert read_answer(stream)[0] == 201
            raw = message(POST, JSON, token, b"Transfer-Encoding: chunked", body=chunked(HALL), length=False)
            connection.sendall(raw + message(GET, length=False))
            assert [read_answer(stream)[0] for _ in range(2)] == [201, 200]


@pytest.mark.parametrize("line", [b"HEAD /api/v1/venues HTTP/1.1", b"HEAD /api/v1/venues HTTP/1.0"])
def test_head_has_no_body_and_old_clients_an_end(line, server):
    with connected(server) as (connection, stream):
        connection.sendall(message(line, b"Connection: close", length=False))
        headers, _, body = stream.read().partition(b"\r\n\r\n")
        assert headers.startswith(line[-8:] + b" 200 OK\r\n")
        assert b"\r\nConnection: close\r\n" in headers
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
        message(POST, JSON, b"Transfer-Encoding: chunked", body=b"1\r\nx\r\n" * 50_000, length=False),
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
        "too-many-chunks",
        "half-of-second",
        "answered",
        "refused",
    ],
)
def test_who_stops_and_stays_keeps_nobody_waiting(start, server):
    """Eight threads in all, and a hundred senders that stop in the middle, or do not hang up at the end."""
    waiting = []
    try:
        for _ in range(100 * ROUNDS):
            connection = connect(server)
            connection.sendall(start)
            waiting.append(connection)
        taken = []
        for _ in range(30):
            at = time.monotonic()
            venues(server)
            taken.append(time.monotonic() - at)
        assert max(taken) < 2
        time.sleep(3)  # more than the second after which those who send nothing are hung up on
        with waiting[0].makefile("rb") as stream:
            stream.read()  # whatever it was told, it ends
    finally:
        for connection in waiting:
            connection.close()


def test_everything_again_and_again(server, token):
    good = message(POST, JSON, token, body=HALL)
    for _ in range(10 * ROUNDS):
        for cut in (10, len(good) // 2, len(good) - 1):
            with connect(server) as connection:
                connection.sendall(good[:cut])
        assert ask(server, good)[0] == 201


@pytest.fixture
def other():
    """One worker that writes an access log, and makes room for another after 30 requests."""
    arguments = "--access-logfile - --max-requests 30"
    with (
        fresh_database() as url,
        served(url, is_production=True, DEBUG="False", workers=1, GUNICORN_CMD_ARGS=arguments) as running,
    ):
        yield running


def test_worker_that_has_served_enough_makes_room(other):
    """Nobody's request is lost, and all of them are in the access log, in both ways of reading them."""
    for number in range(45):
        assert ask(other, message(b"GET /health?%d HTTP/1.%d" % (number, number % 2), length=False))[0] == 200
    time.sleep(0.1)  # a line is written when its answer is sent
    logged = re.findall(r'"GET /health\?(\d+) HTTP/1.[01]" 200', other.said())
    assert sorted(map(int, logged)) == list(range(45))
    assert other.said().count("Autorestarting") == 1


def test_stopping_server_answers_who_is_connected_and_ends(other):
    with connected(other) as (idle, _), connected(other) as (connection, stream), connected(other) as (half, _):
        for kept in (idle, connection):
            kept.sendall(message(GET, length=False))
        assert read_answer(stream)[1]["connection"] == "keep-alive"
        half.sendall(message(GET, length=False)[:-2])
        other.process.terminate()
        time.sleep(0.5)
        connection.sendall(message(GET, length=False))
        status, headers, _ = read_answer(stream)
        assert (status, headers["connection"]) == (200, "close")
        assert read_answer(stream) is None
        other.process.wait(timeout=8)


def test_body_that_breaks_off_changes_nothing(server, token):
    """Whoever hangs up in the middle has said nothing: half of a number is another number."""
    before = ask(server, message(b"GET /api/v1/venues HTTP/1.1"))[2]
    with connected(server) as (connection, stream):
        whole = message(POST, JSON, token, b"Content-Length: %d" % (len(HALL) + 12), body=HALL, length=False)
        connection.sendall(whole)
        connection.shutdown(socket.SHUT_WR)
        assert read_answer(stream) is None
    assert ask(server, message(b"GET /api/v1/venues HTTP/1.1"))[2] == before
