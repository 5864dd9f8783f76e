"""A plan in action: all of it, or nothing."""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from config.api.errors import problem_of
from config.history.models import record_in_bulk
from config.problems import Problem
from events.inventory import sales
from events.models import Event
from ticket_types.imports.fields import RECORDS
from ticket_types.imports.planning import CHANGE, CREATE, SAME, Plan, Step, Thing, fetch
from ticket_types.imports.reading import KINDS, Fault, Unreadable, read
from ticket_types.models import TicketType
from venues.models import LARGEST, Venue

Progress = Callable[[int, int], None]
# With these things are made whose own data have faults, so that what is inside can be looked at; nothing of it stays.
SOME_DAY = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)
STAND_INS: dict[str, dict[str, Any]] = {
    "venue": {"address": "-", "capacity": LARGEST, "timezone": "UTC"},
    "event": {"starts_at": SOME_DAY},
    "ticket_type": {"price": 0},
}
NOTHING_ON_SALE = {
    "no_ticket_types": "It is published without ticket types: nothing of it can be booked.",
    "ended": "It is published when the sale of all of its ticket types is over: nothing of it can be booked.",
}


@dataclass
class Outcome:
    """What an import does, or would do. With any fault nothing is done, and `steps` may be incomplete.

    `warnings` are what is done and may not be meant.
    """

    steps: list[Step] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    warnings: list[Fault] = field(default_factory=list)
    is_done: bool = False

    def counts(self) -> dict[str, dict[str, int]]:
        """For each kind of thing how many are made, changed, and left as they are."""
        found = {kind: dict.fromkeys((CREATE, CHANGE, SAME), 0) for kind in KINDS}
        for step in self.steps:
            if step.verb in found[step.kind]:
                found[step.kind][step.verb] += 1
        return found

    @property
    def changes(self) -> list[Step]:
        """The steps that do something."""
        return [step for step in self.steps if step.verb != SAME]


class TakenBack(Exception):
    """Raised to undo everything; never leaves this module."""


def silent(done: int, total: int) -> None:
    """The progress that nobody watches."""


def preview(content: bytes, form: str, *, by: Any = None) -> Outcome:
    """What `apply` would do now, or refuse: it is done, and taken back."""
    return run(content, form, by=by, is_kept=False)


def apply(content: bytes, form: str, *, by: Any = None, progress: Progress = silent) -> Outcome:
    """Makes what is not there and changes what differs, in one transaction; nothing when there is any fault.

    What is there already is found by name (an event also by its venue and start), and what the file does not say of
    it stays as it is. `form` is csv or json.
    """
    return run(content, form, by=by, is_kept=True, progress=progress)


def run(content: bytes, form: str, *, by: Any, is_kept: bool, progress: Progress = silent) -> Outcome:
    outcome = Outcome()
    try:
        records = read(content, form, outcome.faults)
    except Unreadable as error:
        outcome.faults.append(error.fault)
        return outcome
    try:
        with transaction.atomic(), record_in_bulk():
            plan = Plan(records, outcome.faults)
            if not outcome.faults:
                outcome.steps = [step for thing in plan.things() for step in thing.steps()]
            to_publish = [event for event in plan.events.values() if event.is_to_publish]
            # With faults too: the rules find others, and all are told at once.
            Applying(plan, by, outcome.faults, silent if outcome.faults else progress).apply()
            if not outcome.faults:
                outcome.warnings = list(warnings(to_publish))
            if outcome.faults or not is_kept:
                raise TakenBack
        outcome.is_done = True
    except TakenBack:
        outcome.faults.sort()
    return outcome


