from typing import Any

from rest_framework.renderers import BaseRenderer


class BytesRenderer(BaseRenderer):
    render_style = "binary"
    charset = None

    def render(self, data: Any, accepted_media_type: Any = None, renderer_context: Any = None) -> Any:
        return data


class PdfRenderer(BytesRenderer):
    media_type, format = "application/pdf", "pdf"


class SvgRenderer(BytesRenderer):
    media_type, format = "image/svg+xml", "svg"


class PngRenderer(BytesRenderer):
    media_type, format = "image/png", "png"
