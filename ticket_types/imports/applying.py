"""Applies a plan in one transaction, and collects the errors of all rules."""

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
from ticket_types.imports.planning import CHANGE, CREATE, SAME, Plan, Step, Target, fetch
from ticket_types.imports.reading import KINDS, Errors, FileError, TooManyErrors, Unreadable, read
from ticket_types.models import AMOUNTS, TicketType
from venues.models import LARGEST, Venue

Progress = Callable[[int, int], None]  # steps done, and steps in all
# Valid values for invalid ones, with which an object is created so that its children can be checked; rolled back.
SOME_DAY = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)
PLACEHOLDERS: dict[str, dict[str, Any]] = {
    "venue": {"address": "-", "capacity": LARGEST, "timezone": "UTC"},
    "event": {"starts_at": SOME_DAY},
    "ticket_type": {"price": 0},
}
NOTHING_ON_SALE = {
    "no_ticket_types": "Published without ticket types: nothing can be booked.",
    "ended": "Published after the sale of all its ticket types has ended: nothing can be booked.",
}


@dataclass
class Outcome:
    """What an import did, or would do. With errors nothing is done, and `steps` may be incomplete.

    An import stops at MAX_ERRORS errors; `has_more_errors` says so.
    """

    steps: list[Step] = field(default_factory=list)
    errors: Errors = field(default_factory=Errors)
    warnings: list[FileError] = field(default_factory=list)
    is_done: bool = False
    has_more_errors: bool = False

    def counts(self) -> dict[str, dict[str, int]]:
        """The number of new, changed and unchanged objects of each kind."""
        found = {kind: dict.fromkeys((CREATE, CHANGE, SAME), 0) for kind in KINDS}
        for step in self.steps:
            if step.verb in found[step.kind]:
                found[step.kind][step.verb] += 1
        return found

    @property
    def changes(self) -> list[Step]:
        return [step for step in self.steps if step.verb != SAME]


class Rollback(Exception):
    """Internal to this module."""


def no_progress(done: int, total: int) -> None:
    """Reports nothing."""


def preview(content: bytes, form: str, *, by: Any = None) -> Outcome:
    """What `apply` would do now: does it, and rolls it back."""
    return run(content, form, by=by, is_dry_run=True)


def apply(content: bytes, form: str, *, by: Any = None, progress: Progress = no_progress) -> Outcome:
    """Creates new objects and changes those that differ, in one transaction; nothing when there is any error.

    Objects are found by name (events by venue, name and start); fields that the file leaves out stay as they are.
    `form` is csv or json.
    """
    return run(content, form, by=by, progress=progress)


def run(content: bytes, form: str, *, by: Any, is_dry_run: bool = False, progress: Progress = no_progress) -> Outcome:
    outcome = Outcome()
    try:
        records = read(content, form, outcome.errors)
        with transaction.atomic(), record_in_bulk():
            plan = Plan(records, outcome.errors)
            if not outcome.errors:
                outcome.steps = [step for target in plan.targets() for step in target.steps()]
            to_publish = [event for event in plan.events.values() if event.is_to_publish]
            # Even after errors, so that all errors are reported at once.
            Import(plan, by, outcome.errors, no_progress if outcome.errors else progress).run()
            if not outcome.errors:
                outcome.warnings = list(warnings(to_publish))
            if outcome.errors or is_dry_run:
                raise Rollback
        outcome.is_done = True
    except Unreadable as error:
        outcome.errors.insert(0, error.error)
    except TooManyErrors:
        outcome.has_more_errors = True
    except Rollback:
        pass
    outcome.errors.sort()
    return outcome


