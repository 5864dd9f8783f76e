from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    name = "bookings.payments"
    label = "payments"
    verbose_name = "Payments"

    def ready(self) -> None:
        from bookings.payments import checks  # noqa: F401  registers the checks
