"""Which bodies are read: none above the limit, and files at the import's page alone."""

import re
import time

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from config.access.roles import Role
from config.tests.harness.answers import refused
from config.tests.harness.pages import staff
from ticket_types.imports.page import MAX_UPLOAD

IMPORT = "/admin/ticket_types/tickettype/import_catalogue/"
LOGIN = "/admin/login/"
PATHS = ["/", "/docs", "/nowhere", "/health", "/admin/", LOGIN, IMPORT, IMPORT.rstrip("/"), "/api/v1/nowhere",
         "/api/v1/bookings", "/api/v1/bookings/0b0e6fd4-9d3e-4b60-8f5c-6f1f0f6f9a55/cancel"]  # fmt: skip
KINDS = ["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
LIMIT = settings.DATA_UPLOAD_MAX_MEMORY_SIZE


class Counted:
    """A body of zeros, as a proxy has collected it."""

    left = 0

    def read(self, size):
        part = min(size, self.left)
        self.left -= part
        return b"0" * part

    readline = read


class Unreadable:
    """A body whose sender has stopped."""

    def read(self, *args):
        raise AssertionError("The body was read.")

    readline = read


def stalled(client, path, kind="multipart/form-data; boundary=x", length=LIMIT + 1):
    return client.generic("POST", path, content_type=kind, CONTENT_LENGTH=str(length), **{"wsgi.input": Unreadable()})


@pytest.fixture
def stranger():
    """A client with made-up cookies, as CSRF protection wants them before it reads a form."""
    client = Client(enforce_csrf_checks=True)
    client.cookies["csrftoken"] = "x" * 32
    client.cookies["sessionid"] = "x" * 32
    return client


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("path", PATHS)
def test_body_above_the_limit_is_413_unread(path, kind, stranger, db):
    assert refused(stalled(stranger, path, kind), 413, "too-large")


@pytest.mark.parametrize(
    ("method", "path", "length", "status"),
    [
        ("POST", IMPORT, 1_000_000, 413),
        ("POST", f"/x/..{IMPORT}", 1_000_000, 413),
        ("POST", "/nowhere", 1_000_000, 413),
        ("OPTIONS", "/api/v1/venues", LIMIT, 200),
        ("GET", "/static/pages/admin.css", LIMIT, 200),
        ("GET", "/api/v1/events", LIMIT, 429),
    ],
)
def test_answer_behind_a_proxy_comes_after_the_body(method, path, length, status, stranger, settings, db):
    """In the middle of it, a proxy may take the answer for a failure of the server."""
    settings.NUM_PROXIES = 1
    body, headers = Counted(), {"Origin": "https://shop.example.com", "Access-Control-Request-Method": "POST"}
    body.left = length
    if status == 429:
        del stranger.cookies["sessionid"]
        headers = {"X-Request-Start": f"t={time.time() - 1:.3f}"}
    how = {"CONTENT_LENGTH": str(length), "wsgi.input": body}
    answer = stranger.generic(method, path, content_type="text/plain", headers=headers, **how)
    answer.getvalue()
    assert (answer.status_code, body.left) == (status, 0)


@pytest.mark.parametrize("role", [*Role, None])
def test_file_above_the_limit_is_read_from_staff_who_may_import(role, db):
    browser = staff(role) if role else Client()
    file = SimpleUploadedFile("season.csv", b"x" * 1_000_000)
    assert browser.post(IMPORT, {"file": file}).status_code == (200 if role == Role.MANAGER else 413)


@pytest.mark.parametrize("change", [{"is_staff": False}, {"is_active": False}])
def test_file_of_a_former_member_of_staff_is_413_unread(change, db, django_user_model):
    browser = staff(Role.MANAGER)
    django_user_model.objects.update(**change)
    assert stalled(browser, IMPORT).status_code == 413


@pytest.mark.parametrize(("path", "length"), [(IMPORT, MAX_UPLOAD + 1), (LOGIN, LIMIT + 1), ("/admin/", LIMIT + 1)])
def test_staff_have_the_limit_of_the_page(path, length, db):
    assert refused(stalled(staff(Role.MANAGER), path, length=length), 413, "too-large")


@pytest.mark.parametrize("path", [LOGIN, "/admin/", IMPORT])
def test_small_file_of_a_stranger_is_400(path, stranger, db):
    assert stranger.post(path, {"file": SimpleUploadedFile("x.csv", b"x")}).status_code == 400


def test_small_file_of_staff_is_400_but_at_the_import(db):
    browser, paths = staff(Role.MANAGER), (LOGIN, "/admin/venues/venue/add/", IMPORT)
    answers = [browser.post(path, {"file": SimpleUploadedFile("x.csv", b"x")}) for path in paths]
    assert [answer.status_code for answer in answers] == [400, 400, 200]


def test_second_file_of_a_form_is_400(db):
    files = {name: SimpleUploadedFile("x.csv", b"x") for name in ("file", "other")}
    assert staff(Role.MANAGER).post(IMPORT, files).status_code == 400


def test_limits_are_those_of_the_proxy():
    text = (settings.BASE_DIR / "deploy" / "nginx.conf").read_text()
    assert re.findall(r"client_max_body_size (\w+);", text) == [f"{LIMIT // 2**10}k", f"{MAX_UPLOAD // 2**20}m"]
    assert re.findall(r"location = (/admin\S+) ", text) == [IMPORT]
