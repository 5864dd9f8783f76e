"""The requests and their responses, and what follows from them alone."""

import bisect
import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

API = "/api/v1"
FOREVER = float("inf")
# Refusals of a confirmation that record its payment; with the last one it was recorded before.
RECORDING = ("hold-expired", "booking-cancelled", "payment-incomplete", "payment-refunded")


@dataclass(frozen=True, slots=True)
class Request:
    verb: str  # book, confirm, cancel, refund, edit, read, make
    method: str
    path: str
    body: str | None = None
    key: str | None = None
    token: str = ""
    secret: str = ""  # of the booking, for clients without a token
    cookies: str = ""
    form: bool = False
    subject: str = ""  # the booking that a verb is about
    confirm_with: str = ""  # the token with which a booking, once made, is confirmed
    pause: float = 0.0

    def headers(self) -> dict[str, str]:
        headers = {"Accept": "application/json"}
        if self.body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded" if self.form else "application/json"
        if self.key:
            headers["Idempotency-Key"] = self.key
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if self.secret:
            headers["Booking-Secret"] = self.secret
        if self.cookies:
            headers["Cookie"] = self.cookies
        return headers

    def renewed(self, lap: int) -> "Request":
        """The same request under a new key."""
        key = f"{self.key}-{lap}"
        return replace(self, key=key, body=(self.body or "").replace(f'"attempt": "{self.key}"', f'"attempt": "{key}"'))

    def confirmation(self, booking: str) -> "Request":
        body = json.dumps({"payment_reference": f"paid-{booking}"})
        return Request(
            "confirm", "POST", f"{API}/bookings/{booking}/confirm", body, token=self.confirm_with, subject=booking
        )


@dataclass(frozen=True, slots=True)
class Call:
    """One request and its response. `status` is None without a response: then the outcome is unknown."""

    request: Request
    began: float
    ended: float
    status: int | None
    answer: Any
    retry_after: str | None
    gave_up: bool = False  # the client retried until its patience ran out

    @property
    def code(self) -> str:
        return self.answer.get("code", "") if isinstance(self.answer, dict) and (self.status or 0) >= 400 else ""

    @property
    def is_final(self) -> bool:
        return self.status is not None and self.status < 500 and self.code not in ("request-in-progress", "busy")

    @property
    def records_payment(self) -> bool:
        return self.request.verb == "confirm" and (self.status == 200 or self.code in RECORDING)

    @property
    def is_unavailable(self) -> bool:
        """The correct response while the database is down."""
        return self.status == 503 and self.retry_after is not None


@dataclass
class Sale:
    """All calls with one idempotency key."""

    key: str
    calls: list[Call] = field(default_factory=list)

    @property
    def asked(self) -> dict[str, Any]:
        return json.loads(self.calls[0].request.body)

    @property
    def began(self) -> float:
        return min(call.began for call in self.calls)

    @property
    def bookings(self) -> dict[str, dict[str, Any]]:
        """The acknowledged bookings by id. There must be at most one."""
        return {call.answer["id"]: call.answer for call in self.calls if call.status == 201}

    @property
    def is_refused(self) -> bool:
        """Every call was refused, and no outcome is unknown. `busy` is known: such a request changed nothing."""
        return all((call.is_final or call.code == "busy") and call.status != 201 for call in self.calls)

    @property
    def may_hold(self) -> bool:
        """Whether it may have taken places."""
        return bool(self.bookings) or not self.is_refused


def sales(calls: Iterable[Call]) -> dict[str, Sale]:
    found: dict[str, Sale] = {}
    for call in calls:
        if call.request.verb == "book":
            key = call.request.key or ""
            found.setdefault(key, Sale(key)).calls.append(call)
    return found


class Reserved:
    """An upper bound for the reserved places of one event or ticket type within an interval.

    It counts all places that were requested before the interval's end and are not known to have been given back before
    its beginning. The bound may be too high and is never too low, so a refusal that it contradicts is certainly false.
    """

    def __init__(self, claims: Iterable[tuple[float, float, int]]) -> None:
        claims = list(claims)
        self.begins = Sums((began, places) for began, _, places in claims)
        self.ends = Sums((ended, places) for _, ended, places in claims)

    def during(self, began: float, ended: float) -> int:
        return self.begins.until(ended) - self.ends.until(began)


class Sums:
    def __init__(self, steps: Iterable[tuple[float, int]]) -> None:
        ordered = sorted(steps)
        self.at = [at for at, _ in ordered]
        self.sums = [0]
        for _, places in ordered:
            self.sums.append(self.sums[-1] + places)

    def until(self, at: float) -> int:
        """The sum of all steps before that moment."""
        return self.sums[bisect.bisect_left(self.at, at)]


def false_refusals(calls: Iterable[Call], capacities: dict[str, int | None], released: dict[str, float]) -> list[Call]:
    """The "sold-out" responses that were true at no moment between request and response.

    `capacities` has the lowest capacity of each event ("event 7") and ticket type ("type 9"); `released` has moments by
    which bookings have certainly given their places back.
    """
    found = sales(calls)
    reserved = reserved_places(found.values(), released)
    return [
        call
        for sale in found.values()
        for call in sale.calls
        if call.code == "sold-out" and not can_be_true(call, sale.asked["items"], capacities, reserved)
    ]


def reserved_places(found: Iterable[Sale], released: dict[str, float]) -> dict[str, Reserved]:
    claims: dict[str, list[tuple[float, float, int]]] = defaultdict(list)
    for sale in found:
        if not sale.may_hold:
            continue
        ended = max([released.get(booking, FOREVER) for booking in sale.bookings] or [FOREVER])
        for line in sale.asked["items"]:
            claims[f"type {line['ticket_type']}"].append((sale.began, ended, line["quantity"]))
            claims[event_of(sale.calls[0])].append((sale.began, ended, line["quantity"]))
    return {name: Reserved(each) for name, each in claims.items()}


def event_of(call: Call) -> str:
    return f"event {call.request.subject}"


def can_be_true(
    call: Call, items: list[dict[str, int]], capacities: dict[str, int | None], reserved: dict[str, Reserved]
) -> bool:
    wanted = {event_of(call): sum(line["quantity"] for line in items)}
    wanted |= {f"type {line['ticket_type']}": line["quantity"] for line in items}
    for name, places in wanted.items():
        capacity = capacities[name]
        others = reserved[name].during(call.began, call.ended) if name in reserved else 0
        if capacity is not None and capacity - others < places:
            return True
    return False
