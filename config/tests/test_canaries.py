"""Hidden objects do not show in bodies, headers, counts, the admin or logs."""

import logging
import re

import pytest
from django.contrib import admin
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone
from django_otp.plugins.otp_totp.models import TOTPDevice

from bookings.models import Booking
from bookings.payments.models import Payment, ProviderEvent
from bookings.payments.viewsets import PaymentViewSet
from bookings.serializers import TicketSerializer
from bookings.viewsets import BookingViewSet
from config.access.models import ApiToken, LoginFailure
from config.access.permissions import ANYONE
from config.access.roles import Role
from config.api.pagination import SkipLimitPagination
from config.idempotency.models import KeyedRequest
from config.outbox.models import FeedChange
from config.tests.harness import canaries, matrix, policy
from config.webhooks.models import WebhookDelivery, WebhookEndpoint
from conftest import client_of, holder_of, make_user
from events.models import Event
from events.viewsets import EventViewSet
from ticket_types.models import TicketType
from ticket_types.viewsets import TicketTypeViewSet
from venues.serializers import VenueSerializer


@pytest.fixture
def public(make_venue, make_event, make_type):
    """Two ticket types of published events."""
    event = make_event(venue=make_venue(name="Hall"), name="A play")
    return make_type(event=event), make_type(event=make_event(venue=event.venue, name="A talk"), name="Any")


@pytest.fixture
def hide_draft(public, make_event, make_type):
    """Creates two drafts with a ticket type, one of them cancelled; returns the strings that would reveal them."""

    def hide():
        data = {"venue": public[0].event.venue, "description": "x", "is_published": False}
        drafts = make_event(name="Secret", **data), make_event(name="Withdrawn", **data).cancel(at=timezone.now())
        rows = [*drafts, *(make_type(event=draft, name="Secret") for draft in drafts)]
        return set().union(*map(canaries.plant, rows))

    return hide


@pytest.fixture
def hide_sales(public, book):
    """Creates cancelled bookings, which change no public figure; returns the strings that would reveal them."""

    def hide():
        seat = public[0]
        bookings = [book((seat, 2)).confirm(payment_reference="pay").cancel(reason="x"), book((seat, 1)).cancel()]
        found = set()
        for booking in bookings:
            told = FeedChange.objects.of("booking", [booking.pk])
            rows = [
                *booking.items.all(),
                *booking.tickets.all(),
                *booking.changes.all(),
                *money_of(booking),
                *told,
                booking,
            ]
            found |= set().union(*map(canaries.plant, rows))
        return found

    return hide


def money_of(booking):
    """Rows of each kind of payments: refunded, and told by a provider."""
    for payment in booking.payments.all():
        booking.refund(reason="x")
        yield from (payment, *payment.refunds.all())
        yield ProviderEvent.objects.create(provider="fake", event_id="evt_1", kind="x", body="x", payment=payment)


@pytest.fixture
def hide_webhooks(db):
    """Creates an endpoint with a delivery; returns the strings that would reveal them."""

    def hide():
        endpoint = WebhookEndpoint.add(url="https://shop.example.com")
        delivery = endpoint.test(at=timezone.now())
        return canaries.plant(delivery) | canaries.plant(endpoint.revise(is_active=False))

    return hide


@pytest.fixture
def hide_accounts(db):
    """Creates a user with a token, a second factor, a failed login and a request with a key; returns the strings that
    would reveal them.
    """

    def hide():
        user = make_user(username="canary-user", first_name="canary-first", email="canary@example.com")
        token, text = ApiToken.issue(user=user, name="x")
        failure = LoginFailure.note(username=user.username, address="192.0.2.1", at=timezone.now())
        keyed = KeyedRequest.objects.create(client=f"user:{user.pk}", operation="x", key="x", fingerprint="f" * 64)
        found = canaries.plant(token) | canaries.plant(failure) | canaries.plant(keyed)
        found |= {TOTPDevice.objects.create(user=user).key}
        return found | {"canary-user", "canary-first", "canary@example.com", text, token.start}

    return hide


