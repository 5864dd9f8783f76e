"""No secret, token, address or ticket's code in the logs: of lines as they can be, and of a server that runs."""

import contextlib
import json
import logging
import re
import sqlite3
import sys
import urllib.error
import urllib.request
from http.client import HTTPConnection
from urllib.parse import urlsplit

import psycopg
import pytest

from config import logs as redaction
from config.tests.harness.server import migrated_database, served

ID = "0c9ab0c4-1f7c-4c8e-8d7e-1c2f3a4b5c6d"
TICKET = "7Q2MKZ4HAB9CDEFGHJKMNPQRST"
SECRET = f"bks_{'Zb4-_x7K' * 4}"
TOKEN = "tbs_Xy12-_Zk9Qw8Er7Ty6Ui5Op4As3Df2Gh1Jk0Lm9Nb8"
RESET = "div4nn-35b000e520c8b60b5b133296576c7d0b"
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
LINES = {
    f'"GET /x/{ID}?secret={SECRET} HTTP/1.1" 404': f'"GET /x/{ID}?secret=[secret] HTTP/1.1" 404',
    f"?%73ecret={SECRET}&a=1": "?secret=[secret]&a=1",
    "?secret=wrong": "?secret=[secret]",
    f"?next=/x%3Fsecret%3D{SECRET}": "?next=/x%3Fsecret%3D[secret]",
    f"?secret={SECRET.replace('_', '%5F').replace('-', '%252D')}": "?secret=[secret]",
    f"?secret=%62%6b%73_{SECRET[4:]}": "?secret=[secret]",
    f"Booking-Secret: {SECRET}": "Booking-Secret: [secret]",
    f"{{'HTTP_BOOKING_SECRET': '{SECRET}'}}": "{'HTTP_BOOKING_SECRET': '[secret]'}",
    f'{{"id": 1, "secret": "{SECRET}"}}': '{"id": 1, "secret": "[secret]"}',
    f"VALUES ('{SECRET}', 1)": "VALUES ('[secret]', 1)",
    f"POST /tickets/{TICKET}/check-in": "POST /tickets/[ticket]/check-in",
    f"POST /tickets/{TICKET.lower()}/check-in": "POST /tickets/[ticket]/check-in",
    f"/tickets/{TICKET[:13]}-{TICKET[13:]}%0D/check-in?x": "/tickets/[ticket]/check-in?x",
    f"code {TICKET.lower()}": "code [ticket]",
    f"Authorization: Bearer {TOKEN}": "Authorization: Bearer [secret]",
    f"{{'Authorization': 'Basic {TOKEN}'}}": "{'Authorization': 'Basic [secret]'}",
    f"token {TOKEN}!": "token [token]!",
    f"GET /admin/password_reset/MQ/{RESET}/": "GET /admin/password_reset/MQ/[token]/",
    f"?next=%2Fadmin%2Fpassword_reset%2FMQ%2F{RESET.replace('-', '%2D')}%2F": (
        "?next=%2Fadmin%2Fpassword_reset%2FMQ%2F[token]%2F"
    ),
    "?customer_email=ann%40example.com&limit=1": "?customer_email=[address]&limit=1",
    "?customer_email=ann%2540example.com": "?customer_email=[address]",
    "?search=Ann@Example.com": "?search=[address]",
    "Key (email)=(ann.lee+x@mail.example.com) exists": "Key (email)=([address]) exists",
    '{"customer_email": "ännchen@exämple.com"}': '{"customer_email": "[address]"}',
    '"ann lee"@example.com': "[address]",
    "?cursor=WyJBbm4iXQ:1abc:xyz&limit=1": "?cursor=[secret]&limit=1",
    "/bookings/confirm?token=0c9ab0c4.Ab-_9&x=1": "/bookings/confirm?token=[secret]&x=1",
    '{"mail_token": "0c9ab0c4.Ab-_9"}': '{"mail_token": "[secret]"}',
    "Cookie: sessionid=abc123; csrftoken=def": "Cookie: sessionid=[secret]; csrftoken=[secret]",
    "{'password': 'hunter2', 'SECRET_KEY': 'x'}": "{'password': '[secret]', 'SECRET_KEY': '[secret]'}",
    "postgresql://shop:hunter2@db.example.com:5432/tickets": "postgresql://[credentials]@db.example.com:5432/tickets",
    # What is to be read stays.
    TRACE: TRACE,
    "GET /admin/password_reset/done/": "GET /admin/password_reset/done/",
    f"Not Found: /api/v1/bookings/{ID}": f"Not Found: /api/v1/bookings/{ID}",
    "Not Found: /api/v1/events/17?status=draft": "Not Found: /api/v1/events/17?status=draft",
    "100 % of 3 events, 50%25 left": "100 % of 3 events, 50%25 left",
    "Method Not Allowed (PUT): /admin/login/": "Method Not Allowed (PUT): /admin/login/",
    "confirmation code K7QMZ2HA": "confirmation code K7QMZ2HA",
    "2026-11-25 09:20:29,123 [1234] ValueError": "2026-11-25 09:20:29,123 [1234] ValueError",
    "": "",
}


