"""The checks of the torture: what they must find, and what they must not."""

import json

import pytest

from benchmarks.torture.history import Call, Request, false_refusals, sales
from benchmarks.torture.truth import Row
from benchmarks.torture.verify import Findings, check_sales

CAPACITIES = {"event 1": 10, "type 7": 10}


def call(key, began, ended, status, *, places=6, **answer):
    body = json.dumps({"items": [{"ticket_type": 7, "quantity": places}], "metadata": {"attempt": key}})
    return Call(Request("book", "POST", "/bookings", body, key, subject="1"), began, ended, status, answer, None)


def sold_out(key, began, ended, **data):
    return call(key, began, ended, 409, code="sold-out", **data)


def booked(key, began, ended, **data):
    return call(key, began, ended, 201, id=f"id-{key}", **data)


class Truth:
    def __init__(self, **counts):
        self.counts = counts

    def by_attempt(self):
        row = Row({"id": "00000000-0000-4000-8000-000000000000"})
        return {key: [row] * count for key, count in self.counts.items()}


def test_refusal_without_other_requests_is_false():
    refusal = sold_out("a", 1, 2)

    assert false_refusals([refusal], CAPACITIES, {}) == [refusal]


def test_refusal_during_another_sale_is_possible():
    assert false_refusals([sold_out("a", 1, 2), booked("b", 1.9, 5)], CAPACITIES, {}) == []


def test_refusal_before_the_sale_began_is_false():
    refusal = sold_out("a", 1, 2)

    assert false_refusals([refusal, booked("b", 2.1, 5)], CAPACITIES, {}) == [refusal]


def test_refusal_after_places_came_back_is_false():
    refusal = sold_out("a", 4, 5)

    assert false_refusals([booked("b", 1, 2), refusal], CAPACITIES, {"id-b": 3}) == [refusal]
    assert false_refusals([booked("b", 1, 2), refusal], CAPACITIES, {"id-b": 4.5}) == []


def test_refusal_beside_a_request_of_unknown_outcome_is_possible():
    assert false_refusals([call("b", 0, 1, None), sold_out("a", 2, 3)], CAPACITIES, {}) == []


def test_two_refusals_do_not_explain_each_other():
    refusals = [sold_out("a", 1, 2), sold_out("b", 1, 2)]

    assert false_refusals(refusals, CAPACITIES, {}) == refusals


@pytest.mark.parametrize(
    ("status", "rows", "column"),
    [(201, 0, "lost"), (201, 2, "doubled"), (None, 2, "doubled"), (409, 1, "drift")],
)
def test_sales_contradicted_by_the_database_are_found(status, rows, column):
    findings = Findings()

    check_sales(found(status), Truth(a=rows), findings)

    assert getattr(findings, column) > 0


@pytest.mark.parametrize(("status", "rows"), [(409, 0), (None, 0), (None, 1)])
def test_sales_confirmed_by_the_database_are_not_found(status, rows):
    findings = Findings()

    check_sales(found(status), Truth(**({"a": rows} if rows else {})), findings)

    assert findings.is_clean


def found(status):
    answer = {"id": "00000000-0000-4000-8000-000000000001"} if status == 201 else {"code": "sold-out"}
    return sales([call("a", 1, 2, status, **answer)])


@pytest.mark.parametrize(
    ("status", "changes", "is_right"),
    [
        ("confirmed", [("", "pending"), ("pending", "confirmed")], True),
        ("confirmed", [("", "pending"), ("pending", "confirmed"), ("confirmed", "confirmed")], True),
        ("confirmed", [("", "pending"), ("pending", "cancelled"), ("pending", "confirmed")], False),
        ("expired", [("", "pending")], False),
        ("pending", [], False),
    ],
)
def test_history_must_end_with_the_status(status, changes, is_right):
    row = Row({"status": status}, changes=changes)

    assert (row.errors_of_history() == []) == is_right
