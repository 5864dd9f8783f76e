"""`?expand=`: related resources inside of an answer, in one more query each, however many rows there are."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import DEFAULT_DB_ALIAS
from django.db.models import DateTimeField, F, QuerySet
from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer
from rest_framework.viewsets import GenericViewSet

from config.access.permissions import may
from config.problems import InvalidInput
from config.statements import AnyOf, Parameter, Statement

PARAMETER = "expand"


@dataclass(frozen=True)
class Expansion:
    """A related resource that can stand in the place of its id.

    `rows` are those that may be shown (to whoever has the permission `hidden`, or else to the public) at an instant.
    `key` is the attribute that says which belongs to which: of the expanded row, or with `many` of the related ones.
    """

    serializer: type[BaseSerializer]
    rows: Callable[[bool, Any], QuerySet]
    key: str
    many: bool = False
    hidden: str = ""
    prepare: Callable[[list[Any]], None] | None = None

    def field(self, name: str) -> BaseSerializer:
        return self.serializer(source=f"expanded_{name}", many=self.many, read_only=True)

    def fill(self, name: str, rows: Sequence[Any], request: Request, at: dt.datetime, using: str) -> None:
        """Gives each row what the field of that name shows."""
        sees_all = not self.hidden or may(request, self.hidden)
        ids = {row.pk if self.many else getattr(row, self.key) for row in rows}
        related = RELATED.objects(self, sees_all, using=using, at=at, ids=ids)
        if self.prepare:
            self.prepare(related)
        found: list[Any]
        if self.many:
            of_rows: dict[Any, list[Any]] = {row.pk: [] for row in rows}
            for it in related:
                of_rows[getattr(it, self.key)].append(it)
            found = [of_rows[row.pk] for row in rows]
        else:
            by_id = {it.pk: it for it in related}
            found = [by_id.get(getattr(row, self.key)) for row in rows]
        for row, it in zip(rows, found, strict=True):
            setattr(row, f"expanded_{name}", it)


def related(expansion: Expansion, sees_all: bool) -> QuerySet:
    column = expansion.key if expansion.many else "pk"
    return expansion.rows(sees_all, Parameter("at", DateTimeField())).filter(AnyOf(F(column), "ids"))


RELATED = Statement(related)


class Expanding(GenericViewSet):
    """A view whose `list` and `retrieve` take `?expand=`, with the names in `expansions` of its serializer."""

    at: dt.datetime
    database = DEFAULT_DB_ALIAS
    expanded: dict[str, Expansion] = {}  # what this request asks for

    @property
    def expansions(self) -> dict[str, Expansion]:
        return getattr(self.serializer_class, "expansions", {}) if self.action in ("list", "retrieve") else {}

    def read_expand(self, request: Request) -> None:
        """Raises InvalidInput for a name that is not there."""
        names = request.query_params[PARAMETER].split(",") if PARAMETER in request.query_params else []
        if not set(names) <= set(self.expansions):
            detail = f"Must be some of {', '.join(self.expansions)}, with commas between."
            raise InvalidInput(errors=[{"parameter": PARAMETER, "code": "invalid", "detail": detail}])
        self.expanded = {name: self.expansions[name] for name in names}

    def expand(self, rows: Sequence[Any]) -> None:
        for name, expansion in self.expanded.items():
            if rows:
                expansion.fill(name, rows, self.request, self.at, self.database)

    def paginate_queryset(self, queryset: Any) -> Any:
        page = super().paginate_queryset(queryset)
        self.expand(page)  # type: ignore[arg-type]
        return page

    def get_serializer(self, *args: Any, **kwargs: Any) -> Any:
        serializer: Any = super().get_serializer(*args, **kwargs)
        getattr(serializer, "child", serializer).expanded = tuple(self.expanded)
        return serializer
