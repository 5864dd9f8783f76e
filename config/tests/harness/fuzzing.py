"""Schemathesis hooks: relations between values that JSON Schema cannot express.

Only values that are valid by themselves are adjusted: a reference becomes that of an existing row, an end comes after
its start. Values that the document does not allow stay as they are, and the API must refuse them.
"""

import datetime as dt
import itertools
import os
import re
import time

import requests
import schemathesis
from hypothesis import strategies as st

from config.values import money, text
from config.webhooks.signing import new_secret

BASE = os.environ["FUZZ_URL"]
MANAGER = {"Authorization": f"Bearer {os.environ['FUZZ_TOKEN']}"}
MAX_ID = 2**63 - 1
SCAN_ID = re.compile(r"[!-~]{1,100}")
CURSOR = re.compile(r"[A-Za-z0-9_.:-]+")
KEY = re.compile(r"[\x21-\x7e]{1,255}")
INSTANT = re.compile(r"(20\d\d|2100)-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)", re.ASCII)
PRICE = re.compile(r"(0|[1-9]\d{0,8})(\.\d{1,4})?", re.ASCII)
RANGES = (("starts_at", "ends_at"), ("sales_start_at", "sales_end_at"))
HALL = {"name": "Hall", "address": "1 Main Street", "capacity": 1_000_000, "timezone": "UTC"}
SHOW = {
    "name": "Show",
    "starts_at": "2090-01-01T00:00:00Z",
    "ends_at": "2090-01-02T00:00:00Z",
    "currency": "EUR",
    "capacity": 1_000_000,
}
WITH_NUMBERS = ("/venues", "/events", "/ticket-types", "/payments", "/webhook-endpoints", "/webhook-deliveries")
ZONE = re.compile(r"[A-Za-z0-9_+/-]{1,64}")
CURRENCY = re.compile(r"[A-Z]{3}")
numbers = itertools.count()
seen = {}

schemathesis.openapi.format(
    "date-time",
    st.integers(1_000_000_000, 4_000_000_000).map(lambda at: dt.datetime.fromtimestamp(at, dt.UTC).isoformat()),
)
schemathesis.openapi.format("iso-4217", st.sampled_from(sorted(money.DECIMALS)))
schemathesis.openapi.format("iana-time-zone", st.sampled_from(sorted(text.timezones())))
schemathesis.openapi.format("cursor", st.just("from-a-link"))


def rows(path):
    """The first rows of a list, cached for a second."""
    at, found = seen.get(path, (0, []))
    if time.monotonic() > at + 1:
        answer = requests.get(f"{BASE}{path}", params={"limit": 50}, headers=MANAGER, timeout=30)
        answer.raise_for_status()
        found = answer.json()["results"]
        seen[path] = (time.monotonic(), found)
    return found


def on_sale():
    """Ticket types on sale of one event. Creates an event when there are none."""
    types = [row for row in rows("/ticket-types") if row["availability"]["status"] == "on_sale"]
    if types:
        return [row for row in types if row["event"] == types[0]["event"]]
    event = send("/events", {**SHOW, "venue": send("/venues", HALL)["id"]})
    types = [{"event": event["id"], "name": f"Type {number}", "price": "10"} for number in range(20)]
    types = send("/ticket-types/bulk", {"ticket_types": types})["ticket_types"]
    send(f"/events/{event['id']}/publish", {})
    seen.clear()
    return types


def send(path, body):
    answer = requests.post(f"{BASE}{path}", json=body, headers=MANAGER, timeout=30)
    answer.raise_for_status()
    return answer.json()


