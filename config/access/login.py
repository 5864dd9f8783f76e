import hashlib
from typing import Any

from django.contrib.admin.forms import AdminAuthenticationForm
from django.core.exceptions import ValidationError

from config.access.clients import address_key
from config.access.rate_limits import LOGINS, spend


class LimitedLoginForm(AdminAuthenticationForm):
    """Counts each login attempt, by address and by user name, before the password is checked."""

    def clean(self) -> dict[str, Any]:
        request: Any = self.request
        name = str(self.cleaned_data.get("username", "")).casefold()
        for client in (address_key(request), f"name:{hashlib.sha256(name.encode()).hexdigest()}"):
            attempts = spend(request, LOGINS, client)
            if attempts and attempts.is_exceeded:
                raise ValidationError(f"Too many login attempts. Retry in {attempts.wait}.", "too-many-requests")
        return super().clean()
