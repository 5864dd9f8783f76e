"""The figures of sales and occupancy for the API, CSV and the dashboard."""

from bookings.reports.admissions import Admissions, admissions
from bookings.reports.movements import cancellations, refunds, till, till_of
from bookings.reports.queries import daily, day_starts_at, occupancy, overview, sales, totals
from bookings.reports.rows import Cancelled, GroupBy, Occupancy, Overview, Refunded, Revenue, Sales, TillRow

__all__ = [
    "Admissions",
    "Cancelled",
    "GroupBy",
    "Occupancy",
    "Overview",
    "Refunded",
    "Revenue",
    "Sales",
    "TillRow",
    "admissions",
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
