"""Permissions of the API: each viewset declares them in `access`; an action without a rule is refused."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from config.access.models import ApiToken


@dataclass(frozen=True)
class Anyone:
    """Open to every client. The scopes of a token must cover `permission`, if there is one: a token made for reading
    does not write, although anonymous clients may.
    """

    permission: str = ""


ANYONE = Anyone()


@dataclass(frozen=True)
class Unless:
    """Requires `permission`, unless `is_free` is true of the object; `free_when` says that in the documentation.

    The scopes of a token must cover the permission in any case.
    """

    permission: str
    is_free: Callable[[Any], bool]
    free_when: str


class DeclaredAccess(BasePermission):
    """Checks the view's `access`, which maps an action to Anyone, the name of a permission, or Unless."""

    def has_permission(self, request: Request, view: Any) -> bool:
        action = getattr(view, "action", request.method)
        if action is None or request.method == "OPTIONS":
            return True  # without an action the answer is 405; OPTIONS lists methods, as the documentation does
        match getattr(view, "access", {}).get(action):
            case None:
                return False
            case Anyone(permission) | Unless(permission):
                return not permission or is_in_scope(request, permission)
            case permission:
                return may(request, permission)

    def has_object_permission(self, request: Request, view: Any, obj: Any) -> bool:
        rule = view.access[view.action]
        return not isinstance(rule, Unless) or rule.is_free(obj) or may(request, rule.permission)


def may(request: Request, permission: str) -> bool:
    """Whether the user has the permission, and the scopes of the token cover it.

    Use it wherever a view checks a permission: `request.user.has_perm` does not know of scopes.
    """
    return is_in_scope(request, permission) and request.user.has_perm(permission)


def is_in_scope(request: Request, permission: str) -> bool:
    return not isinstance(request.auth, ApiToken) or request.auth.covers(permission)
