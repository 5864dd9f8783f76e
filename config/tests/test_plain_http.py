"""What is read without gunicorn's parser means what gunicorn takes it for, and answers are what gunicorn's are."""

import re
import socket
from types import SimpleNamespace

import pytest
from gunicorn.config import Config
from gunicorn.http import wsgi
from gunicorn.http.errors import InvalidResponseHeader, InvalidResponseHeaderName
from gunicorn.http.parser import RequestParser
from hypothesis import given
from hypothesis import strategies as st

from config import plain_http

HOST = b"Host: localhost\r\n"
PLAIN = [
    b"GET / HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET /a%20b/%C3%A9?c=%20d&e=?f HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET /a;b=c:d[e]//f? HTTP/1.1\r\n" + HOST + b"X-A:\t spaced  out \t\r\nX-B:\r\n\r\n",
    b'HEAD /"<>\\^`{|}~ HTTP/1.1\r\nhost: localhost:80\r\nConnection: Close\r\n\r\n',
    b"POST /a HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\nContent-Length: 003\r\n\r\nabcGET /next",
    b"PUT /a HTTP/1.1\r\n" + HOST + b"Content-Length: 0\r\n\r\n",
    b"GET /a HTTP/1.1\r\n" + HOST + b"X-Forwarded-Proto: https\r\n\r\n",
    b"GET /a HTTP/1.1\r\n" + HOST + b"X-Forwarded-Proto: ftp\r\nX-Forwarded-Ssl: off\r\n\r\n",
    b"GET /a HTTP/1.1\r\n" + b"".join(b"X-%d: y\r\n" % number for number in range(100)) + b"\r\n",
]
UNUSUAL = {
    "not-whole": b"GET /a HTTP/1.1\r\n" + HOST,
    "half-body": b"POST /a HTTP/1.1\r\n" + HOST + b"Content-Length: 4\r\n\r\nabc",
    "too-much": b"POST /a HTTP/1.1\r\n" + HOST + b"Content-Length: 11\r\n\r\nabcdefghijk",
    "chunked": b"POST /a HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "expects": b"POST /a HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\nContent-Length: 0\r\n\r\n",
    "upgrade": b"GET /a HTTP/1.1\r\n" + HOST + b"Upgrade: h2c\r\n\r\n",
    "two-lengths": b"POST /a HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nContent-length: 1\r\n\r\na",
    "signed-length": b"POST /a HTTP/1.1\r\n" + HOST + b"Content-Length: +1\r\n\r\na",
    "no-length": b"POST /a HTTP/1.1\r\n" + HOST + b"Content-Length:\r\n\r\n",
    "two-hosts": b"GET /a HTTP/1.1\r\n" + HOST + HOST + b"\r\n",
    "two-schemes": b"GET /a HTTP/1.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Ssl: off\r\n\r\n",
    "underscore": b"GET /a HTTP/1.1\r\n" + HOST + b"X_Real: y\r\n\r\n",
    "space-before-colon": b"GET /a HTTP/1.1\r\n" + HOST + b"X : y\r\n\r\n",
    "folded": b"GET /a HTTP/1.1\r\n" + HOST + b"X: y\r\n z\r\n\r\n",
    "bare-newline": b"GET /a HTTP/1.1\r\n" + HOST + b"X: y\nZ: z\r\n\r\n",
    "null": b"GET /a HTTP/1.1\r\n" + HOST + b"X: y\x00\r\n\r\n",
    "not-ascii": b"GET /a HTTP/1.1\r\n" + HOST + b"X: \xe9\r\n\r\n",
    "fragment": b"GET /a#b HTTP/1.1\r\n" + HOST + b"\r\n",
    "two-slashes": b"GET //a/b HTTP/1.1\r\n" + HOST + b"\r\n",
    "address": b"GET http://localhost/a HTTP/1.1\r\n" + HOST + b"\r\n",
    "old": b"GET /a HTTP/1.0\r\n" + HOST + b"\r\n",
    "method": b"TRACE /a HTTP/1.1\r\n" + HOST + b"\r\n",
    "empty-line": b"\r\nGET /a HTTP/1.1\r\n" + HOST + b"\r\n",
    "no-headers": b"GET /a HTTP/1.1\r\n\r\n",
    "many-headers": b"GET /a HTTP/1.1\r\n" + b"".join(b"X-%d: y\r\n" % number for number in range(101)) + b"\r\n",
    "long": b"GET /a HTTP/1.1\r\nX: " + b"y" * 8_190 + b"\r\n\r\n",
}
OURS = {"wsgi.input", "wsgi.errors", "wsgi.early_hints"}  # objects made for each request


def connection(client=("127.0.0.1", 5), **settings):
    cfg = Config()
    for name, value in settings.items():
        cfg.set(name, value)
    return SimpleNamespace(cfg=cfg, sock=None, client=client, server=("127.0.0.1", 8000))


def compared(environ):
    return {name: value for name, value in environ.items() if name not in OURS} | {"body": environ["wsgi.input"].read()}


def by_gunicorn(raw, conn):
    parser = RequestParser(conn.cfg, iter([raw]), conn.client)
    request = next(parser)
    _, environ = wsgi.create(request, conn.sock, conn.client, conn.server, conn.cfg)
    environ["wsgi.multithread"] = True
    found = compared(environ), request.should_close(), sorted(request.headers)
    return *found, parser.unreader.take_buffered()


def by_us(raw, conn, most=10):
    peer = plain_http.Peer(conn)
    found = peer.read(raw, most)
    if not found:
        return None
    request, rest = found
    return compared(peer.environment(request)), request.should_close(), sorted(request.headers), rest


