from typing import Any

from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.routers import APIRootView, DefaultRouter

from config.api.viewsets import BaseViewSet, check_query


class RootView(APIRootView):
    """Links to the resources."""

    permission_classes = [AllowAny]
    options = BaseViewSet.options

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        check_query(request)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        if response.status_code < 400:
            is_page = getattr(getattr(response, "accepted_renderer", None), "format", "") == "api"
            response["Cache-Control"] = "no-store" if is_page else "public, max-age=300"
        return response


class OptionalSlashRouter(DefaultRouter):
    """Serves each path with and without a trailing slash, and makes links without one."""

    APIRootView = RootView
    include_format_suffixes = False

    def __init__(self) -> None:
        super().__init__()
        self.trailing_slash = "/?"
