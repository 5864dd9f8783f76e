"""The admin site: its dashboard and the navigation."""

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from config.access.second_factor import is_verified, must_set_up
from config.backoffice.base import BaseAdmin
from config.backoffice.formats import choice_label
from config.backoffice.second_factor import second_factor_page
from config.values.timezones import zone_label


class Autocomplete(AutocompleteJsonView):
    """Names each choice by the `label` of its admin, and adds the time zone that a form shows beside its times."""

    def serialize_result(self, obj, to_field_name):
        timezone_of = getattr(self.model_admin, "timezone_of", None)
        data = {"timezone": zone_label(timezone_of(obj))} if timezone_of else {}
        return {**super().serialize_result(obj, to_field_name), "text": choice_label(self.model_admin)(obj), **data}


# Django's admin treats every other method as a GET, and a PUT of the login page as a POST.
allow_methods = require_http_methods(["GET", "HEAD", "POST"])


class Site(admin.AdminSite):
    site_header = site_title = settings.PROJECT_NAME
    index_title = _("Dashboard")
    enable_nav_sidebar = False  # lists need its width on a laptop
    site_url = None  # the project has no pages for visitors

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.before_views: list[Callable[[], Any]] = []  # called before every page that the user may open

    def admin_view(self, view, cacheable=False):
        @wraps(view)
        def prepared_view(*args, **kwargs):
            for function in self.before_views:
                function()
            return view(*args, **kwargs)

        return allow_methods(super().admin_view(prepared_view, cacheable))

    def has_permission(self, request):
        """An account that must set up a second factor opens the page for it, and no other."""
        user = request.user
        if not super().has_permission(request):
            return False
        return is_verified(user, request.session) or (must_set_up(user) and request.path_info in self.set_up_paths())

    def set_up_paths(self):
        return [reverse(f"admin:{name}") for name in ("second_factor", "logout")]

    def login(self, request, extra_context=None):
        if request.method == "GET" and super().has_permission(request) and must_set_up(request.user):
            return redirect("admin:second_factor")
        context = {"has_mail": settings.HAS_MAIL, **(extra_context or {})}
        return allow_methods(super().login)(request, context)

    def get_urls(self):
        view = self.admin_view(partial(second_factor_page, self))
        # No model has a page on the site, and the pattern of that URL takes quadratic time.
        urls = [it for it in super().get_urls() if getattr(it, "name", None) != "view_on_site"]
        return [path("second_factor/", view, name="second_factor"), *urls]

    def autocomplete_view(self, request):
        return Autocomplete.as_view(admin_site=self)(request)

    def base_admins(self):
        models = [model for model in apps.get_models() if self.is_registered(model)]
        return [it for it in map(self.get_model_admin, models) if isinstance(it, BaseAdmin)]

    def index(self, request, extra_context=None):
        context = {}
        for model_admin in self.base_admins():
            context |= model_admin.dashboard(request)
        return super().index(request, {**context, **(extra_context or {})})

    def each_context(self, request):
        return {**super().each_context(request), "navigation": self.navigation(request)}

    def navigation(self, request):
        """The pages that the user may open: title, URL, and whether it is the current one."""
        if not self.has_permission(request) or must_set_up(request.user):
            return []
        entries = [(0, self.index_title, reverse("admin:index"))]
        for model_admin in self.base_admins():
            entries += model_admin.navigation(request)
        return [
            (title, url, url.partition("?")[0] == request.path)
            for _position, title, url in sorted(entries, key=lambda entry: entry[0])
        ]
