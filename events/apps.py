from typing import Any

from django.apps import AppConfig
from django.contrib import admin


class EventsConfig(AppConfig):
    name = "events"
    verbose_name = "Events"

    def ready(self) -> None:
        from config.access.narrowing import register_events
        from events import feed  # noqa: F401  registers its resource
        from events.inventory import release_due
        from events.models import Event

        register_events(Event.objects.select_related("venue").order_by)
        site: Any = admin.site
        site.before_views.append(release_due)
