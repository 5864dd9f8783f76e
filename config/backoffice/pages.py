"""Pages of a model's admin beside its list, and the navigation."""

from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.text import capfirst

from config.api.bodies import Upload
from config.backoffice.formats import list_url


@dataclass(frozen=True)
class Page:
    """A page beside a model's list. `view` names the method of the admin and the path.

    `position` sorts the navigation; None: the page is not in it. `max_upload` is the largest body with files, in bytes;
    0: the page accepts no files.
    """

    view: str
    title: Any
    permissions: tuple[str, ...]
    position: int | None = None
    max_upload: int = 0


class PagesAdmin(admin.ModelAdmin):
    """Serves the `pages`. `position` is that of the list in the navigation; None: the list is not in it."""

    pages: tuple[Page, ...] = ()
    position: int | None = None

    def get_urls(self):
        urls = [path(f"{page.view}/", self.page_view(page), name=self.page_name(page.view)) for page in self.pages]
        return [*urls, *super().get_urls()]

    def page_view(self, page):
        def view(request):
            if not request.user.has_perms(page.permissions):
                raise PermissionDenied
            return getattr(self, page.view)(request)

        if page.max_upload:
            view.upload = Upload(page.max_upload, lambda request: self.may_open(page, request))
        return self.admin_site.admin_view(view)

    def may_open(self, page, request):
        return self.admin_site.has_permission(request) and request.user.has_perms(page.permissions)

    def page_name(self, view):
        return f"{self.opts.app_label}_{self.opts.model_name}_{view}"

    def page_url(self, view):
        return reverse(f"admin:{self.page_name(view)}", current_app=self.admin_site.name)

    def render_page(self, request, template, **context):
        """A response of a page of this admin, with what every page of the site shows."""
        request.current_app = self.admin_site.name
        return TemplateResponse(
            request, template, {**self.admin_site.each_context(request), "opts": self.opts, "subtitle": None, **context}
        )

    def navigation(self, request):
        """Entries of the navigation that the user may open: position, title and URL."""
        if self.position is not None and self.has_view_permission(request):
            yield self.position, capfirst(self.opts.verbose_name_plural), list_url(self.model)
        for page in self.pages:
            if page.position is not None and request.user.has_perms(page.permissions):
                yield page.position, page.title, self.page_url(page.view)
