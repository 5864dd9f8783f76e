"""Release on read, for views."""

from typing import Any

from rest_framework.request import Request
from rest_framework.viewsets import GenericViewSet

from events.inventory.bookings import release_due


class ReleasesDueHolds(GenericViewSet):
    """A viewset that shows or takes stock, or lists bookings: due holds are released before each of its actions."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if self.action is not None:
            release_due(self.event_id())

    def event_id(self) -> int | None:
        """The event that is shown, when it is only one."""
        return None
