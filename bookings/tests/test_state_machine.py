"""Any sequence of steps: the system against a model of its rules in plain Python, all invariants after every step."""

import datetime as dt
import os
from dataclasses import dataclass, field
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from bookings.lifecycle.place import IdempotencyKey, Line
from bookings.models import Booking, Ticket
from bookings.problems import (
    AlreadyCheckedIn,
    BookingCancelled,
    BookingNotConfirmed,
    BookingNotPending,
    CustomerLimit,
    HoldExpired,
    NotCheckedIn,
    NothingToRefund,
    NotOnSale,
    PaymentIncomplete,
    PaymentReferenceUsed,
    PaymentRefunded,
    RefundTooHigh,
    SoldOut,
    TicketVoid,
)
from config.idempotency.problems import IdempotencyKeyExpired, IdempotencyKeyReused
from config.problems import InvalidInput
from conftest import differences
from events.inventory import release_due
from events.models import Event
from ticket_types.models import TicketType
from venues.models import Venue

pytestmark = pytest.mark.both

VENUE_CAPACITY = 20
TYPES = {"seat": (12, Decimal("49.90")), "box": (5, Decimal("120")), "standing": (None, Decimal("0"))}
MOST = 4
DAY = 24 * 60  # minutes
LINES = st.dictionaries(st.sampled_from(list(TYPES)), st.integers(1, MOST), min_size=1, max_size=2)
CUSTOMERS = ["ann@example.com", "bob@example.com"]


@dataclass
class Held:
    """What the model knows of a booking."""

    customer: str
    lines: dict[str, int]
    prices: dict[str, Decimal]
    placed_at: int
    hold: int
    secret: str
    status: str = "pending"
    is_late: bool = False
    is_renewed: bool = False  # its secret
    reference: str = ""
    payments: dict[str, list[Decimal]] = field(default_factory=dict)  # reference → amount, refunded
    cancelled: Decimal = Decimal(0)  # the price of tickets that were cancelled one by one
    fees: Decimal = Decimal(0)
    goodwill: Decimal = Decimal(0)
    tickets: dict[str, tuple[str, str]] = field(default_factory=dict)  # code → type, status

    def places(self, name=None):
        """Those not cancelled one by one."""
        void = [kind for kind, status in self.tickets.values() if status == "void"]
        lines = self.lines if name is None else {name: self.lines.get(name, 0)}
        return sum(count - void.count(kind) for kind, count in lines.items())

    def cost(self):
        return sum(self.prices[name] * count for name, count in self.lines.items())

    def price_left(self):
        return self.cost() - self.cancelled

    def paid(self):
        return sum(amount for amount, _ in self.payments.values())

    def refunded(self):
        return sum(refunded for _, refunded in self.payments.values())

    def net(self):
        return self.paid() - self.refunded()

    def owed(self, status):
        if status in ("pending", "confirmed"):
            return self.cost() - self.cancelled + self.fees - self.goodwill
        return self.fees

    def owed_for_places(self):
        return self.owed(self.status) - self.fees

    def balance(self, status):
        return self.net() - self.owed(status)

    def refundable(self):
        return [(amount - refunded) for amount, refunded in self.payments.values()]