@dataclass
class Applying:
    plan: Plan
    by: Any
    faults: list[Fault]
    progress: Progress

    def apply(self) -> None:
        actions = list(self.actions())
        for number, (thing, verb) in enumerate(actions, start=1):
            self.attempt(thing, verb)
            self.progress(number, len(actions))

    def actions(self) -> Iterator[tuple[Thing, Callable[[Thing], None]]]:
        """In an order in which each finds what it needs.

        What may be on sale already comes last: its rows are locked until the end, and whoever books it waits so long.
        A venue becomes smaller when its events have.
        """
        venues = list(self.plan.venues.values())
        yield from ((it, self.create) for it in venues if it.is_new)
        yield from ((it, self.change) for it in venues if it.changes and not self.shrinks(it))
        yield from ((it, self.create) for it in self.plan.events.values() if it.is_new)
        new = [it for it in self.plan.types.values() if it.inside.is_new]  # type: ignore[union-attr]
        old = [it for it in self.plan.types.values() if not it.inside.is_new]  # type: ignore[union-attr]
        yield from ((it, self.create) for it in new)
        yield from ((it, self.publish) for it in self.plan.events.values() if it.is_new and it.is_to_publish)
        touched = {id(it.inside) for it in old if it.is_new or it.changes}
        for it in self.plan.events.values():
            if not it.is_new and (it.changes or it.is_to_publish or id(it) in touched):
                yield it, self.lock
                if it.changes:
                    yield it, self.change
        yield from ((it, self.create if it.is_new else self.change) for it in old if it.is_new or it.changes)
        yield from ((it, self.publish) for it in self.plan.events.values() if not it.is_new and it.is_to_publish)
        yield from ((it, self.change) for it in venues if it.changes and self.shrinks(it))

    def shrinks(self, venue: Thing) -> bool:
        return venue.changes.get("capacity", venue.stored.capacity) < venue.stored.capacity

    def attempt(self, thing: Thing, verb: Callable[[Thing], None]) -> None:
        """Tells why a verb refuses, and tries again without the data that it blames: there may be other faults."""
        if thing.inside is not None and thing.inside.stored is None:
            return  # it was refused, and that is told
        try:
            with transaction.atomic():
                verb(thing)
        except (Problem, IntegrityError) as error:
            # Any view will do that has the names of the API.
            problem = problem_of(error, SimpleNamespace(serializer_class=RECORDS[thing.kind]))
            if problem is None:
                raise
            blamed = []
            for fault in problem.errors or [{"detail": problem.detail}]:
                name = fault.get("pointer", "").strip("/")
                line = thing.said.get(name, (None, thing.line))[1]
                self.faults.append(thing.fault(line, name, fault["detail"]))
                blamed.append(thing.blame(name))
            if any(blamed):
                self.attempt(thing, verb)

    # Steps

    def create(self, thing: Thing) -> None:
        data = {name: value for name, value in self.facts_of(thing).items() if name != "status"}
        if thing.kind == "venue":
            thing.stored = Venue.open(**data, by=self.by)
        elif thing.kind == "event":
            thing.stored = Event.plan(venue=thing.inside.stored, **data, by=self.by)  # type: ignore[union-attr]
        else:
            thing.stored = TicketType.offer(event=thing.inside.stored, **data, by=self.by)  # type: ignore[union-attr]

    def facts_of(self, thing: Thing) -> dict[str, Any]:
        """Those of the file, with others for what has faults and is needed all the same."""
        if not self.faults:
            return thing.data
        data = {"name": f"Line {thing.line}", **STAND_INS[thing.kind], **thing.data}
        if thing.kind == "event" and ("starts_at" not in thing.data or "ends_at" not in thing.data):
            data["ends_at"] = data["starts_at"] + dt.timedelta(seconds=1)
        if thing.kind == "ticket_type" and "currency" in thing.inside.wrong:  # type: ignore[union-attr]
            data["price"] = 0  # whether it fits cannot be told
        return data

    def change(self, thing: Thing) -> None:
        changes = dict(thing.changes)
        if thing.kind == "ticket_type" and "currency" in thing.inside.wrong:  # type: ignore[union-attr]
            changes.pop("price", None)
        if changes:
            thing.stored.revise(**changes, by=self.by)

    def publish(self, event: Thing) -> None:
        if event.inside.zone is not None:  # type: ignore[union-attr]  # else when it starts is not known for sure
            event.stored.publish(at=timezone.now(), by=self.by)

    def lock(self, event: Thing) -> None:
        """Its ticket types, then the event itself: the order in which bookings lock them."""
        list(TicketType.objects.filter(event=event.stored).order_by("pk").select_for_update(no_key=True))
        Event.objects.select_for_update(no_key=True).get(pk=event.stored.pk)


def warnings(published: Iterable[Thing]) -> Iterator[Fault]:
    """Which of the events that were published just now have nothing to sell."""
    at = timezone.now()
    things = {event.stored.pk: event for event in published}
    rows = list(fetch(Event.objects.all(), "pk", things))
    sales.load_ticket_types(rows)
    for row in rows:
        if detail := NOTHING_ON_SALE.get(row.sales_refusal(at) or ""):
            event = things[row.pk]
            yield event.fault(event.line, "", detail)
