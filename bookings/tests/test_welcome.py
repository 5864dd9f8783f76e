import datetime as dt
import io
import json
import shutil
import subprocess
import urllib.request
from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.utils import timezone

from config.tests.harness.server import migrated_database, served

NOTHING = "No event is on sale. README.md shows how to create one and book it."
SOMETHING_ON_SALE = """
from django.utils import timezone
from events.models import Event
from ticket_types.models import TicketType
from venues.models import Venue
import datetime as dt
venue = Venue.objects.create(name="Ronnie's “Club”", address="1 Main Street", capacity=50)
at = timezone.now() + dt.timedelta(days=3)
event = Event.plan(venue=venue, name="Late Set", starts_at=at, ends_at=at + dt.timedelta(hours=2))
TicketType.offer(event=event, name="Table", price=40, min_per_booking=3, max_per_booking=6)
event.publish(at=timezone.now())
"""


def welcome(port=8000):
    out = io.StringIO()
    call_command("welcome", port=port, stdout=out)
    return out.getvalue()


def pasted(text):
    """From the command to the end."""
    return text[text.index("curl ") :]


def body_of(text):
    return json.loads(pasted(text).split("-d '")[1].rstrip().removesuffix("'"))


def test_welcome_lists_the_addresses(db):
    text = welcome(port=8123)
    for line in (
        "  API       http://127.0.0.1:8123/api/v1\n",
        "  Docs      http://127.0.0.1:8123/docs and http://127.0.0.1:8123/redoc\n",
        "  Admin     http://127.0.0.1:8123/admin/\n",
    ):
        assert line in text
    assert " manage.py create_api_token NAME --role manager\n" in text


def test_welcome_says_how_to_get_a_new_password_for_the_demo_login(db):
    get_user_model().objects.create_superuser("demo")
    assert " manage.py changepassword demo\n" in welcome()


def test_welcome_without_a_demo_login_says_how_to_make_one(db):
    assert " manage.py createsuperuser\n" in welcome()


def test_welcome_has_another_text_when_nothing_is_on_sale(make_type, make_event, book):
    soon = timezone.now() + dt.timedelta(days=1)
    make_type(event=make_event(is_published=False))
    make_type(price=Decimal(0))
    make_type(event=make_event(max_per_customer=4))
    make_type(sales_start_at=soon)
    make_type(sales_end_at=soon - dt.timedelta(days=2))
    book((make_type(event=make_event(capacity=3)), 2))
    text = welcome()
    assert NOTHING in text
    assert "curl" not in text


def test_welcome_books_two_of_the_soonest_event(make_type, make_event):
    make_type(event=make_event(starts_at=timezone.now() + dt.timedelta(days=40)))
    soonest = make_type(event=make_event(starts_at=timezone.now() + dt.timedelta(days=20)))
    assert body_of(welcome())["items"] == [{"ticket_type": soonest.pk, "quantity": 2}]


@pytest.mark.parametrize(("least", "most", "quantity"), [(1, 10, 2), (3, 6, 3), (1, 1, 1)])
def test_welcome_keeps_to_what_one_booking_may_have(make_type, make_event, least, most, quantity):
    make_type(event=make_event(capacity=quantity), min_per_booking=least, max_per_booking=most)
    assert body_of(welcome())["items"][0]["quantity"] == quantity


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_welcome_booking_works_as_printed():
    with migrated_database() as url, served(url) as server:
        server.manage("shell", "--command", SOMETHING_ON_SALE)
        text = server.manage("welcome", "--port", server.url.rpartition(":")[2])
        done = subprocess.run(
            ["sh", "-e", "-c", pasted(text)], check=False, cwd="/", text=True, capture_output=True, timeout=60
        )
        booking = json.loads(done.stdout)
        with urllib.request.urlopen(f"{server.url}/api/v1/events/{booking['event']}", timeout=20) as response:
            event = json.load(response)
    assert (booking["status"], booking["quantity"], booking["total_price"]) == ("pending", 3, "120.00")
    assert event["availability"] == {"capacity": 50, "reserved": 3, "available": 47}
