from pathlib import Path

from django.conf import settings

from bookings.lifecycle.states import LIVE, TRANSITIONS, Status, diagram


def test_reliability_document_draws_the_table():
    text = (Path(settings.BASE_DIR) / "docs" / "reliability.md").read_text()
    assert text.split("```mermaid\n")[1].split("\n```")[0] == diagram()


def test_edges_are_those_of_the_contract():
    assert {(edge.source, edge.target) for edge in TRANSITIONS} == {
        ("pending", "confirmed"),
        ("pending", "cancelled"),
        ("pending", "expired"),
        ("expired", "confirmed"),
        ("confirmed", "cancelled"),
    }


def test_places_come_back_on_every_edge_out_of_a_live_state():
    """The model of the state machine test holds to the same two states."""
    assert set(LIVE) == {Status.PENDING, Status.CONFIRMED}
    assert {edge.verb for edge in TRANSITIONS if edge.source in LIVE and edge.target not in LIVE} == {
        "cancel",
        "expire",
    }
