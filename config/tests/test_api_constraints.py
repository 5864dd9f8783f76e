"""Every constraint is tried through the API and by a raw UPDATE."""

import datetime as dt
from decimal import Decimal

import pytest
from django.apps import apps
from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet, Value
from django.utils import timezone

from bookings.door.models import Scan
from bookings.messages.models import Message
from bookings.models import Booking, BookingChange, BookingItem, Cancellation, Ticket
from bookings.payments.models import Payment, ProviderEvent, Refund
from config.access.models import ApiToken, LoginFailure, RoleGroup
from config.database.constraints import violated_constraint
from config.idempotency.models import KeyedRequest
from config.outbox.models import Feed, FeedChange
from config.outbox.publishing import publish
from config.tests.harness.answers import errors_in
from config.tests.harness.matrix import queued
from config.values.money import MoneyField
from config.webhooks.models import WebhookDelivery, WebhookEndpoint
from events.models import Event
from ticket_types.models import TicketType
from venues.models import Venue

pytestmark = pytest.mark.both

APPS = (
    *("access", "idempotency", "outbox", "venues", "events", "ticket_types"),
    *("bookings", "booking_messages", "payments", "door", "webhooks"),
)
NAMED = {
    constraint.name: (model, constraint)
    for label in APPS
    for model in apps.get_app_config(label).get_models()
    for constraint in model._meta.constraints
}
NOW = timezone.now()
ONE = Value(Decimal(1), MoneyField())
EARLY = dt.datetime(1999, 12, 31, 23, tzinfo=dt.UTC)
LATE = dt.datetime(2101, 1, 1, tzinfo=dt.UTC)

