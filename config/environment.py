"""Reads settings from the environment, and names the variable that cannot be read."""

from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

FALSE_STRINGS = ("false", "off", "n", "no", "0", "")


class Env(environ.FileAwareEnv):
    """django-environ's reader; `NAME_FILE` names a file that holds the value of `NAME`.

    Every method raises ImproperlyConfigured with one line that starts with the variable's name.
    """

    def get_value(self, var: str, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().get_value(var, *args, **kwargs)
        except ImproperlyConfigured:
            raise ImproperlyConfigured(f"{var} must be set, in the environment or in .env.") from None
        except (ValueError, TypeError, OSError) as error:
            raise ImproperlyConfigured(f"{var} cannot be read: {error}") from error

    def switch(self, var: str, default: bool) -> bool:
        """True or false; a word that is neither is an error, where django-environ would read it as false."""
        word = self.str(var, str(default)).strip().lower()
        if word not in (*self.BOOLEAN_TRUE_STRINGS, *FALSE_STRINGS):
            raise ImproperlyConfigured(f"{var} must be true or false, not {word!r}.")
        return word in self.BOOLEAN_TRUE_STRINGS

    def whole_number(self, var: str, default: int, *, least: int = 0, most: int = 2**31 - 1) -> int:
        value = self.int(var, default)
        if not least <= value <= most:
            raise ImproperlyConfigured(f"{var} must be between {least} and {most}, not {value}.")
        return value

    def one_of(self, var: str, default: str, choices: tuple[str, ...]) -> str:
        value = self.str(var, default)
        if value not in choices:
            raise ImproperlyConfigured(f"{var} must be one of {', '.join(choices)}, not {value!r}.")
        return value

    def words(self, var: str, default: str = "") -> list[str]:
        """A comma-separated list; spaces around the commas do not count."""
        return [word.strip() for word in self.str(var, default).split(",") if word.strip()]
