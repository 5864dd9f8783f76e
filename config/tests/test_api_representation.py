"""What serializers write out by hand is what DRF would make of their fields."""

import datetime as dt

import pytest
from django.utils import timezone
from rest_framework import serializers

from bookings.models import Booking, Ticket
from bookings.serializers import BookingSerializer, QuoteSerializer, TicketSerializer
from events.inventory import sales
from events.models import Event
from events.serializers import EventSerializer
from ticket_types.models import TicketType
from ticket_types.serializers import TicketTypeSerializer
from venues.models import Venue
from venues.serializers import VenueSerializer

QUERYSETS = {
    VenueSerializer: Venue.objects.all,
    EventSerializer: Event.objects.all,
    TicketTypeSerializer: lambda: TicketType.objects.select_related("event"),
    BookingSerializer: Booking.objects.detailed,
    QuoteSerializer: Booking.objects.detailed,
    TicketSerializer: Ticket.objects.detailed,
}


@pytest.fixture
def season(make_type, book):
    """With and without a value in each field that may be null."""
    now = timezone.now()
    seat = make_type(capacity=50, description="Front", sales_start_at=now, sales_end_at=now + dt.timedelta(days=1))
    event = seat.event
    event.revise(max_per_customer=4, description="Doors open at seven.")
    standing = make_type(event=event, name="Standing", price="0")
    book((seat, 2), (standing, 1), metadata={"basket": "7"}).confirm(payment_reference="pay_1")
    Ticket.objects.first().check_in(at=now)
    book((standing, 1), customer_email="bob@example.com").cancel(reason="Ill")
    book((standing, 1), customer_email="eve@example.com")


@pytest.mark.parametrize("serializer_class", QUERYSETS)
def test_written_out_representation_is_that_of_the_fields(serializer_class, season):
    objects = list(QUERYSETS[serializer_class]())
    if serializer_class is EventSerializer:
        sales.load_ticket_types(objects)
    serializer = serializer_class(context={"at": timezone.now()})
    for it in objects:
        expected = serializers.Serializer.to_representation(serializer, it)
        assert list(serializer.to_representation(it).items()) == list(expected.items())
    assert objects
