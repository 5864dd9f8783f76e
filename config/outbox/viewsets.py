from typing import Any

from rest_framework import mixins
from rest_framework.request import Request

from config.api.viewsets import BaseViewSet
from config.outbox.models import FeedChange
from config.outbox.problems import CursorExpired
from config.outbox.publishing import publish
from config.outbox.reading import FeedPagination
from config.outbox.serializers import ChangeSerializer


class ChangeViewSet(mixins.ListModelMixin, BaseViewSet):
    """What happened, in the order in which it became visible to all: each change once, and none missing."""

    queryset = FeedChange.objects.all()
    serializer_class = ChangeSerializer
    pagination_class = FeedPagination
    access = {"list": "outbox.view_feedchange"}
    refusals = {"list": [CursorExpired]}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Publishes what has committed, so that the feed is complete without a worker."""
        super().initial(request, *args, **kwargs)
        if self.action == "list":
            publish()
