"""Times that the database sets compare with those that clients send."""

import datetime as dt

import pytest

from bookings.models import Ticket

pytestmark = pytest.mark.both


def test_pages_by_update_have_every_row_once(box_office, book, make_type):
    seat = make_type()
    for number in range(3):
        booking = book((seat, 4), customer_email=f"{number}@example.com").confirm(payment_reference=f"p{number}")
    Ticket.objects.filter(booking=booking).update(holder_name="")  # several rows with one time
    for ordering in ("updated_at", "-updated_at"):
        seen, path = [], f"/tickets?event={seat.event_id}&ordering={ordering}&limit=1"
        while path and len(seen) < 20:
            page = box_office.get(path).json()
            seen += [row["code"] for row in page["results"]]
            path = (page["next"] or "").removeprefix("http://testserver/api/v1")
        assert sorted(seen) == sorted(Ticket.objects.values_list("code", flat=True))


@pytest.mark.parametrize("path", ["/tickets", "/bookings", "/payments"])
def test_updated_after_includes_its_time(path, box_office, book):
    book().confirm(payment_reference="p1")
    row = box_office.get(path).json()["results"][0]
    at = dt.datetime.fromisoformat(row["updated_at"])
    for since, count in ((at, 1), (at + dt.timedelta(microseconds=1), 0)):
        page = box_office.get(path, {"updated_after": since.isoformat()}).json()
        assert len(page["results"]) == count
