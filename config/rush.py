"""What the production server tells the application in a rush, and whom it serves first."""

import re

WAITED = "tickets.waited"  # in a request's environment: for how many seconds it waited for a thread

# Who holds places, and comes to confirm them; load balancers. They need not wait for those who come to look.
COMES_FIRST = re.compile(rb"[A-Z]+ (/health|[^ ?]*/bookings/[^ ?/])")


def comes_first(request: bytes) -> bool:
    """Whether a request, as it came, is answered before others that wait."""
    return bool(COMES_FIRST.match(request))
