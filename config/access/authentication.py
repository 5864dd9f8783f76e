from django.utils import timezone
from rest_framework.authentication import TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed

from config.access.models import ApiToken, digest


class BearerAuthentication(TokenAuthentication):
    """`Authorization: Bearer <token>` (RFC 6750), one query."""

    keyword = "Bearer"
    model = ApiToken

    def authenticate_credentials(self, key: str) -> tuple[object, ApiToken]:
        try:
            token = ApiToken.objects.valid(timezone.now()).select_related("user").get(digest=digest(key))
        except ApiToken.DoesNotExist:
            # The same words for unknown, expired and revoked: they tell a stranger nothing.
            raise AuthenticationFailed("The token is not valid.") from None
        return token.user, token

    def authenticate_header(self, request: object) -> str:
        return 'Bearer realm="api"'
