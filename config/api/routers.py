from typing import Any

from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.routers import APIRootView, DefaultRouter

from config.api.viewsets import BaseViewSet, check_query

KEEP = "public, max-age=300"


class RootView(APIRootView):
    """Where each resource is."""

    permission_classes = [AllowAny]
    options = BaseViewSet.options

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        check_query(request)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        if response.status_code < 400:
            is_page = getattr(getattr(response, "accepted_renderer", None), "format", "") == "api"
            response["Cache-Control"] = "no-store" if is_page else KEEP
        return response


class OptionalSlashRouter(DefaultRouter):
    """Takes each path with and without a trailing slash; makes links without one."""

    APIRootView = RootView
    include_format_suffixes = False

    def __init__(self) -> None:
        super().__init__()
        self.trailing_slash = "/?"
