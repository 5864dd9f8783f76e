from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from config.access import second_factor


class Command(BaseCommand):
    help = "Removes the second factor and the recovery codes of a user who lost both. The password stays."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="the user name")

    def handle(self, *, name: str, **options: Any) -> None:
        user = get_user_model().objects.filter(username=name).first()
        if user is None:
            raise CommandError(f"No user {name}.")
        if not second_factor.remove(user):
            raise CommandError(f"The user {name} has no second factor.")
        self.stdout.write(f"The user {name} has no second factor any more.")
