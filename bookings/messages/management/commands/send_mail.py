import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from bookings.messages.sending import send_due


class Command(BaseCommand):
    help = "Sends the mails that are due. May run several times at once, and be killed at any moment."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--watch", action="store_true", help="repeat every second")
        parser.add_argument("--once", action="store_true", help="send what is due, and end; the default")

    def handle(self, *, watch: bool, **options: Any) -> None:
        self.stdout.write(f"{send_due()} mails tried.")
        while watch:
            time.sleep(1)
            send_due()
