"""The admin's answer to who may not see a page: who may, and a way back."""

# mypy: no-check-untyped-defs

from django.contrib import admin
from django.contrib.auth import get_permission_codename
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
    needed = permissions_of(match.url_name or "", request.method)
    if needed:
        context["groups"] = groups_with(needed)
    answer = TemplateResponse(request, "admin/403.html", context, status=403)
    return answer.render()


def permissions_of(name, method):
    """What a page of a model's admin asks for, by the page's name; nothing when it is not known."""
    for model, page in admin.site._registry.items():
        app, prefix = model._meta.app_label, f"{model._meta.app_label}_{model._meta.model_name}_"
        if name.startswith(prefix):
            view = name.removeprefix(prefix)
            own = {it.view: it.permissions for it in getattr(page, "pages", ())}
            verb = view if view in ("add", "delete") or (view == "change" and method == "POST") else "view"
            return own.get(view) or (f"{app}.{get_permission_codename(verb, model._meta)}",)
    return ()


def groups_with(permissions):
    """The names of the groups whose members have all of some permissions."""
    groups = Group.objects.order_by("name")
    for name in permissions:
        app, _dot, codename = name.partition(".")
        groups = groups.filter(permissions__content_type__app_label=app, permissions__codename=codename)
    return list(groups.values_list("name", flat=True))
