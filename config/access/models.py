import datetime as dt
import hashlib
import secrets
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q

PREFIX = "tbs_"


def digest(token: str) -> str:
    """What is stored of a token. It holds 256 random bits, so a plain hash cannot be guessed back."""
    return hashlib.sha256(token.encode()).hexdigest()


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def valid(self, at: dt.datetime) -> Self:
        unexpired = Q(expires_at=None) | Q(expires_at__gt=at)
        return self.filter(unexpired, revoked_at=None, user__is_active=True)


class ApiToken(models.Model):
    """A program's key: it acts as its user. Only a hash of it is kept."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100, help_text="What uses this token, such as “web shop”.")
    start = models.CharField(max_length=12, editable=False, help_text="Its first characters, to recognise it by.")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Empty: it does not run out.")
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
    def issue(cls, *, user: object, name: str, expires_at: dt.datetime | None = None) -> tuple["ApiToken", str]:
        """Makes a token, and returns it with its text, which is not kept and cannot be shown again."""
        text = PREFIX + secrets.token_urlsafe(32)
        token = cls.objects.create(user=user, name=name, start=text[:12], digest=digest(text), expires_at=expires_at)
        return token, text

    def revoke(self, *, at: dt.datetime) -> None:
        """Ends the token now. Revoking it again changes nothing."""
        type(self).objects.filter(pk=self.pk, revoked_at=None).update(revoked_at=at)
        self.refresh_from_db()
