"""Asks every route with every method as every caller, and compares the answers with harness/policy.py."""

import datetime as dt
import json
import re
import uuid
from contextlib import contextmanager, suppress
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.test import Client as Browser
from django.urls import URLResolver, get_resolver, resolve, reverse
from django.utils import timezone

from bookings.problems import BookingCancelled
from config.access.models import ApiToken
from config.access.roles import Role
from config.access.scopes import Scope
from config.history.models import Change
from config.tests.harness import policy
from conftest import Client, client_of, make_user

ABSENT = 10**17
WRITES = re.compile(r"\s*(WITH\b.*\b)?(INSERT|UPDATE|DELETE|REPLACE)\b", re.IGNORECASE | re.DOTALL)
OF_THE_SESSION = re.compile(r"django_session|last_used_at|last_login")  # written by the way, and no part of the domain


# What there is


def walk(patterns=None, before=""):
    """Every route of the URL map, as `resolve` names it, with its view."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = URLResolver._join_route(before, str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from walk(pattern.url_patterns, route)
        else:
            yield route, pattern.callback


def path_of(path):
    """A row's path as it is asked: below the API's base, unless two slashes say that it is outside of it."""
    return path[1:] if path.startswith("//") else f"{settings.API_V1_STR}{path}"


def route_of(path):
    """The route that a row's path leads to; what is in braces is filled with anything."""
    return resolve(re.sub(r"\{[^}]+\}", "1", path).partition("?")[0]).route


def api_rows():
    """The table's rows with whole paths, each with what `policy.answer` takes."""
    return [(method, path_of(path), answers) for method, path, answers in policy.API]


def page_rows():
    return [(method, path_of(path), status) for method, path, status in policy.PAGES]


def admin_rows():
    return [(method, f"/admin{path}", answers) for method, path, answers in policy.admin_rows()]


def complaints():
    """What is wrong with the table itself: routes that it forgets, and rows that lead nowhere."""
    rows = [(method, path) for method, path, _ in [*page_rows(), *api_rows(), *admin_rows()]]
    routes = dict.fromkeys(route for route, _ in walk())
    rowed = {route_of(path): path for _, path in rows}
    catch_all = {route_of("/admin/nowhere/"), route_of(path_of("/nowhere"))}
    yield from (f"no row for the route {route}" for route in routes if route not in rowed)
    yield from (
        f"no route for the row {method} {path}"
        for method, path in rows
        if route_of(path) in catch_all and not path.rstrip("/").endswith("nowhere")
    )
    twice = {row for row in rows if rows.count(row) > 1}
    yield from (f"two rows for {method} {path}" for method, path in sorted(twice))
    yield from (f"no caller for the role {role}" for role in set(Role.values) - set(policy.ROLES.values()))
    yield from (f"no caller for the scope {scope}" for scope in set(Scope.values) - set(policy.SCOPES.values()))
    registered = {model._meta.label_lower: model_admin for model, model_admin in admin.site._registry.items()}
    for table in (policy.ADMIN_MODELS, policy.ADMIN_ACTIONS):
        yield from (f"no row for the admin of {label}" for label in registered.keys() - table.keys())
        yield from (f"no admin for the row {label}" for label in table.keys() - registered.keys())
    for label, model_admin in registered.items():
        actions = {name for _, name, _ in model_admin._get_base_actions()}
        rows = policy.ADMIN_ACTIONS.get(label, {})
        yield from (f"no row for the action {name} of {label}" for name in actions - rows.keys())
        yield from (f"no action for the row {name} of {label}" for name in rows.keys() - actions)


# The cast


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


def callers():
    """A client for each caller of the API."""
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
        **{name: client_of() for name in sorted(policy.GUESTS)},
        **{name: client_of(make_user(Role(role), username=name)) for name, role in policy.ROLES.items()},
        policy.NO_RIGHTS: client_of(make_user()),
        policy.SUPERUSER: client_of(root),
        policy.COOKIE: cookie,
        **{name: token_of(root, scopes=[scope]) for name, scope in policy.SCOPES.items()},
        policy.EXPIRED: token_of(manager, created_at=at - 2 * hour, expires_at=at - hour),
        policy.REVOKED: token_of(manager, revoked_at=at),
        policy.GARBAGE: with_token("tbs_garbage"),
        policy.INACTIVE: inactive_client,
    }


def admin_callers():
    """A browser for each caller of the admin."""
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


# The objects


def things(make_venue, make_event, make_type, book):
    """What stands for the names in braces; a booking's id also says what of it a stranger knows."""
    venue = make_venue()
    published, draft = make_event(venue=venue), make_event(venue=venue, name="Secret", is_published=False)
    cancelled = make_event(venue=venue, name="Off").cancel(at=timezone.now())
    on_sale, of_draft = make_type(event=published), make_type(event=draft)
    hall = make_venue(name="Busy Hall")
    busy = make_event(venue=hall, name="Busy")
    seat, free = make_type(event=busy), make_type(event=busy, name="Free", price=0)
    confirmed = book((seat, 2)).confirm(payment_reference="pay_1")
    used = book((seat, 1)).confirm().tickets.get().check_in(at=timezone.now())
    return {
        "venue": venue, "published": published, "draft": draft, "cancelled": cancelled, "on_sale": on_sale,
        "of_draft": of_draft, "pending": book((seat, 1)), "confirmed": confirmed, "free": book((free, 1)),
        "ticket": confirmed.tickets.first(), "used": used,
    }  # fmt: skip


