"""What staff bring along: a token, and the form of an event as the admin shows it."""

import json
import secrets
import urllib.parse
from dataclasses import dataclass
from typing import Any

from benchmarks.torture.history import Request
from benchmarks.torture.servers import managed

# Logs a superuser in and reads the form as a browser would show it. This runs under the local settings, because pages
# under the production settings need collected static files; the form is then sent to the production server.
READ_FORM = """
import json, sys
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.test import Client
from django.test.utils import setup_test_environment
from django.urls import reverse
from events.models import Event

def fields(form):
    for bound in form:
        value = bound.value()
        widget = bound.field.widget
        if hasattr(widget, "decompress"):
            for part, each in zip(widget.widgets_names, widget.decompress(value)):
                yield bound.html_name + part, each
        else:
            yield bound.html_name, value

def sent(pairs):
    return {name: str(value) for name, value in pairs if value not in (None, False)}

def read():
    if Event not in admin.site._registry:
        return None
    user, _ = get_user_model().objects.get_or_create(
        username="torturer", defaults={"is_staff": True, "is_superuser": True}
    )
    setup_test_environment()  # without it a test client does not see what a page was made from
    client = Client(headers={"host": "127.0.0.1"})
    client.force_login(user)
    path = reverse("admin:events_event_change", args=[EVENT])
    page = client.get(path)
    form = sent(fields(page.context["adminform"].form))
    for inline in page.context["inline_admin_formsets"]:
        forms = [inline.formset.management_form, *inline.formset.initial_forms]
        for each in forms:
            form |= sent(fields(each))
    return {"path": path, "session": client.cookies["sessionid"].value, "form": form}

print(json.dumps(read()))
"""


def token(url: str) -> str:
    """Of a manager, made the way an operator makes one."""
    return managed(url, "create_api_token", "torture", "--role", "manager").strip().splitlines()[-1]


@dataclass(frozen=True)
class Form:
    """A form that somebody opened before the rush, and sends with what it showed then."""

    path: str
    session: str
    fields: dict[str, str]

    def submit(self, **changes: str) -> Request:
        csrf = secrets.token_hex(16)
        body = urllib.parse.urlencode({**self.fields, **changes, "csrfmiddlewaretoken": csrf, "_save": "Save"})
        cookies = f"sessionid={self.session}; csrftoken={csrf}"
        return Request("edit", "POST", self.path, body, cookies=cookies, form=True)


def event_form(url: str, event: int) -> Form | None:
    """None when the admin has no events."""
    code = READ_FORM.replace("EVENT]", f"{event}]")
    said: Any = json.loads(
        managed(url, "shell", "-v", "0", "-c", code, DJANGO_SETTINGS_MODULE="config.settings.local").splitlines()[-1]
    )
    return Form(said["path"], said["session"], said["form"]) if said else None
