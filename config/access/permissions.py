"""Permissions of the API: each viewset declares them in `access`, which maps an action to a rule.

"app.permission"                    needs the permission
PermissionOrAnonymous(permission)   known clients need the permission, anonymous clients nothing
PermissionOrSecret(permission)      known clients need the permission, anonymous clients the object's secret
ANYONE                              open to every client: the public catalogue

A known client has credentials, a token or a session. It never falls back on the rights of an anonymous client.

An action without a rule is refused. So is, for a token that is narrowed to events, an action that the viewset does not
name in `narrowed_actions`: there its queryset is that of the token's events.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from config.access.booking_secret import sent_secret
from config.access.models import ApiToken


@dataclass(frozen=True)
class Anyone:
    pass


ANYONE = Anyone()


@dataclass(frozen=True)
class PermissionOrAnonymous:
    permission: str


@dataclass(frozen=True)
class PermissionOrSecret(PermissionOrAnonymous):
    """Without the secret the object does not exist for an anonymous client.

    With it, the client may do what `is_open` allows for the object; `open_when` says that in the documentation.
    """

    is_open: Callable[[Any], bool] = lambda _: True
    open_when: str = ""


class DeclaredAccess(BasePermission):
    """Checks the view's `access`. Objects with a secret have `opens_with(secret)`."""

    def has_permission(self, request: Request, view: Any) -> bool:
        action = getattr(view, "action", request.method)
        if action is None or request.method == "OPTIONS":
            return True  # without an action the answer is 405; OPTIONS lists methods, as the documentation does
        if events_of(request) and action not in getattr(view, "narrowed_actions", ()):
            return False
        match getattr(view, "access", {}).get(action):
            case None:
                return False
            case Anyone():
                return True
            case PermissionOrAnonymous(permission):
                return not request.user.is_authenticated or may(request, permission)
            case permission:
                return may(request, permission)

    def has_object_permission(self, request: Request, view: Any, obj: Any) -> bool:
        rule = view.access[view.action]
        if request.user.is_authenticated or not isinstance(rule, PermissionOrSecret):
            return True
        if not obj.opens_with(sent_secret(request)):
            raise Http404  # as for an unknown id
        return rule.is_open(obj)


def events_of(request: Request) -> list[int]:
    """The ids of the events that the token is narrowed to; none for all other clients, which have all events."""
    return request.auth.events if isinstance(request.auth, ApiToken) else []


def narrowed(request: Request, queryset: QuerySet, path: str) -> QuerySet:
    """The rows that belong to the token's events; `path` leads from a row to its event."""
    events = events_of(request)
    return queryset.filter(**{f"{path}__in": events}) if events else queryset


def may(request: Request, permission: str) -> bool:
    """Whether the user has the permission, and the scopes of the token cover it.

    Use it wherever a view checks a permission: `request.user.has_perm` does not know of scopes.
    """
    is_covered = not isinstance(request.auth, ApiToken) or request.auth.covers(permission)
    return is_covered and request.user.has_perm(permission)
