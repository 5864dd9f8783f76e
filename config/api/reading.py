"""Lists and single objects by statements that are compiled once (config.statements), when no filter is asked for.

Compiling was most of what reading cost: for one event with what is left of it 4,000 µs of 5,000.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Any, ClassVar

from django.db import DEFAULT_DB_ALIAS
from django.db.models import BigIntegerField, Count, DateTimeField, QuerySet, Value
from django.http import Http404, HttpResponse
from rest_framework import mixins
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from config.access.permissions import may
from config.api.filters import DeclaredOrdering
from config.api.kept import Results, answers
from config.statements import Parameter, Statement, Sums

AT = Parameter("at", DateTimeField())
WITHOUT_A_FILTER = frozenset(("limit", "skip", "ordering", "expand"))
ONE = Statement(lambda rows, sees_all: rows(sees_all, AT).filter(pk=Parameter("pk", BigIntegerField())))
PAGE = Statement(lambda rows, sees_all, order: rows(sees_all, AT).order_by(*order))
NUMBER = Statement(lambda rows, sees_all: number(rows(sees_all, AT)))


def number(rows: QuerySet) -> QuerySet:
    return rows.order_by().values(everything=Value(True)).annotate(number=Count("pk")).values_list("number")


counts = Sums()  # counting thousands takes longer than reading a page of them


class Reading(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet):
    """A view that says which rows it shows at an instant: `shown` one by one, and `listed` in lists.

    What a list needs besides its rows, `ask` asks for all of them at once, and `complete` gives it to them. `hidden`
    names the permission of those who also see what is hidden from the public; without it nothing is.
    """

    at: dt.datetime
    database = DEFAULT_DB_ALIAS
    hidden: ClassVar[str] = ""
    rows: Results | None = None  # what an answer is made of that may be kept

    @staticmethod
    def shown(sees_all: bool, at: Any) -> QuerySet:
        raise NotImplementedError

    @staticmethod
    def listed(sees_all: bool, at: Any) -> QuerySet:
        raise NotImplementedError

    @staticmethod
    def ask(ids: Sequence[Any], at: dt.datetime, using: str, /) -> Results:
        return []

    @staticmethod
    def complete(objects: Sequence[Any], asked: Results, /) -> None:
        pass

    def sees_all(self) -> bool:
        return not self.hidden or may(self.request, self.hidden)

    def get_queryset(self) -> QuerySet:
        rows = type(self).listed if self.action == "list" else type(self).shown
        return rows(self.sees_all(), self.at)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        found = self.get_object()
        return self.find_answer() or Response(self.get_serializer(found).data)

    def find(self) -> Any:
        if self.action != "retrieve":
            return super().find()  # type: ignore[misc]
        shape = (type(self).shown, self.sees_all())
        rows = ONE.rows(*shape, using=self.database, at=self.at, pk=int(self.kwargs["pk"]))
        if not rows:
            raise Http404
        self.rows = [rows]
        (found,) = ONE.made(*shape, rows=rows, using=self.database)
        self.check_object_permissions(self.request, found)
        return found

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        if not request.query_params.keys() <= WITHOUT_A_FILTER:
            return super().list(request, *args, **kwargs)
        shape = (type(self).listed, self.sees_all())
        order = DeclaredOrdering().get_ordering(request, None, self)
        paginator: Any = self.paginator
        paginator.ask(request)
        how: dict[str, Any] = {"using": self.database, "at": self.at}
        found = PAGE.page(*shape, order, **how, limit=paginator.limit + 1, skip=paginator.offset)
        rows = paginator.page(found, lambda: self.count(shape, how))
        asked = type(self).ask([row[0] for row in rows], self.at, self.database)
        self.rows = [rows, [(paginator.count,)], *asked]
        return self.find_answer() or self.list_of(PAGE.made(*shape, order, rows=rows, using=self.database), asked)

    def count(self, shape: tuple[Any, ...], how: dict[str, Any]) -> int:
        return counts.of((how["using"], shape), lambda: NUMBER.rows(*shape, **how)[0])[0]

    def list_of(self, page: Sequence[Any], asked: Any) -> HttpResponse:
        type(self).complete(page, asked)
        self.expand(page)  # type: ignore[attr-defined]
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def paginate_queryset(self, queryset: Any) -> Any:
        page: Any = super().paginate_queryset(queryset)
        type(self).complete(page, type(self).ask([row.pk for row in page], self.at, self.database))
        return page

    # What is kept

    def find_answer(self) -> HttpResponse | None:
        return answers.find(self.question(), self.rows or [], self.at) if self.may_be_kept() else None

    def may_be_kept(self) -> bool:
        return False

    def question(self) -> tuple[Any, ...]:
        http = self.request._request
        address = (http.scheme, http.get_host(), http.path, http.META["QUERY_STRING"])  # of which links are made
        return (self.action, self.sees_all(), *address)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        if getattr(response, "data", None) is not None and response.status_code == 200 and self.may_be_kept():
            answers.keep(self.question(), self.rows or [], self.at, response)
        return response
