"""Users cannot give rights that they lack, or take over an account or a group that has more."""

from typing import Any

from django.contrib.auth.models import Group, Permission
from django.db.models import Q, QuerySet


def rights(user: Any) -> QuerySet[Permission]:
    """The permissions that a user has, or would have when active."""
    return Permission.objects.filter(Q(user=user) | Q(group__user=user))


def is_lesser(obj: Any, user: Any) -> bool:
    """Whether an account or a group has no right that the user lacks. None: no object in particular."""
    if obj is None or user.is_superuser:
        return True
    if getattr(obj, "is_superuser", False):
        return False
    held = obj.permissions.all() if isinstance(obj, Group) else rights(obj)
    return not held.exclude(pk__in=rights(user).values("pk")).exists()


def grantable(user: Any, rows: QuerySet[Any]) -> QuerySet[Any]:
    """Those of some groups or permissions that a user without all rights may give."""
    own = rights(user).values("pk")
    if rows.model is Group:
        return rows.exclude(permissions__in=Permission.objects.exclude(pk__in=own))
    return rows.filter(pk__in=own)