# Changes of a valid row that the database must refuse.
RAW = {
    "api_token_name_has_1_to_100_characters": [{"name": ""}],
    "api_token_expires_after_it_is_created": [{"expires_at": F("created_at")}],
    "venue_name_has_1_to_200_characters": [{"name": ""}],
    "venue_address_has_1_to_500_characters": [{"address": ""}],
    "venue_capacity_is_1_to_1000000": [{"capacity": 0}, {"capacity": 1_000_001}],
    "venue_timezone_has_1_to_64_characters": [{"timezone": ""}],
    "event_reserved_is_within_capacity": [{"reserved": 101}, {"capacity": 1}],
    "event_name_has_1_to_200_characters": [{"name": ""}],
    "event_description_has_up_to_10000_characters": [{"description": "a" * 10_001}],
    "event_draft_was_never_published": [{"status": "draft"}],
    "event_ends_after_it_starts": [{"ends_at": F("starts_at")}],
    "event_happens_in_the_years_2000_to_2100": [{"starts_at": EARLY}, {"ends_at": LATE}],
    "event_free_confirmation_is_known": [{"free_confirmation": "never"}],
    "event_visibility_is_known": [{"visibility": "hidden"}],
    "event_postponed_has_paused_sales": [{"is_postponed": True}],
    "event_status_is_known": [{"status": "open"}],
    "event_currency_has_3_letters": [{"currency": "EU"}],
    "event_capacity_is_1_to_1000000": [{"capacity": 0, "reserved": 0}, {"capacity": 1_000_001}],
    "event_max_per_customer_is_1_to_1000": [{"max_per_customer": 0}, {"max_per_customer": 1001}],
    "tickettype_reserved_is_within_capacity": [{"reserved": 51}, {"capacity": 1}],
    "ticket_type_name_is_unique_in_its_event": [{"name": "Standing"}],
    "ticket_type_name_has_1_to_100_characters": [{"name": ""}],
    "ticket_type_description_has_up_to_2000_characters": [{"description": "a" * 2001}],
    "ticket_type_price_is_0_to_999999999": [{"price": Decimal("-0.01")}, {"price": Decimal("999999999.01")}],
    "ticket_type_fee_is_0_to_999999999": [{"fee": Decimal("-0.01")}, {"fee": Decimal("999999999.01")}],
    "ticket_type_tax_rate_is_0_to_100": [{"tax_rate": Decimal("-0.001")}, {"tax_rate": Decimal("100.001")}],
    "ticket_type_quantity_is_1_to_1000000": [{"capacity": 0, "reserved": 0}, {"capacity": 1_000_001}],
    "ticket_type_min_per_booking_is_1_to_its_max": [{"min_per_booking": 0}, {"min_per_booking": 11}],
    "ticket_type_max_per_booking_is_1_to_100": [{"max_per_booking": 101}],
    "ticket_type_sales_end_after_they_start": [{"sales_start_at": NOW, "sales_end_at": NOW}],
    "ticket_type_sales_are_in_the_years_2000_to_2100": [{"sales_start_at": EARLY}, {"sales_end_at": LATE}],
    "ticket_type_position_is_0_to_10000": [{"position": 10_001}],
    "idempotency_key_is_unique_for_its_client": [{"key": "taken"}],
    "keyed_request_is_complete": [{"key": ""}, {"operation": ""}, {"fingerprint": "0"}],
    "booking_idempotency_key_is_unique_for_its_client": [{"idempotency_key": "taken"}],
    "booking_confirmation_code_is_unique": [{"confirmation_code": "TAKEN234"}],
    "booking_status_is_known": [{"status": "open"}],
    "booking_customer_name_has_1_to_200_characters": [{"customer_name": ""}],
    "booking_customer_email_has_3_to_254_characters": [{"customer_email": "@a"}],
    "booking_quantity_is_1_to_2000": [{"quantity": 0}, {"quantity": 2001}, {"cancelled_quantity": 4}],
    "booking_total_price_is_with_fees_and_tax": [
        {"fees": Decimal(-1)},
        {"fees": F("total_price") + 1},
        {"tax": Decimal(-1)},
        {"tax": F("total_price") + 1},
    ],
    "booking_expires_after_it_is_created": [{"expires_at": F("created_at")}],
    "booking_confirmed_has_a_time": [{"confirmed_at": None}],
    "booking_cancelled_has_a_time": [{"status": "cancelled"}],
    "booking_refund_is_due_when_there_is_an_amount": [{"refund_due": True}],
    "booking_balance_adds_up": [{"amount_due": 0}, {"amount_paid": 1}, {"cancelled_amount": 1}],
    "booking_balance_has_one_sign": [
        {"amount_due": F("amount_due") + ONE, "refund_amount": ONE, "refund_due": True},
    ],
    "booking_is_not_refunded_beyond_what_was_paid": [{"amount_refunded": ONE, "amount_due": F("amount_due") + ONE}],
    "booking_cancelled_amount_is_0_to_its_total_price": [
        {"cancelled_amount": F("total_price") + ONE, "amount_due": 0, "refund_amount": ONE, "refund_due": True},
        {"cancelled_amount": Decimal(-1), "amount_due": F("amount_due") + ONE},
    ],
    "booking_fee_and_goodwill_are_not_negative": [{"cancellation_fee": Decimal(-1)}, {"goodwill_amount": Decimal(-1)}],
    "booking_cancellation_fee_is_a_part_of_what_is_owed": [{"cancellation_fee": F("total_price") + ONE}],
    "cancellation_amounts_are_not_negative": [
        {"places": 0},
        {"amount": Decimal(-1)},
        {"fee": Decimal(-1)},
        {"fee": F("amount") + ONE},
        {"tax": F("amount") + ONE},
    ],
    "payment_reference_is_unique_for_its_provider": [{"reference": "taken"}],
    "payment_status_is_known": [{"status": "lost"}],
    "payment_method_is_known": [{"method": "shells"}],
    "payment_amount_is_above_0": [{"amount": 0}],
    "payment_is_not_refunded_beyond_its_amount": [
        {"amount_refunded": F("amount") + ONE},
        {"amount_refunded": Decimal(-1)},
    ],
    "payment_refunded_has_succeeded": [{"status": "failed", "amount_refunded": ONE}],
    "payment_succeeded_has_a_time": [{"succeeded_at": None}],
    "payment_currency_has_3_letters": [{"currency": "EU"}],
    "refund_reference_is_unique_for_its_payment": [{"reference": "taken"}],
    "refund_status_is_known": [{"status": "lost"}],
    "refund_amount_is_above_0": [{"amount": 0}],
    "refund_goodwill_is_a_part_of_it": [{"goodwill": F("amount") + ONE}, {"goodwill": Decimal(-1)}],
    "refund_succeeded_has_a_time": [{"succeeded_at": None}],
    "provider_event_is_stored_once": [{"event_id": "taken"}],
    "booking_item_ticket_type_is_unique_in_its_booking": [{"ticket_type": "standing"}],
    "booking_item_quantity_is_1_to_100": [
        {"quantity": 0, "total_price": 0},
        {"quantity": 101, "total_price": F("unit_price") * 101},
        {"cancelled_quantity": 3},
    ],
    "booking_item_unit_price_is_not_negative": [{"unit_price": Decimal(-1), "total_price": Decimal(-2)}],
    "booking_item_total_is_price_and_fee_times_quantity": [{"total_price": Decimal("99.81")}, {"unit_fee": Decimal(1)}],
    "booking_item_fee_and_tax_are_within_its_total": [
        {"unit_fee": Decimal(-1), "total_price": Decimal("97.80")},
        {"tax_rate": Decimal(-1)},
        {"tax_rate": Decimal("100.001")},
        {"tax": Decimal(1)},
        {"tax_rate": Decimal(19), "tax": Decimal(-1)},
        {"tax_rate": Decimal(19), "tax": Decimal("99.81")},
    ],
    "booking_change_states_are_known": [{"from_status": "open"}, {"to_status": "open"}, {"to_status": ""}],
    "login_failures_are_counted_once": [{"address": "taken"}],
    "feed_begins_before_its_end": [{"purged_position": -1}, {"purged_position": 1000}],
    "feed_is_one": [{"id": 2}],
    "feed_change_position_is_unique": [{"position": 7}],
    "feed_change_position_is_above_0": [{"position": 0}],
    "feed_change_names_its_object": [{"type": ""}, {"object_type": ""}, {"object_id": ""}],
    "role_group_has_a_known_role": [{"role": "king"}, {"role": ""}],
    "ticket_status_is_known": [{"status": "lost"}],
    "ticket_checked_in_has_a_time": [{"status": "checked_in"}],
    "ticket_checked_out_was_checked_in": [{"checked_out_at": NOW}],
    "ticket_code_has_26_characters": [{"code": "A" * 25}],
    "webhook_endpoint_url_has_1_to_500_characters": [{"url": ""}],
    "webhook_endpoint_has_a_secret": [{"secret": "broken"}],
    "webhook_endpoint_disabled_is_not_active": [{"disabled_reason": "It failed."}],
    "webhook_delivery_is_one_for_each_change": [{"change": "taken"}],
    "webhook_delivery_state_is_known": [{"state": "lost"}],
    "webhook_delivery_pending_has_a_next_attempt": [{"next_attempt_at": None}],
    "scan_id_is_unique_for_its_client": [{"scan_id": "taken"}],
    "scan_result_is_known": [{"result": "lost"}],
    "scan_without_a_ticket_is_unknown": [{"result": "unknown"}, {"ticket": None}],
    "scan_has_an_id_and_the_code_of_a_ticket": [{"scan_id": ""}, {"code": "A" * 25}],
    "ticket_holder_has_a_name_and_an_address_that_fit": [{"holder_email": "@a"}],
    "message_kind_is_known": [{"kind": "spam"}],
    "message_state_is_known": [{"state": "lost", "next_attempt_at": None}],
    "message_pending_has_a_next_attempt": [{"next_attempt_at": None}, {"state": "bounced"}],
    "message_sent_has_a_time": [{"state": "sent", "next_attempt_at": None}],
}

