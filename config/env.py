"""Typed environment variables. An error names the variable that cannot be read."""

import ipaddress
import os
import re
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured
from environ.fileaware_mapping import FileAwareMapping

from config.values import text

FALSE_STRINGS = ("false", "off", "n", "no", "0", "")
UNITS = {1: "second", 60: "minute", 3600: "hour", 86_400: "day"}
RATE = re.compile(r"\s*([1-9][0-9]{0,7})\s*/\s*(s|sec|second|m|min|minute|h|hour|d|day)\s*", re.IGNORECASE)
# For rate limits: entries for as many clients as a day may bring, short timeouts, and no pickles.
CACHE_OPTIONS: dict[str, dict[str, Any]] = {
    "django.core.cache.backends.locmem.LocMemCache": {"MAX_ENTRIES": 50_000},
    "django.core.cache.backends.redis.RedisCache": {
        "serializer": "config.access.counter.Integers",
        "socket_connect_timeout": 0.5,
        "socket_timeout": 0.5,
    },
}


class Variables(FileAwareMapping):
    """The environment. `NAME_FILE` names a file that contains the value of `NAME`.

    Values are taken literally: django-environ would read `$abc` as the name of another variable.
    """

    def __getitem__(self, name: str) -> str:
        value = super().__getitem__(name)
        if self.env.get(f"{name}_FILE"):
            value = value.rstrip("\r\n")
        return value.replace("$", r"\$")  # undone by `escape_proxy`


