"""What every viewset does alike."""

import datetime as dt
import re
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any, ClassVar
from urllib.parse import unquote_to_bytes

from django.db import IntegrityError, transaction
from django.http import Http404
from django.utils import timezone
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer, Serializer
from rest_framework.viewsets import GenericViewSet

from config.access.rate_limits import count_guess
from config.api.conditional import Conditional
from config.api.deprecation import Deprecated
from config.api.errors import problem_of
from config.api.expand import PARAMETER as EXPAND
from config.api.expand import Expanding
from config.api.pagination import SkipLimitPagination
from config.api.reading import Reading
from config.api.serializers import checked_by
from config.history.models import record_in_bulk
from config.problems import DomainError, InvalidInput, Malformed, NotFound, Problem

MAX_AT_ONCE = 100  # objects in a body


def refuse_parameters(request: Request, allowed: Collection[str] = ()) -> None:
    """Raises InvalidInput for a parameter of the query that is not known or given twice, Malformed for other bytes."""
    faults = [
        {
            "parameter": name,
            "code": "given-twice" if name in allowed else "unknown-parameter",
            "detail": "Must be given once." if name in allowed else "There is no such parameter.",
        }
        for name, values in request.query_params.lists()
        if name not in allowed or len(values) > 1
    ]
    if faults:
        raise InvalidInput(errors=faults)
    try:
        unquote_to_bytes(request.META["QUERY_STRING"]).decode()
    except UnicodeDecodeError:
        raise Malformed("The query is not UTF-8.") from None


class Viewset(Conditional, Expanding, GenericViewSet):
    """Knows its query parameters, and refuses others.

    A resource declares `ordering` (the order without being asked), `ordering_fields` (what `?ordering=` takes),
    `filterset_class`, in `access` who may call each action (see config.access.permissions), for how long its answers
    may be kept (`public_for`), in `refusals` what the domain can refuse each action for, and in `deprecations` the
    actions that will go.
    """

    lookup_value_regex = r"[^/]+"
    lookup_schema: ClassVar[dict[str, Any]] = {"type": "integer", "minimum": 1}
    ordering: ClassVar[tuple[str, ...]] = ("id",)
    ordering_fields: ClassVar[tuple[str, ...]] = ()
    access: ClassVar[dict[str, Any]]
    refusals: ClassVar[dict[str, list[type[DomainError]]]] = {}
    deprecations: ClassVar[dict[str, Deprecated]] = {}
    pagination_class: Any = SkipLimitPagination
    is_guessable: ClassVar[bool] = False  # its ids are secrets, and wrong ones are counted
    queryset: Any

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        self.at: dt.datetime = timezone.now()
        super().initial(request, *args, **kwargs)
        if self.action is not None:  # otherwise the method is not known here, and the answer 405
            if request.META["QUERY_STRING"]:  # most requests have none
                self.refuse_parameters(request)
                self.read_expand(request)
            if self.detail and request.method == "POST":
                self.refuse_stale()

    def check_permissions(self, request: Request) -> None:
        self.check_throttles(request)  # first: what is refused counts, too
        super().check_permissions(request)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        if deprecated := self.deprecations.get(self.action or ""):
            deprecated.mark(response)
        return response

    def refuse_parameters(self, request: Request) -> None:
        refuse_parameters(request, self.query_parameters())

    def query_parameters(self) -> set[str]:
        """The names that this action's query string may hold."""
        names = {EXPAND} if self.expansions else set()
        if self.detail or self.request.method not in ("GET", "HEAD"):
            return names
        filterset = getattr(self, "filterset_class", None)
        names |= set(filterset.base_filters) if filterset else set()
        names |= set(self.pagination_class.parameters) if self.pagination_class else set()
        return names | ({"ordering"} if self.ordering_fields else set())

    def options(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        """Says with the Allow header, and nothing else, what can be done here."""
        return Response(status=status.HTTP_204_NO_CONTENT)

    def switch(self, name: str) -> bool:
        """A query parameter that is true or false, and false when it is not there. Raises InvalidInput."""
        value = self.request.query_params.get(name, "false")
        if value not in ("true", "false"):
            raise InvalidInput(errors=[{"parameter": name, "code": "invalid", "detail": "Must be true or false."}])
        return value == "true"

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "at": getattr(self, "at", None)}

    def get_object(self) -> Any:
        if self.is_identifier(self.kwargs[self.lookup_field]):
            with suppress(Http404):
                found = self.find()
                self.expand([found])
                return found
        if self.is_guessable:
            count_guess(self.request)
        name = self.queryset.model._meta.verbose_name
        raise NotFound(f"There is no {name} with this {'id' if self.lookup_field == 'pk' else self.lookup_field}.")

    def find(self) -> Any:
        return super().get_object()

    def filter_queryset(self, queryset: Any) -> Any:
        """What is named by its id is not searched for."""
        return queryset if self.detail else super().filter_queryset(queryset)

    @staticmethod
    def is_identifier(value: str) -> bool:
        """Whether a text from the path can be a resource's id: here a whole number without leading zeros."""
        return bool(re.fullmatch(r"[1-9]\d{0,17}", value, re.ASCII))

    def read(self, serializer_class: type[Serializer]) -> dict[str, Any]:
        """The request's body, checked by a serializer; a body that is absent is an empty object."""
        checked: dict[str, Any] = checked_by(serializer_class).run_validation(self.request.data)
        return checked

    def answer(self) -> Response:
        """The object as it is now. The clock is read again: something has just happened to it."""
        self.at = timezone.now()
        return Response(self.get_serializer(self.get_object()).data)


