"""What columns and fields show."""

# mypy: no-check-untyped-defs

import datetime as dt
from zoneinfo import ZoneInfo

from django.contrib import admin
from django.urls import reverse
from django.utils.formats import date_format, number_format
from django.utils.html import format_html
from django.utils.translation import gettext as _

from config.values import money
from config.values.timezones import letters, readings


def on_the_wall(instant, timezone, form="D d M Y, H:i"):
    """An instant as the clocks of a zone show it: `Thu 24 Dec 2026, 19:30`; when they show the same twice, with what
    they call it: `Sun 25 Oct 2026, 02:30 CEST`.
    """
    zone = ZoneInfo(timezone)
    reading = instant.astimezone(zone)
    text = date_format(reading, form)
    is_shown_twice = "H" in form and len(readings(reading.replace(tzinfo=None, fold=0), zone)) > 1
    return f"{text} {letters(reading)}" if is_shown_twice else text


def with_letters(instant, timezone):
    """The same with what the clocks call it: `Thu 24 Dec 2026, 19:30 CET`."""
    reading = instant.astimezone(ZoneInfo(timezone))
    return f"{date_format(reading, 'D d M Y, H:i')} {letters(reading)}"


def local(instant, timezone):
    """The same with the zone: `Thu 24 Dec 2026, 19:30 Europe/Vienna`."""
    return f"{on_the_wall(instant, timezone)} {timezone}"


def local_span(event):
    """When an event is: `Thu 24 Dec 2026, 19:30 to 22:00 Europe/Vienna`."""
    zone = event.venue.timezone
    is_one_day = on_the_wall(event.starts_at, zone, "Y-m-d") == on_the_wall(event.ends_at, zone, "Y-m-d")
    return _("%(start)s to %(end)s %(zone)s") % {
        "start": on_the_wall(event.starts_at, zone),
        "end": on_the_wall(event.ends_at, zone, "H:i" if is_one_day else "D d M Y, H:i"),
        "zone": zone,
    }


def in_one_line(event):
    return f"{event.name}, {local(event.starts_at, event.venue.timezone)}"


def in_two_lines(event):
    return format_html('{}<br><span class="quiet">{}</span>', event.name, local(event.starts_at, event.venue.timezone))


def utc(name, description=None):
    """A column or read-only field for the instant that a model's field holds."""

    @admin.display(description=description or name.removesuffix("_at").replace("_", " "), ordering=name)
    def column(obj):
        instant = getattr(obj, name)
        return "-" if instant is None else f"{date_format(instant.astimezone(dt.UTC), 'd M Y, H:i')} UTC"

    column.__name__ = f"{name}_in_utc"
    return column


def amount(value, currency):
    """`1,249.90 EUR`."""
    decimals = money.DECIMALS[currency]
    return f"{number_format(value, decimals, force_grouping=True)}\N{NO-BREAK SPACE}{currency}"


def number(value):
    """`12,500`."""
    return number_format(value, force_grouping=True)


def badge(kind, text):
    """A state: a mark whose colour says how it is, and the words that say the same."""
    return format_html('<span class="badge {}">{}</span>', kind, text)


def fill(sold, held, capacity):
    """A bar of what is sold and held of something, with the figures; without a bar when nothing limits it."""
    taken = sold + held
    if capacity is None:
        return format_html('<span class="fill">{}</span>', _("%(taken)s taken, no limit") % {"taken": number(taken)})
    figures = {"sold": number(sold), "held": number(held), "left": number(max(capacity - taken, 0))}
    percent = {name: f"{100 * count / capacity:.2f}" for name, count in {"sold": sold, "held": held}.items()}
    return format_html(
        '<span class="fill"><svg viewBox="0 0 100 8" preserveAspectRatio="none" role="img"><title>{}</title>'
        '<rect class="all" width="100" height="8"/><rect class="sold" width="{}" height="8"/>'
        '<rect class="held" x="{}" width="{}" height="8"/></svg> <span>{} / {}</span></span>',
        _("%(sold)s sold, %(held)s held, %(left)s left") % figures,
        percent["sold"],
        percent["sold"],
        percent["held"],
        number(taken),
        number(capacity),
    )


def list_url(model):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def change_url(model, pk):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[pk])


def label_of(model_admin):
    """How choices of a model are shown: twenty performances of one play have the same name."""
    return getattr(model_admin, "label", str)
