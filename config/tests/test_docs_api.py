"""docs/api.md: its code runs as printed, also on a bad connection, and its tables are correct."""

import contextlib
import json
import re
import shutil
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.conf import settings

from bookings.reports.viewsets import ReportViewSet
from config import problems
from config.access.scopes import Scope
from config.outbox.types import TYPES
from config.tests.harness.server import migrated_database, served
from config.urls import router

# One process makes what all tests of this module share.
pytestmark = pytest.mark.xdist_group("guide")

PRINTED = "http://127.0.0.1:8000"
GUIDE = (settings.BASE_DIR / "docs" / "api.md").read_text()


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)


def run(*command, url, environment):
    program = command[-1].replace(PRINTED, url)
    return subprocess.run(
        [*command[:-1], program],
        check=False, cwd=settings.BASE_DIR, env=environment, text=True, capture_output=True, timeout=120,
    )  # fmt: skip


@pytest.fixture(scope="module")
def server():
    with migrated_database() as url, served(url) as server:
        yield server


@pytest.fixture(scope="module")
def transcript(server):
    """The output of the shell commands; they create what the other programs book."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    done = run("sh", "-e", "-c", "\n".join(blocks("sh")), url=server.url, environment=server.environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def read(server):
    token = server.manage("create_api_token", "reader", "--role", "auditor").strip()

    def get(path):
        request = urllib.request.Request(f"{server.url}/api/v1/{path}", headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    return get


class UnreliableProxy(BaseHTTPRequestHandler):
    """Answers the first booking with 503, and loses the response to the second."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.count += 1
        if self.server.count == 1:
            self.answer(503, {"Retry-After": "0", "Content-Type": "text/html"}, b"<p>Busy")
            return
        request = urllib.request.Request(f"{self.server.target}{self.path}", body, dict(self.headers))
        try:
            with urllib.request.urlopen(request, timeout=20) as found:
                status, headers, content = found.status, found.headers, found.read()
        except urllib.error.HTTPError as error:
            with error:
                status, headers, content = error.code, error.headers, error.read()
        self.server.statuses.append((status, headers.get("Idempotent-Replayed")))
        if self.server.count > 2:
            self.answer(status, {"Content-Type": headers["Content-Type"]}, content)

    def do_GET(self):
        request = urllib.request.Request(f"{self.server.target}{self.path}", headers=dict(self.headers))
        with urllib.request.urlopen(request, timeout=20) as found:
            self.answer(found.status, {"Content-Type": found.headers["Content-Type"]}, found.read())

    def answer(self, status, headers, content):
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args):
        pass


@contextlib.contextmanager
def unreliable_proxy(target):
    with ThreadingHTTPServer(("127.0.0.1", 0), UnreliableProxy) as proxy:
        proxy.target, proxy.count, proxy.statuses = target, 0, []
        thread = threading.Thread(target=proxy.serve_forever)
        thread.start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
            thread.join()


def test_shell_of_the_guide_works_as_printed(transcript, read):
    event = read("events?expand=venue,ticket_types")["results"][0]
    assert (event["name"], event["venue"]["name"]) == ("Summer Night Concert", "Old Hall")
    assert [row["name"] for row in event["ticket_types"]] == ["Seat", "Balcony", "Standing"]
    booking = read("bookings?search=Ann")["results"]
    assert [(row["status"], row["quantity"], row["total_price"]) for row in booking] == [("confirmed", 2, "99.80")]
    assert "}304\n" in transcript
    assert '"total_price":"199.60"' in transcript  # the quote, of which nothing was booked
    assert transcript.count("BEGIN:VCALENDAR") == 2


@pytest.mark.parametrize(
    ("language", "command", "customer"),
    [("python", [sys.executable, "-c"], "Bob Ray"), ("js", ["node", "--input-type=module", "--eval"], "Cleo Kim")],
)
def test_retries_of_the_guide_book_once_on_a_bad_connection(language, command, customer, server, transcript, read):
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    (program,) = blocks(language)
    with unreliable_proxy(server.url) as proxy:
        done = run(*command, program, url=f"http://127.0.0.1:{proxy.server_port}", environment=server.environment)
    assert done.returncode == 0, done.stderr
    # Made, with the response lost; retried; repeated by the program; refused.
    assert proxy.statuses == [(201, None), (201, "true"), (201, "true"), (400, None)]
    (booking,) = read(f"bookings?search={customer.split()[0]}")["results"]
    first, second, third = done.stdout.splitlines()
    assert first == f"{booking['id']} pending 49.90 EUR"
    assert second == booking["confirmation_code"]
    assert "invalid-input" in third
    assert "/items" in third


