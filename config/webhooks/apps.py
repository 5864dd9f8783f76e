from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    name = "config.webhooks"
    label = "webhooks"
    verbose_name = "Webhooks"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from config.webhooks import figures, upkeep  # noqa: F401  register figures and steps
