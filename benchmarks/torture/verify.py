"""Compares the history with the database, and counts the violations."""

import json
from collections import Counter
from dataclasses import dataclass, field

from benchmarks.torture.history import API, Call, Request, Sale, false_refusals, sales
from benchmarks.torture.servers import manage
from benchmarks.torture.stage import Stage
from benchmarks.torture.truth import Row, Truth, content

COLUMNS = ("oversold", "lost", "doubled", "stuck", "refused", "drift", "errors")
MAX_NOTES = 8


@dataclass
class Findings:
    """The violations, as counts and as notes.

    oversold  places sold above a capacity
    lost      acknowledged, but missing or different afterwards
    doubled   bookings of one key, and payments of one reference, beyond the first
    stuck     clients without a final response after all retries
    refused   "sold-out" when there were enough places
    drift     counters that are not the sum of their rows, and rows that contradict each other
    errors    responses of 500 and above, and requests without a response. Not counted: a broken connection (or the
              proxy's 503) while the harness kills workers, and a 503 with Retry-After while it crashes the database.
    """

    oversold: int = 0
    lost: int = 0
    doubled: int = 0
    stuck: int = 0
    refused: int = 0
    drift: int = 0
    errors: int = 0
    notes: list[str] = field(default_factory=list)

    def add(self, column: str, note: str, number: int = 1) -> None:
        setattr(self, column, getattr(self, column) + number)
        if len(self.notes) < MAX_NOTES:
            self.notes.append(f"{column}: {note}")

    @property
    def is_clean(self) -> bool:
        return not any(getattr(self, column) for column in COLUMNS)


def verify(stage: Stage, *, reconcile: bool = True) -> Findings:
    findings = Findings()
    with stage.connect() as connection:
        truth = Truth.read(connection, [show.id for show in stage.shows])
    found = sales(stage.history)
    check_answers(stage, findings)
    check_sales(found, truth, findings)
    check_verbs(stage.history, truth, findings)
    check_payments(stage.history, truth, findings)
    check_rows(stage, truth, findings)
    check_counters(truth, findings)
    check_refusals(stage, findings)
    check_api(stage, found, findings)
    if reconcile:
        check_reconcile(stage, findings)
    for note in stage.notes:
        findings.add("drift", note)
    return findings


def check_answers(stage: Stage, findings: Findings) -> None:
    is_away = stage.is_under_fire and (stage.database.can_crash or stage.server.proxy is not None)
    for call in stage.history:
        if call.gave_up:
            what = f"{call.request.verb} {call.request.key or ''}"
            findings.add("stuck", f"{what}, last response: {call.status} {call.code}")
        if call.status is None and not stage.is_under_fire:
            findings.add("errors", f"no response to {call.request.method} {call.request.path}")
        if (call.status or 0) >= 500 and not (is_away and call.is_unavailable):
            findings.add("errors", f"{call.status} for {call.request.method} {call.request.path}: {call.answer}")
    if "database is locked" in stage.server.logged()[stage.log_begins :]:
        findings.add("errors", '"database is locked" in the log')


def check_sales(found: dict[str, Sale], truth: Truth, findings: Findings) -> None:
    """An acknowledged key has the acknowledged booking, a refused key none, any other key at most one."""
    rows = truth.by_attempt()
    for key, sale in found.items():
        stored = rows.pop(key, [])
        count = max(len(stored), len(sale.bookings))
        if count > 1:
            findings.add("doubled", f"key {key} has {count} bookings", count - 1)
        for answer in sale.bookings.values():
            check_acknowledged(key, answer, stored, findings)
        if sale.is_refused and stored:
            findings.add("drift", f"key {key} was refused and has a booking")
    for key, stored in rows.items():
        findings.add("drift", f"{len(stored)} bookings with {key or 'no key'}, which no client requested")


def check_acknowledged(key: str, answer: dict, stored: list[Row], findings: Findings) -> None:
    row = next((row for row in stored if row.id == answer["id"]), None)
    if row is None:
        findings.add("lost", f"booking {answer['id']} of key {key} was acknowledged and is missing")
    elif row.content() != content(answer):
        findings.add("lost", f"booking {row.id} was acknowledged as {content(answer)} and is {row.content()}")


