"""What every viewset does alike."""

import datetime as dt
import re
from collections.abc import Callable
from typing import Any, ClassVar

from django.utils import timezone
from rest_framework import mixins, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer, Serializer
from rest_framework.viewsets import GenericViewSet

from config.problems import InvalidInput, NotFound


class Viewset(GenericViewSet):
    """Knows its query parameters, and refuses others.

    A resource declares `ordering` (the order without being asked), `ordering_fields` (what `?ordering=` takes),
    `filterset_class`, and in `access` who may call each action (see config.access.permissions).
    """

    lookup_value_regex = r"[^/]+"
    ordering: ClassVar[tuple[str, ...]] = ("id",)
    ordering_fields: ClassVar[tuple[str, ...]] = ()
    access: ClassVar[dict[str, Any]]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        self.at: dt.datetime = timezone.now()
        super().initial(request, *args, **kwargs)
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

    def query_parameters(self) -> set[str]:
        """The names that this action's query string may hold."""
        if self.action != "list":
            return set()
        filterset = getattr(self, "filterset_class", None)
        names = set(filterset.base_filters) if filterset else set()
        for kind in ("limit", "offset", "cursor", "page_size"):
            names.add(getattr(self.paginator, f"{kind}_query_param", None) or "limit")
        return names | ({"ordering"} if self.ordering_fields else set())

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "at": getattr(self, "at", None)}

    def get_object(self) -> Any:
        if not self.is_identifier(self.kwargs[self.lookup_field]):
            raise NotFound()
        return super().get_object()

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
