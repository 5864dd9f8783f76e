"""`?expand=`: related resources inside of an answer, in one more query each, however many rows there are."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import Prefetch, QuerySet
from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer
from rest_framework.viewsets import GenericViewSet

from config.problems import InvalidInput

PARAMETER = "expand"


@dataclass(frozen=True)
class Expansion:
    """A related resource that can stand in the place of its id; `rows` are those that a user may see at a time."""

    serializer: type[BaseSerializer]
    rows: Callable[[Any, dt.datetime], QuerySet]
    many: bool = False

    def field(self, name: str) -> BaseSerializer:
        return self.serializer(source=f"expanded_{name}", many=self.many, read_only=True)

    def prefetch(self, name: str, user: Any, at: dt.datetime) -> Prefetch:
        return Prefetch(name, queryset=self.rows(user, at), to_attr=f"expanded_{name}")


class Expanding(GenericViewSet):
    """A view whose `list` and `retrieve` take `?expand=`, with the names in `expansions` of its serializer."""

    at: dt.datetime
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

    def filter_queryset(self, queryset: Any) -> Any:
        prefetches = [it.prefetch(name, self.request.user, self.at) for name, it in self.expanded.items()]
        return super().filter_queryset(queryset).prefetch_related(*prefetches)

    def get_serializer(self, *args: Any, **kwargs: Any) -> Any:
        serializer: Any = super().get_serializer(*args, **kwargs)
        for name, expansion in self.expanded.items():
            getattr(serializer, "child", serializer).fields[name] = expansion.field(name)
        return serializer
