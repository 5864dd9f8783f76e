"""Requests through deploy/nginx.conf: slow and broken ones delay nobody (promise 19), and what the server is told."""

import json
import re
import shutil
import socket
import ssl
import subprocess
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from threading import Event, Thread
from urllib.parse import urlsplit

import pytest

from config import problems
from config.tests.harness.nginx import CONFIGURATION, nginx
from config.tests.proxy.conftest import ask
from config.tests.proxy.echo import echo

CONNECTIONS = 200
WITHIN = 0.1  # seconds, for everybody else
OTHER = "127.0.0.2"  # the address of everybody else
POST = b"POST /api/v1/bookings HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
IMPORT = "/admin/ticket_types/tickettype/import_catalogue/"
FORM = (
    b"POST %s HTTP/1.1\r\nHost: localhost\r\nCookie: csrftoken=" + b"x" * 32 + b"; sessionid=x\r\n"
    b"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: %d\r\n\r\n--x\r\n"
)
ATTACKS = {
    "nothing": b"",
    "half-sent heads": b"GET /api/v1/venues HTTP/1.1\r\nHost: loc",
    "half-sent bodies": POST + b"Content-Length: 1000\r\n\r\n{",
    "half-sent forms": FORM % (b"/admin/login/", 200_000),
    "half-sent files": FORM % (IMPORT.encode(), 5_000_000),
    "half-sent chunks": CHUNKED + b"5\r\n{",
    "dripped heads": b"GET /api/v1/venues HTTP/1.1\r\nX: ",
    "dripped bodies": POST + b"Content-Length: 100000\r\n\r\n",
    "a chunk with an end inside": CHUNKED + b"ff\r\n\r\n0\r\n\r\n",
    "256 kB of chunk ends": CHUNKED + b"0\r\n" * 87_000,
    "slow readers": b"GET /api/v1/venues?limit=1000 HTTP/1.1\r\nHost: localhost\r\n\r\n" * 50,
}
# Of the server alone: a half-sent body holds a thread, and a slow reader the memory of its answers.
ALONE = {"nothing": 200, "half-sent heads": 200, "half-sent bodies": 100, "half-sent forms": 100,
         "half-sent files": 300, "half-sent chunks": 100, "dripped heads": 200, "dripped bodies": 100,
         "a chunk with an end inside": 100, "256 kB of chunk ends": 200, "slow readers": 20}  # fmt: skip


def connect(base, source="127.0.0.1"):
    address = urlsplit(base)
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(5)
    connection.bind((source, 0))
    connection.connect((address.hostname, address.port))
    return connection


def attack(stack, base, sent, number):
    """That many connections which send this, and then neither send nor read."""
    connections = []
    for _ in range(number):
        connection = stack.enter_context(connect(base))
        with suppress(OSError):  # it is refused before all of it is sent
            connection.sendall(sent)
        connections.append(connection)
    return connections


@contextmanager
def dripping(connections):
    """Sends one byte on each connection, again and again, until the block ends."""
    is_over = Event()

    def drip():
        while not is_over.wait(0.2):
            for connection in connections:
                with suppress(OSError):
                    connection.send(b"x")

    thread = Thread(target=drip)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def slowest(base, name, number, requests):
    """The slowest of 50 answers to everybody else during an attack, in seconds.

    The machine may be busy: if one took too long, more are sent during the attack, and the attack is repeated.
    The best 50 count: what an attack takes away is gone for all of them.
    """
    tries = []
    for _ in range(4):
        with ExitStack() as stack:
            connections = attack(stack, base, ATTACKS[name], number)
            if name.startswith("dripped"):
                stack.enter_context(dripping(connections))
            end = time.monotonic() + 5  # nginx ends the attack after 10
            while time.monotonic() < end and min(tries, default=WITHIN) >= WITHIN:
                taken = []
                for turn in range(50):
                    path, headers = requests[turn % len(requests)]
                    began = time.perf_counter()
                    assert ask(base, "GET", path, source=OTHER, **headers).status == 200
                    taken.append(time.perf_counter() - began)
                tries.append(max(taken))
        if min(tries) < WITHIN:
            break
    return min(tries)


@pytest.fixture(scope="session")
def requests(venue, known):
    """One that the cache answers, and one that reaches the server."""
    return [(f"/api/v1/venues/{venue}", {}), (f"/api/v1/venues/{venue}", known)]


@pytest.mark.parametrize("name", ATTACKS)
def test_200_slow_or_broken_connections_delay_nobody(name, proxy, requests):
    assert slowest(proxy.url, name, CONNECTIONS, requests) < WITHIN


