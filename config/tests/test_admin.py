"""Every page of the admin, for each role."""

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from bookings.messages.models import Message
from bookings.models import Booking, BookingChange, BookingItem, Ticket
from bookings.payments.models import Payment, ProviderEvent
from config.access.models import ApiToken, LoginFailure
from config.access.roles import Role
from config.history.models import Change
from config.outbox.models import FeedChange
from config.tests.harness.pages import staff, url
from config.webhooks.models import WebhookDelivery, WebhookEndpoint
from events.models import Event
from ticket_types.models import TicketType
from venues.models import Venue

OURS = [
    *(Venue, Event, TicketType, Booking, BookingItem, Ticket, BookingChange, ApiToken, Change),
    *(Message, Payment, ProviderEvent, WebhookEndpoint, WebhookDelivery, FeedChange, LoginFailure),
]
CATALOGUE = [Venue, Event, TicketType]
VISIBLE = [*CATALOGUE, Change]  # the history is visible with the catalogue
pytestmark = pytest.mark.usefixtures("sends_mail")
CAST = [None, Role.MANAGER, Role.BOX_OFFICE, Role.DOOR, Role.AUDITOR]

MAY_SEE = {
    None: OURS,
    Role.MANAGER: OURS[:-1],
    Role.BOX_OFFICE: [*VISIBLE, Booking, BookingItem, Ticket, BookingChange, Message, Payment],
    Role.DOOR: [*VISIBLE, Ticket],
    Role.AUDITOR: [
        *(*VISIBLE, Booking, BookingItem, Ticket, BookingChange, Message, Payment),
        *(WebhookEndpoint, WebhookDelivery, FeedChange),
    ],
}


@pytest.fixture
def one_of_each(book, make_type, django_user_model):
    """An object of each model; a second one of each makes Django show all filters."""
    for number in (1, 2):
        seat = make_type(name=f"Seat {number}")
        booking = book((seat, 1), customer_email=f"{number}@example.com").confirm(payment_reference=f"ref {number}")
        ProviderEvent.objects.create(provider="stripe", event_id=f"evt_{number}", kind="x")
        user = django_user_model.objects.create(username=f"program {number}")
        ApiToken.issue(user=user, name=f"Shop {number}")
        LoginFailure.note(username=user.username, address="192.0.2.1", at=timezone.now())
        WebhookEndpoint.add(url=f"https://{number}.example.com").test(at=timezone.now())
    return {model: model._base_manager.latest("pk") for model in OURS} | {Booking: booking}


def admin_models():
    return [model for model in apps.get_models() if admin.site.is_registered(model)]


def test_every_model_has_an_admin():
    assert set(OURS) <= set(admin_models())


@pytest.mark.parametrize("role", CAST)
@pytest.mark.parametrize("model", OURS)
def test_changelist_opens_with_the_permission(one_of_each, model, role):
    expected = 200 if model in MAY_SEE[role] else 403
    browser = staff(role)
    page = browser.get(url(model, "changelist"))
    assert page.status_code == expected
    assert browser.get(url(model, "changelist"), {"q": "a"}).status_code == expected
    if expected == 200:
        choices = [list(spec.choices(page.context["cl"])) for spec in page.context["cl"].filter_specs]
        for choice in (second for _first, second, *_others in filter(None, choices)):
            assert browser.get(url(model, "changelist") + choice["query_string"]).status_code == 200


@pytest.mark.parametrize("role", CAST)
def test_index_and_app_pages_list_permitted_models(db, role):
    browser = staff(role)
    page = browser.get(reverse("admin:index"))
    assert page.status_code == 200
    shown = {model["model"] for app in page.context["app_list"] for model in app["models"]}
    assert shown & set(OURS) == set(MAY_SEE[role])
    for label in {model._meta.app_label for model in OURS}:
        expected = 200 if label in {model._meta.app_label for model in MAY_SEE[role]} else 404
        assert browser.get(reverse("admin:app_list", args=[label])).status_code == expected


QUERIES = {**dict(zip(OURS, [6, 9, 5, 6, 5, 5, 5, 5, 8, 5, 5, 5, 5, 6, 5, 5], strict=True)), User: 7, Group: 6}


