"""Whom a server that cannot keep up asks to come back later.

In a rush requests come faster than they can be answered. If all of them queued, each would be answered after the ones
before it, the last after minutes, when nobody waits for them any more. So a guest whose turn does not come soon is told
to come back, which costs a hundredth of an answer, and whoever is answered is answered at once.
"""

import random
import re

from config.problems import Busy

LONGEST_WAIT = 0.5  # seconds for a thread
RETRY_AFTER = (2, 8)  # seconds, drawn for each, so that they do not all come back together

# Who holds places, and comes to confirm them; load balancers. They need not wait for those who come to look.
COMES_FIRST = re.compile(rb"[A-Z]+ (/health|[^ ?]*/bookings/[^ ?/])")
# The box office and shops, whom a token or a cookie names. They wait their turn, however long that is.
KNOWN = re.compile(rb"\r\n(authorization|cookie)[ \t]*:", re.IGNORECASE)


def comes_first(request: bytes) -> bool:
    return bool(COMES_FIRST.match(request))


def is_put_off(request: bytes, waited: float) -> bool:
    """Whether a request, as it came, that has waited so many seconds for a thread is better told to come back."""
    if waited <= LONGEST_WAIT:
        return False
    head = request.partition(b"\r\n\r\n")[0]
    return not KNOWN.search(head) and not comes_first(head)


def busy() -> Busy:
    detail = "More people ask than can be answered soon. Nothing was done; come back a little later."
    return Busy(detail, retry_after=random.randint(*RETRY_AFTER))  # noqa: S311  nothing secret  # nosec B311
