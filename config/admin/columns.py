"""What columns and fields show."""

# mypy: no-check-untyped-defs

import datetime as dt
from zoneinfo import ZoneInfo

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html

from config import money


def local(instant, timezone):
    """An instant as the clocks of a zone show it: `Thu 24 Dec 2026, 19:30 Europe/Vienna`."""
    return f"{instant.astimezone(ZoneInfo(timezone)):%a %d %b %Y, %H:%M} {timezone}"


def in_one_line(event):
    return f"{event.name}, {local(event.starts_at, event.venue.timezone)}"


def in_two_lines(event):
    return format_html("{}<br>{}", event.name, local(event.starts_at, event.venue.timezone))


def utc(name, description=None):
    """A column or read-only field for the instant that a model's field holds."""

    @admin.display(description=description or name.removesuffix("_at").replace("_", " "), ordering=name)
    def column(obj):
        instant = getattr(obj, name)
        return "-" if instant is None else f"{instant.astimezone(dt.UTC):%d %b %Y, %H:%M} UTC"

    column.__name__ = f"{name}_in_utc"
    return column


def amount(value, currency):
    return f"{money.plain(value, currency)}\N{NO-BREAK SPACE}{currency}"


def list_url(model):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def change_url(model, pk):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[pk])
