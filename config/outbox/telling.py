"""Writes changes, in the transaction of what they tell.

Apps register how each resource is loaded and shown, so that a change has what the API would answer.
"""

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import timezone
from rest_framework.serializers import BaseSerializer

from config.history.models import ANONYMOUS, Change, actor_columns
from config.outbox.models import FeedChange
from config.outbox.types import TYPES

BATCH = 500  # rows in one INSERT
PARTICIPLES = {
    "create": "created",
    "change": "changed",
    "publish": "published",
    "unpublish": "unpublished",
    "pause sales": "sales_paused",
    "resume sales": "sales_resumed",
    "postpone": "postponed",
    "reschedule": "rescheduled",
    "cancel": "cancelled",
    "delete": "deleted",
}  # of the verbs in the history of the catalogue


@dataclass(frozen=True)
class Resource:
    """How objects of one kind are shown.

    `load` returns objects by primary key, complete for the serializer, in a constant number of queries. `identify`
    returns the id that the API shows. `represent` does what the serializer does, without making one.
    """

    serializer: type[BaseSerializer]
    load: Callable[[Collection[Any]], Iterable[Any]]
    identify: Callable[[Any], Any] = lambda obj: obj.pk
    represent: Callable[[Any, dt.datetime], dict[str, Any]] | None = None

    def show(self, obj: Any, at: dt.datetime) -> dict[str, Any]:
        if self.represent is not None:
            return self.represent(obj, at)
        data: dict[str, Any] = self.serializer(context={"at": at}).to_representation(obj)
        return data


resources: dict[str, Resource] = {}  # by the names in `types.PERMISSIONS`
kinds: dict[str, str] = {}  # the names by `Change.kind`


def register_resource(name: str, resource: Resource, kind: str = "") -> None:
    """`kind` is that of the resource's entries in the history of the catalogue."""
    resources[name] = resource
    if kind:
        kinds[kind] = name


def change_of(type_name: str, obj: Any, *, by: Any, at: dt.datetime | None = None) -> FeedChange:
    """An unsaved change, of an object that is complete for its serializer."""
    at = at or timezone.now()
    resource = resources[TYPES[type_name].resource]
    change = change_without_data(type_name, resource.identify(obj), by=by, at=at)
    data: Any = resource.show(obj, at)
    change.data = data
    return change


def change_without_data(type_name: str, object_id: Any, *, by: Any, at: dt.datetime | None = None) -> FeedChange:
    """An unsaved change of an object that was deleted or erased; by the id that the API shows."""
    return FeedChange(
        type=type_name,
        object_type=TYPES[type_name].resource,
        object_id=str(object_id),
        by=actor_columns(by, ANONYMOUS)["by_name"],
        created_at=at or timezone.now(),
    )


def tell(type_name: str, *ids: Any, by: Any) -> None:
    """Writes a change for each object, by primary key, as it is stored now.

    The caller has made all changes of the objects in its transaction. The number of statements is constant.
    """
    if ids:
        objects = resources[TYPES[type_name].resource].load(ids)
        write([change_of(type_name, obj, by=by) for obj in objects])


def tell_gone(type_name: str, *object_ids: Any, by: Any) -> None:
    """The same for what was deleted or erased. What earlier changes tell of it is erased, too."""
    if object_ids:
        FeedChange.objects.erase_data(TYPES[type_name].resource, object_ids)
        write([change_without_data(type_name, object_id, by=by) for object_id in object_ids])


def write(changes: Sequence[FeedChange]) -> None:
    FeedChange.objects.bulk_create(changes, batch_size=BATCH)


def tell_recorded(entries: Sequence[Change]) -> None:
    """Tells what was recorded in the history of the catalogue: see `config.history.models.listeners`."""
    entries = [entry for entry in entries if entry.kind in kinds]
    ids: dict[str, set[Any]] = {}
    for entry in entries:
        if entry.verb != "delete":
            ids.setdefault(entry.kind, set()).add(entry.object_id)
    objects = {(kind, obj.pk): obj for kind, pks in ids.items() for obj in resources[kinds[kind]].load(pks)}
    write([change for entry in entries if (change := recorded_change(entry, objects)) is not None])


def recorded_change(entry: Change, objects: dict[tuple[str, Any], Any]) -> FeedChange | None:
    type_name = f"{kinds[entry.kind]}.{PARTICIPLES[entry.verb]}"
    if entry.verb == "delete":
        return change_without_data(type_name, entry.object_id, by=entry.by_name)
    obj = objects.get((entry.kind, entry.object_id))  # None when it was deleted later in the same transaction
    return None if obj is None else change_of(type_name, obj, by=entry.by_name)
