"""Lists and single objects by statements that are compiled once (config.statements), when no filter is asked for.

Compiling was most of what reading cost: for one event with what is left of it 4,000 µs of 5,000.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from django.db.models import BigIntegerField, Count, DateTimeField, QuerySet, Value
from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from config.api.expand import as_they_are
from config.api.filters import DeclaredOrdering
from config.statements import Parameter, Statement

AT = Parameter("at", DateTimeField())
WITHOUT_A_FILTER = frozenset(("limit", "skip", "ordering", "expand"))
Rows = Callable[[bool, Any], QuerySet]  # whether what is hidden from the public is among them, and the instant
Complete = Callable[[Sequence[Any], dt.datetime, str], None]  # rows, the instant, and the database they are from

ONE = Statement(lambda rows, sees_all: rows(sees_all, AT).filter(pk=Parameter("pk", BigIntegerField())))
PAGE = Statement(lambda rows, sees_all, order: rows(sees_all, AT).order_by(*order))
NUMBER = Statement(lambda rows, sees_all: number(rows(sees_all, AT)))


def number(rows: QuerySet) -> QuerySet:
    return rows.order_by().values(everything=Value(True)).annotate(number=Count("pk")).values_list("number")


class Reading(GenericViewSet):
    """A view that says which rows it shows: `shown` one by one, and `listed` in lists, to which `complete` adds the rest.

    `hidden` names the permission of those who also see what is hidden from the public; without it nothing is.
    """

    at: dt.datetime
    database: str
    shown: ClassVar[Rows]
    listed: ClassVar[Rows]
    complete: ClassVar[Complete] = as_they_are
    hidden: ClassVar[str] = ""

    def sees_all(self) -> bool:
        return not self.hidden or self.request.user.has_perm(self.hidden)

    def get_queryset(self) -> QuerySet:
        rows = type(self).listed if self.action == "list" else type(self).shown
        return rows(self.sees_all(), self.at)

    def find(self) -> Any:
        if self.action != "retrieve":
            return super().find()  # type: ignore[misc]
        pk = int(self.kwargs["pk"])
        found = ONE.objects(type(self).shown, self.sees_all(), using=self.database, at=self.at, pk=pk)
        if not found:
            raise Http404
        self.check_object_permissions(self.request, found[0])
        return found[0]

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        if not request.query_params.keys() <= WITHOUT_A_FILTER:
            return super().list(request, *args, **kwargs)  # type: ignore[misc, no-any-return]
        order = DeclaredOrdering().get_ordering(request, self.queryset, self)
        page = self.page(order)
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def page(self, order: tuple[str, ...]) -> Sequence[Any]:
        paginator: Any = self.paginator
        paginator.ask(self.request)
        how = {"using": self.database, "at": self.at}
        rows, sees_all = type(self).listed, self.sees_all()
        found = PAGE.page(rows, sees_all, order, **how, limit=paginator.limit + 1, skip=paginator.offset)
        page: Sequence[Any] = paginator.page(found, lambda: NUMBER.rows(rows, sees_all, **how)[0][0])
        self.finish(page)
        return page

    def finish(self, page: Sequence[Any]) -> None:
        type(self).complete(page, self.at, self.database)
        super().finish(page)  # type: ignore[misc]
