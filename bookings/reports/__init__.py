"""What was sold: the figures that API, CSV and the admin's dashboard show, each from here."""

from bookings.reports.queries import daily, day_starts_at, occupancy, overview, sales, totals
from bookings.reports.rows import GroupBy, Occupancy, Overview, Revenue, Sales

__all__ = [
    "GroupBy",
    "Occupancy",
    "Overview",
    "Revenue",
    "Sales",
    "daily",
    "day_starts_at",
    "occupancy",
    "overview",
    "sales",
    "totals",
]
