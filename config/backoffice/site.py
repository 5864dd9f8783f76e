"""The admin site: its front page, and the way from each page to the others."""

# mypy: no-check-untyped-defs

from functools import wraps

from django.conf import settings
from django.contrib import admin
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from config.backoffice.columns import label_of


class Autocomplete(AutocompleteJsonView):
    """Shows each choice as its admin's `label` says: twenty performances of one play have the same name.

    With it goes the zone of a place, which scripts show beside the times of a form.
    """

    def serialize_result(self, obj, to_field_name):
        zone_of = getattr(self.model_admin, "zone_of", None)
        data = {"timezone": zone_of(obj)} if zone_of else {}
        return {**super().serialize_result(obj, to_field_name), "text": label_of(self.model_admin)(obj), **data}


known_methods = require_http_methods(["GET", "HEAD", "POST"])


class Site(admin.AdminSite):
    """Knows GET, HEAD and POST: Django takes other methods for a GET, and a PUT of the login for a POST."""

    site_header = site_title = settings.PROJECT_NAME
    index_title = _("Dashboard")
    enable_nav_sidebar = False  # the lists need its room on a laptop
    site_url = None  # the project has no pages for visitors

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.before_views = []  # called without arguments before each page that a user may open

    def admin_view(self, view, cacheable=False):
        @wraps(view)
        def prepared(request, *args, **kwargs):
            for prepare in self.before_views:
                prepare()
            return view(request, *args, **kwargs)

        return known_methods(super().admin_view(prepared, cacheable))

    def login(self, request, extra_context=None):
        return known_methods(super().login)(request, extra_context)

    def autocomplete_view(self, request):
        return Autocomplete.as_view(admin_site=self)(request)

    def index(self, request, extra_context=None):
        shown = {}
        for model_admin in self._registry.values():
            if hasattr(model_admin, "dashboard"):
                shown |= model_admin.dashboard(request)
        return super().index(request, {**shown, **(extra_context or {})})

    def each_context(self, request):
        return {**super().each_context(request), "navigation": self.navigation(request)}

    def navigation(self, request):
        """The pages that staff go to and fro between, as far as this person may see them."""
        if not self.has_permission(request):
            return []
        entries = [(0, self.index_title, reverse("admin:index"))]
        for model_admin in self._registry.values():
            if hasattr(model_admin, "navigation"):
                entries += model_admin.navigation(request)
        return [
            (title, url, url.partition("?")[0] == request.path)
            for _, title, url in sorted(entries, key=lambda entry: entry[0])
        ]
