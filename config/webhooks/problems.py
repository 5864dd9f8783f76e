"""Errors of webhooks."""

from config.problems import DomainError


class EndpointInactive(DomainError):
    """The endpoint is switched off. Switch it on first: changes from then on are delivered."""

    code, title = "endpoint-inactive", "The endpoint is switched off"
