import hashlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from django.contrib.admin.forms import AdminAuthenticationForm
from django.core.exceptions import ValidationError

from config.access.clients import address_key
from config.access.counter import Count, Limit, count, current_count
from config.access.rate_limits import LOGINS, limit_for, note


class LimitedLoginForm(AdminAuthenticationForm):
    """Counts each login attempt of an address, before the password is checked. One user name may have half of them.

    A name alone is not counted: a stranger could lock its owner out.
    """

    def clean(self) -> dict[str, Any]:
        request: Any = self.request
        if limit := limit_for(LOGINS):
            name = str(self.cleaned_data.get("username", "")).casefold()
            for attempts in count_attempt(limit, address_key(request), name):
                note(request, attempts)
                if attempts.is_exceeded:
                    raise ValidationError(f"Too many login attempts. Retry in {attempts.wait}.", "too-many-requests")
        return super().clean()


def count_attempt(limit: Limit, address: str, name: str) -> Iterator[Count]:
    """The name first: attempts that are refused for one name use up none of those for other names at the address."""
    of_address = current_count(limit, address)
    if of_address is None or of_address.remaining:  # otherwise invented names would fill the cache
        of_name = replace(limit, purpose=f"{LOGINS}-of-name", quota=max(limit.quota // 2, 1))
        yield count(of_name, f"{address}:{hashlib.sha256(name.encode()).hexdigest()}")
    yield count(limit, address)
