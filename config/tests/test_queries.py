"""The number of queries of each route of the API, as a superuser.

The first query authenticates the token. Statements of transactions are not counted.
"""

import re
from decimal import Decimal

import pytest
from django.db import connection

from config.tests.harness import matrix, policy
from conftest import client_of, make_user

pytestmark = pytest.mark.both

# For SQLite and PostgreSQL where they differ: PostgreSQL books and confirms in one statement.
QUERIES = {
    "GET //docs": 1,
    "GET //redoc": 1,
    "GET ": 1,
    "GET /": 1,
    "GET /venues": 2,
    "POST /venues": 6,
    "GET /venues/{venue}": 2,
    "PUT /venues/{venue}": 9,
    "PATCH /venues/{venue}": 8,
    "DELETE /venues/{venue}": 16,
    "GET /venues/{absent}": 2,
    "PUT /venues/{absent}": 2,
    "PATCH /venues/{absent}": 2,
    "DELETE /venues/{absent}": 2,
    "GET /events": 4,
    "POST /events": 11,
    "GET /events.ics": 2,
    "GET /events/{published}": 4,
    "GET /events/{cancelled}": 4,
    "GET /events/{unlisted}": 4,
    "GET /events/{draft}": 4,
    "GET /events/{withdrawn}": 4,
    "GET /events/{absent}": 3,
    "GET /events/{published}.ics": 2,
    "GET /events/{cancelled}.ics": 2,
    "GET /events/{draft}.ics": 2,
    "GET /events/{withdrawn}.ics": 2,
    "GET /events/{absent}.ics": 2,
    "PUT /events/{published}": 18,
    "PUT /events/{draft}": 18,
    "PUT /events/{absent}": 3,
    "PATCH /events/{published}": 16,
    "PATCH /events/{draft}": 16,
    "PATCH /events/{absent}": 3,
    "DELETE /events/{published}": 16,
    "DELETE /events/{draft}": 16,
    "DELETE /events/{absent}": 3,
    "POST /events/{draft}/publish": 12,
    "POST /events/{absent}/publish": 3,
    "POST /events/{published}/unpublish": 12,
    "POST /events/{absent}/unpublish": 3,
    "POST /events/{published}/pause-sales": 11,
    "POST /events/{absent}/pause-sales": 3,
    "POST /events/{paused}/resume-sales": 11,
    "POST /events/{absent}/resume-sales": 3,
    "POST /events/{published}/postpone": 11,
    "POST /events/{absent}/postpone": 3,
    "POST /events/{published}/reschedule": 16,
    "POST /events/{draft}/reschedule": 16,
    "POST /events/{absent}/reschedule": 3,
    "POST /events/{published}/clone": 18,
    "POST /events/{cancelled}/clone": 16,
    "POST /events/{absent}/clone": 3,
    "POST /events/{published}/clone/bulk": 18,
    "POST /events/{absent}/clone/bulk": 3,
    "POST /events/{published}/cancel": 14,
    "POST /events/{draft}/cancel": 14,
    "POST /events/{absent}/cancel": 3,
    "GET /ticket-types": 3,
    "POST /ticket-types": 8,
    "POST /ticket-types/bulk": 9,
    "GET /ticket-types/{on_sale}": 3,
    "GET /ticket-types/{of_draft}": 3,
    "GET /ticket-types/{absent}": 3,
    "PUT /ticket-types/{on_sale}": 11,
    "PUT /ticket-types/{of_draft}": 11,
    "PUT /ticket-types/{absent}": 3,
    "PATCH /ticket-types/{on_sale}": 9,
    "PATCH /ticket-types/{of_draft}": 9,
    "PATCH /ticket-types/{absent}": 3,
    "DELETE /ticket-types/{on_sale}": 10,
    "DELETE /ticket-types/{of_draft}": 10,
    "DELETE /ticket-types/{absent}": 3,
    "GET /bookings": 5,
    "POST /bookings": (8, 3),
    "GET /bookings/{pending}": 5,
    "GET /bookings/{confirmed}": 5,
    "GET /bookings/{absent}": 3,
    "PATCH /bookings/{pending}": 13,
    "PATCH /bookings/{absent}": 3,
    "POST /bookings/{pending}/confirm": (22, 9),
    "POST /bookings/{free}/confirm": (13, 6),
    "POST /bookings/{absent}/confirm": 3,
    "POST /bookings/{mailed}/resend": 8,
    "POST /bookings/{absent}/resend": 3,
    "POST /bookings/{pending}/cancel": 18,
    "POST /bookings/{confirmed}/cancel": 21,
    "POST /bookings/{absent}/cancel": 3,
    "POST /bookings/{pending}/renew-secret": 9,
    "POST /bookings/{absent}/renew-secret": 3,
    "POST /bookings/lookup": 2,
    "GET /bookings/{confirmed}.ics": 2,
    "GET /bookings/{absent}.ics": 2,
    "GET /bookings/{confirmed}/tickets.pdf": 4,
    "GET /bookings/{absent}/tickets.pdf": 2,
    "GET /bookings/{confirmed}/tickets/{ticket}.svg": 3,
    "GET /bookings/{absent}/tickets/{ticket}.svg": 2,
    "GET /bookings/{confirmed}/tickets/{ticket}.png": 3,
    "GET /bookings/{absent}/tickets/{ticket}.png": 2,
    "PATCH /bookings/{confirmed}/tickets/{ticket}": 10,
    "PATCH /bookings/{absent}/tickets/{ticket}": 3,
    "POST /bookings/{pending}/payments": 14,
    "POST /bookings/{absent}/payments": 3,
    "POST /bookings/{confirmed}/refunds": 19,
    "POST /bookings/{absent}/refunds": 3,
    "GET /payments": 3,
    "GET /payments/{payment}": 3,
    "GET /payments/{absent}": 2,
    "POST /payments/fake/events": 4,
    "POST /payments/nobody/events": 1,
    "GET /webhook-endpoints": 2,
    "POST /webhook-endpoints": 5,
    "GET /webhook-endpoints/{endpoint}": 2,
    "PUT /webhook-endpoints/{endpoint}": 6,
    "PATCH /webhook-endpoints/{endpoint}": 6,
    "DELETE /webhook-endpoints/{endpoint}": 6,
    "GET /webhook-endpoints/{absent}": 2,
    "PUT /webhook-endpoints/{absent}": 2,
    "PATCH /webhook-endpoints/{absent}": 2,
    "DELETE /webhook-endpoints/{absent}": 2,
    "POST /webhook-endpoints/{endpoint}/rotate-secret": 5,
    "POST /webhook-endpoints/{absent}/rotate-secret": 2,
    "POST /webhook-endpoints/{endpoint}/test": 5,
    "POST /webhook-endpoints/{absent}/test": 2,
    "GET /webhook-deliveries": 2,
    "GET /webhook-deliveries/{delivery}": 2,
    "GET /webhook-deliveries/{absent}": 2,
    "POST /webhook-deliveries/{delivery}/redeliver": 6,
    "POST /webhook-deliveries/{absent}/redeliver": 2,
    "GET /tickets": 2,
    "GET /tickets/{ticket}": 2,
    "GET /tickets/{no_ticket}": 2,
    "POST /tickets/{ticket}/check-in": 7,
    "POST /tickets/{no_ticket}/check-in": 2,
    "POST /tickets/{used}/check-out": 7,
    "POST /tickets/{no_ticket}/check-out": 2,
    "POST /tickets/{used}/undo-check-in": 7,
    "POST /tickets/{no_ticket}/undo-check-in": 2,
    "POST /check-ins": 9,
    "POST /bookings/{confirmed}/check-in": 10,
    "POST /bookings/{absent}/check-in": 3,
    "GET /events/{busy}/door-list": 3,
    "GET /events/{published}/door-list": 3,
    "GET /events/{absent}/door-list": 2,
    "GET /changes": 8,
    "GET /reports/overview": 6,
    "GET /reports/sales?group_by=event": 3,
    "GET /reports/occupancy": 3,
    "GET /reports/admissions?event={busy}": 6,
    "GET /reports/cancellations?group_by=day": 3,
    "GET /reports/refunds?group_by=event": 4,
    "GET /reports/till?day=2026-11-23": 5,
    "GET //metrics": 17,
}
TRANSACTIONS = re.compile(r"BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|ROLLBACK TO|SET CONSTRAINTS")