# The same through the API: request, status, and the field of the error.
VENUE, EVENT, TYPE, BOOKING = "/venues/{venue}", "/events/{event}", "/ticket-types/{seat}", "/bookings/{booking}"
ENDPOINT = "/webhook-endpoints/{endpoint}"
THROUGH_API = [
    ("venue_name_has_1_to_200_characters", VENUE, {"name": ""}, 400, "/name"),
    ("venue_name_has_1_to_200_characters", VENUE, {"name": "a" * 201}, 400, "/name"),
    ("venue_address_has_1_to_500_characters", VENUE, {"address": "  "}, 400, "/address"),
    ("venue_address_has_1_to_500_characters", VENUE, {"address": "a" * 501}, 400, "/address"),
    ("venue_capacity_is_1_to_1000000", VENUE, {"capacity": 0}, 400, "/capacity"),
    ("venue_capacity_is_1_to_1000000", VENUE, {"capacity": 1_000_001}, 400, "/capacity"),
    ("venue_timezone_has_1_to_64_characters", VENUE, {"timezone": ""}, 400, "/timezone"),
    ("event_reserved_is_within_capacity", EVENT, {"capacity": 2}, 409, "/capacity"),
    ("event_name_has_1_to_200_characters", EVENT, {"name": "\u200b"}, 400, "/name"),
    ("event_name_has_1_to_200_characters", EVENT, {"name": "a" * 201}, 400, "/name"),
    ("event_description_has_up_to_10000_characters", EVENT, {"description": "a" * 10_001}, 400, "/description"),
    ("event_ends_after_it_starts", EVENT, {"ends_at": "2026-01-01T00:00:00Z"}, 400, "/ends_at"),
    ("event_happens_in_the_years_2000_to_2100", EVENT, {"starts_at": "1999-12-31T23:59:59Z"}, 400, "/starts_at"),
    ("event_happens_in_the_years_2000_to_2100", EVENT, {"ends_at": "2101-01-01T00:00:00Z"}, 400, "/ends_at"),
    ("event_currency_has_3_letters", EVENT, {"currency": "EURO"}, 400, "/currency"),
    ("event_capacity_is_1_to_1000000", EVENT, {"capacity": 0}, 400, "/capacity"),
    ("event_capacity_is_1_to_1000000", EVENT, {"capacity": 1_000_001}, 400, "/capacity"),
    ("event_max_per_customer_is_1_to_1000", EVENT, {"max_per_customer": 0}, 400, "/max_per_customer"),
    ("event_max_per_customer_is_1_to_1000", EVENT, {"max_per_customer": 1001}, 400, "/max_per_customer"),
    ("tickettype_reserved_is_within_capacity", TYPE, {"quantity": 1}, 409, "/quantity"),
    ("ticket_type_name_is_unique_in_its_event", TYPE, {"name": "Standing"}, 409, "/name"),
    ("ticket_type_name_has_1_to_100_characters", TYPE, {"name": ""}, 400, "/name"),
    ("ticket_type_name_has_1_to_100_characters", TYPE, {"name": "a" * 101}, 400, "/name"),
    ("ticket_type_description_has_up_to_2000_characters", TYPE, {"description": "a" * 2001}, 400, "/description"),
    ("ticket_type_price_is_0_to_999999999", TYPE, {"price": "1000000000"}, 400, "/price"),
    ("ticket_type_price_is_0_to_999999999", TYPE, {"price": "999999999.01"}, 400, "/price"),
    ("ticket_type_fee_is_0_to_999999999", TYPE, {"fee": "1000000000"}, 400, "/fee"),
    ("ticket_type_tax_rate_is_0_to_100", TYPE, {"tax_rate": "100.001"}, 400, "/tax_rate"),
    ("ticket_type_tax_rate_is_0_to_100", TYPE, {"tax_rate": "101"}, 400, "/tax_rate"),
    ("ticket_type_quantity_is_1_to_1000000", TYPE, {"quantity": 0}, 400, "/quantity"),
    ("ticket_type_quantity_is_1_to_1000000", TYPE, {"quantity": 1_000_001}, 400, "/quantity"),
    ("ticket_type_min_per_booking_is_1_to_its_max", TYPE, {"min_per_booking": 0}, 400, "/min_per_booking"),
    ("ticket_type_min_per_booking_is_1_to_its_max", TYPE, {"min_per_booking": 11}, 400, "/min_per_booking"),
    ("ticket_type_max_per_booking_is_1_to_100", TYPE, {"max_per_booking": 0}, 400, "/max_per_booking"),
    ("ticket_type_max_per_booking_is_1_to_100", TYPE, {"max_per_booking": 101}, 400, "/max_per_booking"),
    (
        "ticket_type_sales_end_after_they_start",
        TYPE,
        {"sales_start_at": "2027-01-01T00:00:00Z", "sales_end_at": "2027-01-01T00:00:00Z"},
        400,
        "/sales_end_at",
    ),
    (
        "ticket_type_sales_are_in_the_years_2000_to_2100",
        TYPE,
        {"sales_start_at": "1999-12-31T23:59:59Z"},
        400,
        "/sales_start_at",
    ),
    ("ticket_type_position_is_0_to_10000", TYPE, {"position": 10_001}, 400, "/position"),
    ("ticket_type_position_is_0_to_10000", TYPE, {"position": -1}, 400, "/position"),
    (
        "booking_customer_name_has_1_to_200_characters",
        BOOKING,
        {"customer_name": ""},
        400,
        "/customer_name",
    ),
    (
        "booking_customer_name_has_1_to_200_characters",
        BOOKING,
        {"customer_name": "a" * 201},
        400,
        "/customer_name",
    ),
    (
        "booking_customer_email_has_3_to_254_characters",
        BOOKING,
        {"customer_email": ""},
        400,
        "/customer_email",
    ),
    ("webhook_endpoint_url_has_1_to_500_characters", ENDPOINT, {"url": ""}, 400, "/url"),
    (
        "webhook_endpoint_url_has_1_to_500_characters",
        ENDPOINT,
        {"url": f"https://a.example.com/{'a' * 500}"},
        400,
        "/url",
    ),
]
OUT_OF_REACH = {  # only the server sets these fields, or the serializer takes fixed values
    "api_token_name_has_1_to_100_characters",
    "api_token_expires_after_it_is_created",
    "event_status_is_known",
    "event_draft_was_never_published",
    "event_free_confirmation_is_known",
    "idempotency_key_is_unique_for_its_client",
    "keyed_request_is_complete",
    "event_visibility_is_known",
    "event_postponed_has_paused_sales",
    "booking_idempotency_key_is_unique_for_its_client",
    "booking_confirmation_code_is_unique",
    "booking_status_is_known",
    "booking_quantity_is_1_to_2000",
    "booking_total_price_is_with_fees_and_tax",
    "booking_expires_after_it_is_created",
    "booking_confirmed_has_a_time",
    "booking_cancelled_has_a_time",
    "booking_refund_is_due_when_there_is_an_amount",
    "booking_balance_adds_up",
    "booking_balance_has_one_sign",
    "booking_is_not_refunded_beyond_what_was_paid",
    "booking_cancelled_amount_is_0_to_its_total_price",
    "booking_fee_and_goodwill_are_not_negative",
    "booking_cancellation_fee_is_a_part_of_what_is_owed",
    "cancellation_amounts_are_not_negative",
    "payment_reference_is_unique_for_its_provider",
    "payment_status_is_known",
    "payment_method_is_known",
    "payment_amount_is_above_0",
    "payment_is_not_refunded_beyond_its_amount",
    "payment_refunded_has_succeeded",
    "payment_succeeded_has_a_time",
    "payment_currency_has_3_letters",
    "refund_reference_is_unique_for_its_payment",
    "refund_status_is_known",
    "refund_amount_is_above_0",
    "refund_goodwill_is_a_part_of_it",
    "refund_succeeded_has_a_time",
    "provider_event_is_stored_once",
    "booking_item_ticket_type_is_unique_in_its_booking",
    "booking_item_quantity_is_1_to_100",
    "booking_item_unit_price_is_not_negative",
    "booking_item_total_is_price_and_fee_times_quantity",
    "booking_item_fee_and_tax_are_within_its_total",
    "booking_change_states_are_known",
    "login_failures_are_counted_once",
    "feed_begins_before_its_end",
    "feed_is_one",
    "feed_change_position_is_unique",
    "feed_change_position_is_above_0",
    "feed_change_names_its_object",
    "role_group_has_a_known_role",
    "ticket_status_is_known",
    "ticket_checked_in_has_a_time",
    "ticket_checked_out_was_checked_in",
    "ticket_code_has_26_characters",
    "webhook_endpoint_has_a_secret",
    "webhook_endpoint_disabled_is_not_active",
    "webhook_delivery_is_one_for_each_change",
    "webhook_delivery_state_is_known",
    "webhook_delivery_pending_has_a_next_attempt",
    "scan_id_is_unique_for_its_client",
    "scan_result_is_known",
    "scan_without_a_ticket_is_unknown",
    "scan_has_an_id_and_the_code_of_a_ticket",
    "ticket_holder_has_a_name_and_an_address_that_fit",
    "message_kind_is_known",
    "message_state_is_known",
    "message_pending_has_a_next_attempt",
    "message_sent_has_a_time",
}


