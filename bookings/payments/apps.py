from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    name = "bookings.payments"
    label = "payments"
    verbose_name = "Payments"
