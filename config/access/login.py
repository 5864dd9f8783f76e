"""Logging in to the admin, which cannot be tried without end."""

import hashlib
from typing import Any

from django.contrib.admin.forms import AdminAuthenticationForm
from django.core.exceptions import ValidationError

from config.access.callers import address
from config.access.limits import LOGINS, spend


class LimitedLoginForm(AdminAuthenticationForm):
    """Counts each try by its address, and by the user name that it is for, before any password is looked at."""

    def clean(self) -> dict[str, Any]:
        self.refuse_when_tried_too_often()
        return super().clean()

    def refuse_when_tried_too_often(self) -> None:
        request: Any = self.request
        name = str(self.cleaned_data.get("username", "")).casefold()
        for who in (address(request), f"name:{hashlib.sha256(name.encode()).hexdigest()}"):
            counted = spend(request, LOGINS, who)
            if counted and counted.is_over:
                wait = f"{counted.seconds_left} second{'s' if counted.seconds_left > 1 else ''}"
                raise ValidationError(f"There were too many tries to log in. Try again in {wait}.", "too-many-requests")