@pytest.fixture
def rows(make_type, book, manager):
    """One row of each model, and further rows for unique constraints."""
    seat = make_type(capacity=50)
    standing = make_type(event=seat.event, name="Standing")
    booking = book((seat, 2), (standing, 1)).confirm()
    taken = {"idempotency_client": "", "idempotency_key": "taken", "confirmation_code": "TAKEN234"}
    Booking.objects.filter(pk=book((standing, 1)).pk).update(**taken)
    failures = [LoginFailure.objects.create(hour=NOW, last_at=NOW, address=address) for address in ("one", "taken")]
    data = {"client": "user:1", "code": "A" * 26, "ticket": booking.tickets.last(), "at": NOW, "result": "admitted"}
    scans = [Scan.objects.create(scan_id=scan_id, **data) for scan_id in ("one", "taken")]
    request = {"client": "user:1", "operation": "venue-create", "fingerprint": "0" * 64}
    requests = [KeyedRequest.objects.create(key=key, **request) for key in ("one", "taken")]
    return {
        KeyedRequest: requests[0],
        Scan: scans[0],
        LoginFailure: failures[0],
        ApiToken: ApiToken.objects.get(),
        RoleGroup: RoleGroup.objects.first(),
        Venue: seat.event.venue,
        Event: seat.event,
        TicketType: seat,
        Booking: booking,
        BookingItem: booking.items.first(),
        BookingChange: booking.changes.first(),
        Ticket: booking.tickets.first(),
        **rows_of_webhooks(),
        Message: queued(booking),
        **rows_of_money(book((standing, 2), customer_email="paid@example.com")),
        **rows_of_feed(),
    }


