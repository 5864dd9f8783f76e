"""How the OpenAPI document is made."""

from typing import Any

from drf_spectacular.openapi import AutoSchema


class Schema(AutoSchema):
    pass


def without_trailing_slashes(endpoints: list[tuple[str, str, str, Any]]) -> list[tuple[str, str, str, Any]]:
    """Both spellings of a path are served; the document names the one that links use."""
    return [(path.rstrip("/"), *rest) for path, *rest in endpoints]
