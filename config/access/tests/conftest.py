"""Staff who log in with a password."""

import pytest
from django.test import Client

from config.access.roles import Role
from conftest import make_user

OLD, NEW = "right-Password-1", "better-Password-2"


@pytest.fixture
def anna():
    """A manager with a password, OLD."""
    user = make_user(Role.MANAGER, username="anna", email="anna@example.com", is_staff=True)
    user.set_password(OLD)
    user.save()
    return user


def log_in(username="anna", password=OLD, **how):
    browser = Client(**how)
    return browser, browser.post("/admin/login/", {"username": username, "password": password})


def is_in(browser):
    return browser.get("/admin/").status_code == 200
