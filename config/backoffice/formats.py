"""How values look in columns, fields and messages."""

import datetime as dt
from decimal import Decimal

from django.conf import settings
from django.contrib import admin
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from config.values import money
from config.values.timezones import find_zone, letters, zone_label

DATE_AND_TIME = "%a %d %b %Y, %H:%M"


def local_time(instant, timezone, form=DATE_AND_TIME):
    """`Thu 24 Dec 2026, 19:30`; with the abbreviation of the offset when the time occurs twice:
    `Sun 25 Oct 2026, 02:30 CEST`.
    """
    local = instant.astimezone(find_zone(timezone))
    is_ambiguous = "%H" in form and local.replace(fold=1 - local.fold).utcoffset() != local.utcoffset()
    return f"{local:{form}} {letters(local)}" if is_ambiguous else f"{local:{form}}"


def office_time(instant):
    """A time in BACK_OFFICE_TIME_ZONE, which the heading or the second line names."""
    return local_time(instant, settings.BACK_OFFICE_TIME_ZONE, "%d %b %Y, %H:%M")


def local_time_with_zone(instant, timezone):
    """`Thu 24 Dec 2026, 19:30 Europe/Vienna`."""
    return f"{local_time(instant, timezone)} {zone_label(timezone)}"


def local_time_with_offset(instant, timezone):
    """`Thu 24 Dec 2026, 19:30 CET`."""
    local = instant.astimezone(find_zone(timezone))
    return f"{local:{DATE_AND_TIME}} {letters(local)}"


def event_times(event):
    """`Thu 24 Dec 2026, 19:30 to 22:00 Europe/Vienna`."""
    zone = event.venue.timezone
    is_one_day = local_time(event.starts_at, zone, "%x") == local_time(event.ends_at, zone, "%x")
    return _("%(start)s to %(end)s %(zone)s") % {
        "start": local_time(event.starts_at, zone),
        "end": local_time(event.ends_at, zone, "%H:%M" if is_one_day else DATE_AND_TIME),
        "zone": zone_label(zone),
    }


def event_label(event):
    """Name and start: many performances of one play have the same name."""
    return f"{event.name}, {local_time_with_zone(event.starts_at, event.venue.timezone)}"


def event_cell(event):
    return two_lines(event.name, local_time_with_zone(event.starts_at, event.venue.timezone))


def two_lines(first, second):
    return format_html('{}<br><span class="quiet">{}</span>', first, second)


def utc_column(name, description=None):
    """A column or read-only field with a datetime of the model, in UTC."""

    @admin.display(description=description or name.removesuffix("_at").replace("_", " "), ordering=name)
    def column(obj):
        instant = getattr(obj, name)
        return "-" if instant is None else f"{instant.astimezone(dt.UTC):%d %b %Y, %H:%M} UTC"

    column.__name__ = f"{name}_in_utc"
    return column


def format_amount(value, currency):
    """`1,249.90 EUR`."""
    return f"{number_format(Decimal(money.plain(value, currency)), force_grouping=True)}\N{NO-BREAK SPACE}{currency}"


def format_number(value):
    """`12,500`."""
    return number_format(value, force_grouping=True)


def badge(kind, text):
    """A state: a coloured mark and its name."""
    return format_html('<span class="badge {}">{}</span>', kind, text)


def places_bar(stock):
    """A bar of the places that are sold and held, with the figures; only the figure when the capacity is unlimited.

    Needs `with_held`.
    """
    reserved, held, capacity = stock.reserved, stock.held, stock.capacity
    if capacity is None:
        text = _("%(reserved)s reserved, no limit") % {"reserved": format_number(reserved)}
        return format_html('<span class="fill">{}</span>', text)
    sold = reserved - held
    title = _("%(sold)s sold, %(held)s held, %(available)s available") % {
        "sold": format_number(sold),
        "held": format_number(held),
        "available": format_number(max(capacity - reserved, 0)),
    }
    sold_percent, held_percent = (f"{100 * count / capacity:.2f}" for count in (sold, held))
    return format_html(
        '<span class="fill"><svg viewBox="0 0 100 8" preserveAspectRatio="none" role="img"><title>{}</title>'
        '<rect class="all" width="100" height="8"/><rect class="sold" width="{}" height="8"/>'
        '<rect class="held" x="{}" width="{}" height="8"/></svg> <span>{} / {}</span></span>',
        *(title, sold_percent, sold_percent, held_percent, format_number(reserved), format_number(capacity)),
    )


def list_url(model, **filters):
    url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    return f"{url}?{urlencode(filters)}" if filters else url


def change_url(model, pk):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[pk])


def choice_label(model_admin):
    """The function that names an object of a model in choices."""
    return getattr(model_admin, "label", str)