def check_verbs(history: list[Call], truth: Truth, findings: Findings) -> None:
    """An acknowledged cancellation is final. A confirmation is, too, unless a client tried to cancel the booking."""
    rows = {row.id: row for row in truth.bookings}
    acknowledged = {
        (verb, call.request.subject)
        for verb, status in (("confirm", "confirmed"), ("cancel", "cancelled"))
        for call in history
        if call.request.verb == verb and call.status == 200 and call.answer["status"] == status
    }
    possibly_cancelled = {call.request.subject for call in history if call.request.verb == "cancel"}
    for verb, booking in acknowledged:
        status = rows[booking].status if booking in rows else "missing"
        allowed = {"cancelled"} if verb == "cancel" else {"confirmed"}
        if verb == "confirm" and booking in possibly_cancelled:
            allowed.add("cancelled")
        if status not in allowed:
            findings.add("lost", f"{verb} of {booking} was acknowledged and it is {status}")


def check_payments(history: list[Call], truth: Truth, findings: Findings) -> None:
    """An acknowledged reference is one payment, whatever became of the booking."""
    rows = {row.id: Counter(it["reference"] for it in row.payments) for row in truth.bookings}
    for booking, counts in rows.items():
        for reference, count in counts.items():
            if count > 1:
                findings.add("doubled", f"{count} payments of booking {booking} have {reference}", count - 1)
    recorded = {
        (call.request.subject, reference)
        for call in history
        if call.records_payment and (reference := json.loads(call.request.body or "{}").get("payment_reference"))
    }
    for booking, reference in recorded:
        if booking not in rows or not rows[booking][reference]:
            findings.add("lost", f"payment {reference} of booking {booking} was acknowledged and is missing")


def check_rows(stage: Stage, truth: Truth, findings: Findings) -> None:
    prices = {each: known for show in stage.shows for each, known in show.prices.items()}
    for row in truth.bookings:
        for error in row.errors(prices):
            findings.add("drift", f"booking {row.id}: {error}")


def check_counters(truth: Truth, findings: Findings) -> None:
    for counter in truth.counters:
        name = f"{counter['kind']} {counter['id']}"
        if counter["reserved"] != counter["counted"]:
            findings.add("drift", f"{name} has {counter['reserved']} reserved, its bookings have {counter['counted']}")
        if counter["capacity"] is not None and counter["live"] > counter["capacity"]:
            over = counter["live"] - counter["capacity"]
            findings.add("oversold", f"{name} sold {counter['live']} of {counter['capacity']}", over)


def check_refusals(stage: Stage, findings: Findings) -> None:
    capacities = {name: capacity for show in stage.shows for name, capacity in show.capacities.items()}
    for call in false_refusals(stage.history, capacities, stage.released):
        findings.add("refused", f"{call.request.body} was sold-out: {(call.answer or {}).get('errors')}")


def check_api(stage: Stage, found: dict[str, Sale], findings: Findings) -> None:
    """The API must show a sample of the acknowledged bookings as it acknowledged them."""
    answers = {booking: answer for sale in found.values() for booking, answer in sale.bookings.items()}
    chosen = stage.random.sample(sorted(answers), min(len(answers), 40 if stage.is_quick else 400))
    reads = [
        Request("read", "GET", f"{API}/bookings/{booking}", subject=booking, secret=answers[booking]["secret"])
        for booking in chosen
    ]
    for call in stage.perform([reads[start::8] for start in range(min(8, len(reads)))]):
        if call.status != 200 or content(call.answer) != content(answers[call.request.subject]):
            findings.add("lost", f"GET {call.request.path} answers {call.status}: {call.answer}")


def check_reconcile(stage: Stage, findings: Findings) -> None:
    """The result of `manage.py reconcile`, counted when the checks above have found no drift."""
    done = manage(stage.database.url(stage.name), "reconcile", "--json")
    drifts = [json.loads(line) for line in done.stdout.splitlines() if line.strip()]
    if done.returncode not in (0, 1) or bool(drifts) != bool(done.returncode):
        raise RuntimeError(f"manage.py reconcile failed with {done.returncode}: {done.stderr[-2000:]}")
    for drift in drifts if not findings.drift else []:
        findings.add("drift", "reconcile: {model} {id}: {field} is {stored}, not {counted}".format(**drift))
