from django.apps import AppConfig


class BookingsConfig(AppConfig):
    name = "bookings"
    verbose_name = "Bookings"

    def ready(self) -> None:
        from bookings.lifecycle import catalogue
        from events.inventory import register_bookings

        register_bookings(catalogue)