BOOKINGS = ("pending", "confirmed", "free")


def named(path, world, caller):
    """A row's path as a caller would write it."""

    def fill(found):
        name = found[1]
        if name in BOOKINGS:
            booking = world[name]
            guesses = {policy.ANONYMOUS: uuid.uuid4(), policy.STRANGER: booking.confirmation_code}
            return str(guesses.get(caller, booking.pk))
        if name == "no_ticket":
            return "A" * 26
        if name == "absent":
            return str(uuid.uuid4()) if "/bookings/" in path else str(ABSENT)
        return str(getattr(world[name], "code", world[name].pk))

    return re.sub(r"\{([^}]+)\}", fill, path)


def body_of(method, path, world):
    """What makes the request a valid one, so that only the caller decides."""
    if method not in ("POST", "PUT", "PATCH"):
        return None
    venue = {"name": "New Hall", "address": "2 Main Street", "capacity": 1000, "timezone": "Europe/Vienna"}
    start = timezone.now() + dt.timedelta(days=60)
    event = {"venue": world["venue"].pk, "name": "New", "starts_at": start.isoformat(),
             "ends_at": (start + dt.timedelta(hours=2)).isoformat()}  # fmt: skip
    resource = path.removeprefix(settings.API_V1_STR).strip("/").partition("/")[0]
    last = path.rpartition("/")[2]
    if last in ("confirm", "cancel", "publish", "check-in", "undo-check-in"):
        return {}
    if method == "PATCH":
        return {"metadata": {"seat": "aisle"}} if resource == "bookings" else {"name": "Newer"}
    of = "of_draft" if "{of_draft}" in path else "on_sale"
    return {
        "venues": venue,
        "events": event,
        "ticket-types": {"event": world[of].event_id, "name": "New", "price": "1.00"},
        "bookings": {
            "customer_name": "Ann Lee",
            "customer_email": "ann@example.com",
            "items": [{"ticket_type": world["on_sale"].pk, "quantity": 1}],
        },
    }.get(resource, {})


# The questions: the rows, and every method that a route has no row for


def by_route(rows):
    """For each route its rows by method; of several rows of a method, the first."""
    routes = {}
    for method, path, answers in rows:
        routes.setdefault(route_of(path), {}).setdefault(method, (path, answers))
    return routes.values()


def api_questions(rows):
    for method, path, answers in rows:
        yield method, path, answers
        if method == "GET":
            yield "HEAD", path, answers
    for known in by_route(rows):
        for method in policy.METHODS:
            if method not in known and not (method == "HEAD" and "GET" in known):
                path = next(iter(known.values()))[0].partition("?")[0]
                yield method, path, policy.UNNAMED[method]


def page_questions(rows):
    for method, path, status in rows:
        yield method, path, status
        if method == "GET":
            yield "HEAD", path, status
    for known in by_route(rows):
        for method in policy.METHODS:
            if method not in known and method != "HEAD":
                yield method, next(iter(known.values()))[0], 405


def admin_questions(rows):
    yield from rows
    for known in by_route(rows):
        for method in policy.METHODS:
            if method not in known:
                path, answers = known["GET"]
                yield method, path, policy.unnamed_in_admin(method, answers)


def action_questions():
    for label, actions in policy.ADMIN_ACTIONS.items():
        for action, who in actions.items():
            yield label, action, who


def size():
    """How large the matrix is, in words."""
    api = [*page_questions(page_rows()), *api_questions(api_rows())]
    staff = [*admin_questions(admin_rows()), *action_questions()]
    cells = len(api) * len(policy.CALLERS) + len(staff) * len(policy.ADMIN_CALLERS)
    routes = len({route for route, _ in walk()})
    callers = f"{len(policy.CALLERS)} callers of the API and {len(policy.ADMIN_CALLERS)} of the admin"
    return f"matrix: {cells:,} cells; {routes} routes; {callers}"


# Asking


class Recorder:
    """Notes what the domain's tables were told."""

    def __init__(self):
        self.writes = []

    def __call__(self, execute, sql, params, many, context):
        if WRITES.match(sql) and not OF_THE_SESSION.search(sql):
            self.writes.append(sql)
        return execute(sql, params, many, context)


@contextmanager
def taken_back():
    """Whatever is written inside is not there afterwards; what it was is recorded."""
    recorder = Recorder()
    with transaction.atomic(), connection.execute_wrapper(recorder):
        yield recorder
        transaction.set_rollback(True)


