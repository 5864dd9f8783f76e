"""A file as records: what one line of it, or one object, says of a venue, an event and a ticket type."""

import codecs
import csv
import json
import json.scanner
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

FORMATS = ("csv", "json")
KINDS = ("venue", "event", "ticket_type")
NOT_TEXT = "This is not text in UTF-8: a spreadsheet saves it as “CSV UTF-8”."
NONE = "none"  # in a cell: no value, where an empty cell says nothing
# The fields of each kind, as the API calls them.
FIELDS = {
    "venue": ("name", "address", "capacity", "timezone"),
    "event": (
        "name",
        "starts_at",
        "ends_at",
        "description",
        "status",
        "currency",
        "capacity",
        "max_per_customer",
    ),
    "ticket_type": (
        "name",
        "price",
        "quantity",
        "min_per_booking",
        "max_per_booking",
        "sales_start_at",
        "sales_end_at",
        "position",
        "description",
    ),
}
COLUMNS = {f"{kind}_{name}": (kind, name) for kind in KINDS for name in FIELDS[kind]}
BELOW = {"venue": "events", "event": "ticket_types"}  # where a JSON object has the objects of the next kind
WHOLE = re.compile(r"-?[0-9]{1,18}")
NUMBERS = ("capacity", "max_per_customer", "quantity", "min_per_booking", "max_per_booking", "position")
NULLABLE = ("max_per_customer", "quantity", "sales_start_at", "sales_end_at")


@dataclass(frozen=True, order=True)
class Fault:
    """What is wrong, and in which line; `field` and `subject`, what it is about, may be empty."""

    line: int
    field: str
    detail: str
    subject: str = ""

    def __str__(self) -> str:
        where = [f"line {self.line}", *([f"“{self.subject}”"] if self.subject else []), *filter(None, [self.field])]
        return f"{', '.join(where)}: {self.detail}"


@dataclass
class Record:
    """What one place of the file says; a kind that it does not speak of is empty."""

    line: int
    venue: dict[str, Any] = field(default_factory=dict)
    event: dict[str, Any] = field(default_factory=dict)
    ticket_type: dict[str, Any] = field(default_factory=dict)


class Unreadable(Exception):
    """The file is no table and no JSON, from this line on. Never leaves this package."""

    def __init__(self, line: int, detail: str) -> None:
        super().__init__(detail)
        self.fault = Fault(line, "", detail)


def format_of(name: str) -> str | None:
    """The format that a file's name tells; None when it tells none."""
    ending = name.rpartition(".")[2].lower()
    return ending if ending in FORMATS else None


def read(content: bytes, form: str, faults: list[Fault]) -> list[Record]:
    """The file's records; adds to `faults` what is wrong with single places. Raises Unreadable."""
    content = content.removeprefix(codecs.BOM_UTF8)
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Unreadable(line, NOT_TEXT) from None
    if "\x00" in text:
        raise Unreadable(text.count("\n", 0, text.index("\x00")) + 1, NOT_TEXT)
    return list(of_table(text, faults) if form == "csv" else of_objects(text, faults))


# Tables


def of_table(text: str, faults: list[Fault]) -> Iterator[Record]:
    lines = text.splitlines(keepends=True)
    rows = csv.reader(lines, delimiter=delimiter(lines[0] if lines else ""), strict=True)
    columns: list[str] = []
    first = 1
    try:
        for row in rows:
            line, first = first, rows.line_num + 1
            cells = [cell.strip() for cell in row]
            if not any(cells):
                continue
            if not columns:
                columns = checked_columns(cells, line, faults)
                continue
            if len(cells) > len(columns):
                faults.append(
                    Fault(line, "", f"The line has {len(cells)} cells, and the table {len(columns)} columns.")
                )
            if "venue_name" not in columns:
                return  # nothing can be told of any line
            yield record_of(dict(zip(columns, cells, strict=False)), line)
    except csv.Error as error:
        faults.append(Fault(first, "", f"This is not a line of a table: {error}."))
        return
    if not columns:
        raise Unreadable(1, "The file is empty.")


def delimiter(header: str) -> str:
    """Spreadsheets write what is usual in their country."""
    return max(",;\t", key=header.count)


