"""Expansion of related resources."""

import pytest

from config.tests.harness.answers import errors_in, refused
from events.models import Event

PLACES = [
    ("/events", "venue"),
    ("/events", "ticket_types"),
    ("/events", "venue,ticket_types"),
    ("/ticket-types", "event"),
    ("/bookings", "event"),
]


@pytest.fixture
def three(make_venue, make_event, make_type, book):
    for name in "ABC":
        event = make_event(name=name, venue=make_venue(name=name))
        make_type(event=event, name="Second", position=1)
        book((make_type(event=event, name="First"), 1), customer_name=name)


@pytest.mark.parametrize(("path", "names"), PLACES)
def test_expanded_object_equals_the_resource(path, names, three, manager):
    plain = manager.get(path).json()["results"][0]
    one = manager.get(f"{path}/{plain['id']}?expand={names}").json()
    listed = manager.get(f"{path}?expand={names}").json()["results"][0]
    assert {**listed, "expires_in": 0} == {**one, "expires_in": 0}
    for name in names.split(","):
        if name == "ticket_types":
            assert one.pop(name) == manager.get(f"/ticket-types?event={plain['id']}").json()["results"]
        else:
            assert one[name] == manager.get(f"/{name}s/{plain[name]}").json()
            one[name] = one[name]["id"]
    assert {**one, "expires_in": 0} == {**plain, "expires_in": 0} or "expires_in" not in plain
    assert plain.keys() == one.keys()


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize(
    ("path", "names", "queries"),
    [
        ("/events", "venue", 3 + 1),  # a list of events: due holds, the events, their ticket types
        ("/events", "ticket_types", 3 + 1),
        ("/events", "venue,ticket_types", 3 + 2),
        ("/ticket-types", "event", 3 + 2),  # due holds, the ticket types, their number; the events, their ticket types
    ],
)
def test_each_expansion_is_one_query(path, names, queries, rows, three, anonymous, django_assert_num_queries):
    follow_more = path == "/events" and rows < 3  # and then they are counted; there are more than 3 ticket types
    with django_assert_num_queries(queries + follow_more):
        answer = anonymous.get(f"{path}?limit={rows}&expand={names}")
    assert len(answer.json()["results"]) == rows


def test_expansion_of_bookings_is_one_query(three, manager, django_assert_num_queries):
    for rows in (1, 3):
        with django_assert_num_queries(1 + 2 + 1 + 3 + 2):  # token, permissions, due holds, the list, the events
            assert len(manager.get(f"/bookings?limit={rows}&expand=event").json()["results"]) == rows


@pytest.mark.parametrize(
    "path",
    [
        "/events?expand=bookings",
        "/events?expand=",
        "/events?expand=venue,",
        "/events?expand=Venue",
        "/ticket-types?expand=venue",
        "/bookings?expand=items",
        "/tickets?expand=booking",
    ],
)
def test_unknown_expansion_is_400(path, three, manager):
    answer = manager.get(path)
    assert refused(answer, 400, "invalid-input")
    assert errors_in(answer) == [("expand", "invalid")]


@pytest.mark.parametrize("path", ["/venues", "/payments"])
def test_expand_is_400_without_expansions(path, manager):
    assert errors_in(manager.get(f"{path}?expand=venue")) == [("expand", "unknown-parameter")]


def test_expand_of_a_write_is_400(three, manager):
    event = Event.objects.first()
    answer = manager.patch(f"/events/{event.pk}?expand=venue", {"name": "New"})
    assert errors_in(answer) == [("expand", "unknown-parameter")]
    assert Event.objects.filter(name="New").count() == 0


def test_hidden_object_is_not_expanded(make_event, make_type, anonymous, manager):
    draft = make_event(is_published=False)
    make_type(event=draft)
    assert anonymous.get("/events?expand=ticket_types").json()["results"] == []
    assert len(manager.get("/events?expand=ticket_types").json()["results"][0]["ticket_types"]) == 1
