"""What a token can be narrowed to. A scope adds nothing: it names which of its user's permissions a token may use."""

from django.db import models

from config.access.roles import CHECK_IN, MANAGE_CATALOGUE, REPORTS, SELL, VIEW_CATALOGUE, VIEW_SALES, on


class Scope(models.TextChoices):
    READ = "read", "Read everything: drafts, bookings, tickets and reports"
    CATALOGUE = "catalogue", "Venues, events and ticket types"
    BOOKINGS = "bookings", "Bookings: read, make, confirm, correct and cancel"
    CHECK_IN = "check-in", "Tickets: read, check in"
    REPORTS = "reports", "Reports alone, without the names of customers"


PERMISSIONS: dict[str, set[str]] = {
    Scope.READ: {*VIEW_CATALOGUE, *VIEW_SALES, *REPORTS},
    Scope.CATALOGUE: MANAGE_CATALOGUE,
    Scope.BOOKINGS: {*VIEW_SALES, *SELL},
    Scope.CHECK_IN: {*on("view", "bookings.ticket"), *CHECK_IN},
    Scope.REPORTS: REPORTS,
}


def covered(scopes: list[str], permission: str) -> bool:
    """Whether one of the scopes covers a permission. No scopes at all cover everything."""
    return not scopes or any(permission in PERMISSIONS.get(scope, ()) for scope in scopes)
