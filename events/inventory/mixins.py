"""Release on read, for viewsets."""

from typing import Any

from rest_framework.request import Request
from rest_framework.viewsets import GenericViewSet

from events.inventory.bookings import release_due


class ReleaseMixin(GenericViewSet):
    """Releases due holds before each action, since it shows stock or booking states.

    Not before `create`: a new event or ticket type has no holds, and a booking releases what is due when it needs it.
    """

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if self.action not in (None, "metadata", "create"):
            release_due(self.event_id())

    def event_id(self) -> int | None:
        """The event that is shown, when it is only one."""
        return None
