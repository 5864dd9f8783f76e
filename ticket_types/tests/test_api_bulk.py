"""Lists of ticket types: all of them or none."""

import pytest

from config.tests.harness.answers import errors_in, refused
from ticket_types.models import TicketType


@pytest.fixture
def event(make_event):
    return make_event()


def row(event, name="Seat", **more):
    return {"event": event.pk, "name": name, "price": "49.90", **more}


def create(client, *rows):
    return client.post("/ticket-types/bulk", {"ticket_types": rows})


def test_a_list_makes_all_in_its_order(manager, make_event):
    first, second = make_event(name="First"), make_event(name="Second")
    answer = create(manager, row(second, "B"), row(first, "A"), row(second, "C", quantity=5))
    assert answer.status_code == 201
    assert [entry["name"] for entry in answer.json()["ticket_types"]] == ["B", "A", "C"]
    assert "Location" not in answer
    for entry in answer.json()["ticket_types"]:
        assert entry == manager.get(f"/ticket-types/{entry['id']}").json()


def test_faults_of_shape_name_each_place(manager, event):
    rows = [row(event), row(event, "", price="x"), row(event, "Other", colour="red"), 7]
    answer = create(manager, *rows)
    assert refused(answer, 400, "invalid-input")
    assert [pointer for pointer, _ in errors_in(answer)] == [
        "/ticket_types/1/name",
        "/ticket_types/1/price",
        "/ticket_types/2/colour",
        "/ticket_types/3",
    ]
    assert TicketType.objects.count() == 0


def test_refusals_of_the_domain_name_each_place(manager, event):
    rows = [row(event), row(event), row(event, "Fine"), row(event, "Odd", price="1.001")]
    answer = create(manager, *rows)
    assert refused(answer, 409, "already-exists")
    assert errors_in(answer) == [
        ("/ticket_types/1/name", "already-exists"),
        ("/ticket_types/3/price", "too-many-decimals"),
    ]
    assert TicketType.objects.count() == 0


@pytest.mark.parametrize(
    ("count", "status"), [(0, 400), (1, 201), (100, 201), (101, 400)], ids=["none", "one", "most", "too-many"]
)
def test_a_list_has_1_to_100_objects(count, status, manager, event):
    answer = create(manager, *(row(event, f"Type {number}") for number in range(count)))
    assert answer.status_code == status
    assert TicketType.objects.count() == (count if status == 201 else 0)
    if status == 400:
        assert [pointer for pointer, _ in errors_in(answer)] == ["/ticket_types"]


def test_a_list_needs_the_permission(box_office, event):
    assert refused(create(box_office, row(event)), 403, "forbidden")


@pytest.mark.parametrize("path", ["/venues", "/ticket-types", "/ticket-types/bulk"])
def test_a_body_is_no_list(path, manager):
    answer = manager.post(path, [{"name": "Hall"}])
    assert refused(answer, 400, "invalid-input")
    assert errors_in(answer) == [("", "invalid")]
