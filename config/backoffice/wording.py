"""Values as histories and imports keep them, in words."""

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

from config.backoffice.columns import amount, with_letters
from config.values import money

MAX_SHOWN = 100  # characters of a value
NOTHING = "\N{EN DASH}"
VERBS = {
    "create": gettext_lazy("Created"),
    "change": gettext_lazy("Changed"),
    "publish": gettext_lazy("Published"),
    "cancel": gettext_lazy("Cancelled"),
    "delete": gettext_lazy("Deleted"),
}


@dataclass(frozen=True)
class Setting:
    """Whose clocks and whose money are meant."""

    timezone: str = "UTC"
    currency: str = ""  # empty: not known


def field_of(model: type[models.Model] | None, name: str) -> models.Field | None:
    """None for what the project does not have any more."""
    try:
        field = model._meta.get_field(name) if model else None
    except FieldDoesNotExist:
        return None
    return field if isinstance(field, models.Field) else None


def label(model: type[models.Model] | None, name: str) -> str:
    field = field_of(model, name)
    return str(field.verbose_name) if field else name.replace("_", " ")


def in_words(field: models.Field | None, value: Any, setting: Setting) -> str:
    """A value of a field as `config.history.models.to_json` stores it."""
    if value in (None, ""):
        return NOTHING
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(field, models.DateTimeField):
        return with_letters(dt.datetime.fromisoformat(value), setting.timezone)
    if isinstance(field, money.MoneyField) and setting.currency in money.DECIMALS:
        return amount(Decimal(value), setting.currency)
    if field is not None and field.choices:
        return str(dict(field.flatchoices).get(value, value))
    return Truncator(value).chars(MAX_SHOWN)


def lines(change: Any, setting: Setting) -> Iterator[str]:
    """What an entry of the history of the catalogue says in detail, one line for each field."""
    is_change = change.verb not in ("create", "delete")
    for name, value in change.ordered_details():
        old, new = value if isinstance(value, list) and len(value) == 2 else (None, value)
        field = field_of(change.model, name)
        was, now = in_words(field, old, setting), in_words(field, new, setting)
        if is_change:
            yield f"{label(change.model, name)}: {was} → {now}"
        elif (told := now if was == NOTHING else was) != NOTHING:
            yield f"{label(change.model, name)}: {told}"
