"""The admin's answer to who may not see a page: who may, and a way back."""

# mypy: no-check-untyped-defs

import copy

from django.contrib import admin
from django.contrib.auth.models import Group
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from config.api import errors


def permission_denied(request, exception):
    match = request.resolver_match
    is_in_admin = match is not None and match.app_name == "admin" and admin.site.has_permission(request)
    if not is_in_admin:
        return errors.permission_denied(request, exception)
    context = {**admin.site.each_context(request), "title": _("This page is not for you"), "groups": None}
    may = rule_of(match.url_name or "", request.method)
    if may:
        context["groups"] = [group.name for group in groups() if may(as_member(request, group))]
    answer = TemplateResponse(request, "admin/403.html", context, status=403)
    return answer.render()


def rule_of(name, method):
    """What decides who sees a page of a model's admin, by the page's name; None when it is not known."""
    for model, page in admin.site._registry.items():
        prefix = f"{model._meta.app_label}_{model._meta.model_name}_"
        if name.startswith(prefix):
            view = name.removeprefix(prefix)
            own = {it.view: it.permissions for it in getattr(page, "pages", ())}
            if view in own:
                return lambda request: request.user.has_perms(own[view])
            verb = view if view in ("add", "delete") or (view == "change" and method == "POST") else "view"
            return getattr(page, f"has_{verb}_permission")
    return None


class Member:
    """Somebody with the permissions of one group."""

    is_authenticated = is_active = is_staff = True
    is_superuser = False

    def __init__(self, group):
        rows = group.permissions.all()
        self.permissions = {f"{it.content_type.app_label}.{it.codename}" for it in rows}

    def has_perm(self, name, obj=None):
        return name in self.permissions

    def has_perms(self, names, obj=None):
        return self.permissions.issuperset(names)


def groups():
    return Group.objects.order_by("name").prefetch_related("permissions__content_type")


def as_member(request, group):
    """The request as somebody from a group would have sent it."""
    theirs = copy.copy(request)
    theirs.user = Member(group)
    return theirs
