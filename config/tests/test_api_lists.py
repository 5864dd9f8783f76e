"""Pagination, links, ordering and the number of queries of all lists."""

import re

import pytest
from django.db import connection
from django.utils import timezone

from bookings.models import Booking
from config.tests.harness.answers import errors_in, names, refused
from conftest import holder_of

pytestmark = pytest.mark.both

CATALOGUE = ("/venues", "/events", "/ticket-types")
UNBOUNDED = ("/bookings", "/tickets")


@pytest.fixture
def three(make_venue, make_event, make_type, book):
    """Three objects of each kind, named A, B and C in order of creation."""
    for name in "ABC":
        event = make_event(name=name, venue=make_venue(name=name))
        book((make_type(event=event, name=name), 1), customer_name=name).confirm()


def links(answer):
    header = answer.get("Link", "")
    return {relation: url for url, relation in re.findall(r'<([^>]*)>; rel="(\w+)"', header)}


def below(url):
    assert url.startswith("http://testserver/api/v1/")
    return url.removeprefix("http://testserver/api/v1")


@pytest.mark.parametrize("path", CATALOGUE)
def test_catalogue_list_has_count_and_links(path, three, anonymous):
    assert list(anonymous.get(path).json()) == ["count", "next", "previous", "results"]
    page = anonymous.get(f"{path}?limit=1&skip=1")
    assert (page.json()["count"], names(page)) == (3, ["B"])
    assert page.json()["next"] == f"http://testserver/api/v1{path}?limit=1&skip=2"
    assert page.json()["previous"] == f"http://testserver/api/v1{path}?limit=1"
    assert links(page) == {"next": page.json()["next"], "prev": page.json()["previous"]}
    assert names(anonymous.get(below(page.json()["next"]))) == ["C"]
    assert names(anonymous.get(below(page.json()["previous"]))) == ["A"]


@pytest.mark.parametrize("path", CATALOGUE)
def test_last_page_has_no_next_link(path, three, anonymous):
    last = anonymous.get(f"{path}?limit=1&skip=2")
    assert (names(last), last.json()["next"]) == (["C"], None)
    assert list(links(last)) == ["prev"]
    beyond = anonymous.get(f"{path}?skip=3")
    assert (names(beyond), beyond.json()["count"], beyond.json()["next"]) == ([], 3, None)
    whole = anonymous.get(path)
    assert (names(whole), whole.json()["next"], whole.json()["previous"]) == (["A", "B", "C"], None, None)
    assert "Link" not in whole


def test_links_keep_parameters_without_trailing_slash(three, anonymous):
    page = anonymous.get("/events/?limit=1&ordering=-name&status=published").json()
    assert page["next"] == "http://testserver/api/v1/events?limit=1&ordering=-name&skip=1&status=published"


@pytest.mark.parametrize("path", [*CATALOGUE, *UNBOUNDED])
@pytest.mark.parametrize("limit", ["1", "2", "1000"])
def test_limit_sets_the_page_size(path, limit, three, manager):
    assert len(manager.get(f"{path}?limit={limit}").json()["results"]) == min(int(limit), 3)


@pytest.mark.parametrize("path", [*CATALOGUE, *UNBOUNDED])
@pytest.mark.parametrize(
    "limit", ["0", "1001", "-1", "abc", "1.0", "1e2", "01", "", "%201", "+1", "\u0661", "9" * 30, "None"]
)
def test_limit_outside_1_to_1000_is_400(path, limit, manager):
    answer = manager.get(f"{path}?limit={limit}")
    assert refused(answer, 400, "invalid-input")
    assert errors_in(answer) == [("limit", "invalid")]


@pytest.mark.parametrize("path", CATALOGUE)
@pytest.mark.parametrize("skip", ["-1", "abc", "1.0", "", "2147483648", "9" * 30])
def test_invalid_skip_is_400(path, skip, manager):
    answer = manager.get(f"{path}?skip={skip}")
    assert refused(answer, 400, "invalid-input")
    assert errors_in(answer) == [("skip", "invalid")]


@pytest.mark.parametrize("path", CATALOGUE)
@pytest.mark.parametrize(("skip", "rows"), [("0", 3), ("2", 1), ("2147483647", 0)])
def test_skip_sets_the_offset(path, skip, rows, three, anonymous):
    assert len(anonymous.get(f"{path}?skip={skip}").json()["results"]) == rows


def test_previous_of_a_page_beyond_the_end_is_the_last_page(three, anonymous):
    assert below(anonymous.get("/venues?limit=2&skip=1000").json()["previous"]) == "/venues?limit=2&skip=1"


def test_limit_is_100_by_default(make_venue, anonymous):
    for number in range(101):
        make_venue(name=f"Hall {number}")
    page = anonymous.get("/venues").json()
    assert (page["count"], len(page["results"])) == (101, 100)
    assert page["next"] == "http://testserver/api/v1/venues?limit=100&skip=100"


@pytest.mark.parametrize("path", [*CATALOGUE, *UNBOUNDED])
def test_unknown_parameter_is_400_and_named(path, manager):
    answer = manager.get(f"{path}?colour=red&page=2")
    assert refused(answer, 400, "invalid-input")
    assert errors_in(answer) == [("colour", "unknown-parameter"), ("page", "unknown-parameter")]


