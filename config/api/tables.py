"""Tables for other programs: CSV (RFC 4180), written while it is read, and safe to open in a spreadsheet."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header

CSV = "text/csv"
BYTE_ORDER_MARK = "\ufeff"  # by which a spreadsheet knows UTF-8
# A cell that begins so is a formula to a spreadsheet, which runs it; some take the wide forms of Asian text for these.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
ROWS_AT_ONCE = 200  # in one piece of an answer: some 20 kB


def cell(value: Any) -> Any:
    """A value as a cell. Text that a spreadsheet would run gets an apostrophe, which shows it as text."""
    if value is None:
        return ""
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return f"'{value}"
    return value


class Lines(list[str]):
    """What a csv writer writes into."""

    write = list.append

    def take(self) -> str:
        text = "".join(self)
        self.clear()
        return text


def csv_pieces(header: Sequence[str], rows: Iterable[Iterable[Any]], *, for_people: bool = False) -> Iterator[str]:
    """The table as text, piece by piece: no more of it is in memory than some hundred rows.

    The first piece has the header and the first rows, so that what goes wrong at once goes wrong before an answer has
    begun. `for_people` puts a byte-order mark in front, without which spreadsheets take UTF-8 for something else.
    """
    lines = Lines()
    writer = csv.writer(lines)
    if for_people:
        lines.write(BYTE_ORDER_MARK)
    writer.writerow([cell(name) for name in header])
    for number, row in enumerate(rows, start=1):
        writer.writerow([cell(value) for value in row])
        if number % ROWS_AT_ONCE == 0:
            yield lines.take()
    yield lines.take()


def csv_response(
    name: str, header: Sequence[str], rows: Iterable[Iterable[Any]], *, for_people: bool = False
) -> StreamingHttpResponse:
    """The table as a download with a file name. Raises what the first rows raise."""
    pieces = csv_pieces(header, rows, for_people=for_people)
    first = next(pieces)
    response = StreamingHttpResponse(chained(first, pieces), content_type=f"{CSV}; charset=utf-8")
    response["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=f"{name}.csv") or ""
    return response


def chained(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest
