"""Demo data: made through the public verbs and then backdated; further weeks are copies of the first ones."""

import datetime as dt
from collections.abc import Callable, Sequence
from itertools import product

from django.db import transaction

from bookings.demo.evening import Evening
from bookings.demo.season import HOUSES, House
from bookings.demo.weeks import save_week
from venues.models import Venue

Progress = Callable[[float, int], None]  # the share that is done, and the number of rows
PLAYED = 4  # weeks that are made through the verbs
PLAYED_COST = 30  # how many times longer that takes than copying a week


def load(
    *,
    seed: int,
    scale: int,
    today: dt.datetime,
    progress: Progress = lambda share, rows: None,
    houses: Sequence[House] = HOUSES,
) -> None:
    """Creates every house with `scale` weeks of its season, around the midnight `today`, in one transaction.

    The same seed and day give the same data, apart from ids, codes, and the times of pending holds.
    """
    rows, done, played = 0, 0.0, min(scale, PLAYED)
    cost = played * PLAYED_COST + (scale - played)
    weeks: list[list[Evening]] = [[] for _ in range(played)]
    with transaction.atomic():
        for house in houses:
            venue = open_house(house, today)
            rows += 1
            for number, show in product(range(played), house.shows):
                evening = Evening(show, house, venue, today, number, seed)
                rows += evening.make()
                weeks[number].append(evening)
                done += PLAYED_COST / sum(len(it.shows) for it in houses)
                progress(done / cost, rows)
        for number in range(played, scale):
            rows += save_week(weeks[number % played], number)
            done += 1
            progress(done / cost, rows)


def open_house(house: House, today: dt.datetime) -> Venue:
    venue = Venue.open(
        name=house.name, address=house.address, capacity=house.capacity, timezone=house.timezone, by="load_demo"
    )
    a_year_ago = today - dt.timedelta(days=365)
    Venue.objects.filter(pk=venue.pk).update(created_at=a_year_ago, updated_at=a_year_ago)
    return venue
