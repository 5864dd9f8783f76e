"""Sends every method to every route as every client, and compares the responses with the table of policy.py."""

import datetime as dt
import json
import re
import uuid
from contextlib import contextmanager, suppress
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.test import Client as Browser
from django.urls import URLResolver, get_resolver, resolve, reverse
from django.utils import timezone
from django_otp.plugins.otp_totp.models import TOTPDevice

from bookings.messages.queueing import new_message
from bookings.payments.models import ProviderEvent
from bookings.problems import BookingCancelled
from config.access.models import ApiToken, LoginFailure
from config.access.roles import Role
from config.access.scopes import Scope
from config.history.models import Change
from config.outbox.models import FeedChange
from config.tests.harness import policy
from config.webhooks.models import WebhookEndpoint
from conftest import Client, client_of, make_user
from events.models import Event

ABSENT = 10**17
WRITES = re.compile(r"\s*(WITH\b.*\b)?(INSERT|UPDATE|DELETE|REPLACE)\b", re.IGNORECASE | re.DOTALL)
# A reader of the feed publishes what has committed.
PUBLISHES = r"INTO \"outbox_feed\"|UPDATE outbox_feedchange SET position|UPDATE \"outbox_feed\""
NOT_OF_THE_DOMAIN = re.compile(rf"django_session|last_used_at|last_login|{PUBLISHES}")


# Routes and rows


