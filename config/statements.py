"""SQL that is compiled once, and then run with other values: what the hot paths are made of.

Django builds and compiles a queryset anew each time. That is most of what a request costs here: 230 µs for one row by
its id, 1,800 µs for a ticket type with what is left of it, where running the statement and reading its row is 40 µs. A
`Statement` is made from a queryset (or from an update of one, or from a model to insert into) in which a `Parameter`
stands wherever a value comes later, and is compiled when it is first run:

    dear = Statement(lambda: TicketType.objects.filter(price__gt=Parameter("price", MoneyField())))
    dear.objects(price=50)

On PostgreSQL it is also prepared (planning costs more than running it) and its rows come in binary: that reads 100 rows
with two instants each ten times as fast as text does.
"""

import datetime as dt
import re
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import BooleanField, Expression, Field, JSONField, Model, QuerySet
from django.db.models.base import ModelState
from django.db.models.expressions import DatabaseDefault
from django.db.models.sql import UpdateQuery

M = TypeVar("M", bound=Model)
MARK = re.compile("%[%s]")
Values = Mapping[str, Any]

# What a driver takes as it is; anything else is turned by its field into what the database stores.
PLAIN = {
    "postgresql": frozenset((str, int, bool, type(None), dt.datetime, uuid.UUID)),
    "sqlite": frozenset((str, int, bool, type(None))),
}


class Parameter(Expression):
    """Stands in a queryset for a value of a field, which is given by name when the statement runs."""

    def __init__(self, name: str, output_field: Field) -> None:
        super().__init__(output_field)
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        return "%s", [self]

    def value(self, values: Values, connection: Any) -> Any:
        value = values[self.name]
        if type(value) in PLAIN[connection.vendor]:
            return value
        return self.output_field.get_db_prep_value(value, connection)


class AnyOf(Expression):
    """The condition that an expression is any of some whole numbers, of which there may be any number."""

    conditional = True

    def __init__(self, expression: Any, name: str) -> None:
        super().__init__(BooleanField())
        self.expression, self.name = expression, name

    def get_source_expressions(self) -> list[Any]:
        return [self.expression]

    def set_source_expressions(self, exprs: Sequence[Any]) -> None:
        (self.expression,) = exprs

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        sql, params = compiler.compile(self.expression)
        numbers = "ANY(%s::bigint[])" if connection.vendor == "postgresql" else "(SELECT value FROM json_each(%s))"
        return f"{sql} {'=' if connection.vendor == 'postgresql' else 'IN'} {numbers}", [*params, self]

    def value(self, values: Values, connection: Any) -> Any:
        numbers = ",".join(map(str, values[self.name]))  # a list would cost the driver 0.5 µs for each
        return f"{{{numbers}}}" if connection.vendor == "postgresql" else f"[{numbers}]"


