"""Compares the file with the database: which objects are new, which differ, and how."""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Model, QuerySet
from rest_framework.serializers import ValidationError

from config.api.errors import flatten
from config.backoffice.wording import Setting, field_of, in_words, label
from config.history.models import to_json
from config.values.text import normalise
from config.values.timezones import UTC, find_zone
from events.models import Event, current_currency
from ticket_types.imports.fields import api_names, model_names, serializer_for
from ticket_types.imports.reading import Errors, FileError, Record
from ticket_types.models import TicketType
from venues.models import LARGEST, Venue

CREATE, CHANGE, SAME, PUBLISH = "create", "change", "same", "publish"
REQUIRED = "This field is required."
# Besides the fields that identify an object.
REQUIRED_FIELDS = {"venue": ("address", "capacity", "timezone"), "event": ("ends_at",), "ticket_type": ("price",)}
MODELS: dict[str, type[Model]] = {"venue": Venue, "event": Event, "ticket_type": TicketType}
MAX_NAMES = 500  # in one query

Key = str | int  # a name, or the line of an object without one


@dataclass(frozen=True)
class Step:
    """What happens to one object; `changes` has the old and the new value of each field, by its API name."""

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
        """The changes for people: times in the venue's local time, prices with their currency."""
        model = MODELS[self.kind]
        for name, values in self.changes.items():
            source = model_names(self.kind)[name]
            old, new = (in_words(field_of(model, source), value, self.setting) for value in values)
            if self.verb == CHANGE:
                yield f"{label(model, source)} {old} → {new}"
            elif name not in ("name", "status"):
                yield f"{label(model, source)} {new}"


