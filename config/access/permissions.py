"""Who may call what: each viewset declares it in `access`, and what is not declared is refused."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from config.access.models import ApiToken


@dataclass(frozen=True)
class Anyone:
    """Needs nothing. A token that is narrowed, however, must cover `permission`, when there is one: what was made to
    read does not write, although anybody might.
    """

    permission: str = ""


ANYONE = Anyone()


@dataclass(frozen=True)
class Unless:
    """Needs `permission`, unless `is_free` says of the object that whoever reaches it may act on it.

    `free_when` is the same in words, for the documentation. A token that is narrowed must cover the permission anyway.
    """

    permission: str
    is_free: Callable[[Any], bool]
    free_when: str


class DeclaredAccess(BasePermission):
    """Reads the view's `access`: action → Anyone, the name of a permission, or Unless."""

    def has_permission(self, request: Request, view: Any) -> bool:
        action = getattr(view, "action", request.method)
        if action is None or request.method == "OPTIONS":
            return True  # no action: the answer is 405; OPTIONS tells the methods, which are in the documentation too
        match getattr(view, "access", {}).get(action):
            case None:
                return False
            case Anyone(permission) | Unless(permission):
                return not permission or is_covered(request, permission)
            case permission:
                return may(request, permission)

    def has_object_permission(self, request: Request, view: Any, obj: Any) -> bool:
        rule = view.access[view.action]
        return not isinstance(rule, Unless) or rule.is_free(obj) or may(request, rule.permission)


def may(request: Request, permission: str) -> bool:
    """Whether the user has the permission, and the token's scopes cover it."""
    return is_covered(request, permission) and request.user.has_perm(permission)


def is_covered(request: Request, permission: str) -> bool:
    """Whether the scopes of the request's token cover the permission; true without a token."""
    return not isinstance(request.auth, ApiToken) or request.auth.covers(permission)
