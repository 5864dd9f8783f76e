from django.apps import AppConfig


class TicketTypesConfig(AppConfig):
    name = "ticket_types"
    verbose_name = "Ticket types"
