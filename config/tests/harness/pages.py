"""Reads and submits the forms of the admin, like a browser."""

from html.parser import HTMLParser

from django.test import Client
from django.urls import reverse

from conftest import make_user


class FormReader(HTMLParser):
    """Collects what a browser sends for an untouched form."""

    def __init__(self, html, form_id):
        super().__init__()
        self.form_id, self.data = form_id, {}
        self.is_inside, self.select, self.textarea = False, None, None
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        name = attrs.get("name")
        if tag == "form":
            self.is_inside = attrs.get("id") == self.form_id
        elif not self.is_inside:
            return
        elif tag == "input" and name and attrs.get("type") not in ("submit", "checkbox"):
            self.data[name] = attrs.get("value", "")
        elif tag == "select":
            self.select = name
        elif tag == "option" and "selected" in attrs and self.select:
            self.data[self.select] = attrs.get("value", "")
        elif tag == "textarea":
            self.textarea, self.data[name] = name, ""

    def handle_data(self, data):
        if self.textarea:
            self.data[self.textarea] += data.removeprefix("\r\n").removeprefix("\n")

    def handle_endtag(self, tag):
        self.select = None if tag == "select" else self.select
        self.textarea = None if tag == "textarea" else self.textarea
        self.is_inside = self.is_inside and tag != "form"


def form_on(page, model):
    """The data of an add or change page, unchanged."""
    return FormReader(page.content.decode(), f"{model._meta.model_name}_form").data


def messages_of(answer):
    """The messages of the page as pairs of level and text."""
    return [(message.level_tag, str(message)) for message in answer.context["messages"]]


def staff(role=None):
    """A browser logged in as a user of a role, by default as a superuser."""
    browser = Client()
    browser.force_login(make_user(role, username=f"staff-{role or 'root'}", is_staff=True, is_superuser=role is None))
    return browser


def url(model, page, *args):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def open_form(browser, obj):
    return form_on(browser.get(url(obj, "change", obj.pk)), obj)


def send_form(browser, obj, form, **typed):
    return browser.post(url(obj, "change", obj.pk), {**form, **typed}, follow=True)


def act(browser, action, *objects, **answers):
    """Runs an action for rows of a list; `answers` are the fields of its confirmation page."""
    data = {"action": action, "_selected_action": [str(obj.pk) for obj in objects], **answers}
    return browser.post(url(objects[0], "changelist"), data, follow=True)


def faults_of(answer):
    """The validation errors of a form by field."""
    return {name: list(texts) for name, texts in answer.context["adminform"].form.errors.items()}
