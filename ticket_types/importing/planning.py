"""What a file means: which things it speaks of, which of them are there already, and how they differ."""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Model, QuerySet
from rest_framework.serializers import ValidationError

from config.api.errors import flatten
from config.history.models import plain
from config.text import normalise
from events.models import Event
from ticket_types.importing.fields import checker, names
from ticket_types.importing.reading import Fault, Record
from ticket_types.models import TicketType
from venues.models import Venue

CREATE, CHANGE, SAME, PUBLISH = "create", "change", "same", "publish"
NEEDED = {"venue": ("address", "capacity", "timezone"), "event": ("ends_at",), "ticket_type": ("price",)}
AT_ONCE = 500  # names in one question to the database


@dataclass(frozen=True)
class Step:
    """What is done with one thing; `changes` has the old and the new value of each field, by the API's names."""

    line: int
    kind: str
    name: str
    verb: str
    changes: dict[str, list[Any]]

    def __str__(self) -> str:
        changes = ", ".join(f"{name} {words(old)} → {words(new)}" for name, (old, new) in self.changes.items())
        details = f": {changes}" if self.verb == CHANGE else ""
        return f"line {self.line}: {self.verb} {self.kind.replace('_', ' ')} {self.name}{details}"


def words(value: Any) -> str:
    return "none" if value in (None, "") else str(value)


@dataclass
class Thing:
    """A venue, an event or a ticket type, with all that the file says of it."""

    kind: str
    line: int  # where it is first spoken of
    name: str  # by which people know it
    inside: "Thing | None" = None
    zone: ZoneInfo | None = None  # of the venue
    stored: Any = None  # the row, when it is there already, or as soon as it is
    facts: dict[str, Any] = field(default_factory=dict)  # by the names of the model
    said: dict[str, tuple[Any, int]] = field(default_factory=dict)  # as it stands in the file, and in which line
    changes: dict[str, Any] = field(default_factory=dict)
    is_new: bool = True

    def say(self, facts: dict[str, Any], line: int, faults: list[Fault]) -> None:
        """Adds what a record says. What was said before may be said again, but not otherwise."""
        fresh = {}
        for name, value in facts.items():
            if name not in self.said:
                self.said[name] = (value, line)
                fresh[name] = value
            elif self.said[name][0] != value:
                known, where = self.said[name]
                faults.append(self.fault(line, name, f"{words(value)} here, and {words(known)} in line {where}."))
        if fresh:
            self.check(fresh, line, faults)

    def check(self, facts: dict[str, Any], line: int, faults: list[Fault]) -> None:
        try:
            self.facts |= checker(self.kind, self.zone).run_validation(facts)
        except ValidationError as error:
            found = flatten(error.get_full_details())
            faults += [self.fault(line, it["pointer"].strip("/"), it["detail"]) for it in found]

    def fault(self, line: int, name: str, detail: str) -> Fault:
        return Fault(line, f"{self.kind}_{name}" if name else "", detail, self.name)

    def compare(self, faults: list[Fault]) -> None:
        """Finds what differs from the row that is there, or what is missing to make one."""
        if self.stored is None:
            missing = [name for name in NEEDED[self.kind] if name not in self.said]
            detail = "Must be given, because this is not there yet."
            faults += [self.fault(self.line, name, detail) for name in missing]
            return
        self.is_new = False
        facts = {name: value for name, value in self.facts.items() if name != "status"}
        self.changes = {name: value for name, value in facts.items() if getattr(self.stored, name) != value}
        if "timezone" in self.changes and self.stored.events.exists():
            detail = "It has events, whose times would mean other instants: change it by hand."
            faults.append(self.fault(self.line, "timezone", detail))
        if self.facts.get("status") == Event.Status.DRAFT and self.stored.status != Event.Status.DRAFT:
            faults.append(self.fault(self.line, "status", f"It is {self.stored.status}, and stays so."))

    @property
    def is_to_publish(self) -> bool:
        is_asked = self.facts.get("status") == Event.Status.PUBLISHED
        return is_asked and (self.is_new or self.stored.status != Event.Status.PUBLISHED)

    def steps(self) -> Iterator[Step]:
        verb = CREATE if self.is_new else CHANGE if self.changes else SAME
        pairs = {
            names(self.kind)[name]: [None if self.is_new else plain(getattr(self.stored, name)), plain(value)]
            for name, value in (self.facts if self.is_new else self.changes).items()
        }
        yield Step(self.line, self.kind, self.name, verb, pairs)
        if self.is_to_publish:
            yield Step(self.line, self.kind, self.name, PUBLISH, {})


