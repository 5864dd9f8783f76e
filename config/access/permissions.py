"""Who may call what: each viewset declares it in `access`, and what is not declared is refused."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

ANYONE = "anyone"


@dataclass(frozen=True)
class Unless:
    """Needs `permission`, unless `is_free` says of the object that whoever reaches it may act on it.

    `free_when` is the same in words, for the documentation.
    """

    permission: str
    is_free: Callable[[Any], bool]
    free_when: str


class DeclaredAccess(BasePermission):
    """Reads the view's `access`: action → ANYONE, the name of a permission, or Unless."""

    def has_permission(self, request: Request, view: Any) -> bool:
        action = getattr(view, "action", request.method)
        if action is None or request.method == "OPTIONS":
            return True  # no action: the answer is 405; OPTIONS tells the methods, which are in the documentation too
        rule = getattr(view, "access", {}).get(action)
        if rule is None:
            return False
        return rule == ANYONE or isinstance(rule, Unless) or request.user.has_perm(rule)

    def has_object_permission(self, request: Request, view: Any, obj: Any) -> bool:
        rule = view.access[view.action]
        return not isinstance(rule, Unless) or rule.is_free(obj) or request.user.has_perm(rule.permission)
