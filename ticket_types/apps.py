from django.apps import AppConfig


class TicketTypesConfig(AppConfig):
    name = "ticket_types"
    verbose_name = "Ticket types"

    def ready(self) -> None:
        from ticket_types import feed  # noqa: F401  registers its resource
