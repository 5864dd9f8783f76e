from django.apps import AppConfig


class BookingsConfig(AppConfig):
    name = "bookings"
    verbose_name = "Bookings"

    def ready(self) -> None:
        from bookings import feed, figures, upkeep  # noqa: F401  register resources, figures and steps
        from bookings.lifecycle import catalogue
        from events.inventory import register_bookings

        register_bookings(catalogue)
