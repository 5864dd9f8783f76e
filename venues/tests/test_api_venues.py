import pytest

from config.tests.harness.answers import errors_in, names, refused
from events.models import Event
from ticket_types.models import TicketType
from venues.models import Venue

pytestmark = pytest.mark.both

HALL = {"name": "Old Hall", "address": "1 Main Street", "capacity": 900, "timezone": "Europe/Vienna"}


@pytest.fixture
def client_as(request):
    return request.getfixturevalue


def shown(answer):
    return {key: value for key, value in answer.json().items() if key in HALL}


def stored(venue):
    return {key: getattr(Venue.objects.get(pk=venue.pk), key) for key in HALL}


def test_create_answers_the_venue_and_where_it_is(manager):
    answer = manager.post("/venues", HALL)
    venue = Venue.objects.get()
    assert (answer.status_code, shown(answer)) == (201, HALL)
    assert answer["Location"] == f"/api/v1/venues/{venue.pk}"
    assert list(answer.json()) == ["id", "name", "address", "capacity", "timezone", "created_at", "updated_at"]
    assert answer.json()["created_at"].endswith("Z")
    assert manager.get(f"/venues/{venue.pk}").json() == answer.json()


def test_name_has_at_most_30_combining_characters_in_a_row(manager):
    for number, status in ((30, 201), (31, 400)):
        answer = manager.post("/venues", {**HALL, "name": "a" + "\u0301\u0323" * 15 + "\u0301" * (number - 30)})
        assert answer.status_code == status
    assert errors_in(answer) == [("/name", "bad-character")]


def test_timezone_is_utc_by_default(manager):
    assert manager.post("/venues", {**HALL, "timezone": "UTC"}).json()["timezone"] == "UTC"
    del (hall := dict(HALL))["timezone"]
    assert manager.post("/venues", hall).json()["timezone"] == "UTC"


def test_put_replaces_and_patch_changes(manager, make_venue):
    venue = make_venue()
    before = venue.updated_at
    answer = manager.put(f"/venues/{venue.pk}", {**HALL, "name": "New Hall"})
    assert (answer.status_code, shown(answer)) == (200, {**HALL, "name": "New Hall"})
    answer = manager.patch(f"/venues/{venue.pk}", {"capacity": 5})
    assert (answer.status_code, shown(answer)) == (200, {**HALL, "name": "New Hall", "capacity": 5})
    venue.refresh_from_db()
    assert venue.updated_at > before > venue.created_at


def test_put_needs_every_field_that_has_no_default(manager, make_venue):
    venue = make_venue(**HALL)
    answer = manager.put(f"/venues/{venue.pk}", {})
    assert errors_in(answer) == [("/name", "required"), ("/address", "required"), ("/capacity", "required")]
    assert stored(venue) == HALL


def test_delete_deletes(manager, make_venue):
    venue = make_venue()
    answer = manager.delete(f"/venues/{venue.pk}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert refused(manager.get(f"/venues/{venue.pk}"), 404, "not-found")
    assert refused(manager.delete(f"/venues/{venue.pk}"), 404, "not-found")


@pytest.mark.parametrize("role", ["anonymous", "manager", "box_office", "door", "auditor"])
def test_everybody_reads(role, client_as, make_venue):
    venue = make_venue(**HALL)
    assert names(client_as(role).get("/venues")) == ["Old Hall"]
    assert shown(client_as(role).get(f"/venues/{venue.pk}")) == HALL


@pytest.mark.parametrize(
    ("role", "status", "code"),
    [("anonymous", 401, "unauthenticated"), *((role, 403, "forbidden") for role in ("box_office", "door", "auditor"))],
)
def test_managers_alone_write(role, status, code, client_as, make_venue):
    venue = make_venue(**HALL)
    client = client_as(role)
    assert refused(client.post("/venues", HALL), status, code)
    assert refused(client.put(f"/venues/{venue.pk}", {**HALL, "capacity": 1}), status, code)
    assert refused(client.patch(f"/venues/{venue.pk}", {"capacity": 1}), status, code)
    assert refused(client.delete(f"/venues/{venue.pk}"), status, code)
    assert (Venue.objects.count(), stored(venue)) == (1, HALL)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "a"),
        ("name", "a" * 200),
        ("address", "a"),
        ("address", "a" * 500),
        ("capacity", 1),
        ("capacity", 1_000_000),
        ("timezone", "America/Argentina/Buenos_Aires"),
    ],
)
def test_value_at_its_bound_is_accepted(field, value, manager):
    answer = manager.post("/venues", {**HALL, field: value})
    assert (answer.status_code, answer.json()[field]) == (201, value)