class Matrix:
    """Counts its cells, and keeps those that are not as the table says."""

    def __init__(self, callers):
        self.callers, self.cells, self.wrong = callers, 0, {}

    @property
    def failures(self):
        return [f"{what}, as {', '.join(callers)}" for what, callers in self.wrong.items()]

    def cell(self, method, path, caller, expected, seen, writes, *, is_write):
        """A write that was refused, and every read, must have written nothing; a write that was done must have."""
        self.cells += 1
        what = ""
        if seen not in (expected if isinstance(expected, set) else {expected}):
            what = f"{method} {path}: {seen} instead of {expected}"
        elif bool(writes) != is_write:
            what = f"{method} {path}: {seen}, and {f'wrote {writes[0]}' if writes else 'wrote nothing'}"
        if what:
            self.wrong.setdefault(what, []).append(caller)

    def ask_api(self, rows, world):
        for method, path, answers in api_questions(rows):
            for caller, client in self.callers.items():
                expected = policy.answer(method, answers, caller)
                body = body_of(method, path, world)
                with taken_back() as recorder:
                    seen = client.generic(method, f"/{named(path, world, caller)}", *as_json(body))
                is_write = method not in policy.READS and seen.status_code < 300
                self.cell(method, path, caller, expected, seen.status_code, recorder.writes, is_write=is_write)

    def ask_pages(self, rows):
        for method, path, status in page_questions(rows):
            for caller, client in self.callers.items():
                with taken_back() as recorder:
                    seen = client.generic(method, f"/{path}")
                self.cell(method, path, caller, status, seen.status_code, recorder.writes, is_write=False)

    def ask_admin(self, rows, objects):
        for method, path, answers in admin_questions(rows):
            body = {"post": "yes"} if path.endswith("/delete/") else {}
            asked = re.sub(r"\{([^}]+)\}", lambda found: in_admin(found[1], objects), path)
            for caller, browser in self.callers.items():
                expected = policy.admin_answer(answers, caller)
                with taken_back() as recorder, same_cookies(browser):
                    seen = outcome(browser.post(asked, body) if method == "POST" else browser.generic(method, asked))
                is_write = bool(body) and "{absent}" not in path and method == "POST" and seen == policy.AWAY
                self.cell(method, path, caller, expected, seen, recorder.writes, is_write=is_write)

    def ask_actions(self, objects, only=None):
        for label, action, who in action_questions():
            if only in (None, label):
                obj = objects.get((label, action), objects[label])
                self.ask_action(label, action, who, obj, objects["bookings.ticket"])

    def ask_action(self, label, action, who, obj, ticket):
        url = reverse(f"admin:{label.replace('.', '_')}_changelist")
        answers = {"confirmed": "yes", "reason": "rain", "payment_reference": "pay_2", "post": "yes",
                   "from_page": "yes", "minutes": "60", "tickets": ticket.code}  # fmt: skip
        if action == "settle_refund":
            answers[f"due-{obj.confirmation_code}"] = str(obj.refund_amount)
        if (label, action) == ("bookings.booking", "cancel"):
            answers["seen"] = f"{obj.confirmation_code}-{obj.status}-{obj.places}"
        for caller, browser in self.callers.items():
            with taken_back() as recorder:
                browser.post(url, {"action": action, "_selected_action": [str(obj.pk)], **answers})
            seen = "done" if recorder.writes else "refused"
            is_write = caller in who & policy.INSIDE
            expected = "done" if is_write else "refused"
            self.cell("action", f"{label} {action}", caller, expected, seen, recorder.writes, is_write=is_write)


@contextmanager
def same_cookies(browser):
    """Whoever logs out inside is logged in afterwards."""
    before = {name: morsel.value for name, morsel in browser.cookies.items()}
    yield
    browser.cookies.clear()
    for name, value in before.items():
        browser.cookies[name] = value


def as_json(body):
    return (json.dumps(body), "application/json") if body is not None else ()


def outcome(answer):
    """A status, or where a redirection goes to."""
    if answer.status_code not in (301, 302):
        return answer.status_code
    return policy.LOGIN if answer["Location"].startswith("/admin/login/") else policy.AWAY


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


def admin_objects(world, book):
    """An object for each model's pages, and for each action that needs another one, by model and action."""
    user = make_user(username="spare")
    token, _ = ApiToken.issue(user=user, name="Shop")
    unpaid = book((world["pending"].items.first().ticket_type, 1)).cancel()
    with suppress(BookingCancelled):
        unpaid.confirm(payment_reference="pay_3")
    unpaid.refresh_from_db()
    return {
        "access.apitoken": token,
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
        "content_type": ContentType.objects.get_for_model(world["venue"]),
        "history.change": Change.objects.latest("pk"),
        ("bookings.booking", "cancel_tickets"): world["confirmed"],
        ("bookings.booking", "settle_refund"): unpaid,
        ("bookings.ticket", "undo_check_in"): world["used"],
        ("events.event", "publish"): world["draft"],
    }