@pytest.mark.parametrize("path", [*CATALOGUE, *UNBOUNDED])
def test_parameter_given_twice_is_400_and_named(path, manager):
    answer = manager.get(f"{path}?limit=1&limit=1")
    assert refused(answer, 400, "invalid-input")
    assert errors_in(answer) == [("limit", "given-twice")]


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_one_row_has_no_parameters(method, make_venue, manager):
    answer = getattr(manager, method)(f"/venues/{make_venue().pk}?limit=1")
    assert errors_in(answer) == [("limit", "unknown-parameter")]


def test_create_has_no_parameters(manager):
    assert errors_in(manager.post("/venues?limit=1", {})) == [("limit", "unknown-parameter")]


@pytest.mark.parametrize("path", [*CATALOGUE, "/bookings"])
@pytest.mark.parametrize("ordering", ["", "colour", "pk", "-", "--created_at", "created_at,", "password", "id"])
def test_unknown_ordering_is_400(path, ordering, manager):
    answer = manager.get(f"{path}?ordering={ordering}")
    assert refused(answer, 400, "invalid-input")
    assert errors_in(answer) == [("ordering", "invalid")]


def test_tickets_have_no_order_by_code(door):
    assert errors_in(door.get("/tickets?ordering=code")) == [("ordering", "invalid")]


def test_repeated_ordering_uses_the_first(three, manager):
    assert names(manager.get("/venues?ordering=-name,name,-name")) == ["C", "B", "A"]


def test_order_is_total(make_venue, anonymous):
    rows = [make_venue(capacity=5).pk for _ in range(4)]
    for ordering, expected in (("capacity", rows), ("-capacity", rows[::-1]), ("name,-capacity", rows[::-1])):
        pages = [anonymous.get(f"/venues?ordering={ordering}&limit=1&skip={skip}").json() for skip in range(4)]
        assert [page["results"][0]["id"] for page in pages] == expected


# Bookings and tickets use cursors.


def walk(client, url, relation):
    pages = []
    while url and len(pages) < 9:  # a cursor that loops must not hang the test
        answer = client.get(below(url))
        page = answer.json()
        assert list(page) == ["next", "previous", "results"]
        assert links(answer) == {name: page[key] for name, key in (("next", "next"), ("prev", "previous")) if page[key]}
        pages.append([row.get("customer_name") or row["holder_name"] for row in page["results"]])
        last, url = url, page[relation]
    return pages, last


@pytest.mark.parametrize("path", UNBOUNDED)
@pytest.mark.parametrize(("limit", "pages"), [(1, ["C", "B", "A"]), (2, ["CB", "A"]), (3, ["CBA"])])
def test_cursor_pages_forward_and_back(path, limit, pages, three, manager):
    pages = [list(page) for page in pages]
    forth, last = walk(manager, f"http://testserver/api/v1{path}/?limit={limit}", "next")
    back, _ = walk(manager, last, "previous")
    assert forth == pages
    assert [name for page in reversed(back) for name in page] == ["C", "B", "A"]


@pytest.mark.parametrize(
    ("ordering", "order"),
    [
        ("created_at", "ABC"),
        ("-created_at", "CBA"),
        ("customer_name", "ABC"),
        ("-customer_name", "CBA"),
        ("total_price,customer_name", "ABC"),
        ("total_price,-customer_name", "CBA"),
    ],
)
def test_cursor_keeps_the_ordering(ordering, order, three, manager):
    pages, last = walk(manager, f"http://testserver/api/v1/bookings?limit=1&ordering={ordering}", "next")
    assert pages == [[name] for name in order]
    assert walk(manager, last, "previous")[0] == [[name] for name in reversed(order)]


def test_cursor_returns_equal_rows_once(book, make_type, manager):
    seat = make_type()
    made = {str(book((seat, 1)).pk) for _ in range(7)}
    url, seen = "http://testserver/api/v1/bookings?limit=2&ordering=customer_name", []
    while url and len(seen) < 9:
        page = manager.get(below(url)).json()
        seen += [row["id"] for row in page["results"]]
        url = page["next"]
    assert (len(seen), set(seen)) == (7, made)


def test_cursor_is_stable_when_rows_are_added(three, book, manager):
    first = manager.get("/bookings?limit=1").json()
    book(customer_name="D")
    second = manager.get(below(first["next"])).json()
    assert [row["customer_name"] for row in second["results"]] == ["B"]
    assert [row["customer_name"] for row in manager.get(below(second["previous"])).json()["results"]] == ["C"]


@pytest.mark.parametrize("cursor", ["", "abc", "%00", "W10:1abc:def", "a" * 5000])
@pytest.mark.parametrize("path", UNBOUNDED)
def test_invalid_cursor_is_400(path, cursor, three, manager):
    answer = manager.get(f"{path}?cursor={cursor}")
    assert refused(answer, 400, "invalid-input")
    assert errors_in(answer) == [("cursor", "invalid")]