@pytest.fixture(scope="session")
def bare(serve):
    """The server alone, with the workers and threads of `make serve`."""
    with serve(workers=4, NUM_PROXIES="0") as running:
        yield running


@pytest.mark.parametrize("name", ALONE)
def test_server_alone_bears_what_the_guide_says(name, bare):
    assert slowest(bare.url, name, ALONE[name], [("/api/v1/venues", {})]) < WITHIN


def test_slow_connections_are_closed(server):
    """Each part of a request has 10 seconds, here one."""
    names = [name for name in ATTACKS if name != "slow readers"]
    changes = {f"{name}_timeout 10s;": f"{name}_timeout 1s;" for name in ("client_header", "client_body", "send")}
    with nginx(server.url, changes=changes) as hasty, ExitStack() as stack:
        waiting = [attack(stack, hasty.url, ATTACKS[name], 1)[0] for name in names]
        began = time.monotonic()
        for connection in waiting:
            with suppress(ConnectionResetError):
                while connection.recv(65_536):
                    pass
        assert time.monotonic() - began < 4


def test_body_that_breaks_off_never_reaches_the_server(server, proxy, known):
    authorization = f"Authorization: {known['Authorization']}\r\n".encode()
    sent = server.logged().count("POST /api/v1/venues/")
    for start in (b"Content-Length: 100\r\n\r\n{}", b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"):
        with connect(proxy.url) as connection:
            connection.sendall(b"POST /api/v1/venues/ HTTP/1.1\r\nHost: localhost\r\n" + authorization + start)
            connection.shutdown(socket.SHUT_WR)
            connection.recv(1000)
    time.sleep(0.5)  # a line is written when its answer is
    assert server.logged().count("POST /api/v1/venues/") == sent


@pytest.mark.parametrize("size", [1, 1000])
def test_chunked_body_is_read_as_any_other(size, proxy, known):
    hall = json.dumps({"name": "Chunks", "address": "1 Main Street", "capacity": 10, "timezone": "UTC"}).encode()
    address = urlsplit(proxy.url)
    parts = (hall[at : at + size] for at in range(0, len(hall), size))
    request = urllib.request.Request(
        f"{proxy.url}/api/v1/venues", parts, {**known, "Content-Type": "application/json"}, method="POST"
    )
    assert address.port
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert (answer.status, json.load(answer)["name"]) == (201, "Chunks")


def send(base, raw):
    """Status, headers and JSON of the answer to a request that is written by hand."""
    with connect(base) as connection:
        with suppress(OSError):
            connection.sendall(raw)
        received = b""
        with suppress(OSError):
            while part := connection.recv(65_536):
                received += part
    head, _, body = received.partition(b"\r\n\r\n")
    return int(head.split()[1]), head.decode("latin-1"), json.loads(body[body.index(b"{") : body.rindex(b"}") + 1])


BIG = b"x" * 300_000
AS_PROBLEMS = {
    "too-large": [
        POST + b"Content-Length: 300000\r\nConnection: close\r\n\r\n" + BIG,
        CHUNKED + b"%x\r\n" % len(BIG) + BIG + b"\r\n0\r\n\r\n",
    ],
    "address-too-long": [b"GET /" + b"x" * 9_000 + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"],
    "headers-too-large": [b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 9_000 + b"\r\n\r\n"],
    "malformed": [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n12345",
        POST + b"Content-Length: -1\r\n\r\n",
    ],
    "bad-host": [b"GET /api/v1/venues HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"],
    "method-not-allowed": [b"FROB /api/v1/venues HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"],
}


@pytest.mark.parametrize(
    ("code", "raw"),
    [
        pytest.param(code, raw, id=f"{code}-{number}")
        for code, several in AS_PROBLEMS.items()
        for number, raw in enumerate(several)
    ],
)
def test_refusal_is_a_problem_document(code, raw, proxy):
    status, head, problem = send(proxy.url, raw)
    assert "application/problem+json" in head
    assert (problem["code"], problem["status"]) == (code, status)
    assert f"x-request-id: {problem['request_id']}" in head.lower()


def test_problems_of_the_file_are_those_of_the_api():
    documents = [json.loads(text) for text in re.findall(r"return \d{3} '(.*)\\n';", CONFIGURATION.read_text())]
    assert len(documents) == 6
    known = {problem.code: problem for problem in problems.Problem.family()}
    for document in documents:
        problem = known[document["code"]]
        assert (document["title"], document["status"]) == (problem.title, problem.status)
        assert document["type"] == f"/problems/{problem.code}"


def test_request_id_in_a_refusal_cannot_break_its_json(proxy):
    raw = b'GET / HTTP/1.1\r\nHost: a\r\nX-Request-ID: a"b\r\nX: ' + b"x" * 9_000 + b"\r\n\r\n"
    assert send(proxy.url, raw)[2]["code"] == "headers-too-large"
    big = b"X-Request-ID: mine-1\r\nConnection: close\r\nContent-Length: 300000\r\n\r\n" + BIG
    again = send(proxy.url, POST + big)
    assert again[2]["request_id"] == "mine-1"


def test_connections_of_one_address_are_limited(proxy):
    with ExitStack() as stack:
        attack(stack, proxy.url, ATTACKS["half-sent bodies"], 100)
        refused = ask(proxy.url, "GET", "/health")
        assert (refused.status, refused.data["code"]) == (429, "too-many-requests")
        assert refused.headers["Retry-After"] == "1"
        assert ask(proxy.url, "GET", "/health", source=OTHER).status == 200


def test_server_is_told_who_asks_and_when(mirror):
    forged = {"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example",
              "Forwarded": "for=192.0.2.1", "X-Request-Start": "t=1", "Host": "tickets.example.com:8443"}  # fmt: skip
    seen = ask(mirror.url, "GET", "/", **forged).data["headers"]
    assert seen["X-Forwarded-For"] == "127.0.0.1"
    assert seen["X-Forwarded-Proto"] == "http"
    assert seen["Host"] == "tickets.example.com:8443"
    assert not {"X-Forwarded-Host", "Forwarded", "Accept-Encoding"} & set(seen)
    assert 0 <= time.time() - float(seen["X-Request-Start"].removeprefix("t=")) < 1


@pytest.mark.parametrize("name", ["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Request-Start"])
def test_header_with_underscores_never_reaches_the_server(name, mirror):
    name = name.replace("-", "_")
    raw = f"GET /headers HTTP/1.1\r\nHost: localhost\r\n{name}: 1\r\nConnection: close\r\n\r\n"
    assert name not in send(mirror.url, raw.encode())[2]["headers"]


@pytest.mark.parametrize(("sent", "seen"), [('W/"a-b"', '"a-b"'), ('"a-b"', '"a-b"'), ("*", "*"), (None, None)])
def test_entity_tag_of_a_compressed_answer_matches(sent, seen, mirror):
    headers = {"If-Match": sent} if sent else {}
    assert ask(mirror.url, "PATCH", "/", {}, **headers).data["headers"].get("If-Match") == seen


def test_edit_after_a_compressed_read_is_not_refused(proxy, venue, known):
    path = f"/api/v1/venues/{venue}"
    text = {"address": "A very long street " * 20}
    for _ in range(2):
        read = ask(proxy.url, "GET", path, Accept_Encoding="gzip", **known)
        assert ask(proxy.url, "PATCH", path, text, If_Match=read.headers["ETag"], **known).status == 200
        text = {"address": "Another very long street " * 18}


def test_long_answers_are_compressed(proxy):
    plain = ask(proxy.url, "GET", "/api/v1/openapi.json")
    packed = ask(proxy.url, "GET", "/api/v1/openapi.json", Accept_Encoding="gzip")
    assert packed.headers["Content-Encoding"] == "gzip"
    assert len(packed.content) < len(plain.content) / 4


def test_import_page_takes_larger_files(mirror):
    body = {"file": "x" * 1_000_000}
    assert ask(mirror.url, "POST", IMPORT, body).status == 200
    for path in ("/admin/ticket_types/tickettype/", f"{IMPORT}x", f"/x{IMPORT}", f"/x?{IMPORT}"):
        assert ask(mirror.url, "POST", path, body).status == 413


def test_larger_file_of_a_stranger_is_refused_by_the_server(proxy):
    """Whichever way the path is written that nginx takes for the import's."""
    for path in (IMPORT, f"/{IMPORT}", f"/x/..{IMPORT}", IMPORT.replace("admin", "%61dmin")):
        for _ in range(10):  # each time: an answer in the middle of the body may be lost
            answer = ask(proxy.url, "POST", path, {"file": "x" * 1_000_000}, Cookie="csrftoken=x; sessionid=x")
            assert (answer.status, answer.data["code"]) == (413, "too-large")


@pytest.mark.parametrize("path", ["/metrics", "/metrics/", "//metrics", "/%6detrics", "/x/../metrics", "/metrics?a=b"])
def test_metrics_are_not_reachable_through_the_proxy(path, proxy, server, known):
    assert ask(server.url, "GET", "/metrics", **known).status == 200
    assert ask(proxy.url, "GET", path, **known).status == 404


SECRETS = {
    "secret": f"bks_{'Zb4-_x7K' * 4}",
    "ticket": "ABCDEFGHJKMNPQRSTVWXYZ2345",
    "token": "tbs_0123456789abcdefghij",
    "address": "ann@example.com",
    "reset": "div4nn-35b000e520c8b60b5b133296576c7d0b",
}


def test_access_log_holds_no_secret_code_token_or_query(mirror):
    it, booking = SECRETS, "/api/v1/bookings/0b0e6fd4-9d3e-4b60-8f5c-6f1f0f6f9a55"
    paths = [
        f"{booking}/confirm?secret=hidden",
        f"{booking}?%73ecret={it['secret']}",
        f"{booking}/tickets/{it['ticket']}.svg?secret={it['secret']}",
        f"{booking}/{it['secret']}", f"{booking}%3Fsecret={it['secret'].replace('_', '%5F')}",
        f"/api/v1/tickets/{it['ticket']}/check-in",
        f"/api/v1/tickets/{it['ticket'].lower()}",
        f"/{it['token']}", f"/{it['address']}", f"/api/v1/bookings?customer_email={it['address']}",
        f"/admin/password_reset/MQ/{it['reset']}/",
    ]  # fmt: skip
    sent = {"Booking-Secret": it["secret"], "Referer": f"https://shop.example.com/?secret={it['secret']}"}
    for path in paths:
        ask(mirror.url, "GET", path, X_Request_ID="logged", **sent)
    time.sleep(0.2)
    log = mirror.logged() + mirror.errors()
    shown = [json.loads(line)["path"] for line in mirror.logged().splitlines() if '"request_id": "logged"' in line]
    assert shown == [f"{booking}/confirm", booking, f"{booking}/tickets/[code]", "[redacted]", "[redacted]",
                     "/api/v1/tickets/[code]/check-in", "/api/v1/tickets/[code]", "[redacted]", "[redacted]",
                     "/api/v1/bookings", "[redacted]"]  # fmt: skip
    log = log.lower().replace("-", "")
    assert [secret for secret in (*it.values(), "hidden") if secret.lower().replace("-", "") in log] == []


def test_certificate_has_its_place(tmp_path):
    """The commented lines work, and plain HTTP is sent to HTTPS."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = [
        shutil.which("openssl"),
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "1",
        "-subj",
        "/CN=localhost",
    ]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    block = CONFIGURATION.read_text().partition("    # HTTPS: ")[2].partition("\n\n")[0]
    changes = {line: line.replace("# ", "", 1) for line in block.splitlines()[1:]}
    changes |= {"listen 443 ssl http2;": f"listen 127.0.0.1:{port} ssl http2;", "    listen [::]:443 ssl http2;\n": ""}
    changes |= {"/etc/nginx/tls/fullchain.pem": str(certificate), "/etc/nginx/tls/privkey.pem": str(key)}
    with echo() as url, nginx(url, changes=changes) as proxy:
        moved = ask(proxy.url, "GET", "/a?b=c", Host="tickets.example.com")
        assert (moved.status, moved.headers["Location"]) == (301, "https://tickets.example.com/a?b=c")
        context = ssl._create_unverified_context()
        with urllib.request.urlopen(f"https://127.0.0.1:{port}/", context=context, timeout=10) as answer:
            assert json.load(answer)["headers"]["X-Forwarded-Proto"] == "https"


def test_overloaded_server_sheds_late_requests(serve):
    """Two threads that take a fifth of a second each, and 40 clients at once: the last would wait for four seconds."""
    slow_application = "config.tests.harness.slow_wsgi:application"
    with (
        serve(workers=1, threads=2, application=slow_application) as slow,
        nginx(slow.url) as proxy,
        ThreadPoolExecutor(40) as clients,
    ):
        answers = list(clients.map(lambda n: ask(proxy.url, "GET", f"/api/v1/venues?search=n{n}"), range(40)))
    statuses = [answer.status for answer in answers]
    assert set(statuses) == {200, 429}
    assert statuses.count(200) >= 2
    assert statuses.count(429) >= 20
    assert {answer.data["code"] for answer in answers if answer.status == 429} == {"busy"}
