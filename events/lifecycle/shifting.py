"""Moving times by a distance in the venue's local time."""

import datetime as dt
from dataclasses import dataclass
from typing import Self

from config.values.timezones import find_zone
from events import models
from events.problems import TimesOutOfRange


@dataclass(frozen=True)
class Shift:
    """The distance between two starts as the clocks at the venue show it.

    A show at 20:00 with a sale until 18:00 keeps both hours in another season, though the instants are an hour closer
    or further apart. Where the clocks skip a moved time, it is that much later; where they repeat it, the first counts.
    """

    zone: dt.tzinfo
    distance: dt.timedelta

    @classmethod
    def between(cls, old: dt.datetime, new: dt.datetime, timezone: str) -> Self:
        zone = find_zone(timezone)
        return cls(zone, to_clock(new, zone) - to_clock(old, zone))

    @classmethod
    def of_days(cls, days: int, timezone: str) -> Self:
        return cls(find_zone(timezone), dt.timedelta(days))

    def move(self, instant: dt.datetime) -> dt.datetime:
        """Raises TimesOutOfRange when it would leave the years 2000 to 2100."""
        if not self.distance:
            return instant  # exactly, also in an hour that the clocks repeat
        moved = (to_clock(instant, self.zone) + self.distance).replace(tzinfo=self.zone).astimezone(dt.UTC)
        if not models.EARLIEST <= moved < models.LATEST:
            detail = "The end, or a sales period that moves along, would leave the years 2000 to 2100."
            error = {"pointer": "/starts_at", "code": TimesOutOfRange.code, "detail": detail}
            raise TimesOutOfRange(detail, errors=[error])
        return moved

    def move_end(self, start: dt.datetime, end: dt.datetime, new_start: dt.datetime) -> dt.datetime:
        """The end of a period that has moved to `new_start`: after it, even where the clocks are changed in between."""
        moved = self.move(end)
        return moved if moved > new_start else new_start + (end - start)


def to_clock(instant: dt.datetime, zone: dt.tzinfo) -> dt.datetime:
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)
