"""Who changed what, and when. Entries are written in the transaction of the change, and never changed or deleted."""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from decimal import Decimal
from typing import Any, Never

from django.apps import apps
from django.conf import settings
from django.db import models

from config.database.clock import Now

ANONYMOUS = "anonymous"
SYSTEM = "system"


class AppendOnlyQuerySet(models.QuerySet[Any]):
    def update(self, **kwargs: Any) -> Never:
        raise TypeError("History entries cannot be changed.")

    def delete(self) -> Never:
        raise TypeError("History entries cannot be deleted.")


class Entry(models.Model):
    """The columns of every kind of history. An entry can be created, but not changed or deleted."""

    at = models.DateTimeField()
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", verbose_name="account"
    )
    by_name = models.CharField("by", max_length=150, help_text="The account's name then; anonymous, or system.")
    verb = models.CharField(max_length=30)
    details = models.JSONField(default=dict)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.verb} by {self.by_name}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError("History entries cannot be changed.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Never:
        raise TypeError("History entries cannot be deleted.")


def actor_columns(by: Any, default: str) -> dict[str, Any]:
    """Column values for an actor: a user, a text such as the name of a command, or None for `default`."""
    is_user = getattr(by, "is_authenticated", False)
    name = by.get_username() if is_user else by if isinstance(by, str) else default
    return {"by": by if is_user else None, "by_name": name}


class ChangeQuerySet(AppendOnlyQuerySet):
    def of(self, *objects: models.Model) -> "ChangeQuerySet":
        """The history of objects of one kind, which may be deleted by now."""
        return self.filter(kind=kind_of(objects[0]), object_id__in=[obj.pk for obj in objects])

    def seen_by(self, user: Any) -> "ChangeQuerySet":
        """Of objects that the user may view. For the admin: it does not know the scopes of a token."""
        kinds = [model._meta.label_lower for model in apps.get_models()]
        return self.filter(kind__in=[kind for kind in kinds if user.has_perm(view_permission(kind))])


class Change(Entry):
    """A change of an object with an integer id. It outlives the object.

    `details` maps each changed field to its old and new value; one of them is null when the object was created or
    deleted.
    """

    kind = models.CharField(max_length=50, help_text="The object's model, such as events.event.")
    object_id = models.PositiveBigIntegerField()
    name = models.CharField(max_length=200, help_text="The object's name then.")

    objects = ChangeQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        default_permissions = ()  # the permission to view an object covers its history
        indexes = [
            # The history of one object.
            models.Index(fields=["kind", "object_id", "id"], name="change_of_object"),
        ]

    @property
    def model(self) -> type[models.Model] | None:
        """None when the project no longer has this model."""
        try:
            return apps.get_model(self.kind)
        except LookupError:
            return None

    def ordered_details(self) -> list[tuple[str, Any]]:
        """The details in the order of the model's fields, which a PostgreSQL JSON column does not keep."""
        names = [field.name for field in self.model._meta.fields] if self.model else []
        return sorted(
            self.details.items(), key=lambda it: (names.index(it[0]) if it[0] in names else len(names), it[0])
        )


def kind_of(obj: models.Model) -> str:
    return obj._meta.label_lower


def view_permission(kind: str) -> str:
    app, _, model = kind.partition(".")
    return f"{app}.view_{model}"


def to_json(value: Any) -> Any:
    """A field's value for `details`: an object as its name and id, instants in UTC, decimals as text."""
    match value:
        case models.Model():
            return f"{value} ({value.pk})"
        case dt.datetime():
            return value.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
        case Decimal():
            return f"{value.normalize():f}"
    return value


# Recording. The caller is in the transaction of the change.

listeners: list[Callable[[Sequence[Change]], None]] = []  # called with new entries, in the same transaction
bulk: ContextVar[list[Change] | None] = ContextVar("bulk", default=None)


def record(obj: models.Model, verb: str, details: dict[str, list[Any]], *, by: Any) -> None:
    columns = {"kind": kind_of(obj), "object_id": obj.pk, "name": str(obj)[:200], **actor_columns(by, SYSTEM)}
    entry = Change(at=Now(), verb=verb, details=details, **columns)
    entries = bulk.get()
    if entries is None:
        entry.save()
        notify([entry])
    else:
        entries.append(entry)


def notify(entries: Sequence[Change]) -> None:
    for listener in listeners if entries else ():
        listener(entries)


def record_created(obj: models.Model, fields: Iterable[str], *, by: Any) -> None:
    record(obj, "create", {name: [None, to_json(getattr(obj, name))] for name in fields}, by=by)


def record_changed(
    obj: models.Model, stored: models.Model, changes: dict[str, Any], *, by: Any, verb: str = "change"
) -> None:
    """Records which `changes` differ from the locked row `stored`; nothing when none does."""
    details = {
        name: [to_json(getattr(stored, name)), to_json(value)]
        for name, value in sorted(changes.items())
        if differs(stored, name, value)
    }
    if details:
        record(obj, verb, details, by=by)


def differs(stored: models.Model, name: str, value: Any) -> bool:
    """Compares foreign keys by id, without loading the related object."""
    column = stored._meta.get_field(name).attname  # type: ignore[union-attr]
    return getattr(stored, column) != (value.pk if isinstance(value, models.Model) else value)


def record_deleted(*objects: models.Model, by: Any) -> None:
    """Records objects that are about to be deleted, in one statement."""
    with record_in_bulk():
        for obj in objects:
            fields = (it for it in obj._meta.concrete_fields if is_recorded(it))
            record(obj, "delete", {it.name: [to_json(getattr(obj, it.name)), None] for it in fields}, by=by)


def is_recorded(field: models.Field) -> bool:
    return (field.editable or field.name == "status") and not field.primary_key


@contextmanager
def record_in_bulk() -> Iterator[None]:
    """Writes all entries recorded inside at its end, in one statement; none after an exception."""
    if bulk.get() is not None:
        yield
        return
    entries: list[Change] = []
    token = bulk.set(entries)
    try:
        yield
    finally:
        bulk.reset(token)
    Change.objects.bulk_create(entries, batch_size=500)
    notify(entries)
