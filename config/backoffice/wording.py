"""Values of the history and of imports, as texts for users."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.backoffice.formats import format_amount, local_time_with_offset
from config.values import money, percent

MAX_CHARACTERS = 100
NOTHING = "\N{EN DASH}"
VERBS = {
    "create": gettext_lazy("Created"),
    "change": gettext_lazy("Changed"),
    "publish": gettext_lazy("Published"),
    "unpublish": gettext_lazy("Unpublished"),
    "pause sales": gettext_lazy("Sales paused"),
    "resume sales": gettext_lazy("Sales resumed"),
    "postpone": gettext_lazy("Postponed"),
    "reschedule": gettext_lazy("Rescheduled"),
    "cancel": gettext_lazy("Cancelled"),
    "delete": gettext_lazy("Deleted"),
}


@dataclass(frozen=True)
class Setting:
    """The time zone and the currency of values."""

    timezone: str = "UTC"
    currency: str = ""  # empty: unknown


def field_of(model: type[models.Model] | None, name: str) -> models.Field | None:
    """None for a field that no longer exists."""
    try:
        field = model._meta.get_field(name) if model else None
    except FieldDoesNotExist:
        return None
    return field if isinstance(field, models.Field) else None


def label(model: type[models.Model] | None, name: str) -> str:
    field = field_of(model, name)
    return str(field.verbose_name) if field else name.replace("_", " ")


def in_words(field: models.Field | None, value: Any, setting: Setting) -> str:  # noqa: PLR0911  one case for each kind
    """A value of a field, in the form in which the history stores it."""
    if value in (None, ""):
        return NOTHING
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(field, models.DateTimeField):
        return local_time_with_offset(dt.datetime.fromisoformat(value), setting.timezone)
    if isinstance(field, money.MoneyField) and setting.currency:
        return format_amount(Decimal(value), setting.currency)
    if isinstance(field, percent.PercentField):
        return f"{percent.plain(Decimal(value))} %"
    if field is not None and field.choices:
        return str(dict(field.flatchoices).get(value, value))
    return Truncator(value).chars(MAX_CHARACTERS)


def lines(change: Any, setting: Setting) -> Iterator[str]:
    """The details of an entry of the catalogue's history: a line for each field."""
    is_change = change.verb not in ("create", "delete")
    for name, value in change.ordered_details():
        old, new = value if isinstance(value, list) and len(value) == 2 else (None, value)
        field = field_of(change.model, name)
        before, after = in_words(field, old, setting), in_words(field, new, setting)
        if is_change:
            yield f"{label(change.model, name)}: {before} → {after}"
        elif (text := after if before == NOTHING else before) != NOTHING:
            yield f"{label(change.model, name)}: {text}"