def ids(public):
    seat, other = public
    return {
        "venues": [seat.event.venue_id],
        "events": [seat.event_id, other.event_id],
        "ticket-types": [seat.pk, other.pk],
        "bookings": [],
        "payments": Payment.objects.values_list("pk", flat=True),
        "tickets": [],
        "webhook-endpoints": WebhookEndpoint.objects.values_list("pk", flat=True),
        "webhook-deliveries": WebhookDelivery.objects.values_list("pk", flat=True),
        "endpoint": [1, 0],
        "venue": [seat.event.venue_id, 0],
        "event": [seat.event_id, 0],
        "ticket_type": [seat.pk, 0],
    }


def crawl(clients, public, only=""):
    """The response to each request of each client, by client, path and query."""
    responses = {}
    requests = [
        *canaries.read_requests(ids(public)),
        ("/openapi.json", ""),
        ("", ""),
        ("//problems", ""),
        ("//docs", ""),
    ]
    requests = [(path, query) for path, query in requests if path.startswith(only)]
    for name, client in clients.items():
        for path, query in requests:
            responses[name, path, query] = canaries.comparable(client.get(f"{path}?{query}" if query else path))
    return responses


def leaks(responses, strings):
    """The requests whose responses contain one of the strings."""
    hidden = re.compile("|".join(sorted(map(re.escape, strings))))
    return [request for request, response in responses.items() if hidden.search(str(response))]


def leaks_in_log(caplog, strings):
    return [line for line in caplog.messages for string in strings if string in line]


def changed(before, after):
    return [request for request in before if before[request] != after[request]]


# Which clients may not see what. The other clients of the matrix have the permissions of one of these.
BLIND = {
    ("draft", "sales", "webhooks", "accounts"): [
        *(policy.ANONYMOUS, policy.NO_RIGHTS, policy.REPORTS, policy.GARBAGE, policy.NARROWED),
    ],
    ("draft", "webhooks", "accounts"): [policy.BOOKINGS, policy.CHECK_IN],
    ("sales", "webhooks", "accounts"): [policy.CATALOGUE],
    # The API shows accounts to no client: the clients with all permissions stand for the others.
    ("accounts",): [policy.MANAGER, policy.SUPERUSER],
}


def is_report(request):
    """Reports include drafts, but never name customers."""
    return request[0] == policy.REPORTS and request[1].startswith("/reports")


@pytest.mark.parametrize("kinds", BLIND)
def test_hidden_objects_change_no_response(kinds, public, request, caplog):
    """The same bytes with and without them: text, counts, order, links and entity tags."""
    hide = {kind: request.getfixturevalue(f"hide_{kind}") for kind in ("draft", "sales", "webhooks", "accounts")}
    clients = {name: client for name, client in matrix.clients().items() if name in BLIND[kinds]}
    for kind in hide.keys() - set(kinds):
        hide[kind]()  # visible to these clients, so it exists all the time
    # Accounts are related to nothing that the API shows: one client compares, all look for their strings.
    before = crawl(clients if "sales" in kinds or "draft" in kinds else dict([*clients.items()][:1]), public)
    hidden = {kind: hide[kind]() for kind in kinds}
    strings = set().union(*hidden.values())
    with caplog.at_level(logging.DEBUG):
        after = crawl(clients, public)
    assert len(after) > 100 * len(clients)
    assert [request for request in changed(before, after) if not is_report(request)] == []
    assert [request for request in leaks(after, strings) if not is_report(request)] == []
    assert leaks(after, strings - hidden.get("draft", set())) == []
    assert leaks_in_log(caplog, strings) == []


def test_client_of_the_catalogue_sees_no_sales_in_the_feed(public, hide_sales):
    """Its answers are not the same with and without them: cursors count all changes."""
    strings = hide_sales()
    responses = crawl({policy.CHANGES: matrix.clients()[policy.CHANGES]}, public)
    assert any(response[0] == 200 for (_, path, _), response in responses.items() if path == "/changes")
    assert leaks(responses, strings) == []


def test_blind_clients_match_the_table_of_permissions():
    may_see = {"draft": policy.SEE_DRAFTS, "sales": policy.READERS_OF_TICKETS,
               "webhooks": policy.READERS_OF_WEBHOOKS, "accounts": frozenset()}  # fmt: skip
    for kinds, names in BLIND.items():
        for name in names:
            assert kinds == tuple(kind for kind, clients in may_see.items() if name not in clients), name


