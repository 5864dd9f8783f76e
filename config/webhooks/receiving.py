"""What a user may have delivered."""

from collections.abc import Collection
from typing import Any

from config.outbox.types import TYPES


def missing_permissions(user: Any, types: Collection[str]) -> list[str]:
    """The permissions to see what these types show, or all types, that a user does not have.

    Without the scopes of a token: that of webhooks includes to receive what its user may see.
    """
    needed = {TYPES[name].permission for name in types or TYPES if name in TYPES}
    return sorted(name for name in needed if not user.has_perm(name))
