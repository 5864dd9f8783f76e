"""The second factor of staff: codes of an authenticator app (TOTP, RFC 6238), and recovery codes for its loss.

django-otp stores them, accepts a code once, and makes the next one wait after wrong codes.
"""

import base64
import hashlib
import re
import secrets
from textwrap import wrap
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Exists, OuterRef, Subquery
from django.utils import timezone
from django_otp import DEVICE_ID_SESSION_KEY, verify_token
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

ALL = "all"
APP_CODE = re.compile(r"[0-9]{6}")
IGNORED = re.compile(r"[\s-]")
RECOVERY_CODES = 10
RECOVERY_BYTES = 10


def with_second_factor(users: models.QuerySet[Any]) -> models.QuerySet[Any]:
    """Users with the id of their device as `second_factor`; None: they have none."""
    devices = TOTPDevice.objects.filter(user=OuterRef("pk"), confirmed=True).order_by("pk")
    return users.annotate(second_factor=Subquery(devices.values("pk")[:1]))


class Backend(ModelBackend):
    """Loads, with the user of a session, what is asked about the second factor: it costs no query of its own."""

    def get_user(self, user_id: int) -> Any:
        roles = Group.objects.filter(user=OuterRef("pk"), role_group__role__in=settings.REQUIRE_SECOND_FACTOR)
        users = with_second_factor(get_user_model().objects.filter(pk=user_id)).annotate(has_role=Exists(roles))
        user = users.first()
        return user if user and self.user_can_authenticate(user) else None


def is_required(user: Any) -> bool:
    """Whether a role of the user needs a second factor; superusers have every role. `user` is as Backend loads it."""
    roles = settings.REQUIRE_SECOND_FACTOR
    return bool(user.has_role or (roles and (user.is_superuser or ALL in roles)))


def is_verified(user: Any, session: Any) -> bool:
    """Whether a session has passed the second factor, or needs none. `user` is as Backend loads it."""
    if user.second_factor is None:
        return not is_required(user)
    return session.get(DEVICE_ID_SESSION_KEY) == f"{TOTPDevice.model_label()}/{user.second_factor}"


def must_set_up(user: Any) -> bool:
    return user.second_factor is None and is_required(user)


def device_of(user: Any) -> TOTPDevice | None:
    return TOTPDevice.objects.devices_for_user(user, confirmed=True).order_by("pk").first()


def check_code(user: Any, device: TOTPDevice, code: str) -> None:
    """Uses up a code of the app, or a recovery code. Raises ValidationError."""
    code = IGNORED.sub("", code).lower()
    if not code:
        raise ValidationError("Enter the code of your authenticator app, or a recovery code.", "code-required")
    checked: Any = device
    if not APP_CODE.fullmatch(code):
        checked, code = StaticDevice.objects.filter(user=user).first(), stored(code)
    if checked is None or not verify_token(user, checked.persistent_id, code):
        raise wrong_code(checked)


def wrong_code(device: Any) -> ValidationError:
    is_allowed, waits = device.verify_is_allowed() if device else (True, {})
    if is_allowed:
        return ValidationError("The code is wrong, or was used before. Wait for the next one.", "wrong-code")
    seconds = int((waits["locked_until"] - timezone.now()).total_seconds()) + 1
    return ValidationError(f"Too many wrong codes. Retry in {seconds} seconds.", "too-many-codes")


def set_up(user: Any, *, key: str, code: str) -> TOTPDevice:
    """Stores the key of an app that shows the right code. Raises ValidationError."""
    with transaction.atomic():
        get_user_model().objects.select_for_update().get(pk=user.pk)
        if device_of(user):
            raise ValidationError("The account has a second factor already.", "already-set-up")
        device: TOTPDevice = TOTPDevice.objects.create(user=user, name="Authenticator app", key=key)
        if not device.verify_token(code):
            raise ValidationError("The code is wrong. Check the clock of your telephone.", "wrong-code")
    return device


def renew_recovery_codes(user: Any) -> list[str]:
    """New recovery codes instead of all former ones. Only their hashes are stored."""
    codes = [base64.b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode().lower() for _ in range(RECOVERY_CODES)]
    with transaction.atomic():
        StaticDevice.objects.filter(user=user).delete()
        device = StaticDevice.objects.create(user=user, name="Recovery codes")
        StaticToken.objects.bulk_create(StaticToken(device=device, token=stored(code)) for code in codes)
    return ["-".join(wrap(code, 4)) for code in codes]


def recovery_codes_left(user: Any) -> int:
    return StaticToken.objects.filter(device__user=user).count()


def remove(user: Any) -> bool:
    """Removes the second factor and the recovery codes. Returns whether there was one."""
    with transaction.atomic():
        StaticDevice.objects.filter(user=user).delete()
        return bool(TOTPDevice.objects.filter(user=user).delete()[0])


def stored(code: str) -> str:
    """The 96 bits of a recovery code's hash that fit into django-otp's column. The code has 80 random bits."""
    return base64.b64encode(hashlib.sha256(code.encode()).digest()[:12]).decode()
