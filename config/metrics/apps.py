import os

from django.apps import AppConfig


class MetricsConfig(AppConfig):
    name = "config.metrics"
    label = "metrics"
    verbose_name = "Metrics"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from config.metrics import build, sharing

        build.register()
        if folder := os.environ.get(sharing.FOLDER):  # a worker process that was not forked
            sharing.share(folder)
