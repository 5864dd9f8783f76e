"""Django's middlewares for sessions, users and messages, which step aside for a guest of the API.

They were a tenth of what one venue costs, to find that there is nobody: a request without cookies has no session, and
no answer of the API begins one. With any cookie they do what they always do.
"""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth import middleware as auth
from django.contrib.auth.models import AnonymousUser
from django.contrib.messages import middleware as messages
from django.contrib.sessions import middleware as sessions
from django.http import HttpRequest
from django.utils.cache import patch_vary_headers
from django.utils.functional import SimpleLazyObject, empty

PLACES = ("/health", f"{settings.API_V1_STR}/")  # no answer there begins a session


def is_guest(request: HttpRequest) -> bool:
    return not request.META.get("HTTP_COOKIE") and request.path.startswith(PLACES)


class SessionMiddleware(sessions.SessionMiddleware):
    """Gives a guest of the API no session, and a user who is nobody."""

    def __call__(self, request: HttpRequest) -> Any:
        return self.answer_guest(request) if is_guest(request) else super().__call__(request)

    def answer_guest(self, request: Any) -> Any:
        """With Vary: Cookie where a session would have been asked who the user is."""
        user = request.user = SimpleLazyObject(AnonymousUser)
        response: Any = self.get_response(request)
        was_asked_for = user._wrapped is not empty
        if was_asked_for and "Cookie" not in response.get("Vary", ""):
            patch_vary_headers(response, ("Cookie",))
        return response


class OfSessions:
    """Mixed into a middleware that has nothing to do where there is no session."""

    get_response: Callable[[HttpRequest], Any]

    def __call__(self, request: HttpRequest) -> Any:
        return super().__call__(request) if hasattr(request, "session") else self.get_response(request)  # type: ignore[misc]


class AuthenticationMiddleware(OfSessions, auth.AuthenticationMiddleware):
    pass


class MessageMiddleware(OfSessions, messages.MessageMiddleware):
    pass
