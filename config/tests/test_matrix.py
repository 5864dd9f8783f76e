"""Every cell of the matrix: what config/tests/policy.py says is what the project answers."""

import pytest
from django.urls import path
from rest_framework.response import Response
from rest_framework.views import APIView

from config.tests import matrix, policy
from config.urls import urlpatterns as real_urlpatterns


@pytest.fixture
def world(make_venue, make_event, make_type, book):
    return matrix.things(make_venue, make_event, make_type, book)


def resource(path):
    """What a row is about: the first step of its path, for tests of about the same length."""
    return path.removeprefix("/api/v1").strip("/").split("/")[0].partition(".")[0]


def test_every_route_has_a_row_and_every_row_a_route():
    assert list(matrix.complaints()) == []


@pytest.mark.parametrize("name", sorted({resource(path) for _, path, _ in matrix.api_rows()}))
def test_api_answers_everybody_as_the_table_says(name, world):
    asked = matrix.Matrix(matrix.callers())
    asked.ask_api([row for row in matrix.api_rows() if resource(row[1]) == name], world)
    assert asked.failures == []


def test_pages_answer_everybody_alike(db):
    asked = matrix.Matrix(matrix.callers())
    asked.ask_pages(matrix.page_rows())
    assert asked.failures == []


def test_admin_pages_answer_everybody_as_the_table_says(world, book, make_type):
    asked = matrix.Matrix(matrix.admin_callers())
    asked.ask_admin(matrix.admin_rows(), matrix.admin_objects(world, book, make_type))
    assert asked.failures == []


def test_admin_actions_are_for_whom_the_table_says(world, book, make_type):
    asked = matrix.Matrix(matrix.admin_callers())
    objects = matrix.admin_objects(world, book, make_type)
    for label, actions in policy.ADMIN_ACTIONS.items():
        for action, who in actions.items():
            asked.ask_action(label, action, who, objects.get((label, action), objects[label]))
    assert asked.failures == []
