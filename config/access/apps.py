from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AccessConfig(AppConfig):
    name = "config.access"
    label = "access"
    verbose_name = "Access"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from config import checks  # noqa: F401  which register themselves

        post_migrate.connect(set_up_roles, dispatch_uid="set_up_roles")


def set_up_roles(using: str, **kwargs: Any) -> None:
    """Runs after each app's migrations, with the models as these left them."""
    from config.access.roles import set_up

    set_up(using, **({"apps": kwargs["apps"]} if "apps" in kwargs else {}))
