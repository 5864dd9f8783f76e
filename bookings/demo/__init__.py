"""The demo: made through the verbs that everybody uses, and then dated back; copied, when much of it is wanted."""

import datetime as dt
from collections.abc import Callable, Sequence

from django.db import transaction

from bookings.demo.copies import Template, copy_week
from bookings.demo.evening import Evening
from bookings.demo.season import HOUSES, House
from venues.models import Venue

Progress = Callable[[float, int], None]
PLAYED = 4  # weeks of a season that are made through the verbs
SECONDS_PLAYED = 30  # that playing a week takes, when copying one takes a second


def load(
    *,
    seed: int,
    scale: int,
    today: dt.datetime,
    progress: Progress = lambda share, rows: None,
    houses: Sequence[House] = HOUSES,
) -> None:
    """Makes every house with its season, `scale` times over, around the midnight `today`.

    The same for the same seed and day, apart from ids, codes, and the instants of holds that still run. All or nothing,
    at any scale: one transaction, in which each show has a savepoint of its own. The weeks behind the first PLAYED are
    copies of these.
    """
    rows, played = 0, min(scale, PLAYED)
    shows = sum(len(house.shows) for house in houses)
    seconds = played * SECONDS_PLAYED + (scale - played)  # about; in proportion to these is what progress says
    done, weeks = 0.0, [list[Template]() for _ in range(played)]
    with transaction.atomic():
        for house in houses:
            venue = open_house(house, today)
            rows += 1
            for week in range(played):
                for show in house.shows:
                    evening = Evening(show, house, venue, today, week, seed)
                    rows += evening.make()
                    if scale > played:
                        weeks[week].append(Template(evening))
                    done += SECONDS_PLAYED / shows
                    progress(done / seconds, rows)
        for week in range(played, scale):
            rows += copy_week(weeks[week % played], week)
            done += 1
            progress(done / seconds, rows)


def open_house(house: House, today: dt.datetime) -> Venue:
    venue = Venue.open(
        name=house.name, address=house.address, capacity=house.capacity, timezone=house.timezone, by="load_demo"
    )
    a_year_ago = today - dt.timedelta(days=365)
    Venue.objects.filter(pk=venue.pk).update(created_at=a_year_ago, updated_at=a_year_ago)
    return venue
