"""Parses a file into records: the venue, event and ticket type data of one CSV line or JSON object."""

import codecs
import csv
import io
import json
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Self

from config.api.tables import restore

FORMATS = ("csv", "json")
MAX_ROWS = 10_000  # of a table, or objects in JSON
MAX_CELLS = 100  # read of one row; the rest is an error, since there are fewer columns
MAX_TEXT = 10_000  # characters, as many as the longest field may have
MAX_ERRORS = 100
MAX_NAME = 100  # characters of an unknown name in an error
TOO_MANY_ROWS = f"The file has more than {MAX_ROWS:,} rows or objects. Import it in parts."
KINDS = ("venue", "event", "ticket_type")
NOT_TEXT = "The file is not UTF-8 text. In a spreadsheet, save it as “CSV UTF-8”."
NONE = "none"  # in a cell: null; an empty cell leaves the field out
# API names.
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
        "free_confirmation",
        "is_cancellable_by_customer",
        "visibility",
    ),
    "ticket_type": (
        "name",
        "price",
        "fee",
        "tax_rate",
        "quantity",
        "min_per_booking",
        "max_per_booking",
        "sales_start_at",
        "sales_end_at",
        "is_name_required",
        "position",
        "description",
    ),
}
COLUMNS = {f"{kind}_{name}": (kind, name) for kind in KINDS for name in FIELDS[kind]}
CHILDREN = {"venue": "events", "event": "ticket_types"}  # nested lists in JSON
INTEGER = re.compile(r"-?[0-9]{1,18}")
NUMBERS = ("capacity", "max_per_customer", "quantity", "min_per_booking", "max_per_booking", "position")
SWITCHES = ("is_cancellable_by_customer", "is_name_required")
NULLABLE = ("max_per_customer", "quantity", "sales_start_at", "sales_end_at")


@dataclass(frozen=True, order=True)
class FileError:
    """An error in the file, or a warning. `field`, and `subject`, the name of the object, may be empty."""

    line: int
    field: str
    detail: str
    subject: str = ""

    def __str__(self) -> str:
        where = [f"line {self.line}", *([f"“{self.subject}”"] if self.subject else []), *filter(None, [self.field])]
        return f"{', '.join(where)}: {self.detail}"


@dataclass
class Record:
    line: int
    venue: dict[str, Any] = field(default_factory=dict)
    event: dict[str, Any] = field(default_factory=dict)
    ticket_type: dict[str, Any] = field(default_factory=dict)


class TooManyErrors(Exception):
    """Internal to this package."""


class Errors(list[FileError]):
    """Raises TooManyErrors instead of growing beyond MAX_ERRORS."""

    def append(self, error: FileError) -> None:
        if len(self) >= MAX_ERRORS:
            raise TooManyErrors
        super().append(error)

    def __iadd__(self, errors: Iterable[FileError]) -> Self:  # type: ignore[override,misc]
        for error in errors:
            self.append(error)
        return self


class Unreadable(Exception):
    """The file is neither CSV nor JSON. Internal to this package."""

    def __init__(self, line: int, detail: str) -> None:
        super().__init__(detail)
        self.error = FileError(line, "", detail)


def format_of(name: str) -> str | None:
    """The format by the extension of a file's name, or None."""
    ending = name.rpartition(".")[2].lower()
    return ending if ending in FORMATS else None


def read(content: bytes, form: str, errors: Errors) -> list[Record]:
    """The records of a file. Appends to `errors`; raises Unreadable and TooManyErrors."""
    content = content.removeprefix(codecs.BOM_UTF8)
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Unreadable(line, NOT_TEXT) from None
    if "\x00" in text:
        raise Unreadable(text.count("\n", 0, text.index("\x00")) + 1, NOT_TEXT)
    records = read_csv(text, errors) if form == "csv" else read_json(text, errors)
    return [without_long_texts(record, errors) for record in records]


def without_long_texts(record: Record, errors: Errors) -> Record:
    """Some checks of a text take quadratic time."""
    for kind in KINDS:
        data = getattr(record, kind)
        for name in [name for name, value in data.items() if isinstance(value, str) and len(value) > MAX_TEXT]:
            errors.append(FileError(record.line, f"{kind}_{name}", f"Must have at most {MAX_TEXT:,} characters."))
            del data[name]
    return record


# CSV


def read_csv(text: str, errors: Errors) -> Iterator[Record]:
    lines = io.StringIO(text, newline="")
    header = lines.readline()
    lines.seek(0)
    rows = csv.reader(lines, delimiter=delimiter(header), strict=True)
    columns: list[str] = []
    first = 1
    try:
        for number, row in enumerate(rows):
            line, first = first, rows.line_num + 1
            if number > MAX_ROWS:
                raise Unreadable(line, TOO_MANY_ROWS)
            cells = [restore(cell).strip() for cell in row[:MAX_CELLS]]
            if not any(cells):
                continue
            if not columns:
                columns = cells
                check_columns(columns, line, errors)
                continue
            if len(row) > len(columns):
                detail = f"The line has {len(row)} cells, but the header has {len(columns)} columns."
                errors.append(FileError(line, "", detail))
            if "venue_name" not in columns:
                return
            yield record_of(dict(zip(columns, cells, strict=False)), line)
    except csv.Error as error:
        errors.append(FileError(first, "", f"Invalid CSV: {error}."))
        return
    if not columns:
        raise Unreadable(1, "The file is empty.")


