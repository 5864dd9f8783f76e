from django.apps import AppConfig


class MessagesConfig(AppConfig):
    name = "bookings.messages"
    label = "booking_messages"
    verbose_name = "Mails"

    def ready(self) -> None:
        from bookings.messages import checks, figures, upkeep  # noqa: F401  register themselves
