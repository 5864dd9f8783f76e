"""What was asked and what was answered, and what follows from that alone."""

import bisect
import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

API = "/api/v1"
FOREVER = float("inf")


@dataclass(frozen=True, slots=True)
class Request:
    verb: str  # book, confirm, cancel, edit, read, make
    method: str
    path: str
    body: str | None = None
    key: str | None = None
    token: str = ""
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
        if self.cookies:
            headers["Cookie"] = self.cookies
        return headers

    def renewed(self, lap: int) -> "Request":
        """The same wish under a new key."""
        key = f"{self.key}-{lap}"
        return replace(self, key=key, body=(self.body or "").replace(f'"attempt": "{self.key}"', f'"attempt": "{key}"'))

    def confirmation(self, booking: str) -> "Request":
        body = json.dumps({"payment_reference": f"paid-{booking}"})
        return Request(
            "confirm", "POST", f"{API}/bookings/{booking}/confirm", body, token=self.confirm_with, subject=booking
        )


@dataclass(frozen=True, slots=True)
class Call:
    """One request that went out. `status` is None when no answer came: what became of it is unknown."""

    request: Request
    began: float
    ended: float
    status: int | None
    answer: Any
    retry_after: str | None
    gave_up: bool = False  # its client asked again and again, and was never answered

    @property
    def code(self) -> str:
        return self.answer.get("code", "") if isinstance(self.answer, dict) and (self.status or 0) >= 400 else ""

    @property
    def is_final(self) -> bool:
        return self.status is not None and self.status < 500 and self.code not in ("request-in-progress", "busy")

    @property
    def is_unavailable(self) -> bool:
        """The honest answer when the database is away: ask again later."""
        return self.status == 503 and self.retry_after is not None


@dataclass
class Sale:
    """All that was said about one key."""

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
        """The bookings that were acknowledged, by id. More than one is one too many."""
        return {call.answer["id"]: call.answer for call in self.calls if call.status == 201}

    @property
    def is_refused(self) -> bool:
        """Each answer was a refusal, and there was no call whose outcome nobody knows: who hears `busy` knows it."""
        return all((call.is_final or call.code == "busy") and call.status != 201 for call in self.calls)

    @property
    def may_hold(self) -> bool:
        """Whether it took places for all that is known."""
        return bool(self.bookings) or not self.is_refused


def sales(calls: Iterable[Call]) -> dict[str, Sale]:
    found: dict[str, Sale] = {}
    for call in calls:
        if call.request.verb == "book":
            key = call.request.key or ""
            found.setdefault(key, Sale(key)).calls.append(call)
    return found


class Held:
    """At most how many places of one thing could be held at some moment of an interval.

    Counted are all that were asked for before the interval's end and are not known to have been given back before its
    beginning. That may be too many, and is never too few: what is found with it to be false is false.
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
        """What has come together before that moment."""
        return self.sums[bisect.bisect_left(self.at, at)]


def false_refusals(calls: Iterable[Call], capacities: dict[str, int | None], released: dict[str, float]) -> list[Call]:
    """The "sold-out" answers that cannot have been true at any moment while they were asked for.

    `capacities` has what each event ("event 7") and each ticket type ("type 9") could be sold from, at the least;
    `released` has the moments by which bookings have certainly given their places back.
    """
    found = sales(calls)
    held = holders(found.values(), released)
    return [
        call
        for sale in found.values()
        for call in sale.calls
        if call.code == "sold-out" and not can_be_true(call, sale.asked["items"], capacities, held)
    ]


def holders(found: Iterable[Sale], released: dict[str, float]) -> dict[str, Held]:
    claims: dict[str, list[tuple[float, float, int]]] = defaultdict(list)
    for sale in found:
        if not sale.may_hold:
            continue
        ended = max([released.get(booking, FOREVER) for booking in sale.bookings] or [FOREVER])
        for line in sale.asked["items"]:
            claims[f"type {line['ticket_type']}"].append((sale.began, ended, line["quantity"]))
            claims[event_of(sale.calls[0])].append((sale.began, ended, line["quantity"]))
    return {name: Held(each) for name, each in claims.items()}


def event_of(call: Call) -> str:
    return f"event {call.request.subject}"


def can_be_true(
    call: Call, items: list[dict[str, int]], capacities: dict[str, int | None], held: dict[str, Held]
) -> bool:
    wanted = {event_of(call): sum(line["quantity"] for line in items)}
    wanted |= {f"type {line['ticket_type']}": line["quantity"] for line in items}
    for name, places in wanted.items():
        capacity = capacities[name]
        others = held[name].during(call.began, call.ended) if name in held else 0
        if capacity is not None and capacity - others < places:
            return True
    return False