def delimiter(header: str) -> str:
    """Spreadsheets choose it by locale."""
    return max(",;\t", key=header.count)


def check_columns(names: list[str], line: int, errors: Errors) -> None:
    for number, name in enumerate(names):
        if name not in COLUMNS:
            errors.append(FileError(line, name[:MAX_NAME] or f"column {number + 1}", "Unknown column."))
        elif name in names[:number]:
            errors.append(FileError(line, name, "Duplicate column."))
    if "venue_name" not in names:
        errors.append(FileError(line, "venue_name", "This column is required."))


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
    if name in SWITCHES and text.lower() in ("true", "false"):
        return text.lower() == "true"
    return int(text) if name in NUMBERS and INTEGER.fullmatch(text) else text


# JSON

# Up to the next brace or bracket that is in no string, or to the end.
BRACE = re.compile(r'(?:[^"{}[]++|"(?:[^"\\]++|\\.)*+"?)*+([{}[]|\Z)', re.DOTALL)


class Located(dict[str, Any]):
    """A JSON object with the line where it begins."""

    line: int


class Locator:
    """The hook that makes Located objects, which end in the order in which it is called."""

    def __init__(self, text: str) -> None:
        self.lines = iter(lines_of_objects(text))

    def __call__(self, pairs: list[tuple[str, Any]]) -> Located:
        found = Located(pairs)
        found.line = next(self.lines, 1)
        if len(found) < len(pairs):
            raise Unreadable(found.line, "Duplicate name in an object.")
        if any(isinstance(value, float) and not math.isfinite(value) for value in found.values()):
            raise Unreadable(found.line, "A number that is not finite is not valid JSON.")
        return found


def lines_of_objects(text: str) -> list[int]:
    """The line in which each object begins, in the order in which they end. Raises Unreadable for too many."""
    line, lists, begun, lines = 1, 0, [], []
    for found in BRACE.finditer(text):
        line += found[0].count("\n")
        if found[1] == "{":
            begun.append(line)
        elif found[1] == "}" and begun:
            lines.append(begun.pop())
        lists += found[1] == "["
        if max(len(begun) + len(lines), lists) > MAX_ROWS + 1:  # with the whole
            raise Unreadable(line, TOO_MANY_ROWS)
    return lines


def read_json(text: str, errors: Errors) -> Iterator[Record]:
    try:
        whole = json.loads(text, object_pairs_hook=Locator(text))
    except json.JSONDecodeError as error:
        raise Unreadable(error.lineno, f"Invalid JSON: {error.msg}.") from None
    except (RecursionError, ValueError):
        raise Unreadable(1, "Invalid JSON: nested too deeply, or a number is too long.") from None
    if not isinstance(whole, Located) or not isinstance(whole.get("venues"), list):
        raise Unreadable(1, 'The file must be an object with a list of venues: {"venues": […]}.')
    errors += [FileError(whole.line, name[:MAX_NAME], "Unknown field.") for name in whole if name != "venues"]
    yield from read_list(whole["venues"], "venue", Record(whole.line), errors)


def read_list(rows: list[Any], kind: str, parent: Record, errors: Errors) -> Iterator[Record]:
    """A record for each object of the list, followed by those of the objects nested in it."""
    parents = KINDS[: KINDS.index(kind)]
    children = CHILDREN.get(kind, "")
    for row in rows:
        if not isinstance(row, Located):
            errors.append(FileError(parent.line, "", f"A {kind.replace('_', ' ')} must be an object."))
            continue
        unknown = [name for name in row if name not in (*FIELDS[kind], children)]
        errors += [FileError(row.line, name[:MAX_NAME], "Unknown field.") for name in unknown]
        data = {name: value for name, value in row.items() if name in FIELDS[kind]}
        record = Record(row.line, **{it: getattr(parent, it) for it in parents}, **{kind: data})
        yield record
        nested = row.get(children, []) if children else []
        if not isinstance(nested, list):
            errors.append(FileError(row.line, children, "Must be a list."))
        elif nested:
            keys = {it: keys_of(it, getattr(record, it)) for it in KINDS}
            yield from read_list(nested, KINDS[len(parents) + 1], Record(row.line, **keys), errors)


def keys_of(kind: str, data: dict[str, Any]) -> dict[str, Any]:
    """The fields that identify an object: they are repeated in the records of its children."""
    keys = ("name", "starts_at") if kind == "event" else ("name",)
    return {name: value for name, value in data.items() if name in keys}