def test_changelist_has_the_same_queries_for_1_and_3_rows(book, make_type, django_user_model):
    browser = staff()

    def make(number):
        seat = make_type(name=f"Seat {number}")
        book((seat, 1), customer_email=f"{number}@example.com").confirm(payment_reference=f"ref {number}")
        ProviderEvent.objects.create(provider="stripe", event_id=f"evt_{number}", kind="x")
        user = django_user_model.objects.create(username=f"program {number}")
        ApiToken.issue(user=user, name=f"Shop {number}")
        LoginFailure.note(username=user.username, address="192.0.2.1", at=timezone.now())
        WebhookEndpoint.add(url=f"https://{number}.example.com").test(at=timezone.now())

    def count_queries():
        found = {}
        for model in QUERIES:
            with CaptureQueriesContext(connection) as queries:
                assert browser.get(url(model, "changelist")).status_code == 200
            found[model] = len(queries)
        return found

    assert set(QUERIES) == set(admin_models())
    make(1)
    assert count_queries() == QUERIES
    make(2)
    make(3)
    assert {model for model in OURS if model._base_manager.count() < 3} == set()
    assert count_queries() == QUERIES


SELLING = ["Dashboard", "Calendar", "Sell"]
WAYS = {
    None: [*SELLING, "Till", "Events", "Bookings", "Payments", "Door", "Tickets", "Mails", "Venues", "Import"],
    Role.MANAGER: [*SELLING, "Till", "Events", "Bookings", "Payments", "Door", "Tickets", "Mails", "Venues", "Import"],
    Role.BOX_OFFICE: [*SELLING, "Till", "Events", "Bookings", "Payments", "Door", "Tickets", "Mails", "Venues"],
    Role.DOOR: ["Dashboard", "Calendar", "Events", "Door", "Tickets", "Venues"],
    Role.AUDITOR: ["Dashboard", "Calendar", "Till", "Events", "Bookings", "Payments", "Tickets", "Mails", "Venues"],
}


@pytest.mark.parametrize("role", CAST)
def test_navigation_has_the_pages_of_each_role(db, role):
    browser = staff(role)
    ways = browser.get(reverse("admin:index")).context["navigation"]
    assert [str(title) for title, _, _ in ways] == WAYS[role]
    for title, address, _ in ways:
        page = browser.get(address)
        assert page.status_code == 200
        assert [str(here) for here, _, is_here in page.context["navigation"] if is_here] == [str(title)]


def test_login_page_has_no_navigation(client, db):
    assert client.get(reverse("admin:login")).context["navigation"] == []


def test_admin_shows_the_name_of_the_project(db, settings):
    page = staff().get(reverse("admin:index"))
    assert settings.PROJECT_NAME in page.content.decode()
    assert "Django" not in page.content.decode()


def test_users_and_groups_have_their_pages(db):
    browser = staff()
    for name in ("auth_user", "auth_group"):
        assert browser.get(reverse(f"admin:{name}_changelist")).status_code == 200
        assert browser.get(reverse(f"admin:{name}_add")).status_code == 200


def test_user_with_a_token_can_be_deleted_by_a_superuser(db, django_user_model):
    user = django_user_model.objects.create(username="leaver")
    ApiToken.issue(user=user, name="Shop")
    staff().post(reverse("admin:auth_user_delete", args=[user.pk]), {"post": "yes"})
    assert not django_user_model.objects.filter(pk=user.pk).exists()
    assert ApiToken.objects.count() == 0


@pytest.mark.parametrize("model", [Booking, BookingItem, Ticket, BookingChange])
def test_sales_cannot_be_added_or_deleted_even_by_a_superuser(one_of_each, model):
    browser, obj = staff(), one_of_each[model]
    count = model._base_manager.count()
    assert browser.post(url(model, "add"), {}).status_code == 403
    assert browser.post(url(model, "delete", obj.pk), {"post": "yes"}).status_code == 403
    browser.post(
        url(model, "changelist"), {"action": "delete_selected", "_selected_action": [str(obj.pk)], "post": "yes"}
    )
    assert model._base_manager.count() == count
    assert LogEntry.objects.count() == 0


@pytest.mark.parametrize(
    ("role", "path"),
    [
        (Role.DOOR, "/admin/bookings/booking/"),
        (Role.AUDITOR, "/admin/bookings/booking/sell/"),
        (Role.BOX_OFFICE, "/admin/auth/user/"),
    ],
)
def test_page_without_permission_names_the_account_and_leads_to_the_dashboard(db, role, path):
    page = staff(role).get(path)
    assert (page.status_code, page.templates[0].name) == (403, "403.html")
    assert f"staff-{role}" in page.content.decode()
    assert 'href="/admin/"' in page.content.decode()


def test_registered_functions_run_before_every_page_that_a_user_may_open(db, client, monkeypatch):
    calls = []
    monkeypatch.setattr(admin.site, "before_views", [lambda: calls.append(1)])
    client.get("/admin/venues/venue/")  # redirects to the login
    assert calls == []
    staff(Role.DOOR).get("/admin/venues/venue/")
    assert calls == [1]
