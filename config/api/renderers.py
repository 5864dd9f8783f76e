"""Content negotiation, and the browsable API."""

from collections.abc import Iterable
from operator import attrgetter
from typing import Any

from csp.constants import UNSAFE_INLINE
from csp.decorators import csp_update
from django.http import HttpRequest
from django.http.request import MediaType
from rest_framework.exceptions import NotAcceptable
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer, BrowsableAPIRenderer
from rest_framework.request import Request
from rest_framework.response import Response

FORMAT = "format"  # the query parameter that asks a report for a table

# What Java's HttpURLConnection sends unless the program says otherwise names HTML first, and is no browser's.
JAVA = {"text/html", "image/gif", "image/jpeg"}
PROBLEM = "application/problem+json"  # what a program that sends it reads is JSON


def media_ranges(accept: str) -> list[MediaType]:
    """The ranges of an `Accept` header (RFC 9110, section 12.5.1), the most specific first."""
    named = [it.strip().replace(PROBLEM, "application/json") for it in accept.split(",") if it.strip()]
    named = ["*/*" if it.split(";")[0].strip() == "*" else it for it in named]
    if set(named) >= JAVA and not any(it.startswith("application/") for it in named):
        named = [it for it in named if it not in JAVA]
    return sorted(map(MediaType, named or ["*/*"]), key=attrgetter("specificity"), reverse=True)


def weights(accept: str, media_types: Iterable[str]) -> list[float]:
    ranges = media_ranges(accept)
    return [next((it.quality for it in ranges if it.match(name)), 0) for name in media_types]


def wants_page(request: HttpRequest | Request) -> bool:
    """Whether the client prefers HTML to JSON, as browsers do."""
    of_json, of_html = weights(request.headers.get("Accept", ""), ("application/json", "text/html"))
    return of_html > of_json


class Negotiation(DefaultContentNegotiation):
    """The renderer to which `Accept` gives the highest weight; the first of several.

    `Accept` does not matter where the address names the format, and for DELETE, whose answer has no body.
    """

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        renderers = list(renderers)
        is_decided = len(renderers) == 1 or request.method == "DELETE" or FORMAT in request.query_params
        found = weights(request.headers.get("Accept", ""), [it.media_type for it in renderers])
        if not max(found) and not is_decided:
            raise NotAcceptable(available_renderers=renderers)
        chosen = renderers[0 if is_decided else found.index(max(found))]
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