def with_integers(value):
    """JSON Schema accepts 1.0 as an integer; this API does not."""
    if isinstance(value, dict):
        return {name: with_integers(child) for name, child in value.items()}
    if isinstance(value, list):
        return [with_integers(child) for child in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def with_visible_texts(value):
    """The patterns take texts of nothing but ignorable characters beyond U+FFFF; this API does not."""
    if isinstance(value, dict):
        return {name: with_visible_texts(child) for name, child in value.items()}
    if isinstance(value, list):
        return [with_visible_texts(child) for child in value]
    is_taken = isinstance(value, str) and re.search(text.pattern(), value) and not text.VISIBLE.search(value)
    return "a" if is_taken else value


def is_id(value):
    return type(value) is int and 1 <= value <= MAX_ID


def is_instant(value):
    return isinstance(value, str) and INSTANT.fullmatch(value)


def pick(things, number):
    return things[number % len(things)]


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.method == "DELETE":
        seen.clear()
    if case.headers:
        adjust_headers(case.headers)
    if case.query:
        adjust_secret(case)
        adjust_cursor(case)
        adjust_zone(case.query)
        adjust_period(case.query)
    for name in ("id", "event", "code"):
        if name in (case.path_parameters or {}):
            case.path_parameters[name] = existing_id(case, name, case.path_parameters[name])
    if case.meta.generation.mode.is_positive and isinstance(case.body, dict | list):
        case.body = with_integers(case.body)
    if isinstance(case.body, dict):
        case.body = with_visible_texts(case.body)
        adjust_body(case, case.body)


def adjust_headers(headers):
    for name in list(headers):
        if name.lower() == "if-match":
            headers[name] = "*"
        if name.lower() == "idempotency-key" and KEY.fullmatch(str(headers[name])):
            headers[name] = f"key-of-the-fuzzing-{os.getpid()}-{next(numbers)}"


def adjust_secret(case):
    """The header and the parameter must not differ."""
    sent = [value for name, value in (case.headers or {}).items() if name.lower() == "booking-secret"]
    if sent and "secret" in case.query:
        case.query["secret"] = sent[0]


def adjust_zone(query):
    if isinstance(query.get("timezone"), str) and ZONE.fullmatch(query["timezone"]):
        query["timezone"] = "Europe/Vienna"


def adjust_period(query):
    """Keeps two days between start and end, so that they are in order in every time zone."""
    try:
        start, end = (dt.date.fromisoformat(str(query.get(name))[:10]) for name in ("from", "to"))
    except ValueError:
        return
    if start > end:
        query["from"], query["to"] = query["to"], query["from"]
    if abs(end - start) < dt.timedelta(days=2):
        del query["to"]


def adjust_cursor(case):
    cursor = case.query.get("cursor")
    if isinstance(cursor, str) and CURSOR.fullmatch(cursor):
        query = {"limit": 1} | ({"ordering": case.query["ordering"]} if case.query.get("ordering") else {})
        path = case.operation.path.removeprefix("/api/v1")
        answer = requests.get(f"{BASE}{path}", params=query, headers=MANAGER, timeout=30)
        following = answer.json().get("next") if answer.status_code == 200 else None
        if following:
            case.query["cursor"] = re.search(r"[?&]cursor=([^&]*)", following)[1].replace("%3A", ":")
        else:
            del case.query["cursor"]


def existing_id(case, name, value):
    """Three of four valid ids become the id of an existing row."""
    path = "/" + case.operation.path.removeprefix("/api/v1/").split("/")[0].split(".")[0]
    could_be = is_id(value) if path in WITH_NUMBERS else isinstance(value, str)
    if not could_be or case.method == "DELETE" or next(numbers) % 4 == 0:
        return value
    if not isinstance(value, int) and not re.fullmatch(r"[0-9a-f-]{36}|[A-Z2-9]{26}", value):
        return value
    there = ids(case, path, name)
    return pick(there, next(numbers)) if there and value not in there else value


def ids(case, path, name):
    """What exists for a parameter; the codes are those of the booking in the path, if it has one."""
    if name != "code":
        return [row["id"] for row in rows(path)]
    booking = case.path_parameters.get("id")
    if path == "/bookings" and booking not in ids(case, path, "id"):
        return []
    return [row["code"] for row in rows(f"/tickets?booking={booking}" if path == "/bookings" else path)]


def adjust_body(case, body):
    path = case.operation.path.removeprefix("/api/v1")
    for start, end in RANGES:
        adjust_range(case, body, start, end)
    adjust_bounds(case, body)
    if isinstance(body.get("timezone"), str) and ZONE.fullmatch(body["timezone"]):
        body["timezone"] = "Europe/Vienna"
    if isinstance(body.get("currency"), str) and CURRENCY.fullmatch(body["currency"]):
        body["currency"] = body["currency"] if body["currency"] in money.DECIMALS else "EUR"
    if is_id(body.get("venue")):
        body["venue"] = pick(rows("/venues"), body["venue"])["id"]
    if path.startswith("/ticket-types"):
        adjust_ticket_types(case, body)
    adjust_money(case, body)
    if path == "/bookings":
        adjust_items(body)
    if path == "/check-ins" and isinstance(body.get("check_ins"), list):
        adjust_scans(body["check_ins"])
    if path.startswith("/webhook-endpoints"):
        adjust_endpoint(body)
    if path.endswith("/cancel") and isinstance(body.get("tickets"), list):
        adjust_codes(case, body)


def adjust_ticket_types(case, body):
    several = body.get("ticket_types")
    for each in several if isinstance(several, list) else [body]:
        if isinstance(each, dict):
            adjust_range(case, each, "sales_start_at", "sales_end_at")
            adjust_bounds(case, each)
            adjust_ticket_type(case, each)


def adjust_scans(scans):
    """Each scan has an id of its own."""
    for scan in scans:
        if isinstance(scan, dict) and isinstance(scan.get("scan_id"), str) and SCAN_ID.fullmatch(scan["scan_id"]):
            scan["scan_id"] = f"scan-{next(numbers)}"


def adjust_endpoint(body):
    """A URL is public, and a secret is that of Standard Webhooks."""
    if is_line(body.get("url"), 500):
        body["url"] = "https://shop.example.com/webhooks"
    if is_line(body.get("secret"), 100):
        body["secret"] = new_secret()


def is_line(value, longest):
    return isinstance(value, str) and len(value) <= longest and re.search(text.pattern(), value)


def adjust_money(case, body):
    """A currency may have fewer decimals; a payment has a reference; a refund comes from a payment of the booking."""
    if case.operation.path.endswith("/confirm") and {"amount", "method"} & body.keys():
        body["payment_reference"] = body.get("payment_reference") or f"fuzz-{next(numbers)}"
    for name in ("amount", "fee"):
        if isinstance(body.get(name), str) and PRICE.fullmatch(body[name]) and float(body[name]):
            body[name] = str(max(int(float(body[name])), 1))
    if case.operation.path.endswith("/refunds") and is_id(body.get("payment")):
        number = (case.path_parameters or {}).get("id")
        if payments := rows(f"/payments?booking={number}"):
            body["payment"] = payments[0]["id"]
        else:
            del body["payment"]


def adjust_range(case, body, start, end):
    if case.method == "PATCH" and (start in body) != (end in body):
        body.setdefault(start, "2027-01-01T00:00:00Z")
        body.setdefault(end, "2027-01-02T00:00:00Z")
    if is_instant(body.get(start)) and is_instant(body.get(end)) and body[end] <= body[start]:
        body[start], body[end] = body[end], body[start]
        if body[start] == body[end]:
            body[start] = "2001-01-01T00:00:00Z"


def adjust_bounds(case, body):
    least, most = body.get("min_per_booking"), body.get("max_per_booking")
    if type(least) is int and 1 <= least <= 100 and "max_per_booking" not in body:
        body["max_per_booking"] = 100
    elif type(most) is int and 1 <= most <= 100 and "min_per_booking" not in body:
        body["min_per_booking"] = 1
    elif type(least) is int and type(most) is int and 1 <= most < least <= 100:
        body["min_per_booking"], body["max_per_booking"] = most, least


def adjust_ticket_type(case, body):
    for name in ("price", "fee"):
        if isinstance(body.get(name), str) and PRICE.fullmatch(body[name]):
            body[name] = body[name].partition(".")[0]
    if is_id(body.get("event")):
        body["event"] = pick(rows("/events"), body["event"])["id"]
        if number := (case.path_parameters or {}).get("id"):
            mine = requests.get(f"{BASE}/ticket-types/{number}", headers=MANAGER, timeout=30).json()
            body["event"] = mine.get("event", body["event"])
            for this, other in (("sales_start_at", "sales_end_at"), ("sales_end_at", "sales_start_at")):
                if this in body and other not in body:
                    body[other] = None  # the stored value may be on the wrong side


def adjust_items(body):
    items = body.get("items")
    if not isinstance(items, list) or not 1 <= len(items) <= 20:
        return
    types = on_sale()
    del items[len(types) :]
    for item, row in zip(items, types, strict=False):
        if isinstance(item, dict) and is_id(item.get("ticket_type")):
            item["ticket_type"] = row["id"]
        if isinstance(item, dict) and type(item.get("quantity")) is int and 1 <= item["quantity"] <= 100:
            item["quantity"] = min(max(item["quantity"], row["min_per_booking"]), row["max_per_booking"])
            adjust_attendees(item)


def adjust_attendees(item):
    """At most one for each ticket."""
    if isinstance(item.get("attendees"), list) and len(item["attendees"]) <= 100:
        del item["attendees"][item["quantity"] :]


def adjust_codes(case, body):
    number = (case.path_parameters or {}).get("id")
    answer = requests.get(f"{BASE}/bookings/{number}", headers=MANAGER, timeout=30)
    codes = [ticket["code"] for ticket in answer.json().get("tickets", [])] if answer.status_code == 200 else []
    looks_right = all(isinstance(code, str) and re.fullmatch(r"[A-Z2-9]{26}", code) for code in body["tickets"])
    if looks_right and body["tickets"] and not codes:
        del body["tickets"]
    elif looks_right and body["tickets"]:
        body["tickets"] = codes[:1]