class BoxOffice(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.transaction = transaction.atomic()
        self.transaction.__enter__()
        starts_at = timezone.now() + dt.timedelta(days=300)
        venue = Venue.objects.create(name="Hall", address="1 Main Street", capacity=VENUE_CAPACITY)
        event = Event.plan(venue=venue, name="Gig", starts_at=starts_at, ends_at=starts_at + dt.timedelta(hours=1))
        self.event = event.publish(at=timezone.now())
        self.types = {
            name: TicketType.offer(event=event, name=name, capacity=capacity, price=price, max_per_booking=MOST)
            for name, (capacity, price) in TYPES.items()
        }
        self.now = 0  # minutes that were made to pass
        self.capacity = VENUE_CAPACITY
        self.capacities = {name: capacity for name, (capacity, _) in TYPES.items()}
        self.prices = {name: price for name, (_, price) in TYPES.items()}
        self.max_per_customer = None
        self.is_cancelled = False
        self.bookings = {}
        self.keys = {}

    def teardown(self):
        transaction.set_rollback(True)
        self.transaction.__exit__(None, None, None)

    # The model's own answers.

    def status(self, held):
        is_over = held.status == "pending" and self.now >= held.placed_at + held.hold
        return "expired" if is_over else held.status

    def live(self):
        return [held for held in self.bookings.values() if self.status(held) in ("pending", "confirmed")]

    def reserved(self, name=None):
        return sum(held.places(name) for held in self.live())

    def fits(self, lines):
        def is_left(name, count):
            return self.capacities[name] is None or self.reserved(name) + count <= self.capacities[name]

        return self.reserved() + sum(lines.values()) <= self.capacity and all(is_left(*line) for line in lines.items())

    def is_over_limit(self, customer, lines):
        theirs = sum(held.places() for held in self.live() if held.customer == customer)
        return self.max_per_customer is not None and theirs + sum(lines.values()) > self.max_per_customer

    def refusal_to_place(self, customer, lines):
        if self.is_cancelled:
            return NotOnSale
        if not self.fits(lines):
            return SoldOut
        return CustomerLimit if self.is_over_limit(customer, lines) else None

    # The steps.

    def attempt(self, expected, action):
        """Does it, and insists on the refusal that the model expects, or on none."""
        if expected is None:
            return action()
        with pytest.raises(expected) as error:
            action()
        return error.value

    def pick(self, data, *statuses):
        """One of those in these states, as long as there is one, and one time in four any."""
        likely = [pk for pk, held in self.bookings.items() if self.status(held) in statuses]
        is_any = not likely or data.draw(st.integers(0, 3), label="any") == 3
        pk = data.draw(st.sampled_from(list(self.bookings) if is_any else likely), label="booking")
        return Booking.objects.get(pk=pk), self.bookings[pk]

    @rule(lines=LINES, customer=st.sampled_from(CUSTOMERS), hold=st.sampled_from([5, 15]))
    def place(self, lines, customer, hold):
        self.place_one(lines, customer, hold, client=None)

    @rule(lines=LINES, customer=st.sampled_from(CUSTOMERS), hold=st.sampled_from([60, 5]),
          client=st.sampled_from(["", "user:1"]))  # fmt: skip
    def place_with_key(self, lines, customer, hold, client):
        self.place_one(lines, customer, hold, client)

    def place_one(self, lines, customer, hold, client):
        fingerprint = str((sorted(lines.items()), customer))
        key = None if client is None else IdempotencyKey(client, f"key-{len(self.keys)}", fingerprint)
        facts = {
            "customer_name": "Somebody",
            "customer_email": customer,
            "lines": [Line(self.types[name].pk, count) for name, count in lines.items()],
            "hold": dt.timedelta(minutes=hold),
            "key": key,
        }
        expected = self.refusal_to_place(customer, lines)
        booking = self.attempt(expected, lambda: Booking.place(**facts))
        if expected is SoldOut:
            assert all(entry["requested"] > entry["available"] >= 0 for entry in booking.errors)
        if expected is None:
            prices = {name: self.prices[name] for name in lines}
            self.bookings[booking.pk] = Held(customer, lines, prices, self.now, hold, booking.secret)
            if key is not None:
                self.keys[booking.pk] = (key, facts)

    @precondition(lambda self: self.keys)
    @rule(data=st.data(), is_same=st.booleans())
    def retry(self, data, is_same):
        pk = data.draw(st.sampled_from(list(self.keys)), label="key")
        (key, facts), held = self.keys[pk], self.bookings[pk]
        is_anonymous, is_old = key.client == "", self.now >= held.placed_at + DAY
        if is_anonymous and (held.is_renewed or (is_old and is_same)):
            expected = IdempotencyKeyExpired
        else:
            expected = None if is_same else IdempotencyKeyReused
        sent = key if is_same else IdempotencyKey(key.client, key.key, "another request")
        found = self.attempt(expected, lambda: Booking.place(**{**facts, "key": sent}))
        assert expected or (found.pk, found.is_replay, found.opens_with(held.secret)) == (pk, True, True)

    @precondition(lambda self: self.bookings)
    @rule(data=st.data())
    def renew_secret(self, data):
        booking, held = self.pick(data, "pending", "confirmed")
        assert booking.opens_with(held.secret)
        booking.renew_secret()
        assert not booking.opens_with(held.secret)
        held.secret, held.is_renewed = booking.secret, True

    @precondition(lambda self: self.bookings)
    @rule(data=st.data(), may_be_unpaid=st.booleans())
    def confirm(self, data, may_be_unpaid):
        self.confirm_one(data, *self.pick(data, "pending"), may_be_unpaid)

    @precondition(lambda self: "expired" in map(self.status, self.bookings.values()))
    @rule(data=st.data(), may_be_unpaid=st.booleans())
    def confirm_late(self, data, may_be_unpaid):
        self.confirm_one(data, *self.pick(data, "expired"), may_be_unpaid)

    def draw_payment(self, data, booking, held):
        """None, a new one (too little, what is due, too much), one that was told before, or another booking's."""
        known = [reference for other in self.bookings.values() for reference in other.payments]
        new = f"{booking.pk.hex[:6]}-{len(held.payments)}"
        reference = data.draw(st.sampled_from(["", new, new, *list(held.payments)[:2], *known[:1]]), label="payment")
        amounts = [None, None, held.cost(), Decimal("0.01"), held.cost() * 2]
        amount = data.draw(st.sampled_from([it for it in amounts if it is None or it]), label="amount")
        return reference, amount if reference else None

    def confirm_one(self, data, booking, held, may_be_unpaid):
        status = self.status(held)
        reference, amount = self.draw_payment(data, booking, held)
        expected, is_recorded = self.outcome(held, status, reference, amount, may_be_unpaid)
        self.attempt(
            expected,
            lambda: booking.confirm(payment_reference=reference, amount=amount, may_be_unpaid=may_be_unpaid),
        )
        if is_recorded:
            self.record(held, status, reference, amount)
        if expected is None and status in ("pending", "expired"):
            held.status, held.is_late = "confirmed", status == "expired"
            held.tickets = {ticket.code: (ticket.ticket_type.name, "valid") for ticket in booking.tickets.all()}
            issued = [kind for kind, _ in held.tickets.values()]
            assert {name: issued.count(name) for name in held.lines} == held.lines

    def to_pay(self, held, status):
        if status in ("pending", "expired"):
            missing = held.cost() - held.net()
            return missing if missing > 0 else held.cost()
        return max(-held.balance(status), 0) or held.cost()

    def outcome(self, held, status, reference, amount, may_be_unpaid):  # noqa: PLR0911  one return for each outcome
        """The refusal that is expected, and whether the payment is recorded."""
        if reference and any(reference in other.payments for other in self.bookings.values() if other is not held):
            return PaymentReferenceUsed, False
        is_new = bool(reference) and reference not in held.payments
        if status in ("confirmed", "cancelled"):
            return (None if status == "confirmed" else BookingCancelled), is_new
        if status == "expired" and (self.is_cancelled or not self.fits(held.lines)):
            return HoldExpired, is_new
        net = held.net() + ((self.to_pay(held, status) if amount is None else amount) if is_new else 0)
        if reference in held.payments and held.payments[reference][1] and net < held.cost():
            return PaymentRefunded, False
        if net < held.cost() and not may_be_unpaid:
            return PaymentIncomplete, is_new
        if status == "expired" and self.is_over_limit(held.customer, held.lines):
            return HoldExpired, is_new
        return None, is_new

    def record(self, held, status, reference, amount):
        amount = self.to_pay(held, status) if amount is None else amount
        if amount:
            held.payments[reference] = [amount, Decimal(0)]
        held.reference = held.reference or reference

    @precondition(lambda self: self.bookings)
    @rule(data=st.data(), minutes=st.sampled_from([5, 20]))
    def extend(self, data, minutes):
        booking, held = self.pick(data, "pending")
        refusals = {"confirmed": BookingNotPending, "cancelled": BookingCancelled, "expired": HoldExpired}
        expected = refusals.get(self.status(held))
        self.attempt(expected, lambda: booking.extend(hold=dt.timedelta(minutes=minutes)))
        if expected is None:
            held.hold = max(held.hold, self.now + minutes - held.placed_at)

    def draw_fee(self, data):
        return data.draw(st.sampled_from([Decimal(0)] * 3 + [Decimal(1), Decimal(30), Decimal(500)]), label="fee")

    @precondition(lambda self: self.bookings)
    @rule(data=st.data())
    def cancel(self, data):
        booking, held = self.pick(data, "pending", "confirmed")
        status, fee = self.status(held), self.draw_fee(data)
        is_inside = status == "confirmed" and "checked_in" in [state for _, state in held.tickets.values()]
        expected = AlreadyCheckedIn if is_inside else HoldExpired if status == "expired" else None
        is_wrong = status != "confirmed" or fee > min(held.price_left(), held.owed_for_places())
        if fee and status != "cancelled" and is_wrong:
            expected = InvalidInput
        self.attempt(expected, lambda: booking.cancel(fee=fee))
        if expected is None and status != "cancelled":
            self.end(held, fee)

    def end(self, held, fee=Decimal(0)):
        held.status = "cancelled"
        held.fees += fee
        held.tickets = {code: (kind, "void") for code, (kind, _) in held.tickets.items()}

    @precondition(lambda self: any(sum(held.refundable()) for held in self.bookings.values()))
    @rule(data=st.data(), may_exceed=st.booleans())
    def refund(self, data, may_exceed):
        pk = data.draw(st.sampled_from([pk for pk, held in self.bookings.items() if held.payments]), label="booking")
        held = self.bookings[pk]
        status, refundable = self.status(held), sum(held.refundable())
        due = max(held.balance(status), Decimal(0))
        amount = data.draw(st.sampled_from([None, Decimal("0.01"), due or Decimal(1), due + 1]), label="amount")
        wanted = min(due, refundable) if amount is None else amount
        expected = None
        if not wanted or not refundable:
            expected = NothingToRefund
        elif wanted > refundable or (wanted > due and not may_exceed):
            expected = RefundTooHigh
        booking = Booking.objects.get(pk=pk)
        release_due(wait=True)
        self.attempt(expected, lambda: booking.refund(amount=amount, reason="kindness", may_exceed=may_exceed))
        if expected is None:
            goodwill = max(wanted - due, 0) if status in ("confirmed", "cancelled") else Decimal(0)
            for_places = min(goodwill, held.owed_for_places())
            held.goodwill += for_places
            held.fees -= goodwill - for_places
            for payment in held.payments.values():
                part = min(wanted, payment[0] - payment[1])
                payment[1] += part
                wanted -= part

    @precondition(lambda self: any(held.tickets for held in self.bookings.values()))
    @rule(data=st.data())
    def cancel_tickets(self, data):
        booking, held = self.pick(data, "confirmed")
        if not held.tickets:
            self.attempt(BookingNotConfirmed, lambda: booking.cancel(tickets=["A" * 26]))
            return
        codes = data.draw(st.lists(st.sampled_from(list(held.tickets)), min_size=1, max_size=2), label="tickets")
        states = {held.tickets[code][1] for code in codes}
        rest = [state for code, (_, state) in held.tickets.items() if code not in codes]
        valid = {code: held.tickets[code][0] for code in codes if held.tickets[code][1] == "valid"}
        price, fee = sum(held.prices[kind] for kind in valid.values()), self.draw_fee(data)
        owed = held.owed_for_places()
        most = min(price, owed)
        expected = AlreadyCheckedIn if "checked_in" in states else InvalidInput if valid and fee > most else None
        self.attempt(expected, lambda: booking.cancel(tickets=codes, fee=fee))
        if expected is None and valid:
            if all(state == "void" for state in rest):
                self.end(held, fee)
            else:
                held.tickets |= {code: (kind, "void") for code, kind in valid.items()}
                held.cancelled += price
                held.fees += fee
                held.goodwill -= max(price - owed, 0)

    @precondition(lambda self: any(held.tickets for held in self.bookings.values()))
    @rule(data=st.data(), is_undo=st.booleans())
    def check_in(self, data, is_undo):
        tickets = {code: held for held in self.bookings.values() for code in held.tickets}
        likely = [code for code, held in tickets.items() if self.status(held) == "confirmed"] or list(tickets)
        code = data.draw(st.sampled_from(likely), label="ticket")
        kind, state = tickets[code].tickets[code]
        ticket = Ticket.objects.select_related("booking").get(code=code)
        if state == "void":
            expected = TicketVoid
        elif is_undo:
            expected = None if state == "checked_in" else NotCheckedIn
        else:
            expected = None if state == "valid" else AlreadyCheckedIn
        self.attempt(expected, ticket.undo_check_in if is_undo else lambda: ticket.check_in(at=timezone.now()))
        if expected is None:
            tickets[code].tickets[code] = (kind, "valid" if is_undo else "checked_in")

    @rule(minutes=st.sampled_from([5, 1, 4, 10, 60, DAY]), is_swept=st.booleans())
    def pass_time(self, minutes, is_swept):
        """Holds last whole minutes, and this test less than one: nothing happens to run out by itself."""
        self.now += minutes
        for booking in Booking.objects.all():
            delta = dt.timedelta(minutes=minutes)
            times = {"created_at": booking.created_at - delta, "expires_at": booking.expires_at - delta}
            Booking.objects.filter(pk=booking.pk).update(**times)
        if is_swept:
            release_due(wait=True)

    @rule(data=st.data(), kind=st.sampled_from(["capacity", "quantity", "price", "limit"]))
    def edit(self, data, kind):
        """One rule for all that staff may change, so that most steps are sales."""
        getattr(self, f"edit_{kind}")(data)

    def edit_capacity(self, data):
        capacity = data.draw(st.integers(1, VENUE_CAPACITY) | st.just(VENUE_CAPACITY), label="capacity")
        expected = IntegrityError if capacity < self.reserved() else None
        self.attempt(expected, lambda: Event.objects.get(pk=self.event.pk).revise(capacity=capacity))
        self.capacity = self.capacity if expected else capacity

    def edit_quantity(self, data):
        name = data.draw(st.sampled_from(list(TYPES)), label="type")
        capacity = data.draw(st.none() | st.integers(1, 15), label="quantity")
        expected = IntegrityError if capacity is not None and capacity < self.reserved(name) else None
        self.attempt(expected, lambda: TicketType.objects.get(pk=self.types[name].pk).revise(capacity=capacity))
        self.capacities[name] = self.capacities[name] if expected else capacity

    def edit_price(self, data):
        name = data.draw(st.sampled_from(list(TYPES)), label="type")
        price, fee = (Decimal(data.draw(st.integers(0, most), label="cents")) / 100 for most in (20_000, 500))
        rate = Decimal(data.draw(st.sampled_from(["0", "7.7", "100"]), label="tax rate"))
        self.prices[name] = price + fee
        TicketType.objects.get(pk=self.types[name].pk).revise(price=price, fee=fee, tax_rate=rate)

    def edit_limit(self, data):
        self.max_per_customer = data.draw(st.none() | st.integers(2, 8), label="limit")
        Event.objects.get(pk=self.event.pk).revise(max_per_customer=self.max_per_customer)

    @precondition(lambda self: len(self.bookings) >= 6)
    @rule(is_meant=st.integers(0, 9))
    def cancel_event(self, is_meant):
        """Rarely: little can happen after it."""
        if is_meant != 0 or self.is_cancelled:
            return
        self.is_cancelled = True
        Event.objects.get(pk=self.event.pk).cancel(reason="storm", at=timezone.now())
        for held in self.live():
            self.end(held)

    # What must be true after every step.

    @invariant()
    def counters_equal_rows(self):
        assert differences() == []

    @invariant()
    def stock_is_the_models(self):
        """As a read would show it; the release is taken back, so that the next step meets holds that are due."""
        with transaction.atomic():
            release_due(wait=True)
            event = Event.objects.get(pk=self.event.pk)
            assert (event.reserved, event.available) == (self.reserved(), self.capacity - self.reserved())
            reserved = dict(TicketType.objects.filter(event=event).values_list("name", "reserved"))
            assert reserved == {name: self.reserved(name) for name in TYPES}
            transaction.set_rollback(True)

    @invariant()
    def bookings_are_the_models(self):
        at = timezone.now()
        stored = {
            booking.pk: (booking.status_at(at), booking.is_late, booking.payment_reference)
            for booking in Booking.objects.all()
        }
        assert stored == {pk: (self.status(held), held.is_late, held.reference) for pk, held in self.bookings.items()}

    @invariant()
    def money_adds_up(self):
        with transaction.atomic():
            release_due(wait=True)
            columns = ("amount_paid", "amount_refunded", "refund_amount", "amount_due")
            stored = {row[0]: row[1:] for row in Booking.objects.values_list("pk", *columns)}
            due = set(Booking.objects.with_refund_due().values_list("pk", flat=True))
            transaction.set_rollback(True)
        balances = {pk: held.balance(self.status(held)) for pk, held in self.bookings.items()}
        assert stored == {
            pk: (held.paid(), held.refunded(), max(balances[pk], 0), max(-balances[pk], 0))
            for pk, held in self.bookings.items()
        }
        assert due == {pk for pk, balance in balances.items() if balance > 0}

    @invariant()
    def fees_are_a_part_of_what_is_owed(self):
        stored = dict(Booking.objects.values_list("pk", "cancellation_fee"))
        assert stored == {pk: held.fees for pk, held in self.bookings.items()}
        assert all(0 <= held.fees <= held.owed(self.status(held)) for held in self.bookings.values())

    @invariant()
    def tickets_are_the_models(self):
        stored = dict(Ticket.objects.values_list("code", "status"))
        assert stored == {code: state for held in self.bookings.values() for code, (_, state) in held.tickets.items()}

    @invariant()
    def money_is_what_it_was(self):
        totals = dict(Booking.objects.values_list("pk", "total_price"))
        assert totals == {pk: held.cost() for pk, held in self.bookings.items()}


@pytest.mark.parametrize("part", range(4))
def test_box_office_agrees_with_its_model(db, part):
    """In parts, so that several processes share the work; TORTURE_EXAMPLES asks for more than the usual 28 runs."""
    run_state_machine_as_test(
        BoxOffice,
        settings=settings(
            max_examples=int(os.environ.get("TORTURE_EXAMPLES", "28")) // 4,
            stateful_step_count=50,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
