"""The figures of sales and occupancy for the API, CSV and the dashboard."""

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
