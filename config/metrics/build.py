"""What runs: its versions."""

import platform

import django
from django.conf import settings
from django.db import connection

from config.metrics.figures import Figure, Samples
from config.metrics.figures import register as register_figure


def versions() -> Samples:
    return {(settings.VERSION, platform.python_version(), django.get_version(), connection.vendor): 1}


def register() -> None:
    labels = ("version", "python", "django", "database")
    register_figure(Figure("tickets_build_info", "The versions that run; always 1.", versions, labels))