def test_auditor_sees_hidden_objects(public, hide_draft, hide_sales):
    """Otherwise the test above would prove nothing."""
    drafts, sales = hide_draft(), hide_sales()
    responses = crawl({policy.AUDITOR: matrix.clients()[policy.AUDITOR]}, public)
    seen = " ".join(map(str, responses.values()))
    assert [string for string in drafts if string not in seen] == []
    unseen = {string for string in sales if string not in seen}
    # Never shown by the API: details of the history, search keys, the client, fingerprints of idempotency.
    assert {string.split("-", 2)[2] for string in unseen if string.startswith("canary")} == {
        "bookingchange-by-name", "bookingchange-details", "bookingchange-verb",
        "booking-client-key", "booking-customer-key", "booking-idempotency-key", "booking-name-key",
        "booking-request-fingerprint", "booking-secret", "booking-surname-key",
        "ticket-name-key", "ticket-surname-key",
        "providerevent-body", "providerevent-error", "providerevent-event-id", "providerevent-kind",
    }  # fmt: skip


def test_every_text_of_every_model_has_a_canary():
    fields = {f"{model._meta.label_lower}.{field.name}" for model in canaries.OURS for field in canaries.texts(model)}
    assert fields >= canaries.NO_CANARY | canaries.CODES
    without_text = {"RoleGroup", "Cancellation", "Feed", "Measurement"}
    assert {model.__name__ for model in canaries.own_models()} - without_text == {it.__name__ for it in canaries.OURS}


# The secret of a booking


@pytest.fixture
def order(public):
    items = [{"ticket_type": public[0].pk, "quantity": 2}]
    return {"customer_name": "Ann", "customer_email": "ann@example.com", "items": items}


def answers_about(booking, public):
    """All that the client with every permission can read, and that the booking's own client can."""
    root = make_user(username="owner", is_staff=True, is_superuser=True)
    known = {**ids(public), "bookings": [booking.pk], "tickets": [it.code for it in booking.tickets.all()]}
    client = client_of(root)
    for path, query in canaries.read_requests(known):
        yield f"{path}?{query}", canaries.whole(client.get(f"{path}?{query}"))
    holder, path = holder_of(booking), f"/bookings/{booking.pk}"
    yield "its own", canaries.whole(holder.get(path))
    yield "a link", canaries.whole(holder.get(f"{path}?secret={booking.secret}&expand=event"))
    yield from staff_pages(matrix.logged_in(root))


def test_secret_of_a_booking_is_in_no_other_answer(public, order, caplog, capsys):
    key = {"Idempotency-Key": "key-of-the-canary-in-the-secret"}
    client, seller = client_of(), client_of(make_user(Role.BOX_OFFICE, username="seller"))
    with caplog.at_level(logging.DEBUG):
        made = client.post("/bookings", order, headers=key).json()
        for number in range(2):
            client.post("/bookings", {**order, "metadata": {"n": str(number)}})
        booking = Booking.objects.get(pk=made["id"])
        assert client.post("/bookings", order, headers=key).json()["secret"] == made["secret"] == booking.secret
        new = seller.post(f"/bookings/{booking.pk}/renew-secret").json()["secret"]
        booking.refresh_from_db()
        seller.post(f"/bookings/{booking.pk}/confirm", {"payment_reference": "pay"})
        found = dict(answers_about(booking, public))
        call_command("export_customer", "ann@example.com")
    told = [*found.items(), ("export", capsys.readouterr().out), ("log", " ".join(caplog.messages))]
    secrets = {made["secret"], *Booking.objects.values_list("secret", flat=True)}
    assert (new in secrets, len(secrets), len(found) > 300) == (True, 4, True)
    assert [where for where, text in told for secret in secrets if secret in text] == []


# Negative controls: each of these is a plausible bug.


def forget_in_list(monkeypatch):
    monkeypatch.setattr(EventViewSet, "get_queryset", lambda view: Event.objects.all())


def forget_in_types(monkeypatch):
    rows = lambda view: TicketType.objects.select_related("event")  # noqa: E731
    monkeypatch.setattr(TicketTypeViewSet, "get_queryset", rows)


