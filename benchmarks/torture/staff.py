"""What staff use: a token, a session, and the form of an event as the admin shows it."""

import json
import secrets
import urllib.parse
from dataclasses import dataclass
from typing import Any

from benchmarks.torture.history import Request
from benchmarks.torture.servers import managed

LOG_IN = """
from django.contrib.auth import get_user_model
from django.test import Client

user, _ = get_user_model().objects.get_or_create(
    username="torturer", defaults={"is_staff": True, "is_superuser": True}
)
client = Client(headers={"host": "127.0.0.1"})
client.force_login(user)
session = client.cookies["sessionid"].value
"""
# Reads the form as a browser would show it. This runs under the local settings, because pages under the production
# settings need collected static files; the form is then sent to the production server.
READ_FORM = """
import json
from django.test.utils import setup_test_environment
from django.urls import reverse

def fields(form):
    for bound in form:
        value = bound.value()
        widget = bound.field.widget
        if hasattr(widget, "decompress"):
            for part, each in zip(widget.widgets_names, widget.decompress(value)):
                yield bound.html_name + part, each
        else:
            yield bound.html_name, value

def data(form):
    return {name: str(value) for name, value in fields(form) if value not in (None, False)}

setup_test_environment()  # without it a test client does not see a page's context
path = reverse("admin:events_event_change", args=[EVENT])
page = client.get(path)
form = data(page.context["adminform"].form)
for inline in page.context["inline_admin_formsets"]:
    for each in [inline.formset.management_form, *inline.formset.initial_forms]:
        form |= data(each)
print(json.dumps({"path": path, "session": session, "fields": form}))
"""


def token(url: str) -> str:
    """A manager's token, made the way an operator makes one."""
    return managed(url, "create_api_token", "torture", "--role", "manager").strip().splitlines()[-1]


SHOP = """
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from config.access.models import ApiToken

user, _ = get_user_model().objects.get_or_create(username="shop")
names = ["view_booking", "confirm_booking", "refund_booking"]
user.user_permissions.set(Permission.objects.filter(codename__in=names))
print(ApiToken.issue(user=user, name="shop")[1])
"""


def shop_token(url: str) -> str:
    """A token of a shop, which confirms what is paid, and nothing else."""
    return run_code(url, SHOP)


def session(url: str) -> str:
    """The session key of a superuser."""
    return run_code(url, LOG_IN + "print(session)")


@dataclass(frozen=True)
class Form:
    """A form that was opened before the sale, and is sent with what it showed then."""

    path: str
    session: str
    fields: dict[str, str]

    def submit(self, **changes: str) -> Request:
        csrf = secrets.token_hex(16)
        body = urllib.parse.urlencode({**self.fields, **changes, "csrfmiddlewaretoken": csrf, "_save": "Save"})
        cookies = f"sessionid={self.session}; csrftoken={csrf}"
        return Request("edit", "POST", self.path, body, cookies=cookies, form=True)


def event_form(url: str, event: int) -> Form:
    code = LOG_IN + READ_FORM.replace("EVENT]", f"{event}]")
    data: dict[str, Any] = json.loads(run_code(url, code))
    return Form(**data)


def run_code(url: str, code: str) -> str:
    """The last line of what the code prints."""
    local = "config.settings.local"
    return managed(url, "shell", "-v", "0", "-c", code, DJANGO_SETTINGS_MODULE=local).splitlines()[-1]
