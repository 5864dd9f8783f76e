"""What a file means: which things it speaks of, which of them are there already, and how they differ."""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Model, QuerySet
from rest_framework.serializers import ValidationError

from config.api.errors import flatten
from config.backoffice.wording import Setting, field_of, in_words, label
from config.history.models import to_json
from config.values.text import normalise
from events.models import Event, current_currency
from ticket_types.imports.fields import checker, names, sources
from ticket_types.imports.reading import Fault, Record
from ticket_types.models import TicketType
from venues.models import LARGEST, Venue

CREATE, CHANGE, SAME, PUBLISH = "create", "change", "same", "publish"
NEEDED = {"venue": ("address", "capacity", "timezone"), "event": ("ends_at",), "ticket_type": ("price",)}
MODELS: dict[str, type[Model]] = {"venue": Venue, "event": Event, "ticket_type": TicketType}
AT_ONCE = 500  # names in one question to the database
UTC = ZoneInfo("UTC")

Key = str | int


@dataclass(frozen=True)
class Step:
    """What is done with one thing; `changes` has the old and the new value of each field, by the API's names."""

    line: int
    kind: str
    name: str
    verb: str
    changes: dict[str, list[Any]]
    setting: Setting

    def __str__(self) -> str:
        details = f": {', '.join(self.details())}" if self.verb == CHANGE else ""
        return f"line {self.line}: {self.title}{details}"

    @property
    def title(self) -> str:
        return f"{self.verb} {self.kind.replace('_', ' ')} {self.name}"

    def details(self) -> Iterator[str]:
        """What is set, or changed from what, in words: times by the venue's clocks, prices with the currency."""
        model = MODELS[self.kind]
        for name, values in self.changes.items():
            source = sources(self.kind)[name]
            old, new = (in_words(field_of(model, source), value, self.setting) for value in values)
            if self.verb == CHANGE:
                yield f"{label(model, source)} {old} → {new}"
            elif name not in ("name", "status"):
                yield f"{label(model, source)} {new}"


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
    data: dict[str, Any] = field(default_factory=dict)  # by the names of the model
    said: dict[str, tuple[Any, int]] = field(default_factory=dict)  # as it stands in the file, and in which line
    changes: dict[str, Any] = field(default_factory=dict)
    is_new: bool = True
    is_unknown: bool = False  # it has a fault that leaves open which row is meant
    wrong: set[str] = field(default_factory=set)  # the data that have faults, by the names of the model

    def say(self, data: dict[str, Any], line: int, faults: list[Fault]) -> None:
        """Adds what a record says. What was said before may be said again, but not otherwise."""
        fresh = {}
        for name, value in data.items():
            if name not in self.said:
                self.said[name] = (value, line)
                fresh[name] = value
            elif self.said[name][0] != value:
                known, where = self.said[name]
                faults.append(self.fault(line, name, f"{words(value)} here, and {words(known)} in line {where}."))
        if fresh:
            self.check(fresh, line, faults)

    def check(self, data: dict[str, Any], line: int, faults: list[Fault]) -> None:
        """Keeps the data that are good, and tells the faults of the others."""
        try:
            self.data |= checker(self.kind, self.zone).run_validation(data)
        except ValidationError as error:
            found = list(flatten(error.get_full_details()))
            faults += [self.fault(line, it["pointer"].strip("/"), it["detail"]) for it in found]
            blamed = {it["pointer"].strip("/").partition("/")[0] for it in found}
            self.wrong |= {sources(self.kind).get(name, name) for name in blamed}
            if good := {name: value for name, value in data.items() if name not in blamed and blamed & set(data)}:
                self.check(good, line, faults)

    def blame(self, name: str) -> bool:
        """Gives up a fact that was refused, by the API's name, so that the others can be looked at; false without."""
        source = sources(self.kind).get(name, name)
        self.wrong.add(source)
        had = [data.pop(source) for data in (self.data, self.changes) if source in data]
        return bool(had)

    def fault(self, line: int, name: str, detail: str) -> Fault:
        return Fault(line, f"{self.kind}_{name}" if name else "", detail, self.name)

    def compare(self, faults: list[Fault]) -> None:
        """Finds what differs from the row that is there, or what is missing to make one."""
        if self.stored is None:
            missing = [name for name in NEEDED[self.kind] if name not in self.said and not self.is_unsure]
            detail = "Must be given, because this is not there yet."
            faults += [self.fault(self.line, name, detail) for name in missing]
            return
        self.is_new = False
        data = {name: value for name, value in self.data.items() if name != "status"}
        self.changes = {name: value for name, value in data.items() if getattr(self.stored, name) != value}
        if self.kind == "venue" and "capacity" in self.wrong:
            self.changes["capacity"] = LARGEST  # which does nothing, with a fault; its events are not to be blamed
        if "timezone" in self.changes and self.stored.events.exists():
            detail = "It has events, whose times would mean other instants: change it by hand."
            faults.append(self.fault(self.line, "timezone", detail))
        if self.data.get("status") == Event.Status.DRAFT and self.stored.status != Event.Status.DRAFT:
            faults.append(self.fault(self.line, "status", f"It is {self.stored.status}, and stays so."))

    @property
    def is_unsure(self) -> bool:
        """Whether it, or what it is inside of, may be there already, though it was not found."""
        return self.is_unknown or (self.inside is not None and self.inside.is_unsure)

    @property
    def is_to_publish(self) -> bool:
        is_asked = self.data.get("status") == Event.Status.PUBLISHED and "starts_at" in self.data
        return is_asked and (self.is_new or self.stored.status != Event.Status.PUBLISHED)

    def steps(self) -> Iterator[Step]:
        verb = CREATE if self.is_new else CHANGE if self.changes else SAME
        pairs = {
            names(self.kind)[name]: [None if self.is_new else to_json(getattr(self.stored, name)), to_json(value)]
            for name, value in (self.data if self.is_new else self.changes).items()
        }
        setting = Setting(str(self.zone or UTC), self.currency)
        yield Step(self.line, self.kind, self.name, verb, pairs, setting)
        if self.is_to_publish:
            yield Step(self.line, self.kind, self.name, PUBLISH, {}, setting)

    @property
    def currency(self) -> str:
        """In which its prices are: that of its event, when it is a ticket type."""
        event = self.inside if self.kind == "ticket_type" else self
        if event is None or event.kind != "event":
            return ""
        known = event.data.get("currency") or (event.stored and event.stored.currency)
        return known or current_currency()


