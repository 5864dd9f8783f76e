"""What the answers look like in a browser."""

from typing import Any

from csp.constants import UNSAFE_INLINE
from rest_framework.renderers import BrowsableAPIRenderer


class PageRenderer(BrowsableAPIRenderer):
    """DRF's pages, whose elements have style attributes: these alone are allowed beyond the policy of the site."""

    def render(self, data: Any, accepted_media_type: Any = None, renderer_context: Any = None) -> str:
        page = super().render(data, accepted_media_type, renderer_context)
        renderer_context["response"]._csp_update = {"style-src-attr": [UNSAFE_INLINE]}
        return page

    def get_breadcrumbs(self, request: Any) -> list[tuple[str, str]]:
        """Each page once, though it is there with and without a slash."""
        return list(dict(super().get_breadcrumbs(request)).items())