def test_cursor_of_another_list_or_order_is_400(three, manager):
    cursor = re.search("cursor=([^&]*)", manager.get("/bookings?limit=1").json()["next"])[1]
    assert manager.get(f"/bookings?cursor={cursor}").status_code == 200
    for path in ("/tickets", "/bookings?ordering=total_price"):
        answer = manager.get(f"{path}{'&' if '?' in path else '?'}cursor={cursor}")
        assert errors_in(answer) == [("cursor", "invalid")]


# Queries: literal numbers, so that one more fails.

TOKEN = 1
PERMISSIONS = 2  # those of the user, and those of its groups
RELEASE = 1  # of due holds, before stock or booking states are read
LIST_QUERIES = {
    "/venues": 1,
    "/events": RELEASE + 2,
    "/ticket-types": RELEASE + 1,
    "/bookings": TOKEN + PERMISSIONS + RELEASE + 3,
    "/tickets": TOKEN + PERMISSIONS + 1,
}


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize(("path", "queries"), LIST_QUERIES.items())
def test_list_has_the_same_queries_for_1_and_3_rows(
    path, queries, rows, three, anonymous, manager, django_assert_num_queries
):
    """The catalogue's lists count their rows, in one more query, when there are more."""
    client = anonymous if path in CATALOGUE else manager
    with django_assert_num_queries(queries + (path in CATALOGUE and rows < 3)):
        answer = client.get(f"{path}?limit={rows}")
    assert len(answer.json()["results"]) == rows


ONE_QUERIES = {"/venues": 1, "/events": RELEASE + 2, "/ticket-types": RELEASE + 1, "/bookings": RELEASE + 3}


@pytest.mark.parametrize(("path", "queries"), ONE_QUERIES.items())
def test_retrieve_has_few_queries(path, queries, three, anonymous, manager, django_assert_num_queries):
    pk = manager.get(path).json()["results"][0]["id"]
    client = holder_of(Booking.objects.get(pk=pk)) if path == "/bookings" else anonymous
    with django_assert_num_queries(queries):
        assert client.get(f"{path}/{pk}").status_code == 200


def test_retrieve_ticket_has_few_queries(three, door, django_assert_num_queries):
    code = door.get("/tickets").json()["results"][0]["code"]
    with django_assert_num_queries(TOKEN + PERMISSIONS + 1):
        assert door.get(f"/tickets/{code}").status_code == 200


def test_list_for_staff_has_two_more_queries(three, manager, django_assert_num_queries):
    with django_assert_num_queries(TOKEN + PERMISSIONS + RELEASE + 2):
        assert manager.get("/events").status_code == 200


def writes(queries):
    """The verbs of the statements, without savepoints."""
    return [query["sql"].split()[0] for query in queries if "SAVEPOINT" not in query["sql"]]


TOLD = ["SELECT", "INSERT"]  # the change, with the resource as it is shown


def test_create_has_few_queries(make_venue, manager, django_assert_num_queries):
    venue = make_venue()
    event = {
        "venue": venue.pk,
        "name": "Concert",
        "starts_at": "2090-01-01T19:00:00Z",
        "ends_at": "2090-01-01T22:00:00Z",
    }
    with django_assert_num_queries(TOKEN + PERMISSIONS + 7) as seen:
        manager.post("/venues", {"name": "Hall", "address": "Street", "capacity": 10})
    assert writes(seen)[TOKEN + PERMISSIONS :] == [
        "INSERT",
        "INSERT",
        *TOLD,
        "SELECT",
    ]  # the second is the history entry
    with django_assert_num_queries(TOKEN + PERMISSIONS + 12) as seen:
        event = manager.post("/events", event).json()
    assert writes(seen)[TOKEN + PERMISSIONS :] == [
        "SELECT",
        "SELECT",
        "INSERT",
        "INSERT",
        "SELECT",
        *TOLD,
        "SELECT",
        "SELECT",
        "SELECT",
    ]  # the last one looks for events that overlap
    with django_assert_num_queries(TOKEN + PERMISSIONS + 9) as seen:
        manager.post("/ticket-types", {"event": event["id"], "name": "Seat", "price": "1"})
    assert writes(seen)[TOKEN + PERMISSIONS :] == ["SELECT", "SELECT", "INSERT", "INSERT", *TOLD, "SELECT"]


def test_create_booking_has_the_same_queries_for_any_number_of_places(make_type, anonymous, django_assert_num_queries):
    """One read and the claim, which is one statement on PostgreSQL, between BEGIN and COMMIT."""
    seat = make_type()
    body = {"customer_name": "Ann", "customer_email": "ann@example.com"}
    claim = ["WITH"] if connection.vendor == "postgresql" else [*["INSERT"] * 4, "UPDATE", "UPDATE"]
    for quantity in (1, 10):
        with django_assert_num_queries(1 + len(claim) + 2) as seen:
            answer = anonymous.post("/bookings", {**body, "items": [{"ticket_type": seat.pk, "quantity": quantity}]})
        assert answer.status_code == 201
        assert writes(seen) == ["SELECT", *claim]
    assert Booking.objects.filter(created_at__lte=timezone.now()).count() == 2
