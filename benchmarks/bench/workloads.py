"""What is measured: what wrk asks of this system, and of a peer that can do something like it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

EMAIL = "buyer%d@example.com"


@dataclass(frozen=True)
class Prepared:
    """What the database holds, as `fill` made it."""

    venue: int
    event: int
    hot: int  # a ticket type that sells without end
    sold_out: int
    types: list[int]  # one of each of 100 events
    token: str
    session: str
    tag: str = ""  # the entity tag of the event


@dataclass(frozen=True)
class Workload:
    """`script` is Lua for wrk. A peer's is a function of what it holds, where there is one to compare with.

    `expected` is the status of every answer, `target` what the rate must be as a multiple of the peer's, and
    `target_of_many` when both have 100,000 bookings.
    """

    name: str
    title: str
    path: str
    script: Callable[[Prepared], str]
    expected: int = 200
    peer: Callable[[dict[str, Any]], str] | None = None
    target: float | None = None
    target_of_many: float | None = None
    is_write: bool = False


def get(path: str, headers: dict[str, str] | None = None) -> str:
    lines = "".join(f'["{name}"] = [==[{value}]==], ' for name, value in (headers or {}).items())
    return f"""
local asked = nil
function request()
  if not asked then asked = wrk.format("GET", "{path}", {{{lines}}}) end
  return asked
end
"""


def post(path: str, body: str, *, key: bool = True, types: list[int] | None = None) -> str:
    """`body` holds a %d for a number that differs each time and in each of wrk's threads, and one for a ticket type."""
    names = ", ".join(map(str, types or [0]))
    keys = '["Idempotency-Key"] = string.format("%d-%d-%d", run, n, math.random(1, 1000000000)), ' if key else ""
    return f"""
local types, n, run, threads = {{{names}}}, 0, 0, 0
function setup(thread)
  threads = threads + 1
  thread:set("number", threads)
end
function init(args)
  math.randomseed(os.time() * 100 + number)
  run = math.random(1, 1000000000)
end
function request()
  n = n + 1
  local body = string.format([==[{body}]==], math.random(1, 1000000000), types[n % #types + 1])
  return wrk.format("POST", "{path}", {{["Content-Type"] = "application/json", {keys}}}, body)
end
"""


def booking(types: Callable[[Prepared], list[int]], *, key: bool = True) -> Callable[[Prepared], str]:
    body = (
        f'{{"customer_name": "Ann Lee", "customer_email": "{EMAIL}", "items": [{{"ticket_type": %d, "quantity": 1}}]}}'
    )
    return lambda it: post("/api/v1/bookings", body, key=key, types=types(it))


def seed_booking(types: Callable[[dict[str, Any]], list[int]]) -> Callable[[dict[str, Any]], str]:
    body = f'{{"customer_name": "Ann Lee", "customer_email": "{EMAIL}", "ticket_type_id": %d, "quantity": 1}}'
    return lambda it: post("/api/v1/bookings/", body, key=False, types=types(it))


def seed_get(path: str) -> Callable[[dict[str, Any]], str]:
    return lambda it: get(path.format(**it))


BOOK_AND_CONFIRM = """
local booked = nil
function response(status, headers, body)
  booked = status == 201 and string.match(body, '"id":"([^"]*)"') or nil
end
function request()
  if not booked then return book() end
  local path = "/api/v1/bookings/" .. booked .. "/confirm"
  return wrk.format("POST", path, confirming, [==[{"payment_reference": "pay_1"}]==])
end
"""


def book_and_confirm(it: Prepared) -> str:
    """wrk shares a script among the connections of a thread, so this one runs with one connection in each thread."""
    first = booking(lambda it: [it.hot])(it).replace("function request()", "local function book()")
    headers = f'local confirming = {{["Content-Type"] = "application/json", ["Authorization"] = "Bearer {it.token}"}}\n'
    return first + headers + BOOK_AND_CONFIRM


WORKLOADS = (
    Workload(
        "venue", "one venue", "/api/v1/venues/{venue}", lambda it: get(f"/api/v1/venues/{it.venue}"),
        peer=seed_get("/api/v1/venues/{venue}"), target=2.5,
    ),
    Workload(
        "venues", "100 venues", "/api/v1/venues", lambda it: get("/api/v1/venues"),
        peer=seed_get("/api/v1/venues/"), target=3,
    ),
    Workload(
        "events", "100 events with availability", "/api/v1/events", lambda it: get("/api/v1/events"),
        peer=seed_get("/api/v1/events/"), target=2.5,
    ),
    Workload(
        "event", "one event with its ticket types", "/api/v1/events/{event}?expand=ticket_types",
        lambda it: get(f"/api/v1/events/{it.event}?expand=ticket_types"),
    ),
    Workload(
        "poll", "availability, If-None-Match", "/api/v1/events/{event}",
        lambda it: get(f"/api/v1/events/{it.event}", {"If-None-Match": it.tag}), expected=304,
    ),
    Workload(
        "book", "booking, one hot ticket type", "/api/v1/bookings", booking(lambda it: [it.hot]), expected=201,
        peer=seed_booking(lambda it: [it["hot"]]), target=3, target_of_many=8, is_write=True,
    ),
    Workload(
        "book-100", "bookings over 100 events", "/api/v1/bookings", booking(lambda it: it.types), expected=201,
        peer=seed_booking(lambda it: it["types"]), is_write=True,
    ),
    Workload(
        "refuse", "sold out", "/api/v1/bookings", booking(lambda it: [it.sold_out], key=False), expected=409,
        peer=seed_booking(lambda it: [it["sold_out"]]),
    ),
    Workload(
        "confirm", "book, then confirm", "/api/v1/bookings", book_and_confirm, expected=201, is_write=True,
    ),
    Workload(
        "staff", "staff: 100 bookings, newest first", "/api/v1/bookings",
        lambda it: get("/api/v1/bookings", {"Authorization": f"Bearer {it.token}"}),
    ),
    Workload(
        "admin", "the admin's list of bookings", "/admin/bookings/booking/",
        lambda it: get("/admin/bookings/booking/", {"Cookie": f"sessionid={it.session}"}),
    ),
)  # fmt: skip
