from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.contrib.admin.apps import AdminConfig
from django.db.backends.signals import connection_created
from django.db.models import CharField, TextField
from django.db.models.functions import Length

from config.settings.database import SQLITE


class ProjectConfig(AppConfig):
    name = "config"
    label = "project"

    def ready(self) -> None:
        from config import checks  # noqa: F401  registers the checks

        if settings.DATABASES["default"]["ENGINE"] != SQLITE:
            from config.database.timestamps import register_loader  # needs psycopg

            connection_created.connect(register_loader, dispatch_uid="register_loader")
        if settings.DATABASE_ECHO:
            connection_created.connect(echo_sql, dispatch_uid="echo_sql")


class BackOfficeConfig(AdminConfig):
    """Django's admin with this project's site."""

    default_site = "config.backoffice.site.Site"


def echo_sql(connection: Any, **kwargs: Any) -> None:
    """Logs statements outside of debug mode too."""
    connection.force_debug_cursor = True


# For constraints such as `name__length__range=(1, 200)`. Models are loaded before `ready`.
CharField.register_lookup(Length)
TextField.register_lookup(Length)