class Plan:
    """The things of a file: venues, then events, then ticket types, each in the order of the file.

    What has a fault is in it, too: what is inside can have faults of its own. A thing without a name goes by its line.
    """

    def __init__(self, records: list[Record], faults: list[Fault]) -> None:
        self.faults = faults
        self.venues: dict[Key, Thing] = {}
        self.events: dict[tuple[Key, Key, Any], Thing] = {}
        self.types: dict[tuple[tuple[Key, Key, Any], Key], Thing] = {}
        self.starts: dict[tuple[Key, str], dt.datetime | None] = {}
        for record in records:
            self.add_venue(record)
        self.find_venues()
        for record in records:
            if record.event or record.ticket_type:
                self.add_event(record)
        self.find_events()
        self.find_types()
        for thing in self.things():
            thing.compare(faults)

    def things(self) -> Iterator[Thing]:
        yield from self.venues.values()
        yield from self.events.values()
        yield from self.types.values()

    def say(self, thing: Thing, data: dict[str, Any], line: int, key: Key) -> None:
        """As `Thing.say`; of one that goes by its line the name is missing."""
        if key == line:
            thing.is_unknown = True
            thing.wrong.add("name")
            self.faults.append(Fault(line, f"{thing.kind}_name", "Must be given."))
            data = {name: value for name, value in data.items() if name != "name"}
        thing.say(data, line, self.faults)

    def add_venue(self, record: Record) -> None:
        key = key_of(record.venue, record.line)
        venue = self.venues.setdefault(key, Thing("venue", record.line, shown(key)))
        self.say(venue, record.venue, record.line, key)

    def find_venues(self) -> None:
        rows = fetch(Venue.objects.all(), "name", filter(shown, self.venues))
        stored = grouped(rows, lambda venue: venue.name)
        for key, venue in self.venues.items():
            venue.stored = self.only_one(venue, stored.get(key, []))
            zone = venue.data.get("timezone") or (venue.stored and venue.stored.timezone)
            venue.zone = ZoneInfo(zone) if zone else None

    def add_event(self, record: Record) -> None:
        venue_key, name = key_of(record.venue, record.line), key_of(record.event, record.line)
        venue = self.venues[venue_key]
        zone = venue.zone or UTC  # of a venue whose own zone has a fault
        start = self.start_of(record, venue_key, zone, shown(name))
        # What is wrong with a start is told. Events with the same one are the same, and one without is alone.
        asked = record.event.get("starts_at")
        key = (venue_key, name, start or (record.line if asked is None else str(asked)))
        if key not in self.events:
            when = f", {start.astimezone(zone):%d %b %Y, %H:%M}" if start else ""
            self.events[key] = Thing("event", record.line, f"{shown(name)}{when}", venue, zone)
        event = self.events[key]
        data = {fact: value for fact, value in record.event.items() if fact != "starts_at"}
        if start is None:
            event.is_unknown = event.is_unknown or venue.stored is not None
        else:
            # How it is written may differ from line to line.
            data["starts_at"] = start.isoformat().replace("+00:00", "Z")
        self.say(event, data, record.line, name)
        if record.ticket_type:
            self.add_type(record, key)

    def start_of(self, record: Record, venue: Key, zone: ZoneInfo, name: str) -> dt.datetime | None:
        if record.event.get("starts_at") is None:
            if record.event:
                self.faults.append(Fault(record.line, "event_starts_at", "Must be given.", name))
            return None
        asked = (venue, str(record.event["starts_at"]))
        if asked not in self.starts:
            try:
                starts_at = checker("event", zone).fields["starts_at"]
                self.starts[asked] = starts_at.run_validation(record.event["starts_at"])
            except ValidationError as error:
                self.starts[asked] = None
                detail = " ".join(map(str, error.detail))
                self.faults.append(Fault(record.line, "event_starts_at", detail, name))
        return self.starts[asked]

    def add_type(self, record: Record, event: tuple[Key, Key, Any]) -> None:
        key = key_of(record.ticket_type, record.line)
        inside = self.events[event]
        name = ", ".join(filter(None, [shown(key), inside.name]))
        thing = self.types.setdefault((event, key), Thing("ticket_type", record.line, name, inside, inside.zone))
        self.say(thing, record.ticket_type, record.line, key)

    def find_events(self) -> None:
        venues = [venue.stored.pk for venue in self.venues.values() if venue.stored]
        names = {name for _, name, _ in self.events if shown(name)}
        rows = fetch(Event.objects.filter(venue__in=venues), "name", names)
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
            thing.is_unknown = True
            return None
        return rows[0] if rows else None


def key_of(data: dict[str, Any], line: int) -> Key:
    """By what a thing is found again: its name, or its line when it has none."""
    name = data.get("name")
    return (normalise(name) if isinstance(name, str) else "") or line


def shown(key: Key) -> str:
    return key if isinstance(key, str) else ""


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
