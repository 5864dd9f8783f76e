"""CSV (RFC 4180), streamed, and safe to open in a spreadsheet."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header

CSV = "text/csv"
BYTE_ORDER_MARK = "\ufeff"  # spreadsheets need it to detect UTF-8
# Spreadsheets run a cell that starts with one of these; some accept the fullwidth forms too.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
ROWS_PER_CHUNK = 200


def cell(value: Any) -> Any:
    """A cell's value. An apostrophe keeps a spreadsheet from running it as a formula."""
    if value is None:
        return ""
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return f"'{value}"
    return value


class Lines(list[str]):
    """A buffer for csv.writer."""

    write = list.append

    def take(self) -> str:
        text = "".join(self)
        self.clear()
        return text


def csv_chunks(header: Sequence[str], rows: Iterable[Iterable[Any]], *, for_people: bool = False) -> Iterator[str]:
    """The table as text in chunks of some hundred rows. The first one has the header and the first rows.

    `for_people` adds a byte-order mark, which spreadsheets need to detect UTF-8.
    """
    lines = Lines()
    writer = csv.writer(lines)
    if for_people:
        lines.write(BYTE_ORDER_MARK)
    writer.writerow([cell(name) for name in header])
    for number, row in enumerate(rows, start=1):
        writer.writerow([cell(value) for value in row])
        if number % ROWS_PER_CHUNK == 0:
            yield lines.take()
    yield lines.take()


def csv_response(
    name: str, header: Sequence[str], rows: Iterable[Iterable[Any]], *, for_people: bool = False
) -> StreamingHttpResponse:
    """The table as a download. An error in the first rows is raised before the response starts."""
    chunks = csv_chunks(header, rows, for_people=for_people)
    first = next(chunks)
    response = StreamingHttpResponse(prepend(first, chunks), content_type=f"{CSV}; charset=utf-8")
    response["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=f"{name}.csv") or ""
    return response


def prepend(first: str, rest: Iterator[str]) -> Iterator[str]:
    """A generator, so that closing the response closes `rest`, which itertools.chain does not."""
    yield first
    yield from rest
