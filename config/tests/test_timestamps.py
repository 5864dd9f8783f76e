"""PostgreSQL's timestamps are read as psycopg reads them."""

import datetime as dt

import pytest
from django.db import connection

pytestmark = pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has texts")


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-30 11:11:11.123456+00",
        "2026-11-30 11:11:11.1+00",
        "2026-11-30 11:11:11+00",
        "2000-01-01 00:00:00+01",
        "2100-12-31 23:59:59.999999-11:30",
        "0001-01-01 00:00:00+00",
    ],
)
def test_timestamp_is_read_in_utc(text, db):
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::timestamptz", [text])
        (found,) = cursor.fetchone()
    assert found == dt.datetime.fromisoformat(text)
    assert found.tzinfo is dt.UTC


def test_django_keeps_the_loader(db):
    with connection.cursor() as cursor:
        cursor.execute("SELECT NULL::timestamptz, '2026-11-30'::date, '{2026-11-30 00:00:00+00}'::timestamptz[]")
        assert cursor.fetchone() == (None, dt.date(2026, 11, 30), [dt.datetime(2026, 11, 30, tzinfo=dt.UTC)])