@pytest.mark.parametrize("line", LINES)
def test_line_loses_what_is_nobodys_business_and_nothing_else(line):
    assert redaction.redact(line) == LINES[line]


def record(message="Not Found: %s", *args, **extra):
    try:
        raise ValueError(f"no booking {SECRET} of ann@example.com")
    except ValueError:
        made = logging.LogRecord("django", logging.ERROR, "x.py", 1, message, args, sys.exc_info())
    vars(made).update(
        {"request_id": ID, "status_code": 404, "request": f"<WSGIRequest: GET '/bookings?secret={SECRET}'>", **extra}
    )
    return made


@pytest.mark.parametrize(
    "make", [redaction.Text, redaction.Json, lambda fmt: redaction.Wrapped(logging.Formatter(fmt))]
)
def test_every_part_of_a_record_is_redacted_but_its_request_id(make):
    told = make("%(request_id)s %(message)s %(status_code)s").format(record("Not Found: %s", f"/x?secret={SECRET}"))
    assert (told.count(ID), SECRET in told) == (1, False)
    assert "ann@example.com" not in told
    assert "Not Found: /x?secret=[secret]" in told
    assert "no booking [secret] of [address]" in told
    assert "404" in told


def test_json_is_json_and_has_what_came_with_the_record():
    told = json.loads(redaction.Json("%(request_id)s%(message)s").format(record("Wrong: %s", SECRET, sql="1", size=7)))
    assert (told["request_id"], told["message"], told["status_code"], told["size"]) == (ID, "Wrong: [secret]", 404, 7)
    assert told["request"] == "<WSGIRequest: GET '/bookings?secret=[secret]'>"


def test_address_as_request_id_is_redacted():
    assert (
        redaction.Text("{request_id}", style="{").format(record(request_id="ann@example.com")).startswith("[address]")
    )


def test_record_itself_stays_as_it_is_for_other_handlers():
    made = record("Not Found: %s", ID)
    redaction.Text("%(message)s").format(made)
    assert (made.args, made.exc_text, made.exc_info is not None) == ((ID,), None, True)


# A server that runs


@pytest.fixture(params=[False, True], ids=["runserver", "granian"])
def server(request, db):
    variables = {
        "LOG_LEVEL": "DEBUG",
        "LOG_FORMAT": "json" if request.param else "text",
        "SECRET_KEY": "the-secret-key-of-this-server-which-nobody-may-ever-see-in-its-log",
    }
    how = {"is_production": request.param, "arguments": ["--access-log"] if request.param else []}
    with migrated_database() as url, served(url, **how, **variables) as running:
        yield running, url


