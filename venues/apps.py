from django.apps import AppConfig


class VenuesConfig(AppConfig):
    name = "venues"
    verbose_name = "Venues"

    def ready(self) -> None:
        from venues import feed  # noqa: F401  registers its resource
