import datetime as dt
import hashlib
import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.admin.forms import AdminAuthenticationForm
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from config.access.clients import address_key
from config.access.counter import Count, Limit, count, current_count
from config.access.models import LoginFailure
from config.access.rate_limits import LOGINS, limit_for, note
from config.access.second_factor import check_code, device_of

logger = logging.getLogger(__name__)


class CodeField(forms.CharField):
    """For a code of the second factor."""

    widget = forms.TextInput(attrs={"autocomplete": "one-time-code", "autocapitalize": "none", "spellcheck": "false"})

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"label": _("Code"), "max_length": 40, **kwargs})


class LimitedLoginForm(AdminAuthenticationForm):
    """Counts each login attempt of an address, before the password is checked, and notes what failed.

    One user name may have half of them. A name alone is not counted: a stranger could lock its owner out.
    """

    code = CodeField(
        required=False,
        help_text="From your authenticator app, or a recovery code. Empty if you have no second factor.",
    )

    def clean(self) -> dict[str, Any]:
        request: Any = self.request
        username = str(self.cleaned_data.get("username", ""))
        if limit := limit_for(LOGINS):
            for attempts in count_attempt(limit, address_key(request), username.casefold()):
                note(request, attempts)
                if attempts.is_exceeded:
                    raise ValidationError(f"Too many login attempts. Retry in {attempts.wait}.", "too-many-requests")
        try:
            return super().clean()
        except ValidationError as error:
            note_failure(request, username, error.code)
            raise

    def confirm_login_allowed(self, user: Any) -> None:
        super().confirm_login_allowed(user)
        if device := device_of(user):
            check_code(user, device, self.cleaned_data.get("code", ""))
            user.otp_device = device  # django-otp stores it in the session


def count_attempt(limit: Limit, address: str, name: str) -> Iterator[Count]:
    """The name first: attempts that are refused for one name use up none of those for other names at the address."""
    of_address = current_count(limit, address)
    if of_address is None or of_address.remaining:  # otherwise invented names would fill the cache
        of_name = replace(limit, purpose=f"{LOGINS}-of-name", quota=max(limit.quota // 2, 1))
        yield count(of_name, f"{address}:{hashlib.sha256(name.encode()).hexdigest()}")
    yield count(limit, address)


def note_failure(request: Any, username: str, reason: str | None) -> None:
    address = address_key(request).removeprefix("address:")
    row = LoginFailure.note(username=username, address=address, at=timezone.now())
    logger.warning("Login failed (%s): account %s, from %s.", reason, row.username or "unknown", address)


def end_after_hours(sender: Any, request: Any, **kwargs: Any) -> None:
    """Ends a session SESSION_COOKIE_AGE after the login; Django alone would count from its last change."""
    request.session.set_expiry(timezone.now() + dt.timedelta(seconds=settings.SESSION_COOKIE_AGE))
