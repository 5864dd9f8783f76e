import datetime as dt
import hashlib
import secrets
from collections.abc import Collection
from typing import Any, Self

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from config.access.roles import Role
from config.access.scopes import SCOPE_PERMISSIONS, Scope

PREFIX = "tbs_"
LIFETIME = dt.timedelta(days=365)
MONTH = dt.timedelta(days=30)
LAST_USED_PRECISION = dt.timedelta(minutes=5)


def in_a_year() -> dt.datetime:
    return timezone.now() + LIFETIME


def validate_ids(value: Any) -> None:
    """Raises ValidationError."""
    if not isinstance(value, list) or not all(type(it) is int and it > 0 for it in value):
        raise ValidationError("Must be a list of ids.", code="invalid")


def digest(token: str) -> str:
    """The stored hash of a token. A token has 256 random bits, so it needs no slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def valid(self, at: Any) -> Self:
        unexpired = Q(expires_at=None) | Q(expires_at__gt=at)
        return self.filter(unexpired, revoked_at=None, user__is_active=True)

    def expiring(self, at: dt.datetime) -> Self:
        """Valid ones with less than a month left."""
        return self.valid(at).filter(expires_at__lt=at + MONTH)


class ApiToken(models.Model):
    """A program's key to the API: acts as its user, within its scopes. Only its hash is stored."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100, help_text="The program that uses the token, such as “web shop”.")
    start = models.CharField(max_length=12, editable=False, help_text="The first characters, to recognise the token.")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    scopes = models.JSONField(default=list, db_default=[], blank=True, help_text="None: everything the user may do.")
    # Ids, and no relation: the token of a deleted event must not become one of all events.
    events = models.JSONField(
        default=list,
        db_default=[],
        blank=True,
        validators=[validate_ids],
        help_text="The ids of the only events that it may see and check in. None: all events.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True, default=in_a_year, help_text="Empty: never.")
    last_used_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        verbose_name = "API token"
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(name__length__range=(1, 100)),
                name="api_token_name_has_1_to_100_characters",
                violation_error_message="A token's name must have 1 to 100 characters.",
                violation_error_code="invalid-name",
            ),
            models.CheckConstraint(
                condition=Q(expires_at=None) | Q(expires_at__gt=F("created_at")),
                name="api_token_expires_after_it_is_created",
                violation_error_message="A token must expire after it is created.",
                violation_error_code="expires-too-early",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.start}…)"

    @classmethod
    def issue(
        cls, *, user: object, name: str, scopes: Collection[str] = (), events: Collection[int] = (), **data: Any
    ) -> tuple["ApiToken", str]:
        """Creates a token and returns it with its text, which is not stored. Raises ValueError for an unknown scope.

        The token expires in a year; `expires_at` is another time, or None: never.
        """
        text = PREFIX + secrets.token_urlsafe(32)
        known = {Scope(scope).value for scope in scopes}
        data |= {"name": name, "scopes": [scope for scope in Scope.values if scope in known], "events": sorted(events)}
        return cls.objects.create(user=user, start=text[:12], digest=digest(text), **data), text

    def revoke(self, *, at: dt.datetime) -> None:
        type(self).objects.filter(pk=self.pk, revoked_at=None).update(revoked_at=at)
        self.refresh_from_db()

    def note_use(self, *, at: dt.datetime) -> None:
        """Updates `last_used_at` at most every five minutes, so that a busy token is rarely written."""
        before = at - LAST_USED_PRECISION
        if self.last_used_at is None or self.last_used_at <= before:
            due = Q(last_used_at=None) | Q(last_used_at__lte=before)
            type(self).objects.filter(due, pk=self.pk).update(last_used_at=at)

    def covers(self, permission: str) -> bool:
        """Whether a scope covers the permission. A token without scopes may do all that its user may."""
        return not self.scopes or any(permission in SCOPE_PERMISSIONS.get(scope, ()) for scope in self.scopes)


class RoleGroup(models.Model):
    """The group of a role, which staff may rename, and the permissions that it got from ROLE_PERMISSIONS last."""

    role = models.CharField(max_length=20, unique=True, choices=Role.choices)
    group = models.OneToOneField(Group, on_delete=models.CASCADE, related_name="role_group")
    given = models.JSONField(default=list)

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(role__in=Role.values),
                name="role_group_has_a_known_role",
                violation_error_message="Unknown role.",
                violation_error_code="unknown-role",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.group} ({self.role})"


class LoginFailureQuerySet(models.QuerySet["LoginFailure"]):
    def outdated(self, at: dt.datetime) -> Self:
        return self.filter(hour__lt=at - MONTH)


class LoginFailure(models.Model):
    """The failed logins of an hour from one address, for one account or for names without an account."""

    MAX_ROWS = 1000  # of an hour; further ones have no address, so that an attack does not fill the table

    hour = models.DateTimeField()
    username = models.CharField(max_length=150, blank=True, help_text="Empty: no account has the name that was typed.")
    address = models.CharField(max_length=50, blank=True)
    count = models.PositiveIntegerField(default=0)
    last_at = models.DateTimeField()

    objects = LoginFailureQuerySet.as_manager()

    class Meta:
        default_permissions = ("view",)
        ordering = ["-hour", "-id"]
        constraints = [  # its index also finds the rows of an hour
            models.UniqueConstraint(
                fields=["hour", "username", "address"],
                name="login_failures_are_counted_once",
                violation_error_message="The failed logins of an hour are one row for each account and address.",
                violation_error_code="already-exists",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.username or 'unknown account'} from {self.address or 'further addresses'}"

    @classmethod
    def note(cls, *, username: str, address: str, at: dt.datetime) -> Self:
        """Counts a failed login. A name without an account may be a mistyped password, and is not stored."""
        hour = at.replace(minute=0, second=0, microsecond=0)
        if cls.objects.filter(hour=hour)[cls.MAX_ROWS - 1 :].exists():
            address = ""
        is_known = get_user_model().objects.filter(username=username).exists()
        key = {"hour": hour, "username": username if is_known else "", "address": address}
        row, is_new = cls.objects.get_or_create(**key, defaults={"last_at": at})
        cls.objects.filter(pk=row.pk).update(count=F("count") + 1, last_at=at)
        if is_new:
            cls.objects.outdated(at).delete()
        return row
