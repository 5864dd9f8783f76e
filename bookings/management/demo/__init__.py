"""The demo: made through the verbs that everybody uses, and then dated back."""

import datetime as dt
from collections.abc import Callable, Sequence

from django.db import transaction

from bookings.management.demo.evening import Evening
from bookings.management.demo.season import HOUSES, House
from venues.models import Venue

Progress = Callable[[float, int], None]


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
    at any scale: one transaction, in which each show has a savepoint of its own.
    """
    rows, done, total = 0, 0, scale * sum(len(house.shows) for house in houses)
    with transaction.atomic():
        for house in houses:
            venue = open_house(house, today)
            rows += 1
            for week in range(scale):
                for show in house.shows:
                    rows += Evening(show, house, venue, today, week, seed).make()
                    done += 1
                    progress(done / total, rows)


def open_house(house: House, today: dt.datetime) -> Venue:
    venue = Venue.open(
        name=house.name, address=house.address, capacity=house.capacity, timezone=house.timezone, by="load_demo"
    )
    a_year_ago = today - dt.timedelta(days=365)
    Venue.objects.filter(pk=venue.pk).update(created_at=a_year_ago, updated_at=a_year_ago)
    return venue
