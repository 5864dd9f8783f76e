"""Reads, hashes and writes all rows of a database, to compare and to copy it."""

import datetime as dt
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from django.apps import apps
from django.core.management.color import no_style
from django.db import connections, transaction
from django.db.models import Model

CHUNK = 2000  # rows in memory at a time


def tables() -> list[type[Model]]:
    """The models of all tables that migrations create, by table name."""
    models = apps.get_models(include_auto_created=True)
    return sorted((it for it in models if it._meta.managed and not it._meta.proxy), key=lambda it: it._meta.db_table)


def columns(model: type[Model]) -> list[Any]:
    return list(model._meta.concrete_fields)


def chunks(model: type[Model], using: str) -> Iterator[list[tuple[Any, ...]]]:
    """All rows by primary key, each as its values in the order of `columns`."""
    names = [field.attname for field in columns(model)]
    key = names.index(model._meta.pk.attname)
    rows = model._base_manager.using(using).order_by("pk").values_list(*names)
    chunk = list(rows[:CHUNK])
    while chunk:
        yield chunk
        chunk = list(rows.filter(pk__gt=chunk[-1][key])[:CHUNK])


class Fingerprint:
    """The number of rows and the sum of their hashes, which does not depend on how a database sorts texts."""

    def __init__(self) -> None:
        self.rows = self.sum = 0

    def add(self, rows: list[tuple[Any, ...]]) -> None:
        for row in rows:
            content = json.dumps(row, default=canonical, sort_keys=True).encode()
            self.sum += int.from_bytes(hashlib.blake2b(content, digest_size=16).digest(), "big")
        self.rows += len(rows)

    @property
    def digest(self) -> str:
        return f"{self.sum % 2**128:032x}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Fingerprint) and (self.rows, self.digest) == (other.rows, other.digest)

    __hash__ = None  # type: ignore[assignment]


def canonical(value: Any) -> str:
    """A value without a JSON type, as the same text for every database."""
    match value:
        case dt.datetime():
            return value.astimezone(dt.UTC).isoformat()
        case Decimal():
            return f"{value:f}"
        case bytes() | memoryview():
            return bytes(value).hex()
    return str(value)


def fingerprint(model: type[Model], using: str) -> Fingerprint:
    found = Fingerprint()
    for rows in chunks(model, using):
        found.add(rows)
    return found


def insert(model: type[Model], rows: list[tuple[Any, ...]], using: str) -> None:
    """Writes rows of `chunks` unchanged, without defaults or timestamps."""
    connection = connections[using]
    fields = columns(model)
    quote = connection.ops.quote_name
    names = ", ".join(quote(field.column) for field in fields)
    placeholders = ", ".join(["%s"] * len(fields))
    prepared = [
        [field.get_db_prep_save(value, connection) for field, value in zip(fields, row, strict=True)] for row in rows
    ]
    statement = " ".join(("INSERT INTO", quote(model._meta.db_table), f"({names})", "VALUES", f"({placeholders})"))
    with connection.cursor() as cursor:
        cursor.executemany(statement, prepared)


def reset_sequences(models: list[type[Model]], using: str) -> None:
    """Continues primary keys after the inserted ones."""
    connection = connections[using]
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), models):
            cursor.execute(statement)


@contextmanager
def one_moment(using: str) -> Iterator[None]:
    """A transaction that reads one snapshot, and does not block writers."""
    connection: Any = connections[using]
    connection.ensure_connection()
    if connection.vendor == "sqlite":
        mode, connection.transaction_mode = connection.transaction_mode, "DEFERRED"  # IMMEDIATE takes the write lock
        try:
            with transaction.atomic(using=using):
                yield
        finally:
            connection.transaction_mode = mode
        return
    with transaction.atomic(using=using):
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield
