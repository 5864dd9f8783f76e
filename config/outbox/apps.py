from django.apps import AppConfig


class OutboxConfig(AppConfig):
    name = "config.outbox"
    label = "outbox"
    verbose_name = "Change feed"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from config.api.readiness import register_report
        from config.history.models import listeners
        from config.outbox import figures, upkeep  # noqa: F401  register figures and steps
        from config.outbox.heartbeat import check_worker
        from config.outbox.telling import tell_recorded

        if tell_recorded not in listeners:
            listeners.append(tell_recorded)
        register_report("worker", check_worker)