@dataclass(frozen=True)
class Compiled:
    """A statement in a database's own SQL, with Parameters among its `params`, and how to read its rows."""

    sql: str
    params: tuple[Any, ...]
    converters: tuple[tuple[int, Callable[[Any], Any]], ...] = ()
    makers: tuple["Maker", ...] = ()

    def bind(self, values: Values, connection: Any) -> list[Any]:
        return [
            param.value(values, connection) if isinstance(param, Parameter | AnyOf) else param for param in self.params
        ]

    def make(self, rows: list[tuple[Any, ...]], using: str) -> list[Any]:
        first, *others = self.makers
        found = [first.make(row, using) for row in rows]
        for other in others:
            for instance, row in zip(found, rows, strict=True):
                instance._state.fields_cache[other.relation] = other.make(row, using)
        return found

    def read(self, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        if not self.converters:
            return rows
        read = []
        for row in rows:
            values = list(row)
            for position, convert in self.converters:
                values[position] = convert(values[position])
            read.append(tuple(values))
        return read


@dataclass(frozen=True)
class Maker:
    """Makes a model's instance from its part of a row.

    Not by the model's `__init__`, which does for any row what is needed for none that comes from its own table: 0.9 µs
    instead of 4. `relation` is the foreign key through which the row came along.
    """

    model: type[Model]
    names: tuple[str, ...]
    columns: slice
    annotations: tuple[tuple[str, int], ...] = ()
    relation: str = ""

    def make(self, row: tuple[Any, ...], alias: str) -> Any:
        instance = self.model.__new__(self.model)
        values = instance.__dict__
        values["_state"] = state = ModelState()
        state.adding, state.db = False, alias
        values.update(zip(self.names, row[self.columns], strict=True))
        for name, column in self.annotations:
            values[name] = row[column]
        return instance


def run(compiled: Compiled, values: Values, using: str) -> list[tuple[Any, ...]]:
    connection = connections[using]
    with cursor_of(connection) as cursor:
        cursor.execute(compiled.sql, compiled.bind(values, connection))
        return compiled.read(cursor.fetchall())


def cursor_of(connection: Any) -> Any:
    """A cursor as Django's own, with all its wrappers; on PostgreSQL one that prepares, and reads binary."""
    if connection.vendor != "postgresql":
        return connection.cursor()
    from config.postgresql import PreparedCursor  # psycopg need not be there for SQLite

    connection.ensure_connection()
    return connection._prepare_cursor(PreparedCursor(connection.connection))


@dataclass(frozen=True)
class Statement(Generic[M]):
    """A queryset that is compiled once. `build` makes it; it is given what decides about the statement's shape."""

    build: Callable[..., QuerySet[M, Any]]
    kept: dict[Any, Compiled] = field(default_factory=dict, init=False)

    def compiled(self, shape: tuple[Any, ...], using: str) -> Compiled:
        key = (using, *shape)
        if key not in self.kept:
            self.kept[key] = compile_select(self.build(*shape), using)
        return self.kept[key]

    def rows(self, *shape: Any, using: str = DEFAULT_DB_ALIAS, **values: Any) -> list[tuple[Any, ...]]:
        """What `values_list` of the queryset would give."""
        return run(self.compiled(shape, using), values, using)

    def page(
        self, *shape: Any, limit: int, skip: int = 0, using: str = DEFAULT_DB_ALIAS, **values: Any
    ) -> list[tuple[Any, ...]]:
        """So many of its rows, after so many others."""
        compiled = self.compiled(shape, using)
        part = replace(compiled, sql=f"{compiled.sql} LIMIT %s OFFSET %s", params=(*compiled.params, limit, skip))
        return run(part, values, using)

    def objects(self, *shape: Any, using: str = DEFAULT_DB_ALIAS, **values: Any) -> list[M]:
        """What the queryset itself would give, with what its `select_related` names."""
        return self.made(*shape, rows=self.rows(*shape, using=using, **values), using=using)

    def made(self, *shape: Any, rows: list[tuple[Any, ...]], using: str = DEFAULT_DB_ALIAS) -> list[M]:
        """The objects of some of its rows."""
        return self.compiled(shape, using).make(rows, using)


class Sums:
    """Figures that take the longer to add up the larger they are, and that nothing is decided by: those above a
    thousand may be a second old. `ask` gives the figure, and what comes along with it.
    """

    exact, seconds = 1000, 1.0
    most = 1000  # figures that are kept

    def __init__(self) -> None:
        self.kept: dict[Any, tuple[float, tuple[Any, ...]]] = {}

    def of(self, named: Any, ask: Callable[[], tuple[Any, ...]]) -> tuple[Any, ...]:
        now = time.monotonic()
        until, found = self.kept.get(named, (0.0, ()))
        if now >= until:
            found = ask()
            if found[0] > self.exact:
                if len(self.kept) >= self.most:
                    self.kept.clear()
                self.kept[named] = (now + self.seconds, found)
        return found


def compile_select(queryset: QuerySet[Any, Any], using: str) -> Compiled:
    compiler = queryset.query.get_compiler(using)
    sql, params = written_in(compiler.as_sql(), using)
    return Compiled(sql, params, tuple(converters(compiler, connections[using])), tuple(makers(compiler)))


def written_in(compiled: tuple[str, Iterable[Any]], using: str) -> tuple[str, tuple[Any, ...]]:
    """With what is always the same written into the statement.

    Otherwise a plan that is made once for all values knows nothing of it, and cannot take the index of a condition such
    as `status = 'pending'`: PostgreSQL would plan anew each time, which costs as much as to run it.
    """
    sql, params = compiled
    values, left = iter(params), []

    def write(mark: re.Match[str]) -> str:
        if mark[0] == "%%":
            return "%%"
        value = next(values)
        if isinstance(value, str | int | None):
            return literal(value, using)
        left.append(value)
        return "%s"

    return MARK.sub(write, sql), tuple(left)


def literal(value: str | int | None, using: str) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool) and connections[using].vendor == "postgresql":
        return "true" if value else "false"
    if isinstance(value, int):
        return str(int(value))
    quoted = value.replace("'", "''").replace("%", "%%")
    return f"'{quoted}'"


def converters(compiler: Any, connection: Any) -> Iterable[tuple[int, Callable[[Any], Any]]]:
    expressions = [expression for expression, _, _ in compiler.select]
    for position, (functions, expression) in compiler.get_converters(expressions).items():
        if connection.vendor == "postgresql" and isinstance(expression.output_field, JSONField):
            continue  # comes as an object in binary
        yield position, chained(functions, expression, connection)


def chained(functions: Sequence[Any], expression: Any, connection: Any) -> Callable[[Any], Any]:
    def convert(value: Any) -> Any:
        for function in functions:
            value = function(value, expression, connection)
        return value

    return convert


def makers(compiler: Any) -> Iterable[Maker]:
    info = compiler.klass_info
    if info is None:
        return
    yield maker(compiler, info, annotations=tuple((compiler.annotation_col_map or {}).items()))
    for related in info.get("related_klass_infos", ()):
        yield maker(compiler, related, relation=related["field"].name)


def maker(compiler: Any, info: dict[str, Any], **more: Any) -> Maker:
    columns = info["select_fields"]
    names = tuple(compiler.select[column][0].target.attname for column in columns)
    return Maker(info["model"], names, slice(columns[0], columns[-1] + 1), **more)


