"""`?expand=`: related resources inside an answer, for one more query each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer
from rest_framework.viewsets import GenericViewSet

from config.problems import InvalidInput

PARAMETER = "expand"


def load_nothing(objects: Sequence[Any]) -> None:
    """The related objects are complete as they are queried."""


@dataclass(frozen=True)
class Expansion:
    """A related resource that `?expand=` shows in the place of its id.

    `rows` are those that a client may see. `key` is the foreign key: of the expanded objects, or with `many` of the
    related ones. `load` completes the related objects.
    """

    serializer: type[BaseSerializer]
    rows: Callable[[Request], QuerySet]
    key: str
    many: bool = False
    load: Callable[[Sequence[Any]], None] = load_nothing

    def fill(self, name: str, objects: Sequence[Any], request: Request) -> None:
        """Sets `expanded_<name>` on each object: a related object or None, or a list with `many`."""
        ids = {it.pk if self.many else getattr(it, self.key) for it in objects}
        related = list(self.rows(request).filter(**{f"{self.key if self.many else 'pk'}__in": ids}))
        self.load(related)
        found: dict[Any, Any] = {pk: [] for pk in ids} if self.many else {it.pk: it for it in related}
        for it in related if self.many else ():
            found[getattr(it, self.key)].append(it)
        for it in objects:
            setattr(it, f"expanded_{name}", found.get(it.pk if self.many else getattr(it, self.key)))


def register_expansion(serializer_class: Any, name: str, expansion: Expansion) -> None:
    """Adds an expansion to the resource of an app that does not know the related one."""
    serializer_class.expansions = {**serializer_class.expansions, name: expansion}


class ExpandMixin(GenericViewSet):
    """`list` and `retrieve` take `?expand=` with the names in `expansions` of the serializer."""

    expand: tuple[str, ...] = ()  # the names that this request asks for

    @property
    def expansions(self) -> dict[str, Expansion]:
        return getattr(self.serializer_class, "expansions", {}) if self.action in ("list", "retrieve") else {}

    def read_expand(self, request: Request) -> None:
        """Raises InvalidInput for an unknown name."""
        names = request.query_params[PARAMETER].split(",") if PARAMETER in request.query_params else []
        if not set(names) <= set(self.expansions):
            detail = f"Must be some of {', '.join(self.expansions)}, separated by commas."
            raise InvalidInput(errors=[{"parameter": PARAMETER, "code": "invalid", "detail": detail}])
        self.expand = tuple(dict.fromkeys(names))

    def load(self, objects: Sequence[Any]) -> None:
        """Loads what an answer shows besides the objects' own rows."""
        for name in self.expand if objects else ():
            self.expansions[name].fill(name, objects, self.request)

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "expand": self.expand}
