"""What an account may, by a statement that is compiled once (see config.statements)."""

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Group, Permission
from django.db.models import BigIntegerField, Q, QuerySet

from config.statements import Parameter, Statement


def granted() -> QuerySet[Any, Any]:
    user = Parameter("user", BigIntegerField())
    own = get_user_model().user_permissions.through.objects.filter(user=user).values("permission")
    of_groups = Group.permissions.through.objects.filter(group__user=user).values("permission")
    rows = Permission.objects.filter(Q(pk__in=own) | Q(pk__in=of_groups)).order_by()
    return rows.values_list("content_type__app_label", "codename")


GRANTED = Statement(granted)


class Backend(ModelBackend):
    """Django's own, but that it asks once instead of twice, with nothing to build: 2,000 µs of each request of staff.

    As with Django's, what was found stays with the account's object, which lives as long as its request.
    """

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        if not user_obj.is_active or user_obj.is_anonymous or user_obj.is_superuser or obj is not None:
            return super().get_all_permissions(user_obj, obj)
        if not hasattr(user_obj, "_perm_cache"):
            user_obj._perm_cache = {f"{app}.{name}" for app, name in GRANTED.rows(user=user_obj.pk)}
        found: set[str] = user_obj._perm_cache
        return found