def ask(server, method, path, token=None, body=None, **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{server.url}{path}", data, {"Content-Type": "application/json", **headers})
    request.method = method
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def offer(server, token):
    """Something to book; returns its id."""
    made = {}

    def make(path, **facts):
        made[path] = json.loads(ask(server, "POST", f"/api/v1/{path}", token, facts)[1])["id"]

    make("venues", name="Hall", address="1 Main Street", capacity=9, timezone="UTC")
    times = {"starts_at": "2090-01-01T19:00:00Z", "ends_at": "2090-01-01T22:00:00Z"}
    make("events", venue=made["venues"], name="Play", **times)
    make("ticket-types", event=made["events"], name="Seat", price="9.90")
    ask(server, "POST", f"/api/v1/events/{made['events']}/publish", token, {})
    return made["ticket-types"]


def send_broken(server, *headers):
    """Sends what no client library sends, which the server itself refuses."""
    connection = HTTPConnection(urlsplit(server.url).netloc, timeout=5)
    connection.putrequest("GET", "/api/v1/venues")
    for header in headers:
        connection._buffer.append(header.encode())
    with contextlib.suppress(Exception):
        connection.endheaders()
        connection.getresponse().read()
    connection.close()


def break_database(url):
    """So that the next change of a booking is an error that nobody foresaw, with a traceback."""
    statement = "ALTER TABLE bookings_bookingchange RENAME TO gone"
    if url.startswith("sqlite"):
        with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            connection.execute(statement)
    else:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(statement)


def test_log_of_a_server_at_debug_level_holds_no_secrets(server):
    running, url = server
    token = running.manage("create_api_token", "shop", "--role", "manager").strip().splitlines()[-1]
    address = "ann.canary@example.com"
    items = [{"ticket_type": offer(running, token), "quantity": 1}]
    order = {"customer_name": "Ann", "customer_email": address, "items": items}
    _, body = ask(running, "POST", "/api/v1/bookings", body=order)
    booking, secret = json.loads(body)["id"], json.loads(body)["secret"]
    link = f"?secret={secret}"
    here = f"/api/v1/bookings/{booking}"
    status, body = ask(running, "POST", f"{here}/confirm", token, {"payment_reference": "pay"})
    ticket = json.loads(body)["tickets"][0]["code"]
    seen = [
        status,
        ask(running, "GET", here)[0],
        ask(running, "GET", here, Booking_Secret=secret)[0],
        ask(running, "GET", here + link)[0],
        ask(running, "GET", f"{here}?%73ecret={secret}x")[0],
        ask(running, "POST", f"{here}/cancel{link}")[0],
        ask(running, "GET", f"/admin/login/?next={here}%3Fsecret%3D{secret}")[0],
        ask(running, "GET", f"{here}/nothing")[0],
        ask(running, "PUT", here, token)[0],
        ask(running, "DELETE", here, "tbs_wrong-token-that-looks-right")[0],
        ask(running, "PATCH", here, body={"customer_email": address})[0],
        ask(running, "POST", f"{here}/cancel")[0],
        ask(running, "GET", here.replace("-", "%2D"))[0],
        ask(running, "GET", f"/api/v1/bookings?customer_email={address.replace('@', '%40')}", token)[0],
        ask(running, "GET", f"/api/v1/bookings?search={address}&limit=1&nothing=1", token)[0],
        ask(running, "GET", f"/api/v1/tickets/{ticket}", token)[0],
        ask(running, "POST", f"/api/v1/tickets/{ticket}")[0],
        ask(running, "GET", f"/admin/bookings/booking/{booking}/change/")[0],
        ask(running, "GET", "/api/v1/venues", Host=address)[0],
        ask(running, "GET", "/api/v1/venues", Authorization=f"Basic {token}")[0],
        ask(running, "GET", "/health", Referer=f"{running.url}{here}{link}", User_Agent=f"Shop ({address})")[0],
    ]
    send_broken(running, f"Authori zation: Bearer {token}", f"X-{secret}: x")
    send_broken(running, f"Booking Secret: {secret}")
    send_broken(running, f"Transfer-Encoding: {token}")
    break_database(url)
    seen.append(ask(running, "POST", f"{here}/cancel", token, {"reason": f"asked for by {address} with {secret}"})[0])
    seen.append(ask(running, "POST", f"{here}/renew-secret", token, Booking_Secret=secret)[0])
    assert seen == [200, 404, 200, 200, 404, 400, 200, 404, 405, 401, 401, 404, 404, 200, 400, 200, 405, 200, 400, 401,
                    200, 500, 500]  # fmt: skip
    log = running.logged()
    assert "Traceback" in log  # the log says a great deal
    assert booking in log
    assert "secret=[secret]" in log
    assert "[ticket]" in log
    assert log.count("\n") > 20
    secrets = [token, address, address.replace("@", "%40"), secret, ticket, "tbs_", "bks_",
               "the-secret-key-of-this-server"]  # fmt: skip
    assert [(secret, line) for line in log.splitlines() for secret in secrets if secret in line] == []
    known = set(re.findall(r'\[([0-9a-f-]{36})\]|"request_id": "([0-9a-f-]{36})"', log))
    assert len(known) > 3  # requests are still told apart
    if running.is_production:
        assert all(json.loads(line)["message"] for line in log.splitlines())  # the server's own lines, too
        assert '"name": "granian.access"' in log