WRONG_TEXTS = [
    (None, "null"),
    (True, "invalid"),
    (1, "invalid"),
    (1.0, "invalid"),
    (["a"], "invalid"),
    ({"a": 1}, "invalid"),
    ("a\nb", "bad-character"),
    ("a\tb", "bad-character"),
    ("a\x00b", "bad-character"),
    ("\x1fa", "bad-character"),
    ("a\x7f", "bad-character"),
    ("a\u202eb", "bad-character"),
    ("a\ufeffb", "bad-character"),
    ("a\u2028", "bad-character"),
]


@pytest.mark.parametrize("field", ["name", "address", "timezone"])
@pytest.mark.parametrize(("value", "code"), WRONG_TEXTS)
def test_wrong_text_is_400(field, value, code, manager):
    answer = manager.post("/venues", {**HALL, field: value})
    assert refused(answer, 400, "invalid-input")
    assert errors_in(answer) == [(f"/{field}", code)]
    assert Venue.objects.count() == 0


@pytest.mark.parametrize("value", ["", " ", "\n", "\u200b", "\u2060\u00a0", "\u3164", "\u00ad"])
@pytest.mark.parametrize("field", ["name", "address"])
def test_text_that_nobody_can_see_is_empty(field, value, manager):
    answer = manager.post("/venues", {**HALL, field: value})
    assert errors_in(answer) == [(f"/{field}", f"invalid-{field}")]
    assert Venue.objects.count() == 0


def test_text_is_trimmed_and_normalised(manager):
    answer = manager.post("/venues", {**HALL, "name": " \n Cafe\u0301 \t"})
    assert answer.json()["name"] == "Caf\u00e9"


@pytest.mark.parametrize(
    "value", ["Mars/Olympus", "europe/vienna", "+02:00", "CEST", "../../etc/passwd", "localtime", "Factory"]
)
def test_unknown_timezone_is_400(value, manager):
    assert errors_in(manager.post("/venues", {**HALL, "timezone": value})) == [("/timezone", "unknown-timezone")]
    assert Venue.objects.count() == 0


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (0, "invalid-capacity"),
        (-1, "invalid-capacity"),
        (1_000_001, "invalid-capacity"),
        (10**30, "invalid-capacity"),
        (None, "null"),
        *((value, "invalid") for value in (True, 1.0, 1.5, "1", "1_0", "\uff11", "", [1], {})),
    ],
)
def test_wrong_capacity_is_400(value, code, manager, make_venue):
    assert errors_in(manager.post("/venues", {**HALL, "capacity": value})) == [("/capacity", code)]
    venue = make_venue(**HALL)
    assert errors_in(manager.patch(f"/venues/{venue.pk}", {"capacity": value})) == [("/capacity", code)]
    assert stored(venue) == HALL


@pytest.mark.parametrize("method", ["put", "patch"])
def test_unknown_and_server_set_fields_are_400(method, manager, make_venue):
    venue = make_venue(**HALL)
    body = {**HALL, "name": "New", "id": 7, "created_at": "2027-01-01T00:00:00Z", "colour": "red", "a/b~c": 1}
    expected = [("/id", "read-only"), ("/created_at", "read-only")]
    expected += [("/colour", "unknown-field"), ("/a~1b~0c", "unknown-field")]
    answer = getattr(manager, method)(f"/venues/{venue.pk}", body)
    assert refused(answer, 400, "invalid-input")
    assert errors_in(answer) == expected
    assert errors_in(manager.post("/venues", body)) == expected
    assert (Venue.objects.count(), stored(venue)) == (1, HALL)


