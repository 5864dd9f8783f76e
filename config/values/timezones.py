"""Local times, which many time zones skip or repeat twice a year."""

import datetime as dt
from functools import lru_cache
from zoneinfo import ZoneInfo

UTC = ZoneInfo("UTC")


@lru_cache(maxsize=1000)
def find_zone(name: str) -> ZoneInfo:
    """The time zone of a stored name; UTC for one that the installed list of zones does not have, or has no more."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return UTC


def zone_label(name: str) -> str:
    """What is shown beside local times: `Europe/Vienna`, or `UTC (Old/Name)` for a zone that is not known."""
    known = find_zone(name).key
    return name if known == name else f"{known} ({name})"


def readings(clock: dt.datetime, zone: ZoneInfo) -> list[dt.datetime]:
    """The instants of a local time: one, none if the zone skips it, two if it repeats it."""
    found = {clock.replace(tzinfo=zone, fold=fold).astimezone(dt.UTC) for fold in (0, 1)}
    return [at.astimezone(zone) for at in sorted(found) if at.astimezone(zone).replace(tzinfo=None, fold=0) == clock]


def moved(at: dt.datetime, old: str, new: str) -> list[dt.datetime]:
    """The instants that have the same local time in a new zone as `at` has in the old one."""
    return readings(at.astimezone(find_zone(old)).replace(tzinfo=None, fold=0), find_zone(new))


def letters(reading: dt.datetime) -> str:
    """The abbreviation of its zone: `CEST`, or `UTC-03:00` where a zone has none."""
    name = reading.tzname() or ""
    return name if name.isalpha() else f"UTC{offset(reading)}"


def offset(reading: dt.datetime) -> str:
    """In ISO 8601: `+02:00`."""
    return reading.isoformat(timespec="seconds")[19:]


def in_words(at: dt.datetime, timezone: str) -> str:
    """In local time: `Thu 24 Dec 2026, 19:30 CET`."""
    reading = at.astimezone(find_zone(timezone))
    return f"{reading:%a %d %b %Y, %H:%M} {letters(reading)}"
