from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    name = "bookings.payments"
    label = "payments"
    verbose_name = "Payments"

    def ready(self) -> None:
        from bookings.payments import checks, feed, figures, upkeep  # noqa: F401  register what they have
