"""Every cell of the matrix: what config/tests/harness/policy.py says is what the project answers."""

import pytest
from django.contrib import admin
from django.contrib.sessions.models import Session
from django.urls import path
from rest_framework.response import Response
from rest_framework.views import APIView

from bookings.viewsets import TicketViewSet
from config.access.permissions import ANYONE
from config.tests.harness import matrix, policy
from config.urls import urlpatterns as real_urlpatterns
from events.models import Event
from events.viewsets import EventViewSet
from venues.models import Venue

pytestmark = pytest.mark.usefixtures("sends_mail")


@pytest.fixture
def world(make_venue, make_event, make_type, book):
    return matrix.make_world(make_venue, make_event, make_type, book)


@pytest.fixture
def shows(request):
    """Says a line in the summary of the test run, wherever the test ran."""

    def say(line):
        request.node.user_properties.append(("shows", line))

    return say


def first_step(path):
    """What a row is about, for tests of about the same length."""
    steps = path.removeprefix("/api/v1").removeprefix("/admin").strip("/").split("/")
    return steps[0].partition(".")[0] if len(steps) < 2 or not path.startswith("/admin") else "/".join(steps[:2])


def chosen(rows, name):
    return [row for row in rows if first_step(row[1]) == name]


def groups(rows):
    return sorted({first_step(path) for _, path, _ in rows})


def test_every_route_has_a_row_and_every_row_a_route(shows):
    assert list(matrix.table_errors()) == []
    shows(matrix.size())


@pytest.mark.parametrize("name", groups(matrix.api_rows()))
def test_api_matches_the_table_of_permissions(name, world):
    asked = matrix.Matrix(matrix.clients())
    asked.check_api(chosen(matrix.api_rows(), name), world)
    assert asked.failures == []


def test_pages_ignore_credentials(db):
    asked = matrix.Matrix(matrix.clients())
    asked.check_pages(matrix.page_rows())
    assert asked.failures == []


@pytest.mark.parametrize("name", groups(matrix.admin_rows()))
def test_admin_pages_match_the_table_of_permissions(name, world, book):
    asked = matrix.Matrix(matrix.browsers())
    asked.check_admin(chosen(matrix.admin_rows(), name), matrix.admin_objects(world, book))
    assert asked.failures == []


def test_admin_actions_match_the_table_of_permissions(world, book):
    asked = matrix.Matrix(matrix.browsers())
    asked.check_actions(matrix.admin_objects(world, book))
    assert asked.failures == []


# The matrix can fail: what somebody forgets to guard turns it red.


class Unguarded(APIView):
    permission_classes = []

    def get(self, request):
        return Response("seen")


class Writing(Unguarded):
    def get(self, request):
        Venue.objects.create(name="Made by reading", address="1 Main Street", capacity=1)
        return Response("seen")


urlpatterns = [
    path("api/v1/forgotten", Unguarded.as_view()),
    path("api/v1/tickets", Unguarded.as_view()),
    path("api/v1/venues", Writing.as_view()),
    path("admin/forgotten/", Unguarded.as_view()),
    *real_urlpatterns,
]


@pytest.mark.urls(__name__)
def test_route_without_a_row_is_found():
    assert list(matrix.table_errors()) == [
        "no row for the route api/v1/forgotten",
        "no row for the route admin/forgotten/",
        # Those that the forgotten ones stand in front of.
        "no row for the route api/v1/venues/?$",
        "no row for the route api/v1/tickets/?$",
    ]


@pytest.mark.urls(__name__)
def test_view_without_permissions_is_found(world):
    asked = matrix.Matrix(matrix.clients())
    asked.check_api(chosen(matrix.api_rows(), "tickets")[:1], world)
    refused = "anonymous, anonymous with another secret, anonymous with the id, anonymous with the secret"
    assert f"GET /api/v1/tickets: 200 instead of 401, as {refused}" in asked.failures
    without = [policy.NO_RIGHTS, *policy.SCOPES]
    unlucky = ", ".join(it for it in without if it not in policy.SEE_TICKETS)
    assert f"GET /api/v1/tickets: 200 instead of 403, as {unlucky}" in asked.failures


@pytest.mark.urls(__name__)
def test_view_that_writes_on_get_is_found(world):
    asked = matrix.Matrix(matrix.clients())
    asked.check_api(chosen(matrix.api_rows(), "venues")[:1], world)
    assert asked.failures[0].startswith('GET /api/v1/venues: 200, and wrote INSERT INTO "venues_venue"')
    assert not Venue.objects.filter(name="Made by reading").exists()


def test_action_without_permissions_is_found(world, monkeypatch):
    monkeypatch.setattr(TicketViewSet, "access", {**TicketViewSet.access, "check_in": ANYONE})
    asked = matrix.Matrix({policy.NO_RIGHTS: matrix.clients()[policy.NO_RIGHTS]})
    asked.check_api(chosen(matrix.api_rows(), "tickets"), world)
    assert asked.failures == [
        "POST /api/v1/tickets/{ticket}/check-in: 200 instead of 403, as user without rights",
        "POST /api/v1/tickets/{no_ticket}/check-in: 404 instead of 403, as user without rights",
    ]


def test_queryset_that_ignores_the_user_is_found(world, monkeypatch):
    monkeypatch.setattr(EventViewSet, "get_queryset", lambda view: Event.objects.all())
    asked = matrix.Matrix({policy.ANONYMOUS: matrix.clients()[policy.ANONYMOUS]})
    asked.check_api(chosen(matrix.api_rows(), "events"), world)
    assert asked.failures == [
        f"{method} /api/v1/events/{{{name}}}: 200 instead of 404, as anonymous"
        for name in ("draft", "withdrawn")
        for method in ("GET", "HEAD")
    ]


def test_row_without_a_route_is_found(monkeypatch):
    monkeypatch.setattr(policy, "API", [*policy.API, ("GET", "/nothing", {policy.EVERYONE: 200})])
    halls = {**policy.ADMIN_MODELS, "venues.hall": policy.ADMIN_MODELS["venues.venue"]}
    monkeypatch.setattr(policy, "ADMIN_MODELS", halls)
    found = list(matrix.table_errors())
    assert found[:2] == ["no route for the row GET /api/v1/nothing", "no route for the row GET /admin/venues/hall/"]
    assert found[-1] == "no admin for the row venues.hall"


def test_admin_without_a_row_is_found(monkeypatch):
    admin.site.register(Session, type("SessionAdmin", (admin.ModelAdmin,), {}))
    try:
        assert "no row for the admin of sessions.session" in list(matrix.table_errors())
    finally:
        admin.site.unregister(Session)


def test_admin_action_without_a_row_is_found(world, book, monkeypatch):
    event_admin = admin.site.get_model_admin(Event)

    @admin.action(description="Double the prices")
    def double(model_admin, request, queryset):
        queryset.update(max_per_customer=7)

    monkeypatch.setattr(event_admin, "actions", [*event_admin.actions, double])
    assert list(matrix.table_errors()) == ["no row for the action double of events.event"]
    monkeypatch.setitem(policy.ADMIN_ACTIONS, "events.event", {"double": policy.PLANNERS})
    asked = matrix.Matrix(matrix.browsers())
    asked.check_actions(matrix.admin_objects(world, book), only="events.event")
    assert asked.failures == ["action events.event double: done instead of refused, as box office, door, auditor"]