def checked_columns(cells: list[str], line: int, faults: list[Fault]) -> list[str]:
    for number, name in enumerate(cells):
        if name not in COLUMNS:
            faults.append(Fault(line, name or f"column {number + 1}", "There is no such column."))
        elif name in cells[:number]:
            faults.append(Fault(line, name, "The column is there twice."))
    if "venue_name" not in cells:
        faults.append(Fault(line, "venue_name", "The column is missing."))
    return cells


def record_of(cells: dict[str, str], line: int) -> Record:
    record = Record(line)
    for column, text in cells.items():
        if text and column in COLUMNS:
            kind, name = COLUMNS[column]
            getattr(record, kind)[name] = value_of(name, text)
    return record


def value_of(name: str, text: str) -> Any:
    if name in NULLABLE and text.lower() == NONE:
        return None
    return int(text) if name in NUMBERS and WHOLE.fullmatch(text) else text


# Objects


class Located(dict[str, Any]):
    """An object of a JSON file that knows its line."""

    line: int


class Decoder(json.JSONDecoder):
    """Reads JSON strictly, and notes in which line each object begins; only the decoder in Python can be asked."""

    def __init__(self, text: str) -> None:
        super().__init__(object_pairs_hook=list, parse_constant=self.refuse_constant)
        self.starts = [place for place, letter in enumerate(text) if letter == "\n"]
        self.at = 1
        self.parse_object = self.locate
        self.scan_once = json.scanner.py_make_scanner(self)  # type: ignore[attr-defined]

    def locate(self, place: tuple[str, int], *args: Any) -> tuple[Located, int]:
        self.at = line = bisect_right(self.starts, place[1] - 1) + 1
        pairs, end = json.decoder.JSONObject(place, *args)  # type: ignore[attr-defined]
        found = Located(pairs)
        found.line = line
        if len(found) < len(pairs):
            raise Unreadable(line, "A name is given twice in one object.")
        return found, end

    def refuse_constant(self, name: str) -> None:
        raise Unreadable(self.at, f"{name} is not JSON.")


def of_objects(text: str, faults: list[Fault]) -> Iterator[Record]:
    try:
        whole = Decoder(text).decode(text)
    except json.JSONDecodeError as error:
        raise Unreadable(error.lineno, f"This is not JSON: {error.msg}.") from None
    except (RecursionError, ValueError):
        raise Unreadable(1, "This is not JSON that anybody would write.") from None
    if not isinstance(whole, Located) or not isinstance(whole.get("venues"), list):
        raise Unreadable(1, 'The file must be an object with a list of venues: {"venues": […]}.')
    faults += [Fault(whole.line, str(name), "There is no such field.") for name in whole if name != "venues"]
    yield from below(whole["venues"], "venue", Record(whole.line), faults)


def below(rows: Any, kind: str, outer: Record, faults: list[Fault]) -> Iterator[Record]:
    """The records of a list of objects of one kind, each followed by those of the objects inside."""
    children = BELOW.get(kind, "")
    for row in rows:
        if not isinstance(row, Located):
            faults.append(Fault(outer.line, "", f"A {kind.replace('_', ' ')} must be an object."))
            continue
        data = {name: value for name, value in row.items() if name in FIELDS[kind]}
        faults += [
            Fault(row.line, name, "There is no such field.") for name in row if name not in (*FIELDS[kind], children)
        ]
        record = Record(row.line, **{it: getattr(outer, it) for it in KINDS[: KINDS.index(kind)]}, **{kind: data})
        yield record
        inner = row.get(children, []) if children else []
        if not isinstance(inner, list):
            faults.append(Fault(row.line, children, "Must be a list."))
        elif inner:
            keys = {it: keys_of(it, getattr(record, it)) for it in KINDS}
            yield from below(inner, KINDS[KINDS.index(kind) + 1], Record(row.line, **keys), faults)


def keys_of(kind: str, data: dict[str, Any]) -> dict[str, Any]:
    """By what an object is found again; the rest of what was said of it is said once."""
    keys = ("name", "starts_at") if kind == "event" else ("name",)
    return {name: value for name, value in data.items() if name in keys}
