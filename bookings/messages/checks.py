from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import Error, Tags, register


@register(Tags.files)
def check_files(**kwargs: Any) -> list[Error]:
    """Files and folders that settings name exist; otherwise the first mail would find out."""
    errors = []
    for name, paths in {"TICKET_FONTS": settings.TICKET_FONTS, "MESSAGE_LOGO": [settings.MESSAGE_LOGO]}.items():
        errors += [error(name, path, "file") for path in paths if path and not Path(path).is_file()]
    if settings.MESSAGE_TEMPLATES and not Path(settings.MESSAGE_TEMPLATES).is_dir():
        errors.append(error("MESSAGE_TEMPLATES", settings.MESSAGE_TEMPLATES, "folder"))
    return errors


def error(name: str, path: str, kind: str) -> Error:
    return Error(f"{name} names {path}, but there is no such {kind}.", id=f"booking_messages.{name}")