def rows_of_webhooks():
    """An endpoint, and two deliveries of different changes."""
    endpoint = WebhookEndpoint.add(url="https://shop.example.com")
    changes = FeedChange.objects.order_by("pk")[:2]
    one, _ = [
        endpoint.deliveries.create(change=change, type="x", object_key="x", next_attempt_at=NOW) for change in changes
    ]
    return {WebhookEndpoint: endpoint, WebhookDelivery: one}


def rows_of_feed():
    """The feed, and the first of its changes."""
    publish()
    return {Feed: Feed.objects.get(), FeedChange: FeedChange.objects.published().first()}


def rows_of_money(booking):
    """A payment that is not refunded, one of two refunds of another payment, a cancellation, and an event."""
    for reference in ("p1", "taken"):
        booking.confirm(payment_reference=reference)
    for amount in (2, 3):
        booking.refund(amount=Decimal(amount), payment=Payment.objects.get(reference="taken"))
    refund, other = Refund.objects.all()
    Refund.objects.filter(pk=other.pk).update(reference="taken")
    booking.cancel()
    one, _ = (ProviderEvent.objects.create(provider="x", event_id=event_id, kind="x") for event_id in ("one", "taken"))
    return {
        Payment: Payment.objects.get(reference="p1"),
        Refund: refund,
        Cancellation: Cancellation.objects.get(),
        ProviderEvent: one,
    }