@dataclass
class Import:
    plan: Plan
    by: Any
    errors: Errors
    progress: Progress

    def run(self) -> None:
        actions = list(self.actions())
        for number, (target, action) in enumerate(actions, start=1):
            self.attempt(target, action)
            self.progress(number, len(actions))

    def actions(self) -> Iterator[tuple[Target, Callable[[Target], None]]]:
        """Parents first, and events that may be on sale last: their rows stay locked, and bookings wait for them.

        A venue shrinks after its events.
        """
        venues, events, types = (list(it.values()) for it in (self.plan.venues, self.plan.events, self.plan.types))
        changed = [venue for venue in venues if venue.changes]
        old = [it for it in types if not it.parent.is_new and (it.is_new or it.changes)]  # type: ignore[union-attr]
        touched = {id(it.parent) for it in old}
        yield from ((it, self.create) for it in venues if it.is_new)
        yield from ((it, self.change) for it in changed if not self.shrinks(it))
        yield from ((it, self.create) for it in events if it.is_new)
        yield from ((it, self.create) for it in types if it.parent.is_new)  # type: ignore[union-attr]
        yield from ((it, self.publish) for it in events if it.is_new and it.is_to_publish)
        for event in events:
            if not event.is_new and (event.changes or event.is_to_publish or id(event) in touched):
                yield event, self.lock
                if event.changes:
                    yield event, self.change
        yield from ((it, self.create if it.is_new else self.change) for it in old)
        yield from ((it, self.publish) for it in events if not it.is_new and it.is_to_publish)
        yield from ((it, self.change) for it in changed if self.shrinks(it))

    def shrinks(self, venue: Target) -> bool:
        return venue.changes.get("capacity", venue.stored.capacity) < venue.stored.capacity

    def attempt(self, target: Target, action: Callable[[Target], None]) -> None:
        """Records why an action was refused, and repeats it without the refused fields to find further errors."""
        if target.parent is not None and target.parent.stored is None:
            return  # the parent was refused
        try:
            with transaction.atomic():
                action(target)
        except (Problem, IntegrityError) as error:
            problem = problem_of(error, SimpleNamespace(serializer_class=RECORDS[target.kind]))
            if problem is None:
                raise
            rejected = []
            for entry in problem.errors or [{"detail": problem.detail}]:
                name = entry.get("pointer", "").strip("/")
                line = target.given.get(name, (None, target.line))[1]
                self.errors.append(target.error(line, name, entry["detail"]))
                rejected.append(target.reject(name))
            if any(rejected):
                self.attempt(target, action)

    # Actions

    def create(self, target: Target) -> None:
        data = {name: value for name, value in self.complete_data(target).items() if name != "status"}
        if target.kind == "venue":
            target.stored = Venue.open(**data, by=self.by)
        elif target.kind == "event":
            target.stored = Event.plan(venue=target.parent.stored, **data, by=self.by)  # type: ignore[union-attr]
        else:
            target.stored = TicketType.offer(event=target.parent.stored, **data, by=self.by)  # type: ignore[union-attr]

    def complete_data(self, target: Target) -> dict[str, Any]:
        """The data of the file, with placeholders for required fields that are invalid."""
        if not self.errors:
            return target.data
        data = {"name": f"Line {target.line}", **PLACEHOLDERS[target.kind], **target.data}
        if target.kind == "event" and ("starts_at" not in target.data or "ends_at" not in target.data):
            data["ends_at"] = data["starts_at"] + dt.timedelta(seconds=1)
        if self.has_unknown_currency(target):
            data |= dict.fromkeys(AMOUNTS, 0)
        return data

    def has_unknown_currency(self, target: Target) -> bool:
        """Whether the decimals of amounts cannot be checked."""
        return target.kind == "ticket_type" and "currency" in target.parent.invalid  # type: ignore[union-attr]

    def change(self, target: Target) -> None:
        changes = dict(target.changes)
        if self.has_unknown_currency(target):
            changes = {name: value for name, value in changes.items() if name not in AMOUNTS}
        if changes:
            target.stored.revise(**changes, by=self.by)

    def publish(self, event: Target) -> None:
        if event.parent.zone is not None:  # type: ignore[union-attr]  # else its start is not certain
            event.stored.publish(at=timezone.now(), by=self.by)

    def lock(self, event: Target) -> None:
        """Locks the ticket types, then the event: the order in which bookings lock them."""
        list(TicketType.objects.filter(event=event.stored).order_by("pk").select_for_update(no_key=True))
        Event.objects.select_for_update(no_key=True).get(pk=event.stored.pk)


def warnings(published: Iterable[Target]) -> Iterator[FileError]:
    """The events just published that have nothing to sell."""
    at = timezone.now()
    targets = {event.stored.pk: event for event in published}
    events = list(fetch(Event.objects.all(), "pk", targets))
    sales.load_ticket_types(events)
    for row in events:
        if detail := NOTHING_ON_SALE.get(row.sales_refusal(at) or ""):
            event = targets[row.pk]
            yield event.error(event.line, "", detail)
