"""Nothing that somebody may not see shows in anything that they can read: not in bodies, headers, counts or logs."""

import logging
import re

import pytest
from django.contrib import admin
from django.urls import reverse

from bookings.models import Booking
from bookings.viewsets import BookingViewSet
from config.access.models import ApiToken
from config.access.permissions import ANYONE
from config.api.pagination import SkipLimitPagination
from config.api.representation import Representation
from config.tests.harness import canaries, matrix, policy
from conftest import client_of, make_user
from events.models import Event
from events.viewsets import EventViewSet
from ticket_types.models import TicketType
from ticket_types.viewsets import TicketTypeViewSet
from venues.models import Venue


@pytest.fixture
def public(make_venue, make_event, make_type):
    """What everybody may see, and the bookings of it."""
    event = make_event(venue=make_venue(name="Hall"), name="A play")
    return make_type(event=event), make_type(event=make_event(venue=event.venue, name="A talk"), name="Any")


@pytest.fixture
def hide_draft(public, make_event, make_type):
    """Makes what only those may see who see drafts; returns its strings."""

    def hide():
        venue = public[0].event.venue
        draft = make_event(venue=venue, name="Secret", description="x", is_published=False)
        return canaries.plant(make_type(event=draft, name="Secret")) | canaries.plant(draft)

    return hide


@pytest.fixture
def hide_sales(public, book):
    """Makes bookings that hold no place, so that no figure of the catalogue tells of them; returns their strings."""

    def hide():
        seat = public[0]
        bookings = [book((seat, 2)).confirm(payment_reference="pay").cancel(reason="x"), book((seat, 1)).cancel()]
        found = set()
        for booking in bookings:
            rows = [*booking.items.all(), *booking.tickets.all(), *booking.changes.all(), booking]
            found |= set().union(*map(canaries.plant, rows))
        return found

    return hide


@pytest.fixture
def hide_accounts(db):
    """Accounts and their tokens are nobody's in the API."""

    def hide():
        user = make_user(username="canary-user", first_name="canary-first", email="canary@example.com")
        token, text = ApiToken.issue(user=user, name="x")
        return canaries.plant(token) | {"canary-user", "canary-first", "canary@example.com", text, token.start}

    return hide


def ids(public):
    seat, other = public
    return {
        "venues": [seat.event.venue_id],
        "events": [seat.event_id, other.event_id],
        "ticket-types": [seat.pk, other.pk],
        "bookings": [],
        "tickets": [],
        "venue": [seat.event.venue_id, 0],
        "event": [seat.event_id, 0],
        "ticket_type": [seat.pk, 0],
    }


def crawl(clients, public, only=""):
    """Everything that the callers can read without knowing of anything hidden: what each of them is told."""
    told = {}
    asked = [*canaries.readings(ids(public)), ("/openapi.json", ""), ("", ""), ("//problems", ""), ("//docs", "")]
    asked = [(path, query) for path, query in asked if path.startswith(only)]
    for name, client in clients.items():
        for path, query in asked:
            told[name, path, query] = canaries.said(client.get(f"{path}?{query}" if query else path))
    return told


def shown(told, strings):
    hidden = re.compile("|".join(sorted(map(re.escape, strings))))
    return [asked for asked, answer in told.items() if hidden.search(str(answer))]


def said_in(caplog, strings):
    return [line for line in caplog.messages for string in strings if string in line]


def changed(before, after):
    return [asked for asked in before if before[asked] != after[asked]]


# Who may not see what. The other callers of the matrix come with the same credentials as one of these.
BLIND = {
    ("draft", "sales", "accounts"): [policy.ANONYMOUS, policy.NO_RIGHTS, policy.REPORTS, policy.GARBAGE],
    ("draft", "accounts"): [policy.BOOKINGS, policy.CHECK_IN],
    ("sales", "accounts"): [policy.CATALOGUE],
    # Accounts are in no answer of the API, whoever asks: those who may see the most ask for all.
    ("accounts",): [policy.MANAGER, policy.SUPERUSER],
}


def is_report(asked):
    """Reports count everything and name every event, drafts too. They name no customers, to nobody."""
    return asked[0] == policy.REPORTS and asked[1].startswith("/reports")