@dataclass
class Target:
    """A venue, event or ticket type, with the data of all records about it."""

    kind: str
    line: int  # of the first record
    name: str
    parent: "Target | None" = None
    zone: ZoneInfo | None = None  # of the venue
    stored: Any = None  # the row, as soon as it exists
    given: dict[str, tuple[Any, int]] = field(default_factory=dict)  # raw values and their lines, by API name
    data: dict[str, Any] = field(default_factory=dict)  # valid values, by model name, as `changes` and `invalid`
    changes: dict[str, Any] = field(default_factory=dict)
    invalid: set[str] = field(default_factory=set)
    is_new: bool = True
    is_ambiguous: bool = False  # because of an error its row, if there is one, is not known

    def add(self, data: dict[str, Any], line: int, errors: Errors) -> None:
        """Adds the data of a record, which may repeat values but not contradict them."""
        new = {}
        for name, value in data.items():
            if name not in self.given:
                self.given[name] = (value, line)
                new[name] = value
            elif self.given[name][0] != value:
                known, where = self.given[name]
                detail = f"{value_or_none(value)} here, but {value_or_none(known)} in line {where}."
                errors.append(self.error(line, name, detail))
        if new:
            self.validate(new, line, errors)

    def validate(self, data: dict[str, Any], line: int, errors: Errors) -> None:
        """Keeps the valid data, and appends an error for each invalid field."""
        try:
            self.data |= serializer_for(self.kind, self.zone).run_validation(data)
        except ValidationError as error:
            found = list(flatten(error.detail))
            errors += [self.error(line, it["pointer"].strip("/"), it["detail"]) for it in found]
            names = {it["pointer"].strip("/").partition("/")[0] for it in found}
            self.invalid |= {model_names(self.kind).get(name, name) for name in names}
            if rest := {name: value for name, value in data.items() if name not in names and names & set(data)}:
                self.validate(rest, line, errors)

    def reject(self, name: str) -> bool:
        """Drops a field, by its API name, that a rule refused; false when it has no value."""
        source = model_names(self.kind).get(name, name)
        self.invalid.add(source)
        dropped = [data.pop(source) for data in (self.data, self.changes) if source in data]
        return bool(dropped)

    def error(self, line: int, name: str, detail: str) -> FileError:
        return FileError(line, f"{self.kind}_{name}" if name else "", detail, self.name)

    def compare(self, errors: Errors) -> None:
        """Sets `changes`, or for a new object checks the required fields."""
        if self.stored is None:
            missing = [name for name in REQUIRED_FIELDS[self.kind] if name not in self.given and not self.may_exist]
            errors += [self.error(self.line, name, REQUIRED) for name in missing]
            return
        self.is_new = False
        self.accept_stored(errors)
        data = {name: value for name, value in self.data.items() if name != "status"}
        self.changes = {name: value for name, value in data.items() if getattr(self.stored, name) != value}
        if self.kind == "venue" and "capacity" in self.invalid:
            self.changes["capacity"] = LARGEST  # rolled back; avoids errors of its events that follow from this one
        if "timezone" in self.changes and self.stored.events.exists():
            detail = "The venue has events, and their times would change. Change the time zone in the admin."
            errors.append(self.error(self.line, "timezone", detail))
        if self.data.get("status") == Event.Status.DRAFT and self.stored.status != Event.Status.DRAFT:
            detail = f"The event is {self.stored.status} and cannot become a draft again."
            errors.append(self.error(self.line, "status", detail))

    def accept_stored(self, errors: list[FileError]) -> None:
        """Drops the errors of values that are stored already."""
        for name, (value, line) in self.given.items():
            source = model_names(self.kind).get(name, name)
            if source in self.invalid and value == getattr(self.stored, source):
                self.invalid.discard(source)
                where = (line, f"{self.kind}_{name}")
                errors[:] = [error for error in errors if (error.line, error.field) != where]

    @property
    def may_exist(self) -> bool:
        """Whether its row, or that of a parent, may exist although it was not found."""
        return self.is_ambiguous or (self.parent is not None and self.parent.may_exist)

    @property
    def is_to_publish(self) -> bool:
        is_wanted = self.data.get("status") == Event.Status.PUBLISHED and "starts_at" in self.data
        return is_wanted and (self.is_new or self.stored.status != Event.Status.PUBLISHED)

    def steps(self) -> Iterator[Step]:
        verb = CREATE if self.is_new else CHANGE if self.changes else SAME
        pairs = {
            api_names(self.kind)[name]: [None if self.is_new else to_json(getattr(self.stored, name)), to_json(value)]
            for name, value in (self.data if self.is_new else self.changes).items()
        }
        setting = Setting(str(self.zone or UTC), self.currency)
        yield Step(self.line, self.kind, self.name, verb, pairs, setting)
        if self.is_to_publish:
            yield Step(self.line, self.kind, self.name, PUBLISH, {}, setting)

    @property
    def currency(self) -> str:
        """Of an event, or of a ticket type's event; empty for a venue."""
        event = self.parent if self.kind == "ticket_type" else self
        if event is None or event.kind != "event":
            return ""
        known = event.data.get("currency") or (event.stored and event.stored.currency)
        return known or current_currency()


