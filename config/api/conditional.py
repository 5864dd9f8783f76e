"""Conditional requests (RFC 9110, section 13): what a client has already is not sent again, and an edit of something
that has changed meanwhile is refused.

An entity tag has two parts, `"<facts>-<all>"`. `If-None-Match` compares the whole tag. `If-Match` compares the facts
alone: what the server counts by itself, such as the places that are left, is no edit, and selling a ticket must not
refuse what staff have just typed. What these counted fields are, a serializer says in `Meta.counted`.
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

KEPT_BY_304 = ("Cache-Control", "Content-Location", "Expires", "Link", "Vary")
READS = ("GET", "HEAD")
PRECONDITIONS = ("If-Match", "If-None-Match")


def digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=10).hexdigest()


def digest_of_facts(data: dict[str, Any], serializer_class: type) -> str:
    """What identifies the state of a resource for `If-Match`, however much of it was expanded."""
    counted = getattr(serializer_class.Meta, "counted", ())  # type: ignore[attr-defined]
    expansions = getattr(serializer_class, "expansions", {})
    facts = {
        name: value["id"] if name in expansions and isinstance(value, dict) else value
        for name, value in data.items()
        if name not in counted and not (name in expansions and expansions[name].many)
    }
    return digest(JSONRenderer().render(facts))


def tags(request: HttpRequest | Request, header: str) -> list[str]:
    value = request.headers.get(header)
    return parse_etags(value) if value else []


class Conditional(GenericViewSet):
    """A view whose answers say how long they may be kept, and what they are: Cache-Control, Vary and ETag.

    `public_for` is for how many seconds anybody may keep what anonymous callers are shown; None: nobody keeps anything.
    """

    public_for: ClassVar[int | None] = None

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        if response.status_code < 400:
            is_page = getattr(getattr(response, "accepted_renderer", None), "format", "") == "api"
            self.say_who_may_keep(request, response, is_page=is_page)
            if not is_page and getattr(response, "data", None) is not None and self.shows_itself(request, response):
                self.tag(response)
        return response

    def say_who_may_keep(self, request: Request, response: Any, *, is_page: bool) -> None:
        if self.public_for is None or request.method not in READS or is_page:
            response["Cache-Control"] = "no-store"
            return
        patch_vary_headers(response, ["Accept", "Authorization", "Cookie"])
        is_known = request.user.is_authenticated
        response["Cache-Control"] = "private, no-cache" if is_known else f"public, max-age={self.public_for}"

    def shows_itself(self, request: Request, response: Any) -> bool:
        """Whether a GET would answer the same there. After PUT no tag may be sent (RFC 9110, section 9.3.4)."""
        return request.method in READS or self.action == "partial_update" or "Location" in response

    def tag(self, response: Any) -> None:
        whole = digest(response.render().content)
        is_one = isinstance(response.data, dict) and self.action in ("retrieve", "create", "partial_update")
        facts = f"{digest_of_facts(response.data, self.get_serializer_class())}-" if is_one else ""
        response["ETag"] = f'"{facts}{whole}"'

    def refuse_stale(self) -> None:
        """Raises PreconditionFailed when `If-Match` names another state than the one that is stored, or
        `If-None-Match` that one.

        A verb calls this when it has locked the row, so that nobody can change it between the question and the answer.
        """
        if not any(name in self.request.headers for name in PRECONDITIONS):
            return
        facts = digest_of_facts(self.get_serializer(self.get_object()).data, self.get_serializer_class())
        wanted, unwanted = ({tag.partition("-")[0] for tag in tags(self.request, name)} for name in PRECONDITIONS)
        if "If-Match" in self.request.headers and not {"*", f'"{facts}'} & wanted:
            raise PreconditionFailed("It has changed since you read it. Read it again, and decide anew.")
        if {"*", f'"{facts}'} & unwanted:
            raise PreconditionFailed("It is in the state that If-None-Match rules out.")


class NotModifiedMiddleware:
    """Answers 304 when `If-None-Match` names what would be answered; gives a tag to what has none and may be kept."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.method not in READS or response.status_code != 200 or response.streaming:
            return response
        if "ETag" not in response and "no-store" not in response.get("Cache-Control", ""):
            response["ETag"] = f'"{digest(response.content)}"'
        return self.conditional(request, response) if "ETag" in response else response

    def conditional(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if (match := tags(request, "If-Match")) and match != ["*"] and response["ETag"] not in match:
            return respond(PreconditionFailed("It has changed since you read it."))
        known = {tag.removeprefix("W/") for tag in tags(request, "If-None-Match")}
        if not known & {"*", response["ETag"].removeprefix("W/")}:
            return response
        headers = {name: response[name] for name in ("ETag", *KEPT_BY_304) if name in response}
        answer = HttpResponseNotModified(headers=headers)
        answer.cookies = response.cookies
        return answer
