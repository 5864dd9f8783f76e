"""Mails over a real SMTP server that takes, refuses, fails, hangs and hangs up."""

import datetime as dt
import random
import subprocess
import sys
import time
from decimal import Decimal

import pytest
from django.conf import settings as django_settings
from django.db.models import Sum
from django.utils import timezone

from bookings.messages import sending
from bookings.messages.models import Message
from bookings.messages.sending import send_due
from config.tests.harness.server import environment_for, manage, migrated_database
from config.tests.harness.smtp import mail_server

pytestmark = pytest.mark.both


@pytest.fixture(scope="module")
def running():
    with mail_server() as (mailboxes, port):
        yield mailboxes, port


@pytest.fixture
def mailboxes(running, settings):
    found, port = running
    settings.SEND_MAIL = True
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", port, 0.5
    found.__init__()
    return found


@pytest.fixture
def sell(book, make_type):
    """Sells a booking to each address, which queues a mail."""
    seat = make_type(price=0)

    def sell(*addresses):
        for address in addresses:
            book((seat, 1), customer_email=address).confirm()

    return sell


def due_now():
    Message.objects.filter(state="pending").update(next_attempt_at=timezone.now() - dt.timedelta(seconds=1))


def states():
    return dict(Message.objects.order_by("pk").values_list("address", "state"))


def test_mails_are_taken_once(mailboxes, sell):
    sell(*[f"{number}@example.com" for number in range(25)])
    assert send_due() == 25
    assert send_due() == 0
    assert set(states().values()) == {"sent"}
    assert mailboxes.ids == dict.fromkeys((it.message_id for it in Message.objects.all()), 1)
    parts = [part.get_content_type() for part in mailboxes.taken[0].walk() if not part.is_multipart()]
    assert parts == ["text/plain", "text/html", "application/pdf", "text/calendar"]
    assert (Message.objects.first().attempts, Message.objects.exclude(sent_at=None).count()) == (1, 25)


@pytest.mark.parametrize(("answer", "state"), [("550 No such mailbox", "bounced"), ("450 Later", "pending")])
def test_one_address_is_refused_alone(mailboxes, sell, answer, state):
    mailboxes.refused = {"b@example.com": answer}
    sell("a@example.com", "b@example.com", "c@example.com")
    assert send_due() == 3
    assert states() == {"a@example.com": "sent", "b@example.com": state, "c@example.com": "sent"}
    assert Message.objects.get(address="b@example.com").error == answer
    mailboxes.refused = {}
    due_now()
    assert send_due() == (state == "pending")
    assert len(mailboxes.taken) == (3 if state == "pending" else 2)


@pytest.mark.parametrize(("answer", "state"), [("554 Spam", "bounced"), ("451 Try again", "pending")])
def test_content_is_refused(mailboxes, sell, answer, state):
    mailboxes.answer = answer
    sell("a@example.com", "b@example.com")
    assert send_due() == 2
    assert set(states().values()) == {state}


def test_server_that_fails_for_a_while_gets_every_mail(mailboxes, sell):
    sell(*[f"{number}@example.com" for number in range(12)])
    mailboxes.answer = "421 Too busy"
    for _ in range(3):
        send_due()
        due_now()
    assert mailboxes.taken == []
    mailboxes.answer = ""
    due_now()
    send_due()
    due_now()
    send_due()
    assert set(states().values()) == {"sent"}
    assert set(mailboxes.ids.values()) == {1}
    assert len(mailboxes.taken) == 12


def test_dead_server_is_tried_twice_and_costs_the_others_nothing(mailboxes, sell, settings):
    settings.EMAIL_PORT = 1
    sell(*[f"{number}@example.com" for number in range(8)])
    assert send_due() == 2
    attempts = list(Message.objects.order_by("pk").values_list("attempts", "is_begun"))
    assert sorted(attempts) == [(0, False)] * 6 + [(1, False)] * 2
    assert send_due() == 0
    assert Message.objects.filter(next_attempt_at__gt=timezone.now()).count() == 8


def test_server_that_hangs_is_given_up(mailboxes, sell):
    mailboxes.pause = 2
    sell("a@example.com", "b@example.com", "c@example.com")
    started = time.monotonic()
    assert send_due() == 2
    assert time.monotonic() - started < 4
    assert set(states().values()) == {"pending"}
    mailboxes.pause = 0
    due_now()
    assert send_due() == 3
    assert set(states().values()) == {"sent"}


def test_line_that_drops_after_the_mail_sends_it_again_under_its_id(mailboxes, sell):
    mailboxes.hangs_up = True
    sell("a@example.com")
    send_due()
    assert states() == {"a@example.com": "pending"}
    mailboxes.hangs_up = False
    due_now()
    send_due()
    message = Message.objects.get()
    assert (message.state, message.attempts) == ("sent", 2)
    assert mailboxes.ids == {message.message_id: 2}


def test_pauses_grow_until_the_mail_is_given_up(mailboxes, sell):
    mailboxes.refused = {"a@example.com": "450 Later"}
    sell("a@example.com")
    pauses = []
    for _ in range(7):
        due_now()
        send_due()
        message = Message.objects.get()
        pauses.append(round((message.next_attempt_at - timezone.now()).total_seconds() / 60))
    assert pauses == [1, 5, 15, 60, 180, 180, 180]
    Message.objects.update(created_at=timezone.now() - dt.timedelta(days=2, hours=22))
    due_now()
    send_due()
    message = Message.objects.get()
    assert (message.state, message.next_attempt_at, message.error) == ("failed", None, "450 Later")


def test_template_that_breaks_delays_no_other_mail(mailboxes, sell, settings, tmp_path, caplog):
    sell("a@example.com")
    Message.objects.get().booking.refresh_from_db()
    (tmp_path / "refund.txt").write_text("Subject: x\n{% unknown %}")
    (engine,) = [it for it in settings.TEMPLATES if it.get("NAME") == "messages"]
    settings.TEMPLATES = [
        it if it is not engine else {**engine, "DIRS": [tmp_path, *engine["DIRS"]]} for it in settings.TEMPLATES
    ]
    first = Message.objects.get()
    broken = Message.objects.create(
        kind="refund", booking=first.booking, address="b@example.com", created_at=timezone.now(),
        next_attempt_at=timezone.now() - dt.timedelta(minutes=1), details={"amount": "1.00 EUR"},
    )  # fmt: skip
    assert send_due() == 2
    broken.refresh_from_db()
    first.refresh_from_db()
    assert (broken.state, first.state) == ("pending", "sent")
    assert "unknown" in broken.error


def test_lost_lease_is_counted_and_its_late_worker_changes_nothing(mailboxes, sell):
    sell("a@example.com")
    (mine,) = sending.claim(10)
    assert sending.begin(mine)
    assert sending.claim(10) == []
    due_now()  # the lease ends
    (theirs,) = sending.claim(10)
    assert not sending.begin(mine)
    assert sending.begin(theirs)
    assert (theirs.attempts, theirs.interrupted) == (2, 1)
    sending.finish(mine, state="bounced", error="late")
    assert states() == {"a@example.com": "pending"}
    sending.finish(theirs, state="sent", sent_at=timezone.now(), error="")
    assert states() == {"a@example.com": "sent"}


def test_many_mails_are_sent_while_bookings_are_made(mailboxes, sell, book, make_type):
    """A smaller one of what bench measures."""
    sell(*[f"{number}@example.com" for number in range(60)])
    event = Message.objects.first().booking.event
    send_due()
    mailboxes.taken.clear()
    event.cancel(reason="Storm.", at=timezone.now())
    assert send_due(1000) == 60
    assert len(mailboxes.taken) == 60
    assert all("METHOD:CANCEL" in calendar_of(it) for it in mailboxes.taken)


def calendar_of(mail):
    (part,) = [part for part in mail.walk() if part.get_content_type() == "text/calendar"]
    return part.get_content() if isinstance(part.get_content(), str) else part.get_content().decode()


# Killed workers

SELL = """
import datetime as dt
from django.utils import timezone
from bookings.lifecycle.place import Line
from bookings.models import Booking
from events.models import Event
from ticket_types.models import TicketType
from venues.models import Venue
venue = Venue.objects.create(name="Hall", address="1 Main Street", capacity=1000)
start = timezone.now() + dt.timedelta(days=9)
event = Event.plan(venue=venue, name="Concert", starts_at=start, ends_at=start + dt.timedelta(hours=2))
seat = TicketType.offer(event=event, name="Seat", price=0)
event.publish(at=timezone.now())
for number in range(80):
    Booking.place(customer_name="Ann", customer_email=f"{number}@example.com", lines=[Line(seat.pk, 1)]).confirm()
"""
WORK = """
import datetime as dt
import time
from bookings.messages import sending
sending.LEASE = dt.timedelta(seconds=1)
sending.PAUSES = [dt.timedelta(seconds=1)]
while True:
    sending.send_due(5)
    time.sleep(0.02)
"""
COUNT = """
from bookings.messages.models import Message
for it in Message.objects.all():
    print(it.message_id, it.state, it.interrupted)
"""


def test_killed_workers_lose_no_mail(running, record_property):
    mailboxes, port = running
    mailboxes.__init__()
    mailboxes.pause = 0.03
    with migrated_database() as url:
        environment = {**environment_for(url), "EMAIL_URL": f"smtp://127.0.0.1:{port}", "SEND_MAIL": "true"}
        manage(environment, "shell", "--no-imports", "-c", SELL)
        kills = work_and_kill(mailboxes, environment)
        lines = manage(environment, "shell", "--no-imports", "-c", COUNT).splitlines()
    rows = {message_id: (state, int(interrupted)) for message_id, state, interrupted in map(str.split, lines)}
    taken = mailboxes.ids
    assert {state for state, _ in rows.values()} == {"sent"}
    assert set(taken) == set(rows)
    # Twice only where a worker died without a note: each such death is counted.
    assert not {it: count for it, count in taken.items() if count > 1 + rows[it][1]}
    twice = sum(taken.values()) - len(rows)
    claims = sum(interrupted for _, interrupted in rows.values())
    record_property("shows", f"mails: {len(rows)} of 80, {kills} kills, {twice} twice, {claims} claims lost")
    assert twice <= kills


def work_and_kill(mailboxes, environment, most=12):
    """Kills the worker at a random moment after its first mail, until every mail is taken; returns how often."""
    kills = 0
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", WORK]
    give_up_at = time.monotonic() + 240
    while time.monotonic() < give_up_at:
        before = len(mailboxes.taken)
        worker = subprocess.Popen(command, cwd=django_settings.BASE_DIR, env=environment)
        try:
            while len(mailboxes.taken) == before and time.monotonic() < give_up_at and len(mailboxes.ids) < 80:
                time.sleep(0.01)
            if kills < most and len(mailboxes.ids) < 80:
                time.sleep(random.uniform(0, 0.5))
                kills += 1
            else:
                while len(mailboxes.ids) < 80 and time.monotonic() < give_up_at:
                    time.sleep(0.1)
                time.sleep(4)  # the last lease ends
                return kills
        finally:
            worker.kill()
            worker.wait()
    return kills


def test_interrupted_mails_are_shown(mailboxes, sell, admin_client):
    sell("a@example.com")
    sending.begin(*sending.claim(10))
    due_now()
    send_due()
    assert Message.objects.aggregate(count=Sum("interrupted"))["count"] == 1
    page = admin_client.get("/admin/booking_messages/message/").content.decode()
    assert "may have arrived more than once" in page
    assert Decimal(len(mailboxes.taken)) == 1