def stored(row):
    return type(row).objects.filter(pk=row.pk).values().get()


def test_every_constraint_has_a_case():
    assert sorted(RAW) == sorted(NAMED)
    assert sorted({name for name, *_ in THROUGH_API} | OUT_OF_REACH) == sorted(NAMED)


def test_every_constraint_has_its_own_message_and_code():
    for _, constraint in NAMED.values():
        assert str(constraint.violation_error_message).endswith(".")
        assert constraint.violation_error_code


@pytest.mark.parametrize(("name", "changes"), [(name, changes) for name in RAW for changes in RAW[name]])
def test_database_enforces_constraint(name, changes, rows):
    model, constraint = NAMED[name]
    row = rows[model]
    if changes == {"ticket_type": "standing"}:
        changes = {"ticket_type": TicketType.objects.get(name="Standing")}
    if changes == {"change": "taken"}:
        changes = {"change": WebhookDelivery.objects.exclude(pk=row.pk).get().change}
    before = stored(row)
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        QuerySet(model).filter(pk=row.pk).update(**changes)
    assert violated_constraint(error.value) == constraint
    assert stored(row) == before


@pytest.mark.parametrize(("name", "path", "body", "status", "pointer"), THROUGH_API)
def test_api_returns_the_code_of_the_constraint(name, path, body, status, pointer, rows, manager):
    model, constraint = NAMED[name]
    row = rows[model]
    before = stored(row)
    ids = {"venue": rows[Venue].pk, "event": rows[Event].pk, "seat": rows[TicketType].pk, "booking": rows[Booking].pk,
           "endpoint": rows[WebhookEndpoint].pk}  # fmt: skip
    answer = manager.patch(path.format(**ids), body)
    assert (answer.status_code, errors_in(answer)) == (status, [(pointer, constraint.violation_error_code)])
    assert answer.json()["errors"][0]["detail"] == constraint.violation_error_message
    assert stored(row) == before