class Plan:
    """The things of a file: venues, then events, then ticket types, each in the order of the file."""

    def __init__(self, records: list[Record], faults: list[Fault]) -> None:
        self.faults = faults
        self.venues: dict[str, Thing] = {}
        self.events: dict[tuple[str, str, dt.datetime], Thing] = {}
        self.types: dict[tuple[tuple[str, str, dt.datetime], str], Thing] = {}
        self.starts: dict[tuple[str, Any], dt.datetime | None] = {}
        for record in records:
            self.add_venue(record)
        self.find_venues()
        for record in records:
            self.add_event(record)
        self.find_events()
        self.find_types()
        for thing in self.things():
            thing.compare(faults)

    def things(self) -> Iterator[Thing]:
        yield from self.venues.values()
        yield from self.events.values()
        yield from self.types.values()

    def name_of(self, facts: dict[str, Any], kind: str, line: int) -> str:
        """The name as a key; empty, with a fault, when there is none."""
        name = facts.get("name")
        key = normalise(name) if isinstance(name, str) else ""
        if not key:
            self.faults.append(Fault(line, f"{kind}_name", "Must be given."))
        return key

    def add_venue(self, record: Record) -> None:
        if name := self.name_of(record.venue, "venue", record.line):
            venue = self.venues.setdefault(name, Thing("venue", record.line, name))
            venue.say(record.venue, record.line, self.faults)

    def find_venues(self) -> None:
        rows = fetch(Venue.objects.all(), "name", self.venues)
        stored = grouped(rows, lambda venue: venue.name)
        for name, venue in self.venues.items():
            venue.stored = self.only_one(venue, stored.get(name, []))
            zone = venue.facts.get("timezone") or (venue.stored and venue.stored.timezone)
            venue.zone = ZoneInfo(zone) if zone else None

    def add_event(self, record: Record) -> None:
        name = record.venue.get("name")
        venue = self.venues.get(normalise(name)) if isinstance(name, str) else None
        if not record.event and record.ticket_type:
            self.faults.append(Fault(record.line, "event_name", "Must be given."))
        if not record.event or venue is None or not (name := self.name_of(record.event, "event", record.line)):
            return
        start = self.start_of(record, venue, name)
        if start is None:
            return  # has its fault; what is inside cannot be told apart without
        key = (venue.name, name, start)
        if key not in self.events:
            shown = f"{name}, {start.astimezone(venue.zone):%d %b %Y, %H:%M}"
            self.events[key] = Thing("event", record.line, shown, venue, venue.zone)
        # How its start is written may differ from line to line.
        facts = {**record.event, "starts_at": start.isoformat().replace("+00:00", "Z")}
        self.events[key].say(facts, record.line, self.faults)
        if record.ticket_type:
            self.add_type(record, key)

    def start_of(self, record: Record, venue: Thing, name: str) -> dt.datetime | None:
        if venue.zone is None:
            return None  # what is wrong with the venue is told already
        if "starts_at" not in record.event:
            self.faults.append(Fault(record.line, "event_starts_at", "Must be given.", name))
            return None
        asked = (venue.name, str(record.event["starts_at"]))
        if asked not in self.starts:
            try:
                starts_at = checker("event", venue.zone).fields["starts_at"]
                self.starts[asked] = starts_at.run_validation(record.event["starts_at"])
            except ValidationError as error:
                self.starts[asked] = None
                detail = " ".join(map(str, error.detail))
                self.faults.append(Fault(record.line, "event_starts_at", detail, name))
        return self.starts[asked]

    def add_type(self, record: Record, event: tuple[str, str, dt.datetime]) -> None:
        if name := self.name_of(record.ticket_type, "ticket_type", record.line):
            inside = self.events[event]
            shown = f"{name}, {inside.name}"
            thing = self.types.setdefault((event, name), Thing("ticket_type", record.line, shown, inside, inside.zone))
            thing.say(record.ticket_type, record.line, self.faults)

    def find_events(self) -> None:
        venues = [venue.stored.pk for venue in self.venues.values() if venue.stored]
        rows = fetch(Event.objects.filter(venue__in=venues), "name", {name for _, name, _ in self.events})
        stored = grouped(rows, lambda event: (event.venue_id, event.name, event.starts_at))
        for (venue, name, start), event in self.events.items():
            if (row := self.venues[venue].stored) is not None:
                event.stored = self.only_one(event, stored.get((row.pk, name, start), []))

    def find_types(self) -> None:
        events = [event.stored.pk for event in self.events.values() if event.stored]
        rows = fetch(TicketType.objects.select_related("event"), "event", events)
        stored = {(row.event_id, row.name): row for row in rows}
        for (event, name), ticket_type in self.types.items():
            if (row := self.events[event].stored) is not None:
                ticket_type.stored = stored.get((row.pk, name))

    def only_one(self, thing: Thing, rows: list[Any]) -> Any:
        if len(rows) > 1:
            ids = ", ".join(str(row.pk) for row in rows)
            detail = f"There are {len(rows)} of this name (ids {ids}): which one is meant cannot be told."
            self.faults.append(thing.fault(thing.line, "name", detail))
        return rows[0] if rows else None


def fetch(rows: QuerySet, name: str, values: Iterable[Any]) -> Iterator[Any]:
    """The rows that have one of some values, in as few statements as databases take them in."""
    known = list(values)
    for first in range(0, len(known), AT_ONCE):
        yield from rows.filter(**{f"{name}__in": known[first : first + AT_ONCE]})


def grouped(rows: Iterable[Model], key: Any) -> dict[Any, list[Any]]:
    found: dict[Any, list[Any]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return found