def name_of(row):
    return f"{row[0]} {row[1]}"


@pytest.fixture
def world(make_venue, make_event, make_type, book):
    return matrix.make_world(make_venue, make_event, make_type, book)


@pytest.fixture
def root(db):
    return client_of(make_user(username="root", is_superuser=True))


def send(client, method, path, world):
    """The statements of a request, and its response."""
    statements = []

    def note(execute, sql, params, many, context):
        if not TRANSACTIONS.match(sql):
            statements.append(sql)
        return execute(sql, params, many, context)

    path = matrix.full_path(path)
    body = matrix.valid_body(method, path, world)
    with connection.execute_wrapper(note):
        answer = client.generic(method, f"/{matrix.fill_path(path, world, policy.SUPERUSER)}", *matrix.as_json(body))
    return statements, answer


def test_every_route_of_the_api_is_in_the_table():
    assert [name_of(row) for row in policy.API] == list(QUERIES)


@pytest.mark.parametrize("row", policy.API, ids=name_of)
def test_route_has_the_queries_of_the_table(row, world, root):
    method, path, _ = row
    statements, answer = send(root, method, path, world)
    assert answer.status_code < 500
    known = QUERIES[name_of(row)]
    expected = known if isinstance(known, int) else known[connection.vendor == "postgresql"]
    assert len(statements) == expected, "\n".join(statements)


