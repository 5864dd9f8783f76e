"""The scenario of payments: callbacks, refunds, expiry and kills at once. `verify` compares references and balances."""

import json
from collections.abc import Sequence
from decimal import Decimal
from threading import Event as Signal

from benchmarks.torture import staff
from benchmarks.torture.history import API, Call, Request
from benchmarks.torture.scenarios import CLIENTS, hold_all, workers
from benchmarks.torture.stage import Show, Stage
from benchmarks.torture.truth import UNIT, Row, Truth

RACERS = 8


def payments(stage: Stage) -> None:
    """A shop reports payments of 300 bookings, each several times, while holds end, staff refund, and workers die."""
    stage.is_under_fire = True
    token = staff.shop_token(stage.database.url(stage.name))
    size = 40 if stage.is_quick else 300
    show = stage.make_show(size, {"quantity": None}, {"quantity": size // 2})
    with workers(stage, 1):
        prices = hold_with_prices(stage, show, size)
        requests = [request for booking, price in prices.items() for request in racing(stage, token, booking, price)]
        stage.random.shuffle(requests)
        requests += [stage.booking(show, {stage.random.choice(show.types): 1}) for _ in range(size // 2)]
        clients = [requests[start::CLIENTS] for start in range(CLIENTS)]
        with stage.meanwhile(lambda ended: strike(stage, list(prices), ended)):
            stage.perform(clients)
    refund_all(stage, token, list(prices))
    check_settled(stage, set(prices))


def hold_with_prices(stage: Stage, show: Show, size: int) -> dict[str, str]:
    """Holds all places, one in each booking; returns the prices of the bookings by id."""
    held = hold_all(stage, show, size)
    answers = [call.answer for call in stage.history if call.request.verb == "book" and call.status == 201]
    return {answer["id"]: answer["total_price"] for answer in answers if answer["id"] in held}


def racing(stage: Stage, token: str, booking: str, price: str) -> list[Request]:
    """Callbacks for a booking: paid at once, in two parts, or twice; each repeated, and refunds in between."""
    kind = stage.random.choice(["exact", "exact", "parts", "twice", "cancelled"])
    first = pay(token, booking, f"{booking}-1", "8.00" if kind == "parts" else price)
    requests = [first] * 3
    if kind in ("parts", "twice"):
        requests += [pay(token, booking, f"{booking}-2", price)] * 2
    if kind == "cancelled":
        requests.append(stage.verb("cancel", booking))
    return requests + [refund(token, booking)] * 2


def pay(token: str, booking: str, reference: str, amount: str) -> Request:
    body = json.dumps({"payment_reference": reference, "amount": amount})
    return Request("confirm", "POST", f"{API}/bookings/{booking}/confirm", body, token=token, subject=booking)


def refund(token: str, booking: str) -> Request:
    return Request("refund", "POST", f"{API}/bookings/{booking}/refunds", "{}", token=token, subject=booking)


def strike(stage: Stage, bookings: Sequence[str], ended: Signal) -> None:
    """Ends the holds of a third of the bookings, and kills a worker now and then."""
    due = stage.random.sample(list(bookings), len(bookings) // 3)
    step = 4 if stage.is_quick else 2
    for number, start in enumerate(range(0, len(due), step)):
        if ended.wait(0.05):
            return
        stage.make_due(due[start : start + step])
        stage.faults += step
        if number % 2 == 1:
            stage.faults += stage.server.kill_a_worker(stage.random.choice)


def refund_all(stage: Stage, token: str, bookings: Sequence[str]) -> None:
    """Refunds what is due in the end."""
    requests = [refund(token, booking) for booking in bookings]
    stage.perform([requests[start::RACERS] for start in range(RACERS)])


def check_settled(stage: Stage, bookings: set[str]) -> None:
    """What was not bought was paid back, and nothing of what was bought."""
    with stage.connect() as connection:
        truth = Truth.read(connection, [show.id for show in stage.shows])
    paid = acknowledged_amounts(stage.history)
    for row in truth.bookings:
        if row.id in bookings:
            expected = expected_amounts(row, sum(paid.get(row.id, {}).values()))
            stored = row.data["amount_paid"], row.data["amount_refunded"]
            if stored != expected:
                stage.notes.append(f"{row.status} booking {row.id} has paid and refunded {stored}, not {expected}")


def expected_amounts(row: Row, paid: int) -> tuple[int, int]:
    kept = {"pending": paid, "confirmed": row.data["total_price"]}.get(row.status, 0)
    return paid, paid - kept


def acknowledged_amounts(history: list[Call]) -> dict[str, dict[str, int]]:
    """The amount of each acknowledged reference, by booking."""
    found: dict[str, dict[str, int]] = {}
    for call in history:
        if call.records_payment and "amount" in (body := json.loads(call.request.body or "{}")):
            amounts = found.setdefault(call.request.subject, {})
            amounts[body["payment_reference"]] = int(Decimal(body["amount"]) * UNIT)
    return found


def small_callbacks(stage: Stage) -> None:
    """Six clients report each payment at the same moment."""
    show = stage.make_show(16, {}, {})
    holds = hold_all(stage, show, 16)
    for hold in holds:
        stage.perform([[stage.verb("confirm", hold)]] * 6)
