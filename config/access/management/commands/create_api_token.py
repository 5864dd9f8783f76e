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
from config.access.scopes import Scope


class Command(BaseCommand):
    help = "Makes an API token for a program, and prints it, alone, on the last line. It cannot be shown again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="the program's user name; the user is made when there is none")
        parser.add_argument(
            "--role", choices=Role.values, help="what a new user may do; one that exists keeps what it has"
        )
        parser.add_argument(
            "--for", dest="purpose", help="what the token is for, to tell it from others (default: NAME)"
        )
        scopes = "; ".join(f"{value}: {label}" for value, label in Scope.choices)
        parser.add_argument(
            "--scope",
            dest="scopes",
            action="append",
            choices=Scope.values,
            help=f"narrow the token to this part of what the user may; may be given several times. {scopes}",
        )
        parser.add_argument("--days", type=int, help="the token runs out after this many days (default: never)")

    @transaction.atomic
    def handle(self, *, name: str, role: str | None, days: int | None, **options: Any) -> None:
        if days is not None and not 1 <= days <= 36_500:
            raise CommandError("--days must be between 1 and 36500.")
        purpose = options.get("purpose") or name
        if len(name) > 100 or len(purpose) > 100:
            raise CommandError("A name may have up to 100 characters.")
        user = get_user_model().objects.filter(username=name).first()
        if user is None:
            user = self.make_user(name, role)
        elif not user.is_active:
            raise CommandError(f"The user {name} is not active.")
        elif role and not user.groups.filter(pk=self.group(Role(role)).pk).exists():
            # It would reach every other token of the user, too.
            raise CommandError(
                f"The user {name} is not in the group {self.group(Role(role))}, and this command gives a role to new "
                "users only. Add it in the admin, or take another name."
            )
        expires_at = timezone.now() + dt.timedelta(days=days) if days else None
        scopes = options.get("scopes") or ()
        _, text = ApiToken.issue(user=user, name=purpose, scopes=scopes, expires_at=expires_at)
        self.stderr.write(f"A token for {name}, shown only now. Send it as: Authorization: Bearer <token>")
        self.stdout.write(text)

    def group(self, role: Role) -> Group:
        group = Group.objects.filter(role_group__role=role).first()
        if group is None:
            raise CommandError(f"The group {role.label} is gone: run migrate, which makes it again.")
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
        user.groups.add(self.group(Role(role)))
        self.stderr.write(f"Made the user {name}.")
        return user
