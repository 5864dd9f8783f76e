"""What every viewset does alike."""

import datetime as dt
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any, ClassVar
from urllib.parse import unquote_to_bytes

from django.http import Http404
from django.utils import timezone
from rest_framework import mixins, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer, Serializer
from rest_framework.viewsets import GenericViewSet

from config.api.pagination import SkipLimitPagination
from config.problems import InvalidInput, Malformed, NotFound


class Viewset(GenericViewSet):
    """Knows its query parameters, and refuses others.

    A resource declares `ordering` (the order without being asked), `ordering_fields` (what `?ordering=` takes),
    `filterset_class`, and in `access` who may call each action (see config.access.permissions).
    """

    lookup_value_regex = r"[^/]+"
    lookup_schema: ClassVar[dict[str, Any]] = {"type": "integer", "minimum": 1}
    ordering: ClassVar[tuple[str, ...]] = ("id",)
    ordering_fields: ClassVar[tuple[str, ...]] = ()
    access: ClassVar[dict[str, Any]]
    pagination_class: Any = SkipLimitPagination
    queryset: Any

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        self.at: dt.datetime = timezone.now()
        super().initial(request, *args, **kwargs)
        self.refuse_parameters(request)

    def refuse_parameters(self, request: Request) -> None:
        allowed = self.query_parameters()
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

    def query_parameters(self) -> set[str]:
        """The names that this action's query string may hold."""
        if self.action != "list":
            return set()
        filterset = getattr(self, "filterset_class", None)
        names = set(filterset.base_filters) if filterset else set()
        return names | set(self.pagination_class.parameters) | ({"ordering"} if self.ordering_fields else set())

    def options(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        """Says with the Allow header, and nothing else, what can be done here."""
        return Response(status=status.HTTP_204_NO_CONTENT)

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "at": getattr(self, "at", None)}

    def get_object(self) -> Any:
        if self.is_identifier(self.kwargs[self.lookup_field]):
            with suppress(Http404):
                return super().get_object()
        name = self.queryset.model._meta.verbose_name
        raise NotFound(f"There is no {name} with this {'id' if self.lookup_field == 'pk' else self.lookup_field}.")

    @staticmethod
    def is_identifier(value: str) -> bool:
        """Whether a text from the path can be a resource's id: here a whole number without leading zeros."""
        return bool(re.fullmatch(r"[1-9]\d{0,17}", value, re.ASCII))

    def read(self, serializer_class: type[Serializer]) -> dict[str, Any]:
        """The request's body, checked by a serializer; a body that is absent is an empty object."""
        serializer = serializer_class(data=self.request.data, context=self.get_serializer_context())
        serializer.is_valid(raise_exception=True)
        return serializer.validated_data

    def answer(self) -> Response:
        """The object as it is now. The clock is read again: something has just happened to it."""
        self.at = timezone.now()
        return Response(self.get_serializer(self.get_object()).data)


class CatalogueViewset(mixins.ListModelMixin, mixins.RetrieveModelMixin, Viewset):
    """Create, read, update and delete through the model's verbs: `make` creates, `revise` changes, `remove` deletes."""

    make: ClassVar[Callable[..., Any]]

    def create(self, request: Request) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        self.kwargs["pk"] = str(type(self).make(**serializer.validated_data).pk)
        response = self.answer()
        response.status_code = status.HTTP_201_CREATED
        response["Location"] = f"{request.path.rstrip('/')}/{self.kwargs['pk']}"
        return response

    def update(self, request: Request, pk: str) -> Response:
        return self.revise(request)

    def partial_update(self, request: Request, pk: str) -> Response:
        return self.revise(request, partial=True)

    def revise(self, request: Request, *, partial: bool = False) -> Response:
        instance = self.get_object()
        serializer: BaseSerializer = self.get_serializer(instance, data=request.data, partial=partial)
        serializer.is_valid(raise_exception=True)
        instance.revise(**serializer.validated_data)
        return self.answer()

    def destroy(self, request: Request, pk: str) -> Response:
        self.get_object().remove()
        return Response(status=status.HTTP_204_NO_CONTENT)
