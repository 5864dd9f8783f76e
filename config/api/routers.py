from rest_framework.permissions import AllowAny
from rest_framework.routers import APIRootView, DefaultRouter

from config.api.viewsets import Viewset


class RootView(APIRootView):
    """Where each resource is."""

    permission_classes = [AllowAny]
    options = Viewset.options


class OptionalSlashRouter(DefaultRouter):
    """Takes each path with and without a trailing slash; makes links without one."""

    APIRootView = RootView
    include_format_suffixes = False

    def __init__(self) -> None:
        super().__init__()
        self.trailing_slash = "/?"
