"""Content negotiation, and the browsable API."""

from collections.abc import Iterable
from operator import attrgetter
from typing import Any

from csp.constants import UNSAFE_INLINE
from csp.decorators import csp_update
from django.http.request import MediaType
from rest_framework.exceptions import NotAcceptable
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer, BrowsableAPIRenderer
from rest_framework.request import Request
from rest_framework.response import Response


class Negotiation(DefaultContentNegotiation):
    """The renderer to which `Accept` gives the highest weight (RFC 9110, section 12.5.1); the first of several."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        renderers = list(renderers)
        ranges = [MediaType(it) for it in request.headers.get("Accept", "").split(",") if it.strip()]
        ranges = sorted(ranges or [MediaType("*/*")], key=attrgetter("specificity"), reverse=True)
        weights = [next((it.quality for it in ranges if it.match(renderer.media_type)), 0) for renderer in renderers]
        if not max(weights):
            raise NotAcceptable(available_renderers=renderers)
        chosen = renderers[weights.index(max(weights))]
        return chosen, chosen.media_type


@csp_update({"style-src-attr": [UNSAFE_INLINE]})  # type: ignore[arg-type]  # meant for views, works for any function
def allow_style_attributes(response: Response) -> Response:
    return response


class PageRenderer(BrowsableAPIRenderer):
    """The browsable API, whose elements have style attributes."""

    def render(self, data: Any, accepted_media_type: Any = None, renderer_context: Any = None) -> str:
        allow_style_attributes(renderer_context["response"])
        return super().render(data, accepted_media_type, renderer_context)

    def get_breadcrumbs(self, request: Any) -> list[tuple[str, str]]:
        """Each page once, although its path works with and without a slash."""
        return list(dict(super().get_breadcrumbs(request)).items())
