from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AccessConfig(AppConfig):
    name = "config.access"
    label = "access"
    verbose_name = "Access"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from config.access.roles import set_up_roles

        post_migrate.connect(set_up_roles, dispatch_uid="set_up_roles")
