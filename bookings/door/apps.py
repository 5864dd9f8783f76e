from django.apps import AppConfig


class DoorConfig(AppConfig):
    name = "bookings.door"
    label = "door"
    verbose_name = "Door"