def count_everything(monkeypatch):
    paginate = SkipLimitPagination.paginate_queryset

    def count(self, *args, **kwargs):
        found = paginate(self, *args, **kwargs)
        self.count = Event.objects.count()
        return found

    monkeypatch.setattr(SkipLimitPagination, "paginate_queryset", count)


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
def test_leak_of_drafts_is_found(hole, public, anonymous, hide_draft, monkeypatch):
    hole(monkeypatch)
    only = "/ticket-types" if hole is forget_in_types else "/events"
    before = crawl(anonymous, public, only)
    strings = hide_draft()
    after = crawl(anonymous, public, only)
    assert changed(before, after) != []
    assert (leaks(after, strings) != []) == (hole is not count_everything)


def test_leak_in_an_expansion_is_found(public, anonymous, hide_draft, monkeypatch):
    """A venue that shows its events would show drafts."""
    strings = hide_draft()
    represent = VenueSerializer.to_representation

    def with_events(self, venue):
        return {**represent(self, venue), "events": list(venue.events.values_list("name", flat=True))}

    monkeypatch.setattr(VenueSerializer, "to_representation", with_events)
    found = leaks(crawl(anonymous, public, "/events"), strings)
    assert {path for _, path, _ in found} >= {"/events"}
    assert [query for _, _, query in found if "expand=" not in query] == []


def test_leak_of_a_secret_is_found(public, order, monkeypatch):
    represent = TicketSerializer.to_representation
    booked = client_of().post("/bookings", order).json()
    booking = Booking.objects.get(pk=booked["id"]).confirm()

    def with_secret(self, ticket):
        return {**represent(self, ticket), "booking": ticket.booking.secret}

    monkeypatch.setattr(TicketSerializer, "to_representation", with_secret)
    found = [where for where, text in answers_about(booking, public) if booking.secret in text]
    assert {where.partition("?")[0] for where in found} >= {"/tickets"}


def test_leak_of_bookings_is_found(public, anonymous, hide_sales, monkeypatch):
    monkeypatch.setattr(BookingViewSet, "access", {**BookingViewSet.access, "list": ANYONE})
    strings = hide_sales()
    assert leaks(crawl(anonymous, public, "/bookings"), strings) != []


def test_leak_of_payments_is_found(public, anonymous, hide_sales, monkeypatch):
    monkeypatch.setattr(PaymentViewSet, "access", {**PaymentViewSet.access, "list": ANYONE})
    strings = hide_sales()
    assert leaks(crawl(anonymous, public, "/payments"), strings) != []


def test_leak_in_the_log_is_found(public, hide_draft, caplog):
    strings = hide_draft()
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("events").debug("Newest: %s", Event.objects.latest("pk").name)
    assert leaks_in_log(caplog, strings) != []


# The admin


def text_of(page):
    text = (page.getvalue() if page.streaming else page.content).decode()
    return re.sub(r'(csrfmiddlewaretoken" value=")\w+', r"\1", text)


def staff_pages(browser):
    """The text of every page: all pages of the matrix, each list with its filters, orders and a search, each object."""
    for method, path, _ in matrix.admin_rows():
        # The second factor's page shows a new key each time.
        if method == "GET" and "{" not in path and "logout" not in path and "second_factor" not in path:
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
def test_admin_pages_hide_sales(name, public, hide_sales, book):
    """The door sees tickets with their bookings. No other page changes with the sales."""
    browser = matrix.browsers()[name]
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
    } | {text for booking in with_tickets for it in booking.tickets.all() for text in (it.code, it.holder_name)}
    hidden = strings - (seen_by_door if name == policy.DOOR else set())
    pages = dict(staff_pages(browser))
    assert [(url, string) for url, page in pages.items() for string in hidden if string in page] == []
    assert len(pages) > (90 if name == policy.DOOR else 25)


def test_door_cannot_search_tickets_by_hidden_fields(public, book):
    book((public[0], 1), customer_name="Bob", customer_email="ann@example.com").confirm()
    url = reverse("admin:bookings_ticket_changelist")
    browsers = matrix.browsers()
    found = {name: len(browsers[name].get(url, {"q": "ann@example.com"}).context["cl"].result_list)
             for name in (policy.DOOR, policy.BOX_OFFICE)}  # fmt: skip
    assert found == {policy.DOOR: 0, policy.BOX_OFFICE: 1}
    assert len(browsers[policy.DOOR].get(url, {"q": "bob"}).context["cl"].result_list) == 1
