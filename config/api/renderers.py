"""What the answers look like in a browser, and who is shown that."""

from collections.abc import Iterable
from operator import attrgetter
from typing import Any

from csp.constants import UNSAFE_INLINE
from django.http.request import MediaType
from rest_framework.exceptions import NotAcceptable
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer, BrowsableAPIRenderer
from rest_framework.request import Request


class Negotiation(DefaultContentNegotiation):
    """The form that `Accept` gives the highest weight (RFC 9110, section 12.5.1), the first of several."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        renderers = list(renderers)
        if request.META.get("HTTP_ACCEPT", "*/*") in ("*/*", renderers[0].media_type):
            return renderers[0], renderers[0].media_type  # as nearly everybody asks: in 1 µs instead of 30
        ranges = [MediaType(it) for it in request.headers.get("Accept", "").split(",") if it.strip()]
        ranges = sorted(ranges or [MediaType("*/*")], key=attrgetter("specificity"), reverse=True)
        weights = [next((it.quality for it in ranges if it.match(renderer.media_type)), 0) for renderer in renderers]
        if not max(weights):
            raise NotAcceptable(available_renderers=renderers)
        chosen = renderers[weights.index(max(weights))]
        return chosen, chosen.media_type


class PageRenderer(BrowsableAPIRenderer):
    """DRF's pages, whose elements have style attributes: these alone are allowed beyond the policy of the site."""

    def render(self, data: Any, accepted_media_type: Any = None, renderer_context: Any = None) -> str:
        page = super().render(data, accepted_media_type, renderer_context)
        renderer_context["response"]._csp_update = {"style-src-attr": [UNSAFE_INLINE]}
        return page

    def get_breadcrumbs(self, request: Any) -> list[tuple[str, str]]:
        """Each page once, though it is there with and without a slash."""
        return list(dict(super().get_breadcrumbs(request)).items())
