"""The fonts of tickets: DejaVu Sans, embedded, and others that an operator names for the letters that it lacks.

DejaVu Sans has Latin, Greek, Cyrillic, Armenian and Georgian letters, and many symbols. A letter that no font has is
shown as an empty box. Scripts that are written from right to left, or whose letters change with their neighbours, such
as Arabic, Hebrew and Devanagari, are shown letter by letter.
"""

from functools import cache
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from django.conf import settings
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

FOLDER = Path(__file__).parent / "fonts"
REGULAR, BOLD = "DejaVuSans", "DejaVuSans-Bold"


class Run(NamedTuple):
    """Letters of one font, and their width."""

    font: str
    text: str
    width: float


@cache
def fonts(name: str) -> list[TTFont]:
    """A font, and those that help out; read once in each process."""
    found = [TTFont(name, FOLDER / f"{name}.ttf")]
    found += [TTFont(f"{Path(path).stem}", path) for path in settings.TICKET_FONTS]
    for font in found:
        pdfmetrics.registerFont(font)
    return found


@cache
def font_of(name: str, letter: str) -> str:
    """The first font that has a letter."""
    candidates = fonts(name)
    found = next((it for it in candidates if ord(letter) in it.face.charToGlyph), candidates[0])
    return found.fontName


def runs(text: str, name: str, size: float) -> list[Run]:
    parts = groupby(text, key=lambda letter: font_of(name, letter))
    lines = [(font, "".join(letters)) for font, letters in parts]
    return [Run(font, part, pdfmetrics.stringWidth(part, font, size)) for font, part in lines]


def width(text: str, name: str, size: float) -> float:
    return sum(run.width for run in runs(text, name, size))


def wrap(text: str, name: str, size: float, room: float, most: int) -> list[str]:
    """At most `most` lines that fit into `room`: between words, and within a word that is longer than a line."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if width(longer, name, size) <= room:
            line = longer
            continue
        lines += [line] if line else []
        *whole, line = pieces(word, name, size, room)
        lines += whole
    lines += [line] if line else []
    return lines if len(lines) <= most else [*lines[: most - 1], shortened(lines[most - 1], name, size, room)]


def pieces(word: str, name: str, size: float, room: float) -> list[str]:
    found = [""]
    for letter in word:
        if found[-1] and width(found[-1] + letter, name, size) > room:
            found.append("")
        found[-1] += letter
    return found


def shortened(line: str, name: str, size: float, room: float) -> str:
    while line and width(f"{line}…", name, size) > room:
        line = line[:-1]
    return f"{line.rstrip()}…"
