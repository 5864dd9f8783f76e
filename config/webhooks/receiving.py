"""What may be delivered to an endpoint that somebody adds or changes."""

from collections.abc import Callable, Collection

from config.outbox.types import TYPES


def missing_permissions(may: Callable[[str], bool], types: Collection[str]) -> list[str]:
    """The permissions to see what these types show, or all types when there are none, that `may` does not grant."""
    needed = {TYPES[name].permission for name in types or TYPES if name in TYPES}
    return sorted(name for name in needed if not may(name))
