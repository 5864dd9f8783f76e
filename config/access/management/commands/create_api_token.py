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
from config.access.narrowing import all_events
from config.access.roles import Role
from config.access.scopes import Scope


class Command(BaseCommand):
    help = "Creates an API token for a program and prints it, alone, on the last line. It cannot be shown again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="the program's user name; a user that does not exist is created")
        parser.add_argument("--role", choices=Role.values, help="the role of a new user; existing users keep theirs")
        parser.add_argument("--for", dest="purpose", help="a name that tells the token from others (default: NAME)")
        scopes = "; ".join(f"{value}: {label}" for value, label in Scope.choices)
        parser.add_argument(
            "--scope",
            dest="scopes",
            action="append",
            choices=Scope.values,
            help=f"narrow the token to a part of what the user may do; can be repeated. {scopes}",
        )
        parser.add_argument(
            "--event",
            dest="events",
            action="append",
            type=int,
            metavar="ID",
            help="narrow the token to the tickets of an event, for its door; can be repeated",
        )
        end = parser.add_mutually_exclusive_group()
        end.add_argument("--days", type=int, default=365, help="the token expires after this many days (default: 365)")
        end.add_argument("--no-expiry", action="store_const", dest="days", const=None, help="the token never expires")

    @transaction.atomic
    def handle(self, *, name: str, role: str | None, days: int | None, **options: Any) -> None:
        if days is not None and not 1 <= days <= 36_500:
            raise CommandError("--days must be between 1 and 36500.")
        purpose = options.get("purpose") or name
        if len(name) > 100 or len(purpose) > 100:
            raise CommandError("A name may have up to 100 characters.")
        user = get_user_model().objects.filter(username=name).first() or self.create_user(name, role)
        if not user.is_active:
            raise CommandError(f"The user {name} is not active.")
        if role and not user.groups.filter(pk=self.group(role).pk).exists():
            # A new role would also apply to the user's other tokens.
            raise CommandError(
                f"The user {name} is not in the group {self.group(role)}. This command gives a role to new users only: "
                "add it in the admin, or choose another name."
            )
        expires_at = timezone.now() + dt.timedelta(days=days) if days is not None else None
        scopes = options.get("scopes") or ()
        events = set(options.get("events") or ())
        if unknown := events - set(all_events().filter(pk__in=events).values_list("pk", flat=True)):
            raise CommandError(f"No event {min(unknown)}.")
        _, text = ApiToken.issue(user=user, name=purpose, scopes=scopes, events=events, expires_at=expires_at)
        self.stderr.write(f"A token for {name}, shown only now. Send it as: Authorization: Bearer <token>")
        self.stdout.write(text)

    def group(self, role: str) -> Group:
        group = Group.objects.filter(role_group__role=role).first()
        if group is None:
            raise CommandError(f"The group {Role(role).label} does not exist. Run migrate to create it.")
        return group

    def create_user(self, name: str, role: str | None) -> Any:
        if role is None:
            raise CommandError(f"No user {name}. Choose the role of a new user with --role.")
        user = get_user_model()(username=name)
        user.set_unusable_password()
        try:
            user.full_clean()
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        user.save()
        user.groups.add(self.group(role))
        self.stderr.write(f"Created the user {name}.")
        return user
