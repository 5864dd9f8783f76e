"""Deny by default: an action without a rule is refused, for every user."""

import pytest
from django.contrib.auth import get_user_model
from django.urls import include, path
from rest_framework.decorators import action
from rest_framework.response import Response
from rest_framework.views import APIView

from config.access.models import ApiToken
from config.access.permissions import ANYONE, PermissionOrAnonymous, PermissionOrSecret
from config.api.routers import OptionalSlashRouter
from config.api.viewsets import BaseViewSet
from config.tests.harness.answers import refused
from config.urls import router as real_router
from conftest import client_of
from venues.models import Venue
from venues.serializers import VenueSerializer


class Bare(BaseViewSet):
    queryset = Venue.objects.all()
    serializer_class = VenueSerializer

    def list(self, request):
        return Response("seen")

    def create(self, request):
        return Response("made")


class Partly(Bare):
    access = {
        "list": ANYONE,
        "create": PermissionOrAnonymous("venues.view_venue"),
        "open": PermissionOrSecret("venues.view_venue", lambda venue: venue.capacity == 1, "it is small"),
    }

    @action(detail=True, methods=["post"])
    def open(self, request, pk):
        self.get_object()
        return Response("open")

    @action(detail=False)
    def forgotten(self, request):
        return Response("seen")


class Plain(APIView):
    def get(self, request):
        return Response("seen")


router = OptionalSlashRouter()
router.register("bare", Bare, basename="bare")
router.register("partly", Partly, basename="partly")
urlpatterns = [path("api/v1/plain", Plain.as_view()), path("api/v1/", include(router.urls))]

pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db]


@pytest.fixture
def superuser(db):
    return client_of(get_user_model().objects.create(username="root", is_superuser=True))


@pytest.mark.parametrize(("method", "path"), [("get", "/bare"), ("post", "/bare"), ("get", "/partly/forgotten"),
                                              ("get", "/plain")])  # fmt: skip
def test_action_without_a_rule_is_refused(method, path, anonymous, manager, superuser):
    assert refused(getattr(anonymous, method)(path), 401, "unauthenticated")
    assert refused(getattr(manager, method)(path), 403, "forbidden")
    assert refused(getattr(superuser, method)(path), 403, "forbidden")


def test_action_for_anyone_is_open(anonymous):
    assert anonymous.get("/partly").json() == "seen"


def test_known_client_has_its_own_rights_alone(anonymous, door):
    assert (anonymous.post("/partly").json(), door.post("/partly").json()) == ("made", "made")
    ApiToken.objects.get().user.groups.clear()
    assert refused(door.post("/partly"), 403, "forbidden")


def test_secret_opens_an_object_to_anonymous_clients_alone(anonymous, door, make_venue, monkeypatch):
    monkeypatch.setattr(Venue, "opens_with", lambda venue, secret: secret == "right", raising=False)
    small, large = make_venue(capacity=1), make_venue(capacity=2)
    right, wrong = ({"headers": {"Booking-Secret": secret}} for secret in ("right", "wrong"))
    assert anonymous.post(f"/partly/{small.pk}/open", **right).json() == "open"
    assert refused(anonymous.post(f"/partly/{large.pk}/open", **right), 401, "unauthenticated")
    for sent in (wrong, {}):
        assert refused(anonymous.post(f"/partly/{small.pk}/open", **sent), 404, "not-found")
    assert door.post(f"/partly/{large.pk}/open").json() == "open"
    ApiToken.objects.get().user.groups.clear()
    assert refused(door.post(f"/partly/{small.pk}/open", **right), 403, "forbidden")


def test_every_action_of_the_project_has_a_rule():
    for _, viewset, _ in real_router.registry:
        verbs = {"list", "retrieve", "create", "update", "partial_update", "destroy"}
        actions = {name for name in verbs if hasattr(viewset, name)}
        actions |= {extra.__name__ for extra in viewset.get_extra_actions()}
        assert actions == set(viewset.access), viewset