def walk(patterns=None, before=""):
    """Every route of the URL map, as `resolve` names it, with its view."""
    # URLResolver._join_route has no public counterpart; the resolver builds the names that it returns with it.
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = URLResolver._join_route(before, str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from walk(pattern.url_patterns, route)
        else:
            yield route, pattern.callback


def full_path(path):
    """A row's path below the API's base. With two slashes it is outside of it."""
    return path[1:] if path.startswith("//") else f"{settings.API_V1_STR}{path}"


def route_of(path):
    """The route of a row's path; names in braces become 1."""
    return resolve(re.sub(r"\{[^}]+\}", "1", path).partition("?")[0]).route


def api_rows():
    return [(method, full_path(path), statuses) for method, path, statuses in policy.API]


def page_rows():
    return [(method, full_path(path), status) for method, path, status in policy.PAGES]


def admin_rows():
    return [(method, f"/admin{path}", outcomes) for method, path, outcomes in policy.admin_rows()]


def table_errors():
    """Routes without a row, rows without a route, and the like."""
    rows = [(method, path) for method, path, _ in [*page_rows(), *api_rows(), *admin_rows()]]
    routes = dict.fromkeys(route for route, _ in walk())
    rowed = {route_of(path): path for _, path in rows}
    catch_all = {route_of("/admin/nowhere/"), route_of(full_path("/nowhere"))}
    yield from (f"no row for the route {route}" for route in routes if route not in rowed)
    yield from (
        f"no route for the row {method} {path}"
        for method, path in rows
        if route_of(path) in catch_all and not path.rstrip("/").endswith("nowhere")
    )
    twice = {row for row in rows if rows.count(row) > 1}
    yield from (f"two rows for {method} {path}" for method, path in sorted(twice))
    yield from (f"no client for the role {role}" for role in set(Role.values) - set(policy.ROLES.values()))
    yield from (f"no client for the scope {scope}" for scope in set(Scope.values) - set(policy.SCOPES.values()))
    registered = {model._meta.label_lower: model_admin for model, model_admin in admin.site._registry.items()}
    for table in (policy.ADMIN_MODELS, policy.ADMIN_ACTIONS):
        yield from (f"no row for the admin of {label}" for label in registered.keys() - table.keys())
        yield from (f"no admin for the row {label}" for label in table.keys() - registered.keys())
    for label, model_admin in registered.items():
        actions = {name for _, name, _ in model_admin._get_base_actions()}
        rows = policy.ADMIN_ACTIONS.get(label, {})
        yield from (f"no row for the action {name} of {label}" for name in actions - rows.keys())
        yield from (f"no action for the row {name} of {label}" for name in rows.keys() - actions)


# Clients


def token_of(user, **data):
    token, text = ApiToken.issue(user=user, name="matrix")
    ApiToken.objects.filter(pk=token.pk).update(**data)
    return with_token(text)


def with_token(text):
    client = client_of()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    return client


def logged_in(user, **how):
    browser = Browser(**how)
    browser.force_login(user)
    return browser


def narrowed_event():
    """The id of the event of the narrowed token."""
    return Event.objects.filter(name__in=["Busy", "A talk"]).values_list("pk", flat=True).first() or ABSENT


def clients():
    """The clients of the API by name."""
    at, hour = timezone.now(), dt.timedelta(hours=1)
    manager, inactive = make_user(Role.MANAGER, username="of a browser"), make_user(Role.MANAGER, username="inactive")
    inactive_client = client_of(inactive)
    inactive.is_active = False
    inactive.save()
    cookie = Client(enforce_csrf_checks=True)
    cookie.default_format = "json"
    cookie.force_login(manager)
    root = make_user(username="root", is_superuser=True)
    return {
        **{name: client_of() for name in sorted(policy.WITHOUT_CREDENTIALS)},
        **{name: client_of(make_user(Role(role), username=name)) for name, role in policy.ROLES.items()},
        policy.NO_RIGHTS: client_of(make_user()),
        policy.SUPERUSER: client_of(root),
        policy.COOKIE: cookie,
        policy.NARROWED: token_of(root, events=[narrowed_event()]),
        **{name: token_of(root, scopes=[scope]) for name, scope in policy.SCOPES.items()},
        policy.EXPIRED: token_of(manager, created_at=at - 2 * hour, expires_at=at - hour),
        policy.REVOKED: token_of(manager, revoked_at=at),
        policy.GARBAGE: with_token("tbs_garbage"),
        policy.INACTIVE: inactive_client,
    }


def browsers():
    """The clients of the admin by name."""
    root = make_user(username="root", is_staff=True, is_superuser=True)
    inactive = logged_in(make_user(username="leaver", is_staff=True, is_superuser=True))
    type(root).objects.filter(username="leaver").update(is_active=False)
    _, text = ApiToken.issue(user=root, name="matrix")
    return {
        **{name: logged_in(make_user(Role(role), is_staff=True)) for name, role in policy.ROLES.items()},
        policy.NO_RIGHTS: logged_in(make_user(username="nobody", is_staff=True)),
        policy.SUPERUSER: logged_in(root),
        policy.ANONYMOUS: Browser(),
        policy.NOT_STAFF: logged_in(make_user(Role.MANAGER, username="shop")),
        policy.INACTIVE_STAFF: inactive,
        policy.TOKEN: Browser(headers={"Authorization": f"Bearer {text}"}),
    }


# Objects


def make_world(make_venue, make_event, make_type, book):
    """The objects that replace names in braces."""
    venue = make_venue()
    published, draft = make_event(venue=venue), make_event(venue=venue, name="Secret", is_published=False)
    cancelled = make_event(venue=venue, name="Off").cancel(at=timezone.now())
    withdrawn = make_event(venue=venue, name="Never", is_published=False).cancel(at=timezone.now())
    unlisted = make_event(venue=venue, name="By its id", visibility="unlisted")
    paused = make_event(venue=venue, name="Paused").pause_sales(at=timezone.now())
    on_sale, of_draft = make_type(event=published), make_type(event=draft)
    hall = make_venue(name="Busy Hall")
    busy = make_event(venue=hall, name="Busy")
    seat, free = make_type(event=busy), make_type(event=busy, name="Free", price=0)
    mailed = make_type(event=make_event(venue=hall, name="By mail", free_confirmation="by_mail"), price=0)
    confirmed = book((seat, 2)).confirm(payment_reference="pay_1").confirm(payment_reference="pay_2")
    used = book((seat, 1)).confirm().tickets.get().check_in(at=timezone.now())
    endpoint = WebhookEndpoint.add(url="https://shop.example.com")
    delivery = endpoint.test(at=timezone.now())
    return {
        "endpoint": endpoint, "delivery": delivery,
        "venue": venue, "published": published, "draft": draft, "cancelled": cancelled, "withdrawn": withdrawn,
        "unlisted": unlisted, "paused": paused,
        "busy": busy, "on_sale": on_sale, "of_draft": of_draft, "pending": book((seat, 1)), "confirmed": confirmed,
        "free": book((free, 1)), "mailed": book((mailed, 1)), "ticket": confirmed.tickets.first(), "used": used,
        "payment": confirmed.payments.first(),
    }  # fmt: skip


BOOKINGS = ("pending", "confirmed", "free", "mailed")


def fill_path(path, world, client):
    """A row's path with the ids that a client knows, or guesses."""

    def fill(match):
        name = match[1]
        if name in BOOKINGS:
            booking = world[name]
            return str(uuid.uuid4() if client == policy.ANONYMOUS else booking.pk)
        if name == "no_ticket":
            return "A" * 26
        if name == "absent":
            return str(uuid.uuid4()) if "/bookings/" in path else str(ABSENT)
        return str(getattr(world[name], "code", world[name].pk))

    return re.sub(r"\{([^}]+)\}", fill, path)


def secret_for(path, world, client):
    """The header with the secret of the booking in the path, as a client has it."""
    names = [name for name in BOOKINGS if f"{{{name}}}" in path]
    if not names or client in (policy.ANONYMOUS, policy.READER):
        return {}
    other = next(name for name in BOOKINGS if name not in names)
    return {"Booking-Secret": world[other if client == policy.STRANGER else names[0]].secret}


VERBS = (
    *("confirm", "cancel", "resend", "publish", "check-in", "check-out", "undo-check-in", "renew-secret", "refunds"),
    *("rotate-secret", "test", "redeliver", "unpublish", "pause-sales", "resume-sales", "postpone"),
)  # whose body may be empty


def valid_body(method, path, world):
    if method not in ("POST", "PUT", "PATCH"):
        return None
    venue = {"name": "New Hall", "address": "2 Main Street", "capacity": 1000, "timezone": "Europe/Vienna"}
    start = timezone.now() + dt.timedelta(days=60)
    event = {"venue": world["venue"].pk, "name": "New", "starts_at": start.isoformat(),
             "ends_at": (start + dt.timedelta(hours=2)).isoformat()}  # fmt: skip
    resource = path.removeprefix(settings.API_V1_STR).strip("/").partition("/")[0]
    last = path.rpartition("/")[2]
    special = {
        ("bookings", "payments"): {"provider": "fake"},
        ("bookings", "lookup"): {"customer_email": "ann@example.com"},
        ("bookings", "{ticket}"): {"holder_name": "Bea Moss"},
        ("payments", "events"): {"id": "evt_1"},
        ("events", "reschedule"): {name: event[name] for name in ("starts_at", "ends_at")},
        ("events", "clone"): {"starts_at": event["starts_at"]},
        ("events", "bulk"): {"starts_at": [event["starts_at"]]},
    }
    if (resource, last) in special:
        return special[resource, last]
    if last in VERBS:
        return {"payment_reference": "matrix"} if path.endswith("{pending}/confirm") else {}
    if method == "PATCH":
        changes = {"bookings": {"metadata": {"seat": "aisle"}}, "webhook-endpoints": {"types": ["event.changed"]}}
        return changes.get(resource, {"name": "Newer"})
    of = "of_draft" if "{of_draft}" in path else "on_sale"
    ticket_type = {"event": world[of].event_id, "name": "New", "price": "1.00"}
    return {
        "venues": venue,
        "events": event,
        "check-ins": {"check_ins": [{"code": world["ticket"].code, "at": timezone.now().isoformat(), "scan_id": "1"}]},
        "ticket-types": {"ticket_types": [ticket_type]} if last == "bulk" else ticket_type,
        "bookings": {
            "customer_name": "Ann Lee",
            "customer_email": "ann@example.com",
            "items": [{"ticket_type": world["on_sale"].pk, "quantity": 1}],
        },
        "webhook-endpoints": {"url": "https://shop.example.com/new", "types": ["event.changed"]},
    }.get(resource, {})


# Requests: the rows, and every method without a row


def by_route(rows):
    """For each route its first row of each method."""
    routes = {}
    for method, path, expected in rows:
        routes.setdefault(route_of(path), {}).setdefault(method, (path, expected))
    return routes.values()


def api_requests(rows):
    for method, path, statuses in rows:
        yield method, path, statuses
        if method == "GET":
            yield "HEAD", path, statuses
    for known in by_route(rows):
        for method in policy.METHODS:
            if method not in known and not (method == "HEAD" and "GET" in known):
                path = next(iter(known.values()))[0].partition("?")[0]
                yield method, path, policy.OTHER_METHODS[method]


def page_requests(rows):
    for method, path, status in rows:
        yield method, path, status
        if method == "GET":
            yield "HEAD", path, status
    for known in by_route(rows):
        for method in policy.METHODS:
            if method not in known and method != "HEAD":
                yield method, next(iter(known.values()))[0], 405


def admin_requests(rows):
    yield from rows
    for known in by_route(rows):
        for method in policy.METHODS:
            if method not in known:
                path, outcomes = known["GET"]
                yield method, path, policy.other_method_in_admin(method, outcomes)


def action_requests():
    for label, actions in policy.ADMIN_ACTIONS.items():
        for action, permitted in actions.items():
            yield label, action, permitted


def size():
    api = [*page_requests(page_rows()), *api_requests(api_rows())]
    staff = [*admin_requests(admin_rows()), *action_requests()]
    cells = len(api) * len(policy.CLIENTS) + len(staff) * len(policy.ADMIN_CLIENTS)
    routes = len({route for route, _ in walk()})
    clients = f"{len(policy.CLIENTS)} clients of the API and {len(policy.ADMIN_CLIENTS)} of the admin"
    return f"matrix: {cells:,} cells; {routes} routes; {clients}"


# Running


class Recorder:
    """Collects the statements that write to the domain's tables."""

    def __init__(self):
        self.writes = []

    def __call__(self, execute, sql, params, many, context):
        if WRITES.match(sql) and not NOT_OF_THE_DOMAIN.search(sql):
            self.writes.append(sql)
        return execute(sql, params, many, context)


@contextmanager
def rolled_back():
    """Records what is written inside, and rolls it back."""
    recorder = Recorder()
    with transaction.atomic(), connection.execute_wrapper(recorder):
        yield recorder
        transaction.set_rollback(True)


class Matrix:
    def __init__(self, clients):
        self.clients, self.wrong = clients, {}

    @property
    def failures(self):
        return [f"{what}, as {', '.join(names)}" for what, names in self.wrong.items()]

    def check(self, method, path, name, expected, seen, writes, *, is_write):
        """Only a successful write may have written, and must have."""
        what = ""
        if seen not in (expected if isinstance(expected, set) else {expected}):
            what = f"{method} {path}: {seen} instead of {expected}"
        elif bool(writes) != is_write:
            what = f"{method} {path}: {seen}, and {f'wrote {writes[0]}' if writes else 'wrote nothing'}"
        if what:
            self.wrong.setdefault(what, []).append(name)

    def check_api(self, rows, world):
        for method, path, statuses in api_requests(rows):
            for name, client in self.clients.items():
                expected = policy.expected_status(method, statuses, name)
                body = valid_body(method, path, world)
                with rolled_back() as recorder:
                    address, headers = f"/{fill_path(path, world, name)}", secret_for(path, world, name)
                    response = client.generic(method, address, *as_json(body), headers=headers)
                is_write = method not in policy.READS and response.status_code < 300
                self.check(method, path, name, expected, response.status_code, recorder.writes, is_write=is_write)

    def check_pages(self, rows):
        for method, path, status in page_requests(rows):
            for name, client in self.clients.items():
                with rolled_back() as recorder:
                    response = client.generic(method, f"/{path}")
                self.check(method, path, name, status, response.status_code, recorder.writes, is_write=False)

    def check_admin(self, rows, objects):
        for method, path, outcomes in admin_requests(rows):
            body = {"post": "yes"} if path.endswith("/delete/") else {}
            address = re.sub(r"\{([^}]+)\}", lambda match: in_admin(match[1], objects), path)
            for name, browser in self.clients.items():
                expected = policy.expected_in_admin(outcomes, name)
                with rolled_back() as recorder, same_cookies(browser):
                    is_post = method == "POST"
                    seen = outcome(browser.post(address, body) if is_post else browser.generic(method, address))
                is_write = bool(body) and "{absent}" not in path and method == "POST" and seen == policy.REDIRECT
                self.check(method, path, name, expected, seen, recorder.writes, is_write=is_write)

    def check_actions(self, objects, only=None):
        for label, action, permitted in action_requests():
            if only in (None, label):
                obj = objects.get((label, action), objects[label])
                self.check_action(label, action, permitted, obj, objects["bookings.ticket"])

    def check_action(self, label, action, permitted, obj, ticket):
        url = reverse(f"admin:{label.replace('.', '_')}_changelist")
        form = {"confirmed": "yes", "reason": "rain", "payment_reference": "pay_9", "post": "yes",
                "from_page": "yes", "minutes": "60", "tickets": ticket.code, "ticket": ticket.code,
                "event": str(ticket.event_id), "holder_name": "Bea Moss", "starts_at": "2090-05-01T19:00",
                "ends_at": "2090-05-01T22:00", "name": "Copy", "count": "2", "days": "7"}  # fmt: skip
        if action == "refund":
            booking = getattr(obj, "booking", obj)
            form["seen"] = f"{booking.confirmation_code}:{booking.refund_amount}"
        if (label, action) == ("bookings.booking", "cancel"):
            form["seen"] = f"{obj.confirmation_code}:{obj.status}-{obj.places}"
        for name, browser in self.clients.items():
            with rolled_back() as recorder:
                browser.post(url, {"action": action, "_selected_action": [str(obj.pk)], **form})
            seen = "done" if recorder.writes else "refused"
            is_write = name in permitted & policy.WITH_ADMIN
            expected = "done" if is_write else "refused"
            self.check("action", f"{label} {action}", name, expected, seen, recorder.writes, is_write=is_write)


@contextmanager
def same_cookies(browser):
    """Keeps the browser logged in when a request inside logs it out."""
    before = {name: morsel.value for name, morsel in browser.cookies.items()}
    yield
    browser.cookies.clear()
    for name, value in before.items():
        browser.cookies[name] = value


def as_json(body):
    return (json.dumps(body), "application/json") if body is not None else ()


def outcome(response):
    """A status, or the target of a redirect."""
    if response.status_code not in (301, 302):
        return response.status_code
    return policy.LOGIN if response["Location"].startswith("/admin/login/") else policy.REDIRECT


def in_admin(name, objects):
    if name in AUTOCOMPLETED:
        label, field = AUTOCOMPLETED[name]
        app, model = label.split(".")
        return urlencode({"app_label": app, "model_name": model, "field_name": field, "term": "a"})
    return str(ABSENT if name == "absent" else objects[name].pk)


AUTOCOMPLETED = {
    "venue_of_event": ("events.event", "venue"),
    "event_of_type": ("ticket_types.tickettype", "event"),
    "user_of_token": ("access.apitoken", "user"),
}


def queued(booking):
    """A mail to the customer."""
    message = new_message("confirmation", booking)
    message.save()
    return message


def admin_objects(world, book):
    """An object for each model's pages; by model and action where an action needs another one."""
    user = make_user(username="spare")
    TOTPDevice.objects.create(user=user)
    token, _ = ApiToken.issue(user=user, name="Shop")
    cancelled = book((world["pending"].items.first().ticket_type, 1)).cancel()
    with suppress(BookingCancelled):
        cancelled.confirm(payment_reference="pay_3")
    cancelled.refresh_from_db()
    return {
        "access.apitoken": token,
        "access.loginfailure": LoginFailure.note(username="spare", address="192.0.2.1", at=timezone.now()),
        "auth.group": Group.objects.create(name="Spare"),
        "auth.user": user,
        "bookings.booking": world["pending"],
        "bookings.bookingchange": world["pending"].changes.first(),
        "bookings.bookingitem": world["pending"].items.first(),
        "bookings.ticket": world["ticket"],
        "events.event": world["published"],
        "ticket_types.tickettype": world["on_sale"],
        "venues.venue": world["venue"],
        "user": user,
        "venue": world["venue"],
        "history.change": Change.objects.filter(kind="events.event").latest("pk"),
        "outbox.feedchange": FeedChange.objects.latest("pk"),
        ("bookings.booking", "cancel_tickets"): world["confirmed"],
        ("bookings.booking", "change_holder"): world["confirmed"],
        ("bookings.booking", "resend"): world["confirmed"],
        "booking_messages.message": queued(world["confirmed"]),
        ("bookings.booking", "refund"): cancelled,
        ("bookings.booking", "record_payment"): world["confirmed"],
        "payments.payment": cancelled.payments.get(),
        "payments.providerevent": ProviderEvent.objects.create(provider="manual", event_id="evt_1", kind="spare"),
        ("bookings.ticket", "undo_check_in"): world["used"],
        ("events.event", "publish"): world["draft"],
        ("events.event", "resume_sales"): world["paused"],
        "webhooks.webhookendpoint": world["endpoint"],
        "webhooks.webhookdelivery": world["delivery"],
    }
