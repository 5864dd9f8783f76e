import datetime as dt

import pytest
from django.urls import include, path
from drf_spectacular.generators import SchemaGenerator

from config.api.deprecation import Deprecated
from config.api.routers import OptionalSlashRouter
from venues.viewsets import VenueViewSet

SINCE = dt.datetime(2027, 1, 1, tzinfo=dt.UTC)
SUNSET = dt.datetime(2028, 1, 1, 12, tzinfo=dt.UTC)


class OldVenueViewSet(VenueViewSet):
    deprecations = {"list": Deprecated(SINCE, SUNSET, "/docs")}


router = OptionalSlashRouter()
router.register("venues", OldVenueViewSet, basename="old-venue")
urlpatterns = [path("api/v1/", include(router.urls))]


@pytest.mark.urls(__name__)
def test_deprecated_action_has_deprecation_and_sunset_headers(anonymous, make_venue):
    venue = make_venue()
    make_venue(name="Another")
    answer = anonymous.get("/venues?limit=1")
    assert answer["Deprecation"] == "@1798761600"
    assert answer["Sunset"] == "Sat, 01 Jan 2028 12:00:00 GMT"
    assert answer["Link"].endswith(', </docs>; rel="deprecation"; type="text/html"')
    assert 'rel="next"' in answer["Link"]
    assert "Deprecation" not in anonymous.get(f"/venues/{venue.pk}")


@pytest.mark.urls(__name__)
def test_problem_of_a_deprecated_action_has_the_headers(anonymous, db):
    assert anonymous.get("/venues?limit=x")["Deprecation"] == "@1798761600"


@pytest.mark.urls(__name__)
def test_deprecated_action_is_marked_in_the_document():
    paths = SchemaGenerator(urlconf=__name__).get_schema(request=None, public=True)["paths"]
    assert paths["/api/v1/venues"]["get"]["deprecated"] is True
    assert "deprecated" not in paths["/api/v1/venues"]["post"]