class Env(environ.FileAwareEnv):
    """django-environ with stricter types. ImproperlyConfigured has one line that starts with the variable's name."""

    ENVIRON = Variables()

    def __init__(self) -> None:
        super().__init__()
        self.escape_proxy = True

    def read_file(self, path: str) -> None:
        """Sets what the environment has neither as `NAME` nor as `NAME_FILE`."""
        real = set(os.environ)
        try:
            with open(path, encoding="utf-8") as file:
                self.read_env(file)
        except (OSError, ValueError) as error:
            raise ImproperlyConfigured(f"ENV_FILE cannot be read: {error}") from None
        for name in real:
            if f"{name}_FILE" not in real:
                os.environ.pop(f"{name}_FILE", None)

    def get_value(self, var: str, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().get_value(var, *args, **kwargs)
        except ImproperlyConfigured:
            raise ImproperlyConfigured(f"{var} must be set, in the environment or in .env.") from None
        except (ValueError, TypeError, OSError) as error:
            raise ImproperlyConfigured(f"{var} cannot be read: {error}") from error

    def is_set(self, var: str) -> bool:
        return bool(self.ENVIRON.get(var))

    def required(self, var: str) -> str:
        value: str = self.str(var, "")
        if not value.strip():
            raise ImproperlyConfigured(f"{var} must be set, in the environment or in .env.")
        return value

    def switch(self, var: str, default: bool) -> bool:
        """Raises for a value that is neither true nor false, which django-environ reads as false."""
        word = self.str(var, str(default)).strip().lower()
        if word not in (*self.BOOLEAN_TRUE_STRINGS, *FALSE_STRINGS):
            raise ImproperlyConfigured(f"{var} must be true or false, not {word!r}.")
        return word in self.BOOLEAN_TRUE_STRINGS

    def whole_number(self, var: str, default: int, *, least: int = 0, most: int = 2**31 - 1) -> int:
        value: int = self.int(var, default)
        if not least <= value <= most:
            raise ImproperlyConfigured(f"{var} must be between {least} and {most}, not {value}.")
        return value

    def one_of(self, var: str, default: str, choices: tuple[str, ...]) -> str:
        """One of `choices`, without regard to case."""
        value = self.str(var, default)
        for choice in choices:
            if choice.lower() == value.strip().lower():
                return choice
        raise ImproperlyConfigured(f"{var} must be one of {', '.join(choices)}, not {value!r}.")

    def some_of(self, var: str, choices: tuple[str, ...]) -> list[str]:
        """A comma-separated list of `choices`."""
        words = [word.lower() for word in self.words(var)]
        for word in set(words) - set(choices):
            raise ImproperlyConfigured(f"{var} must list some of {', '.join(choices)}, not {word!r}.")
        return words

    def networks(self, var: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
        """A comma-separated list of networks in CIDR notation, or single addresses."""
        try:
            return [ipaddress.ip_network(word) for word in self.words(var)]
        except ValueError as error:
            raise ImproperlyConfigured(f"{var} must list networks such as 192.0.2.0/24: {error}.") from None

    def time_zone(self, var: str, default: str) -> str:
        value: str = self.str(var, default)
        if value not in text.timezones():
            raise ImproperlyConfigured(f"{var} must be an IANA time zone name such as Europe/Vienna, not {value!r}.")
        return value

    def words(self, var: str, default: str = "") -> list[str]:
        """A comma-separated list."""
        return [word.strip() for word in self.str(var, default).split(",") if word.strip()]

    def origins(self, var: str) -> list[str]:
        """A comma-separated list of origins (RFC 6454): scheme, host and perhaps port, without a path."""
        for origin in (words := self.words(var)):
            if not re.fullmatch(r"https?://[^\s/?#]+", origin):
                raise ImproperlyConfigured(f"{var} must list origins such as https://example.com, not {origin!r}.")
        return words

    def origin(self, var: str) -> str:
        """One origin; empty when there is none."""
        origins = self.origins(var)
        if len(origins) > 1:
            raise ImproperlyConfigured(f"{var} must be one address such as https://example.com.")
        return origins[0] if origins else ""

    def cache(self, var: str, default: str) -> dict[str, Any]:
        """Django's settings for the cache at this URL."""
        url = self.str(var, default)
        try:
            settings: dict[str, Any] = self.cache_url_config(url)
        except (ImproperlyConfigured, ValueError):
            raise ImproperlyConfigured(f"{var} must be the URL of a cache, such as {default}.") from None
        settings["OPTIONS"] = {**CACHE_OPTIONS.get(settings["BACKEND"], {}), **settings.get("OPTIONS", {})}
        return settings

    def email(self, var: str, default: str) -> dict[str, Any]:
        """Django's settings for the mail server at this URL; an empty one is the default."""
        try:
            settings: dict[str, Any] = self.email_url_config(self.str(var, default) or default)
        except (ImproperlyConfigured, ValueError):
            raise ImproperlyConfigured(
                f"{var} must be the URL of a mail server, such as smtp+tls://user:password@host:587."
            ) from None
        if settings.pop("OPTIONS", None):
            raise ImproperlyConfigured(f"{var} has an unknown option.")
        return settings

    def link(self, var: str) -> str:
        """The URL of a page, with `{token}` in it and perhaps `{booking}`; empty when there is none."""
        url: str = self.str(var, "")
        if url and not re.fullmatch(r"https?://[^\s{}]+(\{booking\}[^\s{}]*)?\{token\}", url):
            example = "https://shop.example.com/confirm?booking={booking}&token={token}"
            raise ImproperlyConfigured(f"{var} must be a URL that ends in {{token}}, such as {example}, not {url!r}.")
        return url

    def booking_link(self, var: str) -> str:
        """The URL of a page, with `{id}` and `{secret}` in it; empty when there is none."""
        url: str = self.str(var, "")
        if url and not (re.fullmatch(r"https?://[^\s{}]+(\{(id|secret)\}[^\s{}]*){2}", url) and "{id}" in url):
            example = "https://shop.example.com/bookings/{id}?secret={secret}"
            raise ImproperlyConfigured(
                f"{var} must be a URL with {{id}} and {{secret}}, such as {example}, not {url!r}."
            )
        return url

    def rate(self, var: str, default: str) -> tuple[int, int] | None:
        """A quota and its seconds from a text such as `20/min`; None, for no limit, when it is empty."""
        text = self.str(var, default)
        if not text.strip():
            return None
        match = RATE.fullmatch(text)
        if match is None:
            raise ImproperlyConfigured(f"{var} must be a rate such as 20/min, 1/s or 100/hour, or empty, not {text!r}.")
        seconds = next(seconds for seconds, unit in UNITS.items() if unit.startswith(match[2][0].lower()))
        return int(match[1]), seconds

    def url_path(self, var: str, default: str) -> str:
        """A path of words, with a leading and without a trailing slash."""
        path = "/" + self.str(var, default).strip("/")
        if not re.fullmatch(r"(/[A-Za-z0-9_-]+)+", path):
            raise ImproperlyConfigured(f"{var} must be a path such as {default}, not {path!r}.")
        return path