class Plan:
    """The targets of a file. Those with errors are included, so that errors of their children are found too."""

    def __init__(self, records: list[Record], errors: Errors) -> None:
        self.errors = errors
        self.venues: dict[Key, Target] = {}
        self.events: dict[tuple[Key, Key, Any], Target] = {}
        self.types: dict[tuple[tuple[Key, Key, Any], Key], Target] = {}
        self.starts: dict[tuple[Key, str], dt.datetime | None] = {}
        for record in records:
            self.add_venue(record)
        self.find_venues()
        for record in records:
            if record.event or record.ticket_type:
                self.add_event(record)
        self.find_events()
        self.find_types()
        for target in self.targets():
            target.compare(errors)

    def targets(self) -> Iterator[Target]:
        yield from self.venues.values()
        yield from self.events.values()
        yield from self.types.values()

    def add(self, target: Target, data: dict[str, Any], line: int, key: Key) -> None:
        if key == line:
            target.is_ambiguous = True
            target.invalid.add("name")
            self.errors.append(FileError(line, f"{target.kind}_name", REQUIRED))
            data = {name: value for name, value in data.items() if name != "name"}
        target.add(data, line, self.errors)

    def add_venue(self, record: Record) -> None:
        key = key_of(record.venue, record.line)
        venue = self.venues.setdefault(key, Target("venue", record.line, name_of(key)))
        self.add(venue, record.venue, record.line, key)

    def find_venues(self) -> None:
        rows = fetch(Venue.objects.all(), "name", filter(name_of, self.venues))
        stored = group_by(rows, lambda venue: venue.name)
        for key, venue in self.venues.items():
            venue.stored = self.only_one(venue, stored.get(key, []))
            zone = venue.data.get("timezone") or (venue.stored and venue.stored.timezone)
            venue.zone = find_zone(zone) if zone else None

    def add_event(self, record: Record) -> None:
        venue_key, key = key_of(record.venue, record.line), key_of(record.event, record.line)
        venue = self.venues[venue_key]
        zone = venue.zone or UTC  # when the venue's own zone is invalid
        start = self.start_of(record, venue_key, zone, name_of(key))
        # Records with the same invalid start are about the same event; each record without a start is one of its own.
        given = record.event.get("starts_at")
        event_key = (venue_key, key, start or (record.line if given is None else str(given)))
        if event_key not in self.events:
            when = f", {start.astimezone(zone):%d %b %Y, %H:%M}" if start else ""
            self.events[event_key] = Target("event", record.line, f"{name_of(key)}{when}", venue, zone)
        event = self.events[event_key]
        data = {name: value for name, value in record.event.items() if name != "starts_at"}
        if start is None:
            event.is_ambiguous = event.is_ambiguous or venue.stored is not None
        else:
            data["starts_at"] = start.isoformat().replace("+00:00", "Z")  # the same however each line writes it
        self.add(event, data, record.line, key)
        if record.ticket_type:
            self.add_type(record, event_key)

    def start_of(self, record: Record, venue: Key, zone: ZoneInfo, name: str) -> dt.datetime | None:
        given = record.event.get("starts_at")
        if given is None:
            if record.event:
                self.errors.append(FileError(record.line, "event_starts_at", REQUIRED, name))
            return None
        key = (venue, str(given))
        if key not in self.starts:
            try:
                self.starts[key] = serializer_for("event", zone).fields["starts_at"].run_validation(given)
            except ValidationError as error:
                self.starts[key] = None
                self.errors.append(FileError(record.line, "event_starts_at", " ".join(map(str, error.detail)), name))
        return self.starts[key]

    def add_type(self, record: Record, event: tuple[Key, Key, Any]) -> None:
        key = key_of(record.ticket_type, record.line)
        parent = self.events[event]
        name = ", ".join(filter(None, [name_of(key), parent.name]))
        target = self.types.setdefault((event, key), Target("ticket_type", record.line, name, parent, parent.zone))
        self.add(target, record.ticket_type, record.line, key)

    def find_events(self) -> None:
        venues = [venue.stored.pk for venue in self.venues.values() if venue.stored]
        names = {name for _, name, _ in self.events if name_of(name)}
        rows = fetch(Event.objects.filter(venue__in=venues), "name", names)
        stored = group_by(rows, lambda event: (event.venue_id, event.name, event.starts_at))
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

    def only_one(self, target: Target, rows: list[Any]) -> Any:
        if len(rows) > 1:
            ids = ", ".join(str(row.pk) for row in rows)
            detail = f"There are {len(rows)} with this name (ids {ids}). Rename all but one."
            self.errors.append(target.error(target.line, "name", detail))
            target.is_ambiguous = True
            return None
        return rows[0] if rows else None


def key_of(data: dict[str, Any], line: int) -> Key:
    name = data.get("name")
    return (normalise(name) if isinstance(name, str) else "") or line


def name_of(key: Key) -> str:
    return key if isinstance(key, str) else ""


def value_or_none(value: Any) -> str:
    return "none" if value in (None, "") else str(value)


def fetch(rows: QuerySet, name: str, values: Iterable[Any]) -> Iterator[Any]:
    """The rows with one of many values, in queries of MAX_NAMES values."""
    known = list(values)
    for first in range(0, len(known), MAX_NAMES):
        yield from rows.filter(**{f"{name}__in": known[first : first + MAX_NAMES]})


def group_by(rows: Iterable[Model], key: Callable[[Any], Any]) -> dict[Any, list[Any]]:
    groups: dict[Any, list[Any]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups
