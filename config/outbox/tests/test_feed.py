"""GET /changes: positions, cursors, rights and retention."""

import datetime as dt
import threading

import pytest
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bookings.tests.test_races import together
from config.access.models import ApiToken
from config.access.roles import Role
from config.outbox import publishing
from config.outbox.models import Feed, FeedChange
from config.outbox.publishing import publish, purge
from config.outbox.telling import tell
from config.outbox.types import TYPES
from conftest import Client, make_user
from venues.models import Venue

pytestmark = [pytest.mark.both, pytest.mark.django_db]


@pytest.fixture
def venue(make_venue):
    return make_venue()


def write(venue, count=1, name="venue.changed"):
    for _ in range(count):
        tell(name, venue.pk, by="system")


def read(client, query=""):
    answer = client.get(f"/changes{query}")
    assert answer.status_code == 200, answer.content
    return answer.json()


def cursors(page):
    return [it["cursor"] for it in page["results"]]


def client_with(*scopes, role=Role.MANAGER):
    token, text = ApiToken.issue(user=make_user(role, username="program"), name="test", scopes=list(scopes))
    token.note_use(at=timezone.now())
    client = Client()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    return client


def test_feed_is_complete_without_a_worker(auditor, venue):
    write(venue, 3)
    page = read(auditor)
    assert cursors(page) == ["1", "2", "3"]
    assert (page["cursor"], page["next"]) == ("3", None)
    change = page["results"][0]
    assert list(change) == ["id", "cursor", "type", "object", "data", "by", "created_at"]
    assert change["object"] == {"type": "venue", "id": str(venue.pk)}
    assert change["data"] == auditor.get(f"/venues/{venue.pk}").json()


def test_feed_is_read_page_by_page(auditor, venue):
    write(venue, 5)
    first = read(auditor, "?limit=2")
    assert (cursors(first), first["cursor"]) == (["1", "2"], "2")
    assert first["next"].endswith("/changes?after=2&limit=2")
    assert cursors(read(auditor, "?after=2&limit=2")) == ["3", "4"]
    last = read(auditor, "?after=4&limit=2")
    assert (cursors(last), last["next"], last["cursor"]) == (["5"], None, "5")
    assert read(auditor, "?after=5") == {"next": None, "cursor": "5", "results": []}


def test_latest_says_where_to_begin(auditor, venue):
    assert read(auditor, "?after=latest") == {"next": None, "cursor": "0", "results": []}
    write(venue, 3)
    assert read(auditor, "?after=latest") == {"next": None, "cursor": "3", "results": []}
    assert read(auditor, "?after=0")["cursor"] == "3"


def test_types_are_chosen(auditor, venue):
    write(venue, 2)
    write(venue, 1, "venue.created")
    write(venue, 2)
    assert cursors(read(auditor, "?type=venue.created")) == ["3"]
    assert cursors(read(auditor, "?type=venue.created,venue.changed&limit=4")) == ["1", "2", "3", "4"]
    page = read(auditor, "?type=booking.placed")
    assert (cursors(page), page["cursor"]) == ([], "5")  # so that the next request does not begin anew


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("?after=x", 400, "invalid-input"),
        ("?after=-1", 400, "invalid-input"),
        ("?after=01", 400, "invalid-input"),
        ("?after=", 400, "invalid-input"),
        ("?type=nonsense", 400, "invalid-input"),
        ("?type=", 400, "invalid-input"),
        ("?limit=1001", 400, "invalid-input"),
        ("?skip=1", 400, "invalid-input"),
        ("?after=4", 410, "cursor-expired"),
        ("?after=999999999999999999", 410, "cursor-expired"),
    ],
)
def test_bad_query_is_refused(auditor, venue, query, status, code):
    write(venue, 3)
    answer = auditor.get(f"/changes{query}")
    assert (answer.status_code, answer.json()["code"]) == (status, code)


# Rights


def test_reader_sees_what_its_token_may_see(book, venue):
    book()
    write(venue)
    everything = {it["type"] for it in read(client_with())["results"]}
    assert "booking.placed" in everything


def test_scope_changes_alone_sees_the_catalogue(book):
    booking = book()
    client = client_with("changes")
    page = read(client)
    assert {it["object"]["type"] for it in page["results"]} == {"event", "ticket_type"}
    assert str(booking.pk) not in str(page)
    answer = client.get("/changes?type=booking.placed")
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_scopes_add_up(book):
    book()
    assert "booking" in {it["object"]["type"] for it in read(client_with("changes", "bookings"))["results"]}


@pytest.mark.parametrize("scope", ["bookings", "catalogue", "reports", "check-in"])
def test_other_scopes_do_not_open_the_feed(scope, venue):
    assert client_with(scope).get("/changes").status_code == 403


@pytest.mark.parametrize("name", ["anonymous", "box_office", "door"])
def test_feed_is_for_nobody_else(name, request, venue):
    assert request.getfixturevalue(name).get("/changes").status_code in (401, 403)


# Retention


def test_old_changes_are_deleted_and_old_cursors_refused(auditor, venue, settings, monkeypatch):
    monkeypatch.setattr(publishing, "BATCH", 2)
    write(venue, 5)
    publish()
    old = timezone.now() - dt.timedelta(days=settings.CHANGES_KEEP_DAYS, minutes=1)
    FeedChange.objects.filter(position__lte=3).update(created_at=old)
    assert purge(timezone.now()) == 3
    assert purge(timezone.now()) == 0
    assert cursors(read(auditor)) == ["4", "5"]
    assert cursors(read(auditor, "?after=3")) == ["4", "5"]
    answer = auditor.get("/changes?after=2")
    assert (answer.status_code, answer.json()["code"]) == (410, "cursor-expired")
    write(venue)
    assert cursors(read(auditor, "?after=5")) == ["6"]


def test_purge_of_all_keeps_the_position(auditor, venue, settings):
    write(venue, 3)
    publish()
    FeedChange.objects.update(created_at=timezone.now() - dt.timedelta(days=400))
    assert purge(timezone.now()) == 3
    write(venue)
    assert cursors(read(auditor)) == ["4"]


# Positions


def test_change_that_was_rolled_back_leaves_no_gap(auditor, venue):
    write(venue)
    with transaction.atomic():
        write(venue)
        transaction.set_rollback(True)
    write(venue)
    assert cursors(read(auditor)) == ["1", "2"]


@pytest.mark.parametrize("count", [0, 1, 5])
def test_batches_are_gapless(venue, monkeypatch, count):
    monkeypatch.setattr(publishing, "BATCH", 2)
    write(venue, count)
    assert publish(limit=100) == count
    assert list(FeedChange.objects.published().values_list("position", flat=True)) == list(range(1, count + 1))
    assert publish() == 0


@pytest.mark.parametrize("rows", [1, 30])
def test_feed_has_as_many_queries_however_many_changes(auditor, venue, rows, django_assert_num_queries):
    write(venue, rows)
    read(auditor)
    with django_assert_num_queries(6):
        read(auditor)


class HeldOpen:
    """A transaction in another thread that has written a change, and commits when it is told to."""

    def __init__(self, venue):
        self.venue, self.is_written, self.may_end = venue, threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        try:
            with transaction.atomic():
                write(self.venue, 1, "venue.created")
                self.is_written.set()
                self.may_end.wait(30)
        finally:
            connections.close_all()

    def __enter__(self):
        self.thread.start()
        assert self.is_written.wait(30)
        return self

    def __exit__(self, *_):
        self.may_end.set()
        self.thread.join(30)


needs_writers = pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer")


@needs_writers
@pytest.mark.django_db(transaction=True)
def test_transaction_that_commits_late_is_not_missed(auditor, venue):
    with HeldOpen(venue):
        write(venue, 2)
        page = read(auditor)
        assert [(it["cursor"], it["type"]) for it in page["results"]] == [
            ("1", "venue.changed"),
            ("2", "venue.changed"),
        ]
    assert [(it["cursor"], it["type"]) for it in read(auditor, f"?after={page['cursor']}")["results"]] == [
        ("3", "venue.created")
    ]
    assert list(FeedChange.objects.published().values_list("type", flat=True))[-1] == "venue.created"


@needs_writers
@pytest.mark.django_db(transaction=True)
def test_the_same_with_ids_as_positions_misses_it(auditor, venue):
    """The negative control: ids are given when rows are written."""
    with HeldOpen(venue):
        write(venue, 2)
        last = FeedChange.objects.latest("pk").pk
    assert not FeedChange.objects.filter(type="venue.created", pk__gt=last).exists()


@pytest.mark.django_db(transaction=True)
def test_publishers_at_once_give_each_position_once(venue, monkeypatch):
    monkeypatch.setattr(publishing, "BATCH", 3)
    write(venue, 60)
    together(6, lambda _: publish(limit=1000))
    publish()
    assert list(FeedChange.objects.published().values_list("position", flat=True)) == list(range(1, 61))
    assert Feed.objects.get().last_position == 60


@pytest.mark.django_db(transaction=True)
def test_writers_and_publishers_at_once_lose_nothing(make_venue):
    venues = [make_venue(name=f"Hall {number}") for number in range(6)]
    found = []

    def work(number):
        for capacity in range(1, 9):
            Venue.objects.get(pk=venues[number].pk).revise(capacity=capacity)
            found.append(publish())

    together(6, work)
    publish()
    rows = list(FeedChange.objects.published())
    assert [it.position for it in rows] == list(range(1, 49))
    for venue in venues:  # in the order of each object
        assert [it.data["capacity"] for it in rows if it.object_id == str(venue.pk)] == list(range(1, 9))


# Growth


@needs_writers
@pytest.mark.parametrize("query", ["", f"?type={','.join(list(TYPES)[:5])}", "?type=venue.deleted"])
def test_feed_reads_as_little_of_many_rows_as_of_few(auditor, venue, query):
    write(venue, 50)
    read(auditor)
    few = blocks(auditor, f"{query or '?'}&limit=20&after=10".replace("?&", "?"))
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO outbox_feedchange (key, position, type, object_type, object_id, data, by, created_at)"
            " SELECT gen_random_uuid(), n, 'venue.changed', 'venue', '1', '{}', 'system', now()"
            " FROM generate_series(51, 100000) n"
        )
        Feed.objects.update(last_position=100_000)
        cursor.execute("ANALYZE outbox_feedchange")
    many = blocks(auditor, f"{query or '?'}&limit=20&after=99000".replace("?&", "?"))
    assert many <= few + 15


def blocks(client, query):
    """The blocks that the statements of a request read of the feed."""
    with CaptureQueriesContext(connection) as seen:
        read(client, query)
    total = 0
    for each in seen:
        if each["sql"].startswith("SELECT") and "outbox_feedchange" in each["sql"]:
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {each['sql']}")
                ((plan,),) = cursor.fetchone()
                total += plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"]
    return total
