"""Hostile files of the size that the import page accepts cost little time and memory."""

import tracemalloc
from time import thread_time

import pytest

from ticket_types.imports import preview
from ticket_types.imports.page import MAX_BYTES
from ticket_types.imports.reading import MAX_ERRORS, MAX_ROWS, MAX_TEXT
from ticket_types.tests.test_importing import HALL, table

SECONDS, BYTES = 1.0, 100_000_000
MARKS = "a" + "\u0301\u0323" * (MAX_TEXT // 2 - 1)


def filled(piece, before="", after=""):
    """A file of 5 MB whose middle repeats a piece."""
    count = (MAX_BYTES - len((before + after).encode())) // len(piece.encode())
    return (before + piece * count + after).encode()


OPEN, CLOSE = '{"venues":[', "0]}"
FILES = {
    "json": {
        "objects": filled("{},", OPEN, CLOSE),
        "bare objects": filled("{}"),
        "nested objects": filled('{"events":[{}]},', OPEN, CLOSE),
        "lists": filled("[],", OPEN, CLOSE),
        "numbers": filled("1,", OPEN, CLOSE),
        "strings": filled('"",', OPEN, CLOSE),
        "fields": filled('"a":1,', OPEN + "{", '"b":1}]}'),
        "brackets": filled("["),
        "escapes": filled("\\\\", OPEN + '{"name":"', '"}]}'),
        "quotes": filled('\\"', '"'),
        "spaces": filled(" \n", OPEN, CLOSE),
        "marks": filled(f'{{"name":"{MARKS}"}},', OPEN, CLOSE),
        "long name": filled("\u0301\u0323", OPEN + '{"name":"a', '"}]}'),
        "long unknown name": filled("a", OPEN + '{"', '":1}]}'),
    },
    "csv": {
        "objects": filled("{}"),
        "columns": filled(",", "venue_name"),
        "unknown columns": filled("a,", "venue_name,"),
        "cells": filled(",", "venue_name\n"),
        "rows": filled("a\n", "venue_name\n"),
        "empty rows": filled("\n", "venue_name"),
        "returns": filled("\r", "venue_name"),
        "quotes": filled('"', 'venue_name\n"'),
        "marks": filled(MARKS + "\n", "venue_name\n"),
        "apostrophes": filled(";'=", "venue_name\n"),
    },
}


@pytest.mark.parametrize(("form", "name"), [(form, name) for form, files in FILES.items() for name in files])
def test_hostile_file_is_cheap(form, name, db):
    content = FILES[form][name]
    begun = thread_time()
    outcome = preview(content, form)
    assert thread_time() - begun < SECONDS
    tracemalloc.start()
    try:
        preview(content, form)
        assert tracemalloc.get_traced_memory()[1] < BYTES
    finally:
        tracemalloc.stop()
    assert outcome.steps == [] or not outcome.errors
    assert len(outcome.errors) <= MAX_ERRORS


@pytest.mark.parametrize(("rows", "errors"), [(MAX_ROWS, []), (MAX_ROWS + 1, [(MAX_ROWS + 2, "")])])
def test_table_has_a_limit_of_rows(rows, errors, db):
    found = preview(table(HALL, *[{"venue_name": "Hall"}] * (rows - 1)), "csv").errors
    assert [(error.line, error.field) for error in found] == errors


def test_import_stops_at_a_hundred_errors(db):
    rows = [{**HALL, "venue_name": f"Hall {it}", "venue_capacity": "x"} for it in range(MAX_ERRORS + 1)]
    for number, has_more in ((MAX_ERRORS, False), (MAX_ERRORS + 1, True)):
        outcome = preview(table(*rows[:number]), "csv")
        assert (len(outcome.errors), outcome.has_more_errors, outcome.is_done) == (MAX_ERRORS, has_more, False)
