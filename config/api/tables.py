"""CSV (RFC 4180), streamed, and safe to open in a spreadsheet."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header

CSV = "text/csv"
BYTE_ORDER_MARK = "\ufeff"
# A formula can begin at the start of a cell, or inside of it after what spreadsheets of some locale split at, perhaps
# followed by spaces and quotes. Some accept the fullwidth forms of = + - @ too.
SIGNS = r"=+@\-\uff1d\uff0b\uff0d\uff20"
BREAKS = ",;\t\r\n"
SUSPECT = re.compile(f"[{SIGNS}\t\r\n]")
GAP = rf'(?:\A|(?<![{BREAKS}\s"])(?=[{BREAKS}\s"]))[{BREAKS}\s"]*+'
FORMULA = re.compile(f"{GAP}(?='*+[{SIGNS}])")
NEUTRALISED = re.compile(f"({GAP})'(?='*+[{SIGNS}])")
LEADING_BREAK = re.compile(r"'*[\t\r\n]")  # which a spreadsheet may trim
ROWS_PER_CHUNK = 200


def cell(value: Any) -> Any:
    """A cell's value. An apostrophe before each formula keeps spreadsheets from running it; `restore` removes it."""
    if isinstance(value, str) and SUSPECT.search(value):
        text = FORMULA.sub(lambda gap: f"{gap[0]}'" if begins_cell(gap) else gap[0], value)
        return f"'{text}" if LEADING_BREAK.match(text) else text
    return "" if value is None else value


def restore(text: str) -> str:
    """The text that `cell` made a cell of."""
    text = text[1:] if text.startswith("'") and LEADING_BREAK.match(text) else text
    return NEUTRALISED.sub(lambda gap: gap[1] if begins_cell(gap) else gap[0], text)


def begins_cell(gap: re.Match[str]) -> bool:
    return gap.start() == 0 or any(it in BREAKS for it in gap[0])


class Lines(list[str]):
    """A buffer for csv.writer."""

    write = list.append

    def take(self) -> str:
        text = "".join(self)
        self.clear()
        return text


def csv_chunks(header: Sequence[str], rows: Iterable[Iterable[Any]]) -> Iterator[str]:
    """The table as text in chunks of some hundred rows. The first one has the header and the first rows.

    It begins with a byte-order mark, which spreadsheets need to detect UTF-8.
    """
    lines = Lines()
    writer = csv.writer(lines)
    lines.write(BYTE_ORDER_MARK)
    writer.writerow([cell(name) for name in header])
    for number, row in enumerate(rows, start=1):
        writer.writerow([cell(value) for value in row])
        if number % ROWS_PER_CHUNK == 0:
            yield lines.take()
    yield lines.take()


def csv_response(name: str, header: Sequence[str], rows: Iterable[Iterable[Any]]) -> StreamingHttpResponse:
    """The table as a download. An error in the first rows is raised before the response starts."""
    chunks = csv_chunks(header, rows)
    first = next(chunks)
    response = StreamingHttpResponse(prepend(first, chunks), content_type=f"{CSV}; charset=utf-8")
    response["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=f"{name}.csv") or ""
    return response


def prepend(first: str, rest: Iterator[str]) -> Iterator[str]:
    """A generator, so that closing the response closes `rest`, which itertools.chain does not."""
    yield first
    yield from rest