@pytest.mark.parametrize("client", [("127.0.0.1", 5), ("192.0.2.1", 5), ("::1", 5, 0, 0)])
@pytest.mark.parametrize("raw", PLAIN)
def test_plain_request_is_read_as_gunicorn_reads_it(raw, client):
    conn = connection(client)
    assert by_us(raw, conn) == by_gunicorn(raw, conn)


@pytest.mark.parametrize("raw", UNUSUAL.values(), ids=UNUSUAL)
def test_unusual_request_is_left_to_gunicorn(raw):
    assert by_us(raw, connection()) is None


ODD = [
    *(
        b"\r\n",
        b"\n",
        b"\r",
        b" ",
        b"\t",
        b":",
        b"\x00",
        b"\x7f",
        b"\xe9",
        b"_",
        b"#",
        b"//",
        b"?",
        b"%",
        b"A",
        b"HTTP/1.1",
    ),
    *(b"Host: b\r\n", b"Content-Length: 1\r\n", b"Transfer-Encoding: chunked\r\n", b"X-Forwarded-Proto: https\r\n"),
]


@given(
    st.sampled_from(PLAIN), st.lists(st.tuples(st.integers(0, 90), st.integers(0, 3), st.sampled_from(ODD)), max_size=3)
)
def test_whatever_is_read_gunicorn_reads_the_same_way(raw, changes):
    """What gunicorn refuses would raise here."""
    for at, cut, put in changes:
        raw = raw[:at] + put + raw[at + cut :]
    conn = connection()
    if found := by_us(raw, conn):
        assert found == by_gunicorn(raw, conn)


@pytest.mark.parametrize(
    "settings", [{"proxy_protocol": "auto"}, {"limit_request_fields": 50}, {"limit_request_field_size": 100}]
)
def test_settings_that_ask_for_more_leave_everything_to_gunicorn(settings):
    assert by_us(PLAIN[0], connection()) is not None
    assert by_us(PLAIN[0], connection(**settings)) is None


def test_unix_sockets_and_prefixes_are_left_to_gunicorn(monkeypatch):
    assert by_us(PLAIN[0], connection(client="")) is None
    monkeypatch.setenv("SCRIPT_NAME", "/a")
    assert by_us(PLAIN[0], connection()) is None


def answer(kind, method, status, headers, parts, version=(1, 1)):
    """What goes over the wire: by how many calls, and without its date."""
    here, there = socket.socketpair()
    calls = []
    sock = SimpleNamespace(sendall=lambda data: (calls.append(data), here.sendall(data)))
    request = SimpleNamespace(method=method, version=version, should_close=lambda: False)
    with here, there:
        response = kind(request, sock, Config())
        response.start_response(status, headers)
        for part in parts:
            response.write(part)
        response.close()
        closes = response.should_close()
        here.shutdown(socket.SHUT_WR)
        raw = there.makefile("rb").read()
    return re.sub(rb"Date: [^\r]+", b"", raw), closes, response.sent, len(calls)


LENGTH = ("Content-Length", "4")
ANSWERS = {
    "one-piece": ("GET", "200 OK", [LENGTH, ("ETag", '"a"')], [b"abcd"]),
    "pieces": ("GET", "200 OK", [LENGTH], [b"ab", b"", b"cd"]),
    "too-long": ("GET", "200 OK", [LENGTH], [b"abcdef"]),
    "stream": ("GET", "200 OK", [("Content-Type", "text/csv")], [b"", b"abcd", b"", b"ef"]),
    "empty-stream": ("GET", "200 OK", [], []),
    "head": ("HEAD", "200 OK", [LENGTH], []),
    "head-of-stream": ("HEAD", "200 OK", [], []),
    "unchanged": ("GET", "304 Not Modified", [("ETag", '"a"')], []),
    "no-content": ("GET", "204 No Content", [("content-length", "0")], [b""]),
    "hop-by-hop": ("GET", "200 OK", [LENGTH, ("Connection", "close"), ("Server", "x"), ("Date", "x")], [b"abcd"]),
    "many-cookies": ("GET", "200 OK", [LENGTH, ("Set-Cookie", "a"), ("Set-Cookie", "b"), ("X", "\xe9")], [b"abcd"]),
}


@pytest.mark.parametrize("version", [(1, 0), (1, 1)])
@pytest.mark.parametrize("told", ANSWERS.values(), ids=ANSWERS)
def test_answer_is_what_gunicorn_makes_of_it(told, version):
    *ours, calls = answer(plain_http.Response, *told, version=version)
    *theirs, by_theirs = answer(wsgi.Response, *told, version=version)
    assert ours == theirs
    assert calls == max(1, by_theirs - 1)


@pytest.mark.parametrize(
    "header",
    [("X", "a\r\nY: b"), ("X: a\r\nY", "b"), ("X", "a\nb"), ("X", "\x00"), ("X y", "b"), ("", "b"), ("X\u0100", "b"),
     ("X", "\u0100"), ("X", 5), (b"X", "y")],
)  # fmt: skip
def test_header_that_would_become_another_is_refused(header):
    """As by gunicorn, and with its exception."""
    with pytest.raises((TypeError, InvalidResponseHeader, InvalidResponseHeaderName)) as theirs:
        answer(wsgi.Response, "GET", "200 OK", [("A", "b"), header], [b"abcd"])
    with pytest.raises(theirs.type):
        answer(plain_http.Response, "GET", "200 OK", [("A", "b"), header], [b"abcd"])
