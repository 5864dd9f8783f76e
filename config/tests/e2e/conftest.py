"""The server of the browser tests, and browsers of each role."""

import os
import secrets
import tempfile
from pathlib import Path

import pytest

from config.access.roles import Role
from config.tests.e2e.desk import FLAGS, Desk
from config.tests.harness.server import environment_for, manage, served

PASSWORD = secrets.token_urlsafe(12)
MAKE_STAFF = f"""
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
users = get_user_model().objects
users.create_superuser("root", password={PASSWORD!r})
for role, label in {Role.choices!r}:
    users.create_user(role, password={PASSWORD!r}, is_staff=True).groups.add(Group.objects.get(name=label))
"""
SETTINGS = {
    "DJANGO_SETTINGS_MODULE": "config.settings.production",
    "ALLOWED_HOSTS": "127.0.0.1",
    "SECURE_SSL_REDIRECT": "False",  # there is no proxy with TLS
    "SECURE_COOKIES": "False",
    "SECRET_KEY": secrets.token_urlsafe(64),
    "BACK_OFFICE_TIME_ZONE": "Europe/Vienna",
    "EMAIL_URL": "smtp://127.0.0.1:9",
}


@pytest.fixture(scope="session")
def server():
    """The production server with demo data."""
    with tempfile.TemporaryDirectory(prefix="tbs-e2e-") as folder:
        url = f"sqlite:///{folder}/e2e.db"
        manage({**environment_for(url), **SETTINGS}, "collectstatic", "--no-input", "--verbosity", "0")
        manage(environment_for(url), "migrate", "--verbosity", "0")
        with served(url, is_production=True, **SETTINGS) as server:
            server.manage("load_demo")
            server.manage("shell", "--no-imports", "--command", MAKE_STAFF)
            yield server


@pytest.fixture(scope="session")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ["BROWSER_PATH"], args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def axe():
    return Path(os.environ["AXE_PATH"]).read_text(encoding="utf-8")


@pytest.fixture
def sit_down(server, browser, axe):
    """Logs in as a role: `sit_down(Role.DOOR)`; without a role as a superuser."""
    desks = []

    def sit_down(role=None, **how):
        desks.append(Desk(browser, server.url, axe, **how))
        return desks[-1].log_in(role or "root", PASSWORD)

    yield sit_down
    for desk in desks:
        desk.leave()
