"""The API, the pages of the admin and its actions require the same permission for the same verb."""

from types import SimpleNamespace

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.urls import reverse

from bookings.models import Booking, BookingChange, BookingItem, Ticket
from bookings.viewsets import BookingViewSet, TicketViewSet
from config.access.models import ApiToken
from config.access.permissions import PermissionOrSecret
from config.tests.harness.pages import act, staff, url
from conftest import make_user
from events.models import Event
from events.viewsets import EventViewSet
from ticket_types.models import TicketType
from ticket_types.viewsets import TicketTypeViewSet
from venues.models import Venue
from venues.viewsets import VenueViewSet

CRUD = {"add": "create", "change": "partial_update", "delete": "destroy"}
VERBS = [
    *((model, verb, viewset, action)
      for model, viewset in ((Venue, VenueViewSet), (Event, EventViewSet), (TicketType, TicketTypeViewSet))
      for verb, action in CRUD.items()),
    (Event, "publish", EventViewSet, "publish"),
    (Event, "cancel", EventViewSet, "cancel"),
    (Event, "publish", EventViewSet, "unpublish"),
    (Event, "change", EventViewSet, "pause_sales"),
    (Event, "change", EventViewSet, "resume_sales"),
    (Event, "change", EventViewSet, "postpone"),
    (Event, "change", EventViewSet, "reschedule"),
    (Event, "add", EventViewSet, "clone"),
    (Event, "add", EventViewSet, "clone_all"),
    (Booking, "view", BookingViewSet, "list"),
    (BookingItem, "view", BookingViewSet, "list"),
    (BookingChange, "view", BookingViewSet, "list"),
    (Booking, "change", BookingViewSet, "partial_update"),
    (Booking, "confirm", BookingViewSet, "confirm"),
    (Booking, "cancel", BookingViewSet, "cancel"),
    (Ticket, "view", TicketViewSet, "list"),
    (Ticket, "check_in", TicketViewSet, "check_in"),
    (Ticket, "check_in", TicketViewSet, "undo_check_in"),
]  # fmt: skip


def asked_by(model, verb):
    """The permissions that are checked, for a user who has all of them, besides the one to view the page."""
    asked = set()
    user = SimpleNamespace(has_perm=lambda name: not asked.add(name))
    assert getattr(admin.site.get_model_admin(model), f"has_{verb}_permission")(SimpleNamespace(user=user))
    seen = {f"{model._meta.app_label}.view_{model._meta.model_name}"}
    return asked if verb == "view" else asked - seen


@pytest.mark.parametrize(("model", "verb", "viewset", "action"), VERBS)
def test_admin_checks_the_permission_of_the_api(model, verb, viewset, action):
    rule = viewset.access[action]
    assert asked_by(model, verb) == {rule.permission if isinstance(rule, PermissionOrSecret) else rule}


@pytest.mark.parametrize("model", [Venue, Event, TicketType, ApiToken])
def test_permission_to_view_opens_the_pages(model):
    assert asked_by(model, "view") == {f"{model._meta.app_label}.view_{model._meta.model_name}"}


def test_every_action_of_an_admin_page_needs_a_permission():
    free = {
        (model.__name__, name)
        for model, model_admin in admin.site._registry.items()
        for function, name, _ in model_admin._get_base_actions()
        if not getattr(function, "allowed_permissions", None)
    }
    assert free == set()


@pytest.fixture
def clerk(db):
    """A member of staff with these permissions and no others."""

    def hire(*names):
        user = make_user(username="clerk", is_staff=True)
        for name in names:
            label, codename = name.split(".")
            user.user_permissions.add(Permission.objects.get(content_type__app_label=label, codename=codename))
        browser = staff()
        browser.force_login(user)
        return browser

    return hire


@pytest.mark.parametrize(
    ("model", "names"),
    [
        (Booking, ["bookings.change_booking", "bookings.cancel_booking", "bookings.view_ticket"]),
        (Event, ["events.change_event", "events.delete_event", "events.publish_event"]),
        (Venue, ["venues.change_venue", "venues.delete_venue"]),
    ],
)
def test_permission_to_change_without_view_opens_no_page(model, names, clerk, make_type, book):
    book((make_type(), 1))
    obj, browser = model.objects.first(), clerk(*names)
    for page in ("change", "delete", "history"):
        assert browser.get(url(model, page, obj.pk)).status_code == 403
    assert browser.get(url(model, "changelist")).status_code == 403


def test_permission_to_view_bookings_shows_their_parts(clerk, book):
    booking = book().confirm(payment_reference="ref")
    browser = clerk("bookings.view_booking")
    page = browser.get(url(Booking, "change", booking.pk)).content.decode()
    assert (booking.items.get().name in page, booking.tickets.get().code in page) == (True, True)
    assert browser.get(url(BookingItem, "changelist")).status_code == 200
    assert browser.get(url(Ticket, "changelist")).status_code == 403


def test_permission_to_delete_a_venue_deletes_its_events_too(clerk, make_type):
    venue = make_type().event.venue
    browser = clerk("venues.view_venue", "venues.delete_venue")
    assert browser.get(url(Venue, "delete", venue.pk)).status_code == 200
    act(browser, "delete_selected", venue, post="yes")
    assert (Venue.objects.count(), Event.objects.count(), TicketType.objects.count()) == (0, 0, 0)


def test_index_without_permissions_has_no_lists(clerk, db):
    page = clerk().get(reverse("admin:index"))
    assert (page.status_code, page.context["app_list"]) == (200, [])