def compile_update(queryset: QuerySet[Any, Any], using: str, **changes: Any) -> Compiled:
    """What `queryset.update(**changes)` would run, with a WHERE at its end."""
    query: Any = queryset.query.chain(UpdateQuery)
    query.add_update_values(changes)
    query.clear_select_clause()
    return Compiled(*written_in(query.get_compiler(using).as_sql(), using))


def compile_update_returning(queryset: QuerySet[Any, Any], using: str, **changes: Any) -> Compiled:
    """The same, and then the rows as they are by now, which `read` and `make` take."""
    rows = compile_select(queryset.model._base_manager.all(), using)
    columns = rows.sql.removeprefix("SELECT ").partition(" FROM ")[0]
    update = compile_update(queryset, using, **changes)
    return replace(rows, sql=f"{update.sql} RETURNING {columns}", params=update.params)


@cache
def columns_of(model: type[Model], but: tuple[str, ...] = ()) -> list[Field]:
    """Those that an insert writes: all but the number that the database gives, and what it works out by itself."""
    columns = [it for it in model._meta.concrete_fields if it is not model._meta.auto_field and not it.generated]
    return [it for it in columns if it.attname not in but]


@cache
def blanks(model: type[Model]) -> list[tuple[str, str, Callable[[], Any], bool]]:
    """Of each column its name, its attribute, what makes its default, and whether it refers to another row."""
    columns = model._meta.concrete_fields
    return [(it.name, str(it.attname), it._get_default, it.is_relation) for it in columns]  # type: ignore[attr-defined]


def fresh(model: type[M], **values: Any) -> M:
    """An unsaved instance, as `model(**values)` makes it: without its signals, in a quarter of its 30 µs."""
    instance = model.__new__(model)
    data = instance.__dict__
    data["_state"] = state = ModelState()
    for name, attribute, default, is_relation in blanks(model):
        if is_relation and name in values:
            related = state.fields_cache[name] = values[name]
            data[attribute] = None if related is None else related.pk
        elif attribute in values:
            data[attribute] = values[attribute]
        else:
            data[attribute] = default()
    return instance


@cache
def insert(model: type[Model], using: str, rows: int = 1) -> str:
    """`INSERT` of so many rows. Their values come from `stored`."""
    quote = connections[using].ops.quote_name
    fields = columns_of(model)
    marks = f"({', '.join(['%s'] * len(fields))})"
    names = ", ".join(quote(str(it.column)) for it in fields)
    values = ", ".join([marks] * rows)
    return f"INSERT INTO {quote(model._meta.db_table)} ({names}) VALUES {values}"  # nosec B608


def insert_from(source: str, model: type[Model], using: str, **taken: str) -> str:
    """`INSERT` of a row for each that `source` has, which is another part of the statement.

    `taken` says in SQL what some columns are given from there; the values of the others come after, from `stored`.
    """
    quote = connections[using].ops.quote_name
    columns = {it.attname: quote(str(it.column)) for it in columns_of(model)}
    order = [*taken, *(it.attname for it in columns_of(model, tuple(taken)))]
    names = ", ".join(columns[it] for it in order)
    values = ", ".join(taken.get(it, "%s") for it in order)
    return f"INSERT INTO {quote(model._meta.db_table)} ({names}) SELECT {values} FROM {source}"  # nosec B608


def stored(instance: Model, using: str, but: tuple[str, ...] = ()) -> list[Any]:
    """An instance's values as an `insert` writes them. No field may have one that only `save` would give it.

    What the instance leaves to the database's default is given it here, as `save` would.
    """
    connection = connections[using]
    plain, values = PLAIN[connection.vendor], instance.__dict__
    found = []
    for column in columns_of(type(instance), but):
        value = values[column.attname]
        if isinstance(value, DatabaseDefault):
            value = values[column.attname] = column.db_default
        found.append(value if type(value) in plain else column.get_db_prep_save(value, connection))
    return found


def insert_and_number(model: type[Model], rows: Sequence[list[Any]], using: str) -> list[Any]:
    """Inserts some rows, each as `stored` gives it, and returns the numbers that the database gave them, in order."""
    with connections[using].cursor() as cursor:
        sql = f"{insert(model, using, len(rows))} RETURNING {model._meta.pk.column}"
        cursor.execute(sql, [value for row in rows for value in row])
        return [number for (number,) in cursor.fetchall()]


def insert_all(model: type[Model], rows: Iterable[list[Any]], using: str) -> int:
    """Inserts any number of rows, each as `stored` gives it, in the fastest way that there is; returns how many."""
    connection, count = connections[using], 0
    with connection.cursor() as cursor:
        if connection.vendor != "postgresql":
            cursor.executemany(insert(model, using), found := list(rows))
            return len(found)
        quote = connection.ops.quote_name
        names = ", ".join(quote(str(it.column)) for it in columns_of(model))
        with cursor.copy(f"COPY {quote(model._meta.db_table)} ({names}) FROM STDIN") as copy:
            for count, row in enumerate(rows, 1):  # noqa: B007  it is returned
                copy.write_row(row)
    return count