def table(heading):
    """The cells of each row of the first table below a heading."""
    part = GUIDE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\|(.*)\|$", part, re.MULTILINE)
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)] for row in rows[2:]]


def names(cell):
    return re.findall(r"`([^`]+)`", cell)


def filters_of(viewset):
    if hasattr(viewset, "filterset_class"):
        return set(viewset.filterset_class.base_filters)
    return set(viewset.pagination_class.parameters) - {"limit"}


def test_table_of_types_is_complete():
    documented = {names(name)[0]: text for name, text in table("Changes")}
    assert documented == {name: it.description for name, it in TYPES.items()}


def test_table_of_lists_names_every_list_and_its_parameters():
    documented = {
        names(path)[0]: (set(names(filters)), set(names(ordering))) for path, filters, ordering in table("Filters")
    }
    actual = {
        f"/{prefix}".replace("(?P<event>[^/]+)", "{id}"): (filters_of(viewset), set(viewset.ordering_fields))
        for prefix, viewset, _ in router.registry
        if "list" in viewset.access
    }
    assert documented == actual


def test_table_of_reports_names_every_report_and_its_parameters():
    documented = {names(path)[0]: set(names(parameters)) for path, _, parameters in table("Reports")}
    actual = {
        f"/reports/{report.url_path}": set(getattr(report.kwargs["filterset_class"], "base_filters", ()))
        for report in ReportViewSet.get_extra_actions()
    }
    assert documented == actual


def test_table_of_expansions_is_complete():
    rows = [row for row in table("Expansion") if "expand" not in row[0]]
    documented = {names(path)[0]: set(names(cell)) for path, cell in rows}
    actual = {
        f"/{prefix}": set(viewset.serializer_class.expansions)
        for prefix, viewset, _ in router.registry
        if getattr(viewset.serializer_class, "expansions", None)
    }
    assert documented == actual


def test_table_of_scopes_names_every_scope():
    assert [names(scope) for scope, _ in table("Authentication")] == [[scope] for scope in Scope.values]


def test_table_of_rates_has_the_defaults():
    example = (settings.BASE_DIR / ".env.example").read_text()
    defaults = dict(re.findall(r"^# RATE_LIMIT_(\w+)=(\d+)/min$", example, re.MULTILINE))
    purposes = ("ANONYMOUS_BOOKINGS", "ANONYMOUS_READS", "TOKENS", "GUESSES", "DOOR", "GUESSES")
    assert re.findall(r"\| (\d+) a minute \|", GUIDE) == [defaults[purpose] for purpose in purposes]


def test_table_of_statuses_knows_every_status():
    documented = {int(status) for row in table("Errors") for status in re.findall(r"\d{3}", row[0])}
    assert documented == {kind.status for kind in problems.Problem.family()}


@pytest.mark.parametrize(
    "path",
    [
        "venues",
        "events",
        "ticket-types",
        "events.ics",
        "bookings",
        "payments",
        "tickets",
        "changes",
        "webhook-endpoints",
        "reports/overview",
    ],
)
def test_table_of_caching_is_so(path, server, transcript):
    answers = {names(row[1])[0]: row[0] for row in table("Caching and conditional requests")}
    token = server.manage("create_api_token", "reader", "--role", "auditor").strip()
    subjects = {
        "ticket-types": "ticket types",
        "webhook-endpoints": "webhooks",
        "events.ics": "calendars",
        "reports/overview": "reports",
    }
    subject = subjects.get(path, path)
    documented = next(value for value, shown in answers.items() if subject in shown)
    for headers, expected in (({}, documented), ({"Authorization": f"Bearer {token}"}, "private, no-cache")):
        request = urllib.request.Request(f"{server.url}/api/v1/{path}", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                found = answer.headers["Cache-Control"]
        except urllib.error.HTTPError as error:
            with error:
                found = error.headers["Cache-Control"]
        assert found == ("no-store" if documented == "no-store" else expected)


def test_every_code_in_the_guide_is_a_problem():
    codes = {kind.code for kind in problems.Problem.family()}
    documented = set(re.findall(r"\b4\d\d `([a-z-]+)`", GUIDE)) | set(re.findall(r'"code": "([a-z-]+)"', GUIDE))
    assert documented >= {"hold-expired", "sold-out", "precondition-failed", "request-in-progress"}
    assert documented <= codes


def test_links_inside_the_guide_lead_somewhere():
    headings = {
        re.sub(r"[^a-z -]", "", line.lower()).replace(" ", "-")
        for line in re.findall(r"^## (.*)$", GUIDE, re.MULTILINE)
    }
    assert set(re.findall(r"\(#([a-z-]+)\)", GUIDE)) == headings
