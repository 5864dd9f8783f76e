"""The figures of sales and occupancy for the API, CSV and the dashboard."""

from bookings.reports.movements import cancellations, refunds, till, till_of
from bookings.reports.queries import daily, day_starts_at, occupancy, overview, sales, totals
from bookings.reports.rows import Cancelled, GroupBy, Occupancy, Overview, Refunded, Revenue, Sales, TillRow

__all__ = [
    "Cancelled",
    "GroupBy",
    "Occupancy",
    "Overview",
    "Refunded",
    "Revenue",
    "Sales",
    "TillRow",
    "cancellations",
    "daily",
    "day_starts_at",
    "occupancy",
    "overview",
    "refunds",
    "sales",
    "till",
    "till_of",
    "totals",
]
