"""Conditional requests (RFC 9110, section 13) and caching headers.

An entity tag has two parts, `"<state>-<content>"`. `If-None-Match` compares the whole tag. `If-Match` compares the
state alone, which leaves out the fields in the serializer's `Meta.counted`, such as availability: a sale is no edit.
"""

import hashlib
from collections.abc import Callable
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.utils.cache import patch_vary_headers
from django.utils.http import parse_etags
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.viewsets import GenericViewSet

from config.api.errors import respond
from config.problems import PreconditionFailed

HEADERS_OF_304 = ("Cache-Control", "Content-Location", "Expires", "Link", "Vary")
READS = ("GET", "HEAD")
PRECONDITIONS = ("If-Match", "If-None-Match")


def digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=10).hexdigest()


def digest_of_state(data: dict[str, Any], serializer_class: type) -> str:
    """Identifies a state of a resource for `If-Match`, whatever was expanded."""
    counted = getattr(serializer_class.Meta, "counted", ())  # type: ignore[attr-defined]
    expansions = getattr(serializer_class, "expansions", {})
    state = {
        name: value["id"] if name in expansions and isinstance(value, dict) else value
        for name, value in data.items()
        if name not in counted and not (name in expansions and expansions[name].many)
    }
    return digest(JSONRenderer().render(state))


def tags(request: HttpRequest | Request, header: str) -> list[str]:
    value = request.headers.get(header)
    return parse_etags(value) if value else []


class ConditionalMixin(GenericViewSet):
    """Sends Cache-Control, Vary and ETag.

    `public_for` is how many seconds anybody may cache an answer to an anonymous client; None means `no-store`.
    """

    public_for: ClassVar[int | None] = None

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        if response.status_code < 400:
            is_page = getattr(getattr(response, "accepted_renderer", None), "format", "") == "api"
            self.set_cache_control(request, response, is_page=is_page)
            if not is_page and getattr(response, "data", None) is not None and self.shows_resource(request, response):
                self.set_etag(response)
        return response

    def set_cache_control(self, request: Request, response: Any, *, is_page: bool) -> None:
        if self.public_for is None or request.method not in READS or is_page:
            response["Cache-Control"] = "no-store"
            return
        patch_vary_headers(response, ["Accept", "Authorization", "Cookie"])
        is_known = request.user.is_authenticated
        response["Cache-Control"] = "private, no-cache" if is_known else f"public, max-age={self.public_for}"

    def shows_resource(self, request: Request, response: Any) -> bool:
        """Whether a GET would answer the same. An answer to PUT must not have a tag (RFC 9110, section 9.3.4)."""
        return request.method in READS or self.action == "partial_update" or "Location" in response

    def set_etag(self, response: Any) -> None:
        content = digest(response.render().content)
        is_one = isinstance(response.data, dict) and self.action in ("retrieve", "create", "partial_update")
        state = f"{digest_of_state(response.data, self.get_serializer_class())}-" if is_one else ""
        response["ETag"] = f'"{state}{content}"'

    def check_preconditions(self) -> None:
        """Raises PreconditionFailed when `If-Match` or `If-None-Match` rules out the stored state.

        The model's verbs call this with the row locked.
        """
        if not any(name in self.request.headers for name in PRECONDITIONS):
            return
        state = digest_of_state(self.get_serializer(self.get_object()).data, self.get_serializer_class())
        wanted, unwanted = ({tag.partition("-")[0] for tag in tags(self.request, name)} for name in PRECONDITIONS)
        if "If-Match" in self.request.headers and not {"*", f'"{state}'} & wanted:
            raise PreconditionFailed("The resource has changed since you fetched it. Fetch it again and retry.")
        if {"*", f'"{state}'} & unwanted:
            raise PreconditionFailed("The resource is in the state that If-None-Match rules out.")


class NotModifiedMiddleware:
    """Answers 304 when `If-None-Match` has the current tag. Adds a tag to a cacheable answer without one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.method not in READS or response.status_code != 200 or response.streaming:
            return response
        if "ETag" not in response and "no-store" not in response.get("Cache-Control", ""):
            response["ETag"] = f'"{digest(response.content)}"'
        return self.compare(request, response) if "ETag" in response else response

    def compare(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if (match := tags(request, "If-Match")) and match != ["*"] and response["ETag"] not in match:
            return respond(PreconditionFailed("The resource has changed since you fetched it."))
        known = {tag.removeprefix("W/") for tag in tags(request, "If-None-Match")}
        if not known & {"*", response["ETag"].removeprefix("W/")}:
            return response
        headers = {name: response[name] for name in ("ETag", *HEADERS_OF_304) if name in response}
        answer = HttpResponseNotModified(headers=headers)
        answer.cookies = response.cookies
        return answer
