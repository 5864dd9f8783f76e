"""Times as the clocks of a place show them, which are changed twice a year in many places."""

import datetime as dt
from zoneinfo import ZoneInfo


def readings(clock: dt.datetime, zone: ZoneInfo) -> list[dt.datetime]:
    """The instants at which the clocks of a zone show a time: one, or none where they skip it, or two."""
    found = {clock.replace(tzinfo=zone, fold=fold).astimezone(dt.UTC) for fold in (0, 1)}
    return [at.astimezone(zone) for at in sorted(found) if at.astimezone(zone).replace(tzinfo=None, fold=0) == clock]
