from typing import Any

from django.conf import settings
from django.http import HttpResponse
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from rest_framework.permissions import BasePermission
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.viewsets import ViewSet

from config.access.networks import is_in
from config.access.permissions import DeclaredAccess
from config.api.viewsets import BaseViewSet, check_query
from config.metrics.figures import FigureCollector
from config.metrics.sharing import request_registry


class FromAllowedNetwork(BasePermission):
    """Without credentials, from METRICS_ALLOW. A known client has its own rights alone."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return not request.user.is_authenticated and is_in(request, settings.METRICS_ALLOW)


class MetricsViewSet(ViewSet):
    """Metrics in the text format of Prometheus, whatever `Accept` says."""

    schema = None  # not in the OpenAPI document
    access = {"list": "metrics.view_metrics"}
    permission_classes = [FromAllowedNetwork | DeclaredAccess]
    options = BaseViewSet.options

    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[JSONRenderer, str]:
        return JSONRenderer(), JSONRenderer.media_type  # of errors

    def check_permissions(self, request: Request) -> None:
        """As in the API, a refused request counts for rate limits. An allowed network has none."""
        if not FromAllowedNetwork().has_permission(request, self):
            super().check_throttles(request)
        super().check_permissions(request)

    def check_throttles(self, request: Request) -> None:
        """Done with the permissions."""

    def list(self, request: Request) -> HttpResponse:
        check_query(request)
        figures = CollectorRegistry()
        figures.register(FigureCollector())
        text = generate_latest(request_registry()) + generate_latest(figures)
        return HttpResponse(text, content_type=CONTENT_TYPE_PLAIN_0_0_4, headers={"Cache-Control": "no-store"})
