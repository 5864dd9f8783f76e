"""Who changed what and when: written by the verbs, in the transaction of the change, and never changed after."""

import datetime as dt
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from decimal import Decimal
from typing import Any, Never

from django.apps import apps
from django.conf import settings
from django.db import models
from django.db.models.functions import Now

ANONYMOUS = "anonymous"
SYSTEM = "system"


class WrittenOnceQuerySet(models.QuerySet[Any]):
    def update(self, **kwargs: Any) -> Never:
        raise TypeError("History is written once.")

    def delete(self) -> Never:
        raise TypeError("History is kept.")


class Entry(models.Model):
    """What every kind of history says. It can be made, and neither changed nor deleted."""

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
            raise TypeError("History is written once.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Never:
        raise TypeError("History is kept.")


def who(by: Any, nobody: str) -> dict[str, Any]:
    """The columns that name who did it: a user, a word such as the name of a command, or None (`nobody`)."""
    is_user = getattr(by, "is_authenticated", False)
    name = by.get_username() if is_user else by if isinstance(by, str) else nobody
    return {"by": by if is_user else None, "by_name": name}


class ChangeQuerySet(WrittenOnceQuerySet):
    def of(self, *objects: models.Model) -> "ChangeQuerySet":
        """The history of some objects of one kind, also when they are not there any more."""
        return self.filter(kind=kind_of(objects[0]), object_id__in=[obj.pk for obj in objects])


class Change(Entry):
    """An entry of the history of what has a whole number as its id. It outlives the object.

    `details` has the old and the new value of each field that changed: one of them is null when the object was made or
    deleted.
    """

    kind = models.CharField(max_length=50, help_text="The object's model.")
    object_id = models.PositiveBigIntegerField()
    name = models.CharField(max_length=200, help_text="The object's name then.")

    objects = ChangeQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        default_permissions = ()  # whoever may see an object may see its history
        indexes = [
            # The history of one object.
            models.Index(fields=["kind", "object_id", "id"], name="change_of_object"),
        ]

    @property
    def model(self) -> type[models.Model] | None:
        """None when the project does not have it any more."""
        try:
            return apps.get_model(self.kind)
        except LookupError:
            return None

    def in_order(self) -> list[tuple[str, Any]]:
        """The details as the model has its fields; PostgreSQL keeps them in an order of its own."""
        fields = [field.name for field in self.model._meta.fields] if self.model else []
        return sorted(
            self.details.items(), key=lambda it: (fields.index(it[0]) if it[0] in fields else len(fields), it[0])
        )


def kind_of(obj: models.Model) -> str:
    return obj._meta.label_lower


def view_permission(kind: str) -> str:
    app, _, model = kind.partition(".")
    return f"{app}.view_{model}"


def plain(value: Any) -> Any:
    """A value as it is kept: what JSON knows, texts for the rest; an object by its name and id."""
    match value:
        case models.Model():
            return f"{value} ({value.pk})"
        case dt.datetime():
            return value.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
        case Decimal():
            return f"{value.normalize():f}"
    return value


# What verbs call

waiting: ContextVar[list[Change] | None] = ContextVar("waiting", default=None)


def record(obj: models.Model, verb: str, details: dict[str, list[Any]], *, by: Any) -> None:
    """Writes an entry. Its caller is in the transaction of the change."""
    data = {"kind": kind_of(obj), "object_id": obj.pk, "name": str(obj)[:200]}
    entry = Change(at=Now(), verb=verb, details=details, **data, **who(by, SYSTEM))
    entries = waiting.get()
    if entries is None:
        entry.save()
    else:
        entries.append(entry)


def record_created(obj: models.Model, data: Iterable[str], *, by: Any) -> None:
    record(obj, "create", {name: [None, plain(getattr(obj, name))] for name in data}, by=by)


def record_changed(
    obj: models.Model, stored: models.Model, changes: dict[str, Any], *, by: Any, verb: str = "change"
) -> None:
    """Writes what differs from the row as it is `stored`, which its caller has locked; nothing when nothing does."""
    details = {
        name: [plain(getattr(stored, name)), plain(value)]
        for name, value in sorted(changes.items())
        if is_other(stored, name, value)
    }
    if details:
        record(obj, verb, details, by=by)


def is_other(stored: models.Model, name: str, value: Any) -> bool:
    """Whether a field has another value; what a row refers to is not loaded for that."""
    column = stored._meta.get_field(name).attname  # type: ignore[union-attr]
    return getattr(stored, column) != (value.pk if isinstance(value, models.Model) else value)


def record_deleted(*objects: models.Model, by: Any) -> None:
    """Writes what objects were that are about to be deleted, in one statement."""
    with together():
        for obj in objects:
            data = {field.name: [plain(getattr(obj, field.name)), None] for field in facts_of(obj)}
            record(obj, "delete", data, by=by)


def facts_of(obj: models.Model) -> list[models.Field]:
    """The fields that somebody has set."""
    return [it for it in obj._meta.concrete_fields if (it.editable or it.name == "status") and not it.primary_key]


@contextmanager
def together() -> Iterator[None]:
    """Writes the entries of all that happens inside at its end, in one statement; none when it ends with an error."""
    if waiting.get() is not None:
        yield
        return
    entries: list[Change] = []
    token = waiting.set(entries)
    try:
        yield
    finally:
        waiting.reset(token)
    Change.objects.bulk_create(entries, batch_size=500)
