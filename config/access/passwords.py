from typing import Any

from django.utils import timezone

from config.access.models import ApiToken


class EndTokens:
    """A password validator that accepts every password. Django tells validators when a password was changed."""

    def validate(self, password: str, user: Any = None) -> None:
        pass

    def get_help_text(self) -> str:
        return "A new password ends all sessions and tokens of the account."

    def password_changed(self, password: str, user: Any) -> None:
        end_tokens(user)


def end_tokens_of_inactive(sender: Any, instance: Any, **kwargs: Any) -> None:
    """Receives post_save of accounts. So no token comes back with an account that is activated again."""
    if not instance.is_active:
        end_tokens(instance)


def end_tokens(user: Any) -> None:
    ApiToken.objects.filter(user=user, revoked_at=None).update(revoked_at=timezone.now())