LISTS = [row for row in policy.API if row[0] == "GET" and "{" not in row[1]]


@pytest.mark.parametrize("row", LISTS, ids=name_of)
def test_list_has_the_same_queries_for_1_and_3_rows(row, root, book, make_type):
    method, path, _ = row
    counts = []
    for rows in (1, 3):
        for number in range(len(counts), rows):
            booking = book((make_type(name=f"Seat {number}"), 1)).confirm(payment_reference=f"pay_{number}")
            booking.refund(amount=Decimal(1), reason="x", may_exceed=True)
        send(root, method, path, {})  # publishes changes, which is done once
        statements, answer = send(root, method, path, {})
        assert answer.status_code == 200
        counts.append(len(statements))
    assert counts[0] == counts[1], "\n".join(statements)


@pytest.mark.parametrize("price", [10, 0])
def test_booking_has_one_read_and_one_claim(price, anonymous, world, make_type):
    world["on_sale"] = make_type(event=world["published"], name="Any", price=price)
    statements, answer = send(anonymous, "POST", "/bookings", world)
    claim = ["WITH"] if connection.vendor == "postgresql" else ["INSERT"] * 4 + ["UPDATE"] * 2
    assert answer.status_code == 201
    assert [statement.split()[0] for statement in statements] == ["SELECT", *claim]


def test_confirming_has_one_read_and_one_transition(root, world):
    statements, answer = send(root, "POST", "/bookings/{pending}/confirm", world)
    if connection.vendor == "postgresql":
        move = ["WITH", *["SELECT"] * 2, *["INSERT"] * 2]  # the payment as it is told, and the changes
    else:
        pay = ["SELECT", "SELECT", "INSERT", "UPDATE", "SELECT", "SELECT", "INSERT", "SELECT", "SELECT"]
        move = [*pay, "UPDATE", "INSERT", "SELECT", "INSERT", "UPDATE", *["SELECT"] * 3, "INSERT"]
    assert (answer.status_code, answer.json()["status"]) == (200, "confirmed")
    token, *others = [statement.split()[0] for statement in statements]
    read = ["SELECT"] * 3  # due holds, the booking, its items
    assert (token, others) == ("SELECT", [*read, *move])


def test_refusal_locks_nothing(anonymous, world, make_type):
    world["on_sale"] = make_type(event=world["published"], name="Gone", capacity=1)
    assert send(anonymous, "POST", "/bookings", world)[1].status_code == 201
    statements, answer = send(anonymous, "POST", "/bookings", world)
    assert answer.json()["code"] == "sold-out"
    assert [statement.split()[0] for statement in statements] == ["SELECT"] * 3  # a look, the figures, due holds
    assert not [statement for statement in statements if "FOR UPDATE" in statement or "FOR NO KEY" in statement]
