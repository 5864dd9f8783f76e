from django.apps import AppConfig
from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.db.models.signals import post_migrate, post_save


class AccessConfig(AppConfig):
    name = "config.access"
    label = "access"
    verbose_name = "Access"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from config.access.login import end_after_hours
        from config.access.passwords import end_tokens_of_inactive
        from config.access.roles import set_up_roles

        user_logged_in.connect(end_after_hours, dispatch_uid="end_after_hours")
        post_migrate.connect(set_up_roles, dispatch_uid="set_up_roles")
        post_save.connect(
            end_tokens_of_inactive, sender=settings.AUTH_USER_MODEL, dispatch_uid="end_tokens_of_inactive"
        )
