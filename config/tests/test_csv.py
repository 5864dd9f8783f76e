"""No cell of a table is a formula, wherever a spreadsheet splits it; our import reads the text back."""

import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from config.api.tables import cell, csv_chunks, restore
from ticket_types.imports.reading import read

TEXTS = st.text(st.sampled_from(",;\t\n\r \"'=+-@\uff1dax"), max_size=30)


@pytest.mark.parametrize(
    ("text", "neutralised"),
    [
        ("=1+1", "'=1+1"),
        ("x;=cmd()", "x;'=cmd()"),
        ("x,+1", "x,'+1"),
        ("x\t@SUM(A1)", "x\t'@SUM(A1)"),
        ("a\n=1+1", "a\n'=1+1"),
        ("a\r\n-1", "a\r\n'-1"),
        ('a;"=1+1"', 'a;"\'=1+1"'),
        ("a; =1;=2", "a; '=1;'=2"),
        (" =1", " '=1"),
        ("\uff1d1+1", "'\uff1d1+1"),
        ("'=1", "''=1"),
        ("Mueller; Sons", "Mueller; Sons"),
        ("Rock, Pop & Jazz: 20-30 € (a=b, c-d)", "Rock, Pop & Jazz: 20-30 € (a=b, c-d)"),
        ("Tom's – ann@example.com", "Tom's – ann@example.com"),
        ('{"basket": "7", "row": "-5"}', '{"basket": "7", "row": "-5"}'),
        ("\tx", "'\tx"),
        ("", ""),
    ],
)
def test_formula_in_a_cell_is_neutralised_and_other_text_is_not(text, neutralised):
    assert (cell(text), restore(neutralised)) == (neutralised, text)


@given(TEXTS)
@hypothesis_settings(max_examples=300, deadline=None, database=None)
def test_no_spreadsheet_finds_a_formula(text):
    line = "".join(csv_chunks(["name", "value"], [["a", text]]))
    for piece in re.split(r"[,;\t\r\n]", line):
        assert not re.match(r"[\s\"]*[=+\-@\uff1d]", piece)


@given(TEXTS)
@hypothesis_settings(max_examples=300, deadline=None, database=None)
def test_import_reads_what_an_export_wrote(text):
    table = "".join(csv_chunks(["venue_name", "venue_address"], [["Hall", text]]))
    assert next(csv.reader(io.StringIO(table.partition("\n")[2], newline="")))[1] == cell(text)
    (record,) = read(table.encode(), "csv", [])
    assert record.venue.get("address", "") == text.strip()
