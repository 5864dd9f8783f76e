import datetime as dt
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from config.access.models import ApiToken
from config.access.roles import Role


class Command(BaseCommand):
    help = "Makes an API token for a program, and prints it, alone, on the last line. It cannot be shown again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="the program's user name; the user is made when there is none")
        parser.add_argument("--role", choices=Role.values, help="what the user may do; needed for a new user")
        parser.add_argument("--days", type=int, help="the token runs out after this many days (default: never)")

    @transaction.atomic
    def handle(self, *, name: str, role: str | None, days: int | None, **options: Any) -> None:
        if days is not None and not 1 <= days <= 36_500:
            raise CommandError("--days must be between 1 and 36500.")
        if len(name) > 100:
            raise CommandError("A name may have up to 100 characters.")
        user = get_user_model().objects.filter(username=name).first()
        if user is None:
            user = self.make_user(name, role)
        elif not user.is_active:
            raise CommandError(f"The user {name} is not active.")
        if role:
            user.groups.add(self.group(Role(role)))
        expires_at = timezone.now() + dt.timedelta(days=days) if days else None
        _, text = ApiToken.issue(user=user, name=name, expires_at=expires_at)
        self.stderr.write(f"A token for {name}, shown only now. Send it as: Authorization: Bearer <token>")
        self.stdout.write(text)

    def group(self, role: Role) -> Group:
        group = Group.objects.filter(name=role.label).first()
        if group is None:
            raise CommandError(f"The group {role.label} is gone: make it in the admin, or run migrate.")
        return group

    def make_user(self, name: str, role: str | None) -> Any:
        if role is None:
            raise CommandError(f"There is no user {name}: say with --role what a new one may do.")
        user = get_user_model()(username=name)
        user.set_unusable_password()
        try:
            user.full_clean()
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        user.save()
        self.stderr.write(f"Made the user {name}.")
        return user
