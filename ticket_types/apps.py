from django.apps import AppConfig


class TicketTypesConfig(AppConfig):
    name = "ticket_types"
    verbose_name = "Ticket types"

    def ready(self) -> None:
        from events.inventory.ticket_types import register_ticket_types
        from ticket_types import feed, of_events  # noqa: F401  registers its resource

        register_ticket_types(of_events)
