from typing import Any

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.request import Request


class QuickNegotiation(DefaultContentNegotiation):
    """Whoever takes anything, or asks for what comes first anyway, gets that: in 1 µs instead of 30."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        first = renderers[0]
        if format_suffix is None and request.META.get("HTTP_ACCEPT", "*/*") in ("*/*", first.media_type):
            return first, first.media_type
        return super().select_renderer(request, renderers, format_suffix)
