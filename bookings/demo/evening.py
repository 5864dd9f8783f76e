"""One show of the season, from its plan to its door."""

import datetime as dt
import unicodedata
from collections.abc import Callable, Iterator
from decimal import Decimal
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction

from bookings.demo.season import FAMILY_NAMES, GIVEN_NAMES, House, Sale, Show, Tier, Window
from bookings.demo.stories import FATES, HOLD, Story, date_back, expire, pay_too_late
from bookings.lifecycle.place import Line
from bookings.models import Booking, BookingChange, BookingItem, Ticket
from events.inventory import release_due
from events.models import Event
from ticket_types.models import TicketType
from venues.models import Venue

LONG_HOLD = dt.timedelta(minutes=45)  # of the bookings that are still being paid
EARLY_BIRD_ENDED = dt.timedelta(days=10)
CANCELLED_AGO = dt.timedelta(days=2)
FAR = dt.timedelta(days=30 * 365)
SHOWED_UP = 0.92  # of the tickets for an evening that is over
PARTY_SIZES, PARTY_WEIGHTS = (1, 2, 3, 4, 6), (14, 46, 14, 18, 8)


class Evening:
    """One show of the season: planned, put on sale, sold, and dated back."""

    def __init__(self, show: Show, house: House, venue: Venue, today: dt.datetime, week: int, seed: int) -> None:
        self.show, self.house, self.venue, self.today, self.seed = show, house, venue, today, seed
        # Each show draws from numbers of its own, so that a change of one leaves the others as they were.
        self.random = Random(f"{seed} {house.name} {show.name} {week}")  # noqa: S311  nothing secret  # nosec B311
        self.starts_at = self.local_time(show.days + (7 * week if show.days > 0 else -7 * week), show.time)
        self.ends_at = self.starts_at + dt.timedelta(hours=show.hours)
        self.is_over = show.days < 0
        self.cancelled_at = today - CANCELLED_AGO if show.sale == Sale.CANCELLED else None
        last = min(self.starts_at, self.cancelled_at or today)
        self.opened_at = last - dt.timedelta(days=self.random.randint(30, 56))
        self.closed_at = last - dt.timedelta(hours=3)  # leaves the last bookings time to be confirmed
        self.customers = self.draw_customers()
        self.tiers: dict[int, Tier] = {}  # by the ticket type's id; so is what is left of each
        self.free: dict[int, int] = {}
        self.stories: dict[Any, Story] = {}

    def local_time(self, days: int, time: str) -> dt.datetime:
        day = self.today.date() + dt.timedelta(days=days)
        clock = dt.time.fromisoformat(time)
        return dt.datetime.combine(day, clock, ZoneInfo(self.house.timezone)).astimezone(dt.UTC)

    def draw_customers(self) -> Iterator[tuple[str, str]]:
        """Names and e-mail addresses, nobody twice: some events allow a customer only so many places."""
        numbers = self.random.sample(range(len(GIVEN_NAMES) * len(FAMILY_NAMES)), 1000)
        for number in numbers:
            given, family = GIVEN_NAMES[number // len(FAMILY_NAMES)], FAMILY_NAMES[number % len(FAMILY_NAMES)]
            yield f"{given} {family}", f"{plain(given)}.{plain(family)}@example.com"

    def make(self) -> int:
        """Returns how many rows it took."""
        with transaction.atomic():
            self.plan()
            if self.show.sale != Sale.DRAFT:
                self.event.publish(at=self.opened_at, by="load_demo")
            if self.show.sale in (Sale.OPEN, Sale.HELD, Sale.CANCELLED):
                self.sell()
            if self.cancelled_at:
                self.cancel(self.cancelled_at)
            self.date_back()
            if self.is_over:
                self.let_in()
        return self.count()

    def ahead(self, instant: dt.datetime) -> dt.datetime:
        """Nobody can sell what is over: what is past by now is in the future until `date_back`."""
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
            self.free[ticket_type.pk] = ticket_type.capacity or self.event.capacity

    def offer(self, tier: Tier, position: int) -> TicketType:
        later = self.local_time(4, "10:00") if self.show.sale == Sale.LATER else None
        last_days = self.starts_at - dt.timedelta(days=5) if tier.window == Window.LAST_DAYS else None
        early = self.ahead(self.today - EARLY_BIRD_ENDED) if tier.window == Window.EARLY and not later else None
        return TicketType.offer(
            event=self.event,
            name=tier.name,
            price=Decimal(tier.price),
            capacity=self.event.capacity * tier.share // 100 if tier.share else None,
            min_per_booking=tier.fewest,
            max_per_booking=tier.most,
            sales_start_at=last_days or later,
            sales_end_at=early,
            position=position,
            by="load_demo",
        )

    def sell(self) -> None:
        """Books until as many places are sold as the season says. Some bookings come to nothing on the way."""
        left = self.show.left
        missing = self.show.sold if left is None else self.event.capacity - left
        too_late = self.book(missing, expire) if left == 0 else None
        while missing > 0:
            fate = self.random.choices(list(FATES), list(FATES.values()))[0]
            missing -= self.book(missing, fate).sold
        if too_late:
            pay_too_late(too_late)
        release_due(self.event.pk, wait=True)
        self.hold()

    def book(self, most: int, fate: Callable[[Story], None]) -> Story:
        """Books for the next customer, decides when that was, and lets the booking meet its fate."""
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
            self.free[ticket_type] += places
        return story

    def choose(self, most: int) -> list[Line]:
        """One or two kinds of tickets, and how many of each."""
        most = min(most, self.show.most_per_customer or most)
        lines: dict[int, int] = {}
        for _ in range(2 if self.random.random() < 0.15 else 1):
            left = most - sum(lines.values())
            tiers = {
                pk: tier
                for pk, tier in self.tiers.items()
                if pk not in lines and tier.window != Window.LAST_DAYS and tier.fewest <= min(left, self.free[pk])
            }
            if tiers:
                pk = self.random.choices(list(tiers), [tier.share or 50 for tier in tiers.values()])[0]
                party = max(self.random.choices(PARTY_SIZES, PARTY_WEIGHTS)[0], tiers[pk].fewest)
                lines[pk] = min(party, tiers[pk].most, left, self.free[pk])
        return [Line(pk, quantity) for pk, quantity in lines.items()]

    def place(self, lines: list[Line], hold: dt.timedelta) -> Booking:
        name, email = next(self.customers)
        channel = self.random.choice(("web", "web", "phone", "box office"))
        for line in lines:
            self.free[line.ticket_type] -= line.quantity
        return Booking.place(
            customer_name=name, customer_email=email, lines=lines, hold=hold, metadata={"channel": channel}
        )

    def hold(self) -> None:
        """Bookings that are being paid at this moment: of all that is left, or one or two."""
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

    def date_back(self) -> None:
        """Moves the event to when it is meant to be, and all that happened before today to when that was."""
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
        date_back(self.stories)

    def let_in(self) -> None:
        """One after the other, as they come to the door."""
        valid = Ticket.objects.filter(booking__event=self.event, status=Ticket.Status.VALID)
        guests = [ticket for ticket in valid.select_related("booking") if self.random.random() < SHOWED_UP]
        early = sorted((self.random.randint(0, 2700) for _ in guests), reverse=True)
        for ticket, seconds in zip(guests, early, strict=True):
            ticket.check_in(at=self.starts_at - dt.timedelta(seconds=seconds), by="system")

    def count(self) -> int:
        ours: list[Any] = [
            self.event.bookings,
            BookingItem.objects.filter(booking__event=self.event),
            Ticket.objects.filter(booking__event=self.event),
            BookingChange.objects.filter(booking__event=self.event),
        ]
        return 1 + len(self.tiers) + sum(rows.count() for rows in ours)


def plain(name: str) -> str:
    """The name's letters as an e-mail address has them: `O'Brien` is `obrien`, `Zoë` is `zoe`."""
    letters = unicodedata.normalize("NFKD", name).lower()
    return "".join(letter for letter in letters if letter.isascii() and letter.isalpha())