class CatalogueViewset(Reading, Viewset):
    """Create, read, update and delete through the model's verbs: `make` creates, `revise` changes, `remove` deletes.

    Each is told `by` whom it is done.

    With `bulk_by` a POST also takes a list, of which everything is made or nothing. It names the reference whose row
    `make` locks: a list is made in that order, so that two lists at once do not wait for each other in a circle.
    """

    make: ClassVar[Callable[..., Any]]
    bulk_by: ClassVar[str] = ""

    def create(self, request: Request) -> Response:
        if self.bulk_by and isinstance(request.data, list):
            return self.create_all(request.data)
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        self.kwargs["pk"] = str(type(self).make(**serializer.validated_data, by=request.user).pk)
        response = self.answer()
        response.status_code = status.HTTP_201_CREATED
        response["Location"] = f"{request.path.rstrip('/')}/{self.kwargs['pk']}"
        return response

    def create_all(self, data: list[Any]) -> Response:
        serializer = self.get_serializer(data=data, many=True, allow_empty=False, max_length=MAX_AT_ONCE)
        serializer.is_valid(raise_exception=True)
        rows: list[dict[str, Any]] = serializer.validated_data
        made: dict[int, Any] = {}
        refusals: dict[int, Problem] = {}
        with transaction.atomic(), record_in_bulk():
            for index in sorted(range(len(rows)), key=lambda index: (rows[index][self.bulk_by].pk, index)):
                try:
                    with transaction.atomic():
                        made[index] = type(self).make(**rows[index], by=self.request.user).pk
                except (Problem, IntegrityError) as error:
                    if (problem := problem_of(error, self)) is None:
                        raise
                    refusals[index] = problem
            if refusals:
                raise in_one(refusals)
        self.at = timezone.now()
        found = {row.pk: row for row in self.get_queryset().filter(pk__in=made.values())}
        answer = self.get_serializer([found[made[index]] for index in range(len(rows))], many=True).data
        return Response(answer, status=status.HTTP_201_CREATED)

    def update(self, request: Request, pk: str) -> Response:
        return self.revise(request)

    def partial_update(self, request: Request, pk: str) -> Response:
        return self.revise(request, partial=True)

    def revise(self, request: Request, *, partial: bool = False) -> Response:
        instance = self.get_object()
        serializer: BaseSerializer = self.get_serializer(instance, data=request.data, partial=partial)
        serializer.is_valid(raise_exception=True)
        instance.revise(check=self.refuse_stale, by=request.user, **serializer.validated_data)
        return self.answer()

    def destroy(self, request: Request, pk: str) -> Response:
        self.get_object().remove(check=self.refuse_stale, by=request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)


def in_one(refusals: dict[int, Problem]) -> Problem:
    """One problem of all those of a list's objects: of the first one's kind, with the faults of each by its place."""
    faults = [
        {**fault, "pointer": f"/{index}{fault['pointer']}"}
        for index, problem in sorted(refusals.items())
        for fault in problem.errors or [{"pointer": "", "code": problem.code, "detail": problem.detail}]
    ]
    first = refusals[min(refusals)]
    return type(first)(str(faults[0]["detail"]) if len(faults) == 1 else "", errors=faults)
