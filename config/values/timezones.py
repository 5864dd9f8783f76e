"""Times as the clocks of a place show them, which are changed twice a year in many places."""

import datetime as dt
from zoneinfo import ZoneInfo


def readings(clock: dt.datetime, zone: ZoneInfo) -> list[dt.datetime]:
    """The instants at which the clocks of a zone show a time: one, or none where they skip it, or two."""
    found = {clock.replace(tzinfo=zone, fold=fold).astimezone(dt.UTC) for fold in (0, 1)}
    return [at.astimezone(zone) for at in sorted(found) if at.astimezone(zone).replace(tzinfo=None, fold=0) == clock]


def moved(at: dt.datetime, old: str, new: str) -> list[dt.datetime]:
    """The instants at which the clocks of a new zone show what those of the old one do at an instant."""
    return readings(at.astimezone(ZoneInfo(old)).replace(tzinfo=None, fold=0), ZoneInfo(new))


def letters(reading: dt.datetime) -> str:
    """What the clocks of its zone call a time: `CEST`; many zones have no letters, only the offset: `UTC-03:00`."""
    name = reading.tzname() or ""
    return name if name.isalpha() else f"UTC{offset(reading)}"


def offset(reading: dt.datetime) -> str:
    """As ISO 8601 writes it: `+02:00`."""
    return reading.isoformat(timespec="seconds")[19:]


def in_words(at: dt.datetime, timezone: str) -> str:
    """An instant as people write it who are there: `Thu 24 Dec 2026, 19:30 CET`."""
    reading = at.astimezone(ZoneInfo(timezone))
    return f"{reading:%a %d %b %Y, %H:%M} {letters(reading)}"