@pytest.mark.parametrize("kinds", BLIND)
def test_hidden_things_change_no_answer_to_those_who_may_not_see_them(kinds, public, request, caplog):
    """The same bytes with them and without: no text, count, order, link or entity tag can tell of them."""
    hide = {kind: request.getfixturevalue(f"hide_{kind}") for kind in ("draft", "sales", "accounts")}
    clients = {name: client for name, client in matrix.callers().items() if name in BLIND[kinds]}
    for kind in hide.keys() - set(kinds):
        hide[kind]()  # what these callers may see is there all the time
    # Accounts are beside everything that can be read: their strings are looked for, and one caller compares.
    before = crawl(clients if "sales" in kinds or "draft" in kinds else dict([*clients.items()][:1]), public)
    hidden = {kind: hide[kind]() for kind in kinds}
    strings = set().union(*hidden.values())
    with caplog.at_level(logging.DEBUG):
        after = crawl(clients, public)
    assert len(after) > 100 * len(clients)
    assert [asked for asked in changed(before, after) if not is_report(asked)] == []
    assert [asked for asked in shown(after, strings) if not is_report(asked)] == []
    assert shown(after, strings - hidden.get("draft", set())) == []
    assert said_in(caplog, strings) == []


def test_everybody_is_blind_to_what_the_table_says():
    may_see = {"draft": policy.SEE_DRAFTS, "sales": policy.READERS_OF_TICKETS, "accounts": frozenset()}
    for kinds, names in BLIND.items():
        for name in names:
            assert kinds == tuple(kind for kind, who in may_see.items() if name not in who), name


def test_those_who_may_see_them_see_them(public, hide_draft, hide_sales):
    """Otherwise nothing would be proven above."""
    drafts, sales = hide_draft(), hide_sales()
    told = crawl({policy.AUDITOR: matrix.callers()[policy.AUDITOR]}, public)
    seen = " ".join(map(str, told.values()))
    assert [string for string in drafts if string not in seen] == []
    unseen = {string for string in sales if string not in seen}
    # What the API never shows: the history, the folded address, what idempotency compares.
    assert {string.split("-", 2)[2] for string in unseen if string.startswith("canary")} == {
        "bookingchange-by-name", "bookingchange-details", "bookingchange-verb",
        "booking-customer-key", "booking-idempotency-key", "booking-name-key", "booking-request-fingerprint",
        "booking-surname-key",
    }  # fmt: skip


def test_every_text_of_every_model_has_a_canary():
    fields = {f"{model._meta.label_lower}.{field.name}" for model in canaries.OURS for field in canaries.texts(model)}
    assert fields >= canaries.NO_CANARY | canaries.CODES
    kept = {"RoleGroup"}  # of the roles; holds nobody's words
    assert {model.__name__ for model in canaries.models_of_this_project()} - kept == {
        it.__name__ for it in canaries.OURS
    }


# The crawl can fail: each of these is a hole that somebody could make.


def forget_in_list(monkeypatch):
    monkeypatch.setattr(EventViewSet, "listed", staticmethod(lambda sees_all, at: Event.objects.all()))


def forget_in_types(monkeypatch):
    rows = staticmethod(lambda sees_all, at: TicketType.objects.select_related("event"))
    monkeypatch.setattr(TicketTypeViewSet, "listed", rows)


def count_everything(monkeypatch):
    page = SkipLimitPagination.page

    def count(self, *args):
        found = page(self, *args)
        self.count = Event.objects.count()
        return found

    monkeypatch.setattr(SkipLimitPagination, "page", count)


def tell_in_a_header(monkeypatch):
    render = EventViewSet.finalize_response

    def finalize(self, *args, **kwargs):
        response = render(self, *args, **kwargs)
        response["X-Newest"] = Event.objects.latest("pk").name
        return response

    monkeypatch.setattr(EventViewSet, "finalize_response", finalize)


@pytest.fixture
def anonymous():
    return {policy.ANONYMOUS: client_of()}


@pytest.mark.parametrize("hole", [forget_in_list, forget_in_types, count_everything, tell_in_a_header])
def test_hole_for_drafts_is_found(hole, public, anonymous, hide_draft, monkeypatch):
    hole(monkeypatch)
    only = "/ticket-types" if hole is forget_in_types else "/events"
    before = crawl(anonymous, public, only)
    strings = hide_draft()
    after = crawl(anonymous, public, only)
    assert changed(before, after) != []
    assert (shown(after, strings) != []) == (hole is not count_everything)


