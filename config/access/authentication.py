import logging
from typing import Any

from django.db import DatabaseError
from django.utils import timezone
from rest_framework.authentication import SessionAuthentication, TokenAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from config.access.models import ApiToken, digest
from config.access.networks import is_in_back_office
from config.access.rate_limits import count_invalid_token
from config.access.second_factor import is_verified

logger = logging.getLogger(__name__)


class BearerAuthentication(TokenAuthentication):
    """`Authorization: Bearer <token>` (RFC 6750). Counts failures by network address."""

    keyword = "Bearer"
    model = ApiToken

    def authenticate(self, request: Request) -> tuple[object, ApiToken] | None:
        if not get_authorization_header(request).strip():
            return None
        try:
            found = super().authenticate(request)
            if found is None:
                # A client that sends credentials must not silently get the rights of an anonymous one.
                raise AuthenticationFailed("Send credentials as: Authorization: Bearer <token>.")
        except AuthenticationFailed:
            count_invalid_token(request)
            raise
        return found

    def authenticate_credentials(self, key: str) -> tuple[object, ApiToken]:
        """One query, with the same answer after the same work for unknown, expired and revoked tokens."""
        at = timezone.now()
        token = ApiToken.objects.valid(at).select_related("user").filter(digest=digest(key)).first()
        if token is None:
            raise AuthenticationFailed("The token is not valid.")
        try:
            token.note_use(at=at)
        except DatabaseError as error:
            logger.warning("Could not store when a token was last used: %s", error)
        return token.user, token

    def authenticate_header(self, request: object) -> str:
        return 'Bearer realm="api"'


class StaffSessionAuthentication(SessionAuthentication):
    """A session of the admin site, which has the same conditions there."""

    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        found = super().authenticate(request)
        if found is None:
            return None
        if not is_in_back_office(request) or not is_verified(found[0], request.session):
            raise PermissionDenied("The session may not be used here. Log in to the admin site again.")
        return found
