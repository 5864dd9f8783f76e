"""Reading from a replica (see config.replica), for the views that may."""

from typing import Any, ClassVar

from django.db import DEFAULT_DB_ALIAS, DatabaseError, InterfaceError
from rest_framework.request import Request
from rest_framework.viewsets import GenericViewSet

from config.access.permissions import may
from config.api.conditional import READS
from config.problems import NotFound
from config.replica import replica

QUERY_CANCELED = "57014"  # it took too long, as it would on the primary


class Replicated(GenericViewSet):
    """A view whose `list` and `retrieve` a replica may answer. What they show can be some seconds old.

    Whoever may change what is shown reads the primary, and so finds their own edits at once. What the replica does not
    have, or cannot answer, the primary is asked.
    """

    access: ClassVar[dict[str, Any]]
    database = DEFAULT_DB_ALIAS

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        is_reading = self.action in ("list", "retrieve") and request.method in READS
        if is_reading and "If-Match" not in request.headers:
            self.database = replica.database_for_reading()
        if self.database != DEFAULT_DB_ALIAS and self.may_edit(request):
            self.database = DEFAULT_DB_ALIAS

    def may_edit(self, request: Request) -> bool:
        return any(may(request, rule) for rule in self.access.values() if isinstance(rule, str))

    def filter_queryset(self, queryset: Any) -> Any:
        is_elsewhere = self.database != DEFAULT_DB_ALIAS
        return super().filter_queryset(queryset.using(self.database) if is_elsewhere else queryset)

    def handle_exception(self, exc: Exception) -> Any:
        if self.database != DEFAULT_DB_ALIAS and is_of_replica(exc):
            self.database = DEFAULT_DB_ALIAS
            try:
                return getattr(self, self.action)(self.request, *self.args, **self.kwargs)
            except Exception as error:  # noqa: BLE001  whatever it is, it is handled as if asked here first
                return super().handle_exception(error)
        return super().handle_exception(exc)


def is_of_replica(error: Exception) -> bool:
    """Whether the primary may know better, or answer at all."""
    if not isinstance(error, DatabaseError | InterfaceError):
        return isinstance(error, NotFound)
    state = getattr(error.__cause__, "sqlstate", None) or ""
    if state[:2] != "40":  # which is a query in the way of what the replica had to replay
        replica.failed(error)
    return state != QUERY_CANCELED
