"""Values as histories and imports keep them, in words."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.utils.text import Truncator
from django.utils.translation import gettext as _

from config import money
from config.admin.columns import amount, with_letters

MOST_SHOWN = 100  # characters of a value
NOTHING = "\N{EN DASH}"


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
    """A value of a field as `config.history.models.plain` keeps it."""
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
    return Truncator(value).chars(MOST_SHOWN)