def test_hole_in_an_expansion_is_found(public, anonymous, hide_draft, monkeypatch):
    """A venue that showed its events would show drafts, though their list hides them."""
    strings = hide_draft()
    show = Representation.of

    def show_events(self, serializer, shown):
        more = {"events": list(shown.events.values_list("name", flat=True))} if isinstance(shown, Venue) else {}
        return {**show(self, serializer, shown), **more}

    monkeypatch.setattr(Representation, "of", show_events)
    asked = shown(crawl(anonymous, public, "/events"), strings)
    assert {path for _, path, _ in asked} >= {"/events"}
    assert [query for _, _, query in asked if "expand=" not in query] == []


def test_hole_for_bookings_is_found(public, anonymous, hide_sales, monkeypatch):
    monkeypatch.setattr(BookingViewSet, "access", {**BookingViewSet.access, "list": ANYONE})
    strings = hide_sales()
    assert shown(crawl(anonymous, public, "/bookings"), strings) != []


def test_line_in_the_log_is_found(public, hide_draft, caplog):
    strings = hide_draft()
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("events").debug("Newest: %s", Event.objects.latest("pk").name)
    assert said_in(caplog, strings) != []


# The admin: the pages of those who may not see sales


def text_of(page):
    text = (page.getvalue() if page.streaming else page.content).decode()
    return re.sub(r'(csrfmiddlewaretoken" value=")\w+', r"\1", text)


def staff_pages(browser):
    """What every page of the admin shows: every list with every filter and order that it offers, and a search; the
    pages of every object; the front page, the calendar, the counter and every other page that the matrix knows.
    """
    for method, path, _ in matrix.admin_rows():
        if method == "GET" and "{" not in path and "logout" not in path:
            yield path, text_of(browser.get(path))
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        page = browser.get(reverse(f"{name}_changelist"))
        if page.status_code != 200:
            continue
        shown = page.context["cl"]
        choices = [choice["query_string"] for spec in shown.filter_specs for choice in spec.choices(shown)]
        orders = [f"?o={number}" for number in range(1, len(shown.list_display))]
        for query in [*choices, *orders, "?q=canary", "?q=e"]:
            yield f"{name}{query}", text_of(browser.get(reverse(f"{name}_changelist") + query))
        for obj in shown.result_list:
            for view in ("change", "history", "delete"):
                yield f"{name} {view} {obj.pk}", text_of(browser.get(reverse(f"{name}_{view}", args=[obj.pk])))


@pytest.mark.parametrize("name", [policy.NO_RIGHTS, policy.DOOR])
def test_admin_pages_show_no_sales_to_those_who_may_not_see_them(name, public, hide_sales, book):
    """The door sees tickets: whose they are, and of which booking. No other page changes with the sales."""
    browser = matrix.admin_callers()[name]
    before = dict(staff_pages(browser))
    strings = hide_sales()
    after = dict(staff_pages(browser))
    others = [url for url in before if "/ticket/" not in url and "bookings_ticket" not in url]
    assert [url for url in others if before[url] != after[url]] == []
    strings |= canaries.plant(book((public[0], 1)))
    with_tickets = Booking.objects.filter(tickets__isnull=False).distinct()
    seen_by_door = {
        text
        for booking in with_tickets
        for text in (booking.customer_name, booking.confirmation_code, str(booking.pk), booking.pk.hex)
    } | {ticket.code for booking in with_tickets for ticket in booking.tickets.all()}
    hidden = strings - (seen_by_door if name == policy.DOOR else set())
    pages = dict(staff_pages(browser))
    assert [(url, string) for url, page in pages.items() for string in hidden if string in page] == []
    assert len(pages) > (90 if name == policy.DOOR else 25)


def test_door_cannot_look_for_tickets_by_what_it_may_not_see(public, book):
    """A search that finds tells as much as a page that shows."""
    book((public[0], 1), customer_name="Bob", customer_email="ann@example.com").confirm()
    url = reverse("admin:bookings_ticket_changelist")
    browsers = matrix.admin_callers()
    found = {name: len(browsers[name].get(url, {"q": "ann@example.com"}).context["cl"].result_list)
             for name in (policy.DOOR, policy.BOX_OFFICE)}  # fmt: skip
    assert found == {policy.DOOR: 0, policy.BOX_OFFICE: 1}
    assert len(browsers[policy.DOOR].get(url, {"q": "bob"}).context["cl"].result_list) == 1