def test_all_faults_are_told_at_once(manager):
    answer = manager.post("/venues", {"name": "", "address": 5, "capacity": 0, "timezone": "x", "y": 1})
    assert errors_in(answer) == [
        ("/name", "invalid-name"),
        ("/address", "invalid"),
        ("/capacity", "invalid-capacity"),
        ("/timezone", "unknown-timezone"),
        ("/y", "unknown-field"),
    ]


def test_capacity_below_an_events_is_409(manager, make_event, make_venue):
    venue = make_venue(**HALL)
    make_event(venue=venue, name="Small", capacity=10)
    make_event(venue=venue, name="Large", capacity=100)
    answer = manager.patch(f"/venues/{venue.pk}", {"capacity": 99, "name": "New"})
    assert refused(answer, 409, "capacity-below-events")
    assert errors_in(answer) == [("/capacity", "capacity-below-events")]
    assert answer.json()["detail"] == "The event “Large” has a capacity of 100."
    assert stored(venue) == HALL
    assert manager.patch(f"/venues/{venue.pk}", {"capacity": 100}).json()["capacity"] == 100


def test_delete_takes_unbooked_events_and_their_types_along(manager, make_type, make_venue):
    seat = make_type()
    other = make_venue(name="Other")
    assert manager.delete(f"/venues/{seat.event.venue_id}").status_code == 204
    assert list(Venue.objects.all()) == [other]
    assert (Event.objects.count(), TicketType.objects.count()) == (0, 0)


def test_delete_of_a_booked_venue_is_409_with_the_number_of_bookings(manager, make_venue, make_event, make_type, book):
    venue = make_venue()
    seats = [make_type(event=make_event(venue=venue, name=name), name=name) for name in "AB"]
    make_event(venue=venue, name="Unbooked")
    book((seats[0], 1)).cancel()
    book((seats[0], 2))
    book((seats[1], 1))
    answer = manager.delete(f"/venues/{venue.pk}")
    assert refused(answer, 409, "in-use")
    assert answer.json()["detail"] == "3 bookings refer to it."
    assert [entry["bookings"] for entry in answer.json()["errors"]] == [3]
    assert (Venue.objects.count(), Event.objects.count(), TicketType.objects.count()) == (1, 3, 2)


@pytest.fixture
def halls(make_venue):
    make_venue(name="Arena", address="5 North Road", capacity=300)
    make_venue(name="Barn", address="7 Main Street", capacity=100)
    make_venue(name="Cellar 100%", address="9 main road", capacity=200)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", "ABC"),
        ("search=main", "BC"),
        ("search=MAIN+road", "C"),
        ("search=road+arena", "A"),
        ("search=100%25", "C"),
        ("search=_", ""),
        ("search=%27%3B+DROP", ""),
        ("search=", "ABC"),
        ("search=%20", "ABC"),
        ("min_capacity=200", "AC"),
        ("min_capacity=201", "A"),
        ("min_capacity=0", "ABC"),
        ("min_capacity=200&search=road&ordering=-capacity", "AC"),
        ("ordering=name", "ABC"),
        ("ordering=-name", "CBA"),
        ("ordering=capacity", "BCA"),
        ("ordering=-capacity", "ACB"),
        ("ordering=created_at", "ABC"),
        ("ordering=-created_at", "CBA"),
        ("ordering=-capacity,name", "ACB"),
    ],
)
def test_list_filters_and_orders(query, found, halls, anonymous):
    assert "".join(name[0] for name in names(anonymous.get(f"/venues?{query}"))) == found


@pytest.mark.parametrize(
    "query",
    [
        "min_capacity=",
        "min_capacity=abc",
        "min_capacity=-1",
        "min_capacity=1.5",
        "min_capacity=%EF%BC%91",
        "min_capacity=1_0",
        "min_capacity=" + "9" * 19,
        "search=%00",
        "search=a%07b",
        "search=" + "a" * 201,
        "search=" + "+".join("abcdefghijk"),
    ],
)
def test_filter_that_cannot_be_read_is_400_and_named(query, halls, anonymous):
    answer = anonymous.get(f"/venues?{query}")
    assert refused(answer, 400, "invalid-input")
    assert {name for name, _ in errors_in(answer)} == {query.split("=")[0]}
