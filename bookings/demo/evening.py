"""One show of the season, from its draft to the check-in."""

import datetime as dt
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction

from bookings.demo.season import FAMILY_NAMES, GIVEN_NAMES, House, Sale, Show, Tier, Window
from bookings.demo.stories import FATES, HOLD, Story, backdate, expire, pay_too_late
from bookings.lifecycle.place import Line
from bookings.models import Booking, BookingChange, BookingItem, Ticket
from events.inventory import release_due
from events.models import Event
from ticket_types.models import TicketType
from venues.models import Venue

LONG_HOLD = dt.timedelta(minutes=45)  # of the bookings that stay pending
EARLY_BIRD_ENDED = dt.timedelta(days=10)
CANCELLED_AGO = dt.timedelta(days=2)
FAR = dt.timedelta(days=30 * 365)
SHOWED_UP = 0.92  # of the tickets for a past event
PARTY_SIZES, PARTY_WEIGHTS = (1, 2, 3, 4, 6), (14, 46, 14, 18, 8)


@dataclass(frozen=True)
class EveningRows:
    event: Event
    ticket_types: list[TicketType]
    bookings: list[Booking]


class Evening:
    """One show of the season: planned, published, sold, and backdated."""

    def __init__(self, show: Show, house: House, venue: Venue, today: dt.datetime, week: int, seed: int) -> None:
        self.show, self.house, self.venue, self.today, self.seed = show, house, venue, today, seed
        # One generator for each show: a change of one show leaves the others as they were.
        self.random = Random(f"{seed} {house.name} {show.name} {week}")  # noqa: S311  nothing secret  # nosec B311
        self.starts_at = self.local_time(show.days + (7 * week if show.days > 0 else -7 * week), show.time)
        self.ends_at = self.starts_at + dt.timedelta(hours=show.hours)
        self.is_over = show.days < 0
        self.cancelled_at = today - CANCELLED_AGO if show.sale == Sale.CANCELLED else None
        last = min(self.starts_at, self.cancelled_at or today)
        self.opened_at = last - dt.timedelta(days=self.random.randint(30, 56))
        self.closed_at = last - dt.timedelta(hours=3)  # so that the last bookings are confirmed in time
        self.customers = self.draw_customers()
        self.tiers: dict[int, Tier] = {}  # by the id of the ticket type
        self.available: dict[int, int] = {}  # places, by the id of the ticket type
        self.stories: dict[Any, Story] = {}

    def in_week(self, week: int) -> "Evening":
        """The same show in another week, not saved."""
        return Evening(self.show, self.house, self.venue, self.today, week, self.seed)

    def local_time(self, days: int, time: str) -> dt.datetime:
        day = self.today.date() + dt.timedelta(days=days)
        clock = dt.time.fromisoformat(time)
        return dt.datetime.combine(day, clock, ZoneInfo(self.house.timezone)).astimezone(dt.UTC)

    def draw_customers(self) -> Iterator[tuple[str, str]]:
        """Names and e-mail addresses. Each occurs once, because some events have a limit per customer."""
        numbers = self.random.sample(range(len(GIVEN_NAMES) * len(FAMILY_NAMES)), 1000)
        for number in numbers:
            given, family = GIVEN_NAMES[number // len(FAMILY_NAMES)], FAMILY_NAMES[number % len(FAMILY_NAMES)]
            yield f"{given} {family}", f"{plain(given)}.{plain(family)}@example.com"

    def make(self) -> int:
        """Returns the number of rows."""
        with transaction.atomic():
            self.plan()
            if self.show.sale != Sale.DRAFT:
                self.event.publish(at=self.opened_at, by="load_demo")
            if self.show.sale in (Sale.OPEN, Sale.HELD, Sale.CANCELLED):
                self.sell()
            if self.cancelled_at:
                self.cancel(self.cancelled_at)
            self.backdate()
            if self.is_over:
                self.check_in()
        return self.count()

    def ahead(self, instant: dt.datetime) -> dt.datetime:
        """Past instants are moved to the future until `backdate`, because a past event cannot be sold."""
        return instant + FAR if instant <= self.today else instant

    def plan(self) -> None:
        show = self.show
        self.event = Event.plan(
            venue=self.venue,
            name=show.name,
            description=show.description,
            starts_at=self.ahead(self.starts_at),
            ends_at=self.ahead(self.ends_at),
            currency=self.house.currency,
            capacity=show.capacity,
            max_per_customer=show.most_per_customer,
            by="load_demo",
        )
        for position, tier in enumerate(show.tiers):
            ticket_type = self.offer(tier, position)
            self.tiers[ticket_type.pk] = tier
            self.available[ticket_type.pk] = ticket_type.capacity or self.event.capacity

    def offer(self, tier: Tier, position: int) -> TicketType:
        later = self.local_time(4, "10:00") if self.show.sale == Sale.LATER else None
        last_days = self.starts_at - dt.timedelta(days=5) if tier.window == Window.LAST_DAYS else None
        early = self.ahead(self.today - EARLY_BIRD_ENDED) if tier.window == Window.EARLY and not later else None
        return TicketType.offer(
            event=self.event,
            name=tier.name,
            price=Decimal(tier.price),
            fee=Decimal(self.house.fee) if Decimal(tier.price) else Decimal(0),
            tax_rate=Decimal(self.house.tax_rate),
            capacity=self.event.capacity * tier.share // 100 if tier.share else None,
            min_per_booking=tier.fewest,
            max_per_booking=tier.most,
            sales_start_at=last_days or later,
            sales_end_at=early,
            position=position,
            by="load_demo",
        )

    def sell(self) -> None:
        """Books until the number of places that the show names is sold; some bookings are cancelled or expire."""
        left = self.show.left
        missing = self.show.sold if left is None else self.event.capacity - left
        late = self.book(missing, expire) if left == 0 else None
        while missing > 0:
            fate = self.random.choices(list(FATES), list(FATES.values()))[0]
            missing -= self.book(missing, fate).sold
        if late:
            pay_too_late(late)
        release_due(self.event.pk, wait=True)
        self.hold()

    def book(self, most: int, fate: Callable[[Story], None]) -> Story:
        """Places a booking of the next customer, chooses its time, and plays what happens to it."""
        lines = self.choose(most)
        booking = self.place(lines, HOLD)
        is_early = any(self.tiers[line.ticket_type].window == Window.EARLY for line in lines)
        closed_at = min(self.closed_at, self.today - EARLY_BIRD_ENDED) if is_early else self.closed_at
        placed_at = self.opened_at + (closed_at - self.opened_at) * self.random.triangular(0, 1, 1)
        last = self.closed_at + dt.timedelta(hours=2)
        story = Story(booking, self.random, last, {"place": placed_at.replace(microsecond=0)})
        self.stories[booking.pk] = story
        fate(story)
        for ticket_type, places in story.returned.items():
            self.available[ticket_type] += places
        return story

    def choose(self, most: int) -> list[Line]:
        """One or two ticket types, and the quantity of each."""
        most = min(most, self.show.most_per_customer or most)
        lines: dict[int, int] = {}
        for _ in range(2 if self.random.random() < 0.15 else 1):
            left = most - sum(lines.values())
            tiers = {
                pk: tier
                for pk, tier in self.tiers.items()
                if pk not in lines and tier.window != Window.LAST_DAYS and tier.fewest <= min(left, self.available[pk])
            }
            if tiers:
                pk = self.random.choices(list(tiers), [tier.share or 50 for tier in tiers.values()])[0]
                party = max(self.random.choices(PARTY_SIZES, PARTY_WEIGHTS)[0], tiers[pk].fewest)
                lines[pk] = min(party, tiers[pk].most, left, self.available[pk])
        return [Line(pk, quantity) for pk, quantity in lines.items()]

    def place(self, lines: list[Line], hold: dt.timedelta) -> Booking:
        name, email = next(self.customers)
        channel = self.random.choice(("web", "web", "phone", "box office"))
        for line in lines:
            self.available[line.ticket_type] -= line.quantity
        data: dict[str, Any] = {"customer_name": name, "customer_email": email, "metadata": {"channel": channel}}
        return Booking.place(**data, lines=lines, hold=hold, notify=False)  # none of these customers exists

    def hold(self) -> None:
        """Places bookings that are still pending: for all available places, or for up to 3."""
        if self.show.sale == Sale.HELD:
            places = self.show.left or 0
        else:
            is_open = self.show.sale == Sale.OPEN and self.show.left is None and not self.is_over
            places = self.random.randint(0, 3) if is_open else 0
        while places:
            lines = self.choose(min(places, 2))
            self.place(lines, LONG_HOLD)
            places -= sum(line.quantity for line in lines)

    def cancel(self, at: dt.datetime) -> None:
        self.event.cancel(reason="The artist is ill.", at=at, by="system")
        for booking in self.event.bookings.filter(status=Booking.Status.CANCELLED):
            self.stories[booking.pk].at.setdefault("cancel", at)

    def backdate(self) -> None:
        """Moves the event, its sale and its bookings to their own times."""
        self.event.ticket_types.filter(sales_end_at__gt=self.today + FAR / 2).update(
            sales_end_at=self.today - EARLY_BIRD_ENDED
        )
        self.event.ticket_types.update(created_at=self.opened_at, updated_at=self.opened_at)
        Event.objects.filter(pk=self.event.pk).update(
            starts_at=self.starts_at,
            ends_at=self.ends_at,
            created_at=self.opened_at,
            updated_at=self.cancelled_at or self.opened_at,
        )
        backdate(self.stories)

    def check_in(self) -> None:
        """Checks in most of the tickets, in the 45 minutes before the start."""
        valid = Ticket.objects.filter(booking__event=self.event, status=Ticket.Status.VALID)
        present = [ticket for ticket in valid.select_related("booking") if self.random.random() < SHOWED_UP]
        early = sorted((self.random.randint(0, 2700) for _ in present), reverse=True)
        for ticket, seconds in zip(present, early, strict=True):
            ticket.check_in(at=self.starts_at - dt.timedelta(seconds=seconds), by="system")

    def count(self) -> int:
        models: list[Any] = [BookingItem, Ticket, BookingChange]
        rows = [model.objects.filter(booking__event=self.event) for model in models]
        return 1 + len(self.tiers) + self.event.bookings.count() + sum(it.count() for it in rows)

    @cached_property
    def rows(self) -> "EveningRows":
        """What `make` left in the database, for copies."""
        event = Event.objects.get(pk=self.event.pk)
        bookings = event.bookings.order_by("created_at", "pk").prefetch_related(
            "items", "tickets", "changes", "payments__refunds"
        )
        return EveningRows(event, list(event.ticket_types.order_by("pk")), list(bookings))


def plain(name: str) -> str:
    """A name for an e-mail address: `obrien` for `O'Brien`, `zoe` for `Zoë`."""
    letters = unicodedata.normalize("NFKD", name).lower()
    return "".join(letter for letter in letters if letter.isascii() and letter.isalpha())
