"""Scopes narrow a token: of its user's permissions it may use those of its scopes. A scope adds nothing."""

from django.db import models

from config.access.roles import (
    CHECK_IN,
    MANAGE_CATALOGUE,
    MANAGE_REFUNDS,
    MANAGE_WEBHOOKS,
    SELL,
    SELL_UNPAID,
    VIEW_CATALOGUE,
    VIEW_CHANGES,
    VIEW_MAILS,
    VIEW_METRICS,
    VIEW_PAYMENTS,
    VIEW_REPORTS,
    VIEW_SALES,
    VIEW_TICKETS,
    VIEW_WEBHOOKS,
)


class Scope(models.TextChoices):
    READ = "read", "Read everything: drafts, bookings, payments, tickets and reports"
    CATALOGUE = "catalogue", "Venues, events and ticket types"
    BOOKINGS = "bookings", "Bookings: read, make, confirm when paid, correct, cancel and refund"
    COUNTER = "counter", "Counter: with bookings, confirm them unpaid too, on invoice"
    CHECK_IN = "check-in", "Tickets: read, check in"
    REPORTS = "reports", "Reports alone, without the names of customers"
    CHANGES = "changes", "The change feed: of the catalogue, and of what other scopes let it see"
    WEBHOOKS = "webhooks", "Webhooks: of the catalogue, and of what other scopes let it see"
    METRICS = "metrics", "Metrics of the system, for Prometheus"


SCOPE_PERMISSIONS: dict[str, set[str]] = {
    Scope.READ: (
        VIEW_CATALOGUE | VIEW_SALES | VIEW_PAYMENTS | VIEW_MAILS | VIEW_REPORTS | VIEW_CHANGES | VIEW_WEBHOOKS
    ),
    Scope.CATALOGUE: MANAGE_CATALOGUE,
    Scope.BOOKINGS: VIEW_SALES | SELL | MANAGE_REFUNDS,
    Scope.COUNTER: SELL_UNPAID,
    Scope.CHECK_IN: VIEW_TICKETS | CHECK_IN,
    Scope.REPORTS: VIEW_REPORTS,
    Scope.CHANGES: VIEW_CHANGES | VIEW_CATALOGUE,
    Scope.WEBHOOKS: MANAGE_WEBHOOKS | VIEW_CATALOGUE,
    Scope.METRICS: VIEW_METRICS,
}
