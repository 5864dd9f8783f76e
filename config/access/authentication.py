import logging

from django.db import DatabaseError
from django.db.models import CharField, DateTimeField, QuerySet
from django.utils import timezone
from rest_framework.authentication import TokenAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from config.access.limits import guessed_token
from config.access.models import ApiToken, digest
from config.statements import Parameter, Statement

logger = logging.getLogger(__name__)


def valid() -> QuerySet[ApiToken]:
    rows = ApiToken.objects.valid(Parameter("at", DateTimeField())).select_related("user").order_by()
    return rows.filter(digest=Parameter("digest", CharField()))


VALID = Statement(valid)


class BearerAuthentication(TokenAuthentication):
    """`Authorization: Bearer <token>` (RFC 6750), one query."""

    keyword = "Bearer"
    model = ApiToken

    def authenticate(self, request: Request) -> tuple[object, ApiToken] | None:
        if not get_authorization_header(request).strip():
            return None
        try:
            found = super().authenticate(request)
            if found is None:
                # A program that sends credentials means to be somebody: it must not act as a guest without knowing.
                raise AuthenticationFailed("Credentials are sent as: Authorization: Bearer <token>.")
        except AuthenticationFailed:
            guessed_token(request)
            raise
        return found

    def authenticate_credentials(self, key: str) -> tuple[object, ApiToken]:
        at = timezone.now()
        # The database says whether it is valid: the same work, words and time for unknown, expired and revoked.
        found = VALID.objects(at=at, digest=digest(key))
        if not found:
            raise AuthenticationFailed("The token is not valid.")
        (token,) = found
        try:
            token.note_use(at=at)
        except DatabaseError as error:
            logger.warning("When a token was last used could not be noted: %s", error)
        return token.user, token

    def authenticate_header(self, request: object) -> str:
        return 'Bearer realm="api"'
