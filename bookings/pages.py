"""The page that a mail links to. Opening it changes nothing, because mail scanners open links; its button confirms."""

from csp.constants import NONE
from csp.decorators import csp_replace
from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from bookings.lifecycle.by_mail import booking_of
from config.access.clients import address_key
from config.access.rate_limits import BOOKINGS, READS, count_request
from config.backoffice.formats import event_times, local_time_with_offset
from config.problems import Problem, problem_from


@csrf_exempt  # the token in the address is a secret that other sites do not know
@require_http_methods(["GET", "HEAD", "POST"])
@cache_control(no_store=True)
@csp_replace({"default-src": [NONE], "script-src": [NONE]})
def confirm_page(request: HttpRequest) -> HttpResponse:
    problem, context = None, {"project": settings.PROJECT_NAME, "support": settings.SUPPORT_EMAIL}
    try:
        context |= confirm(request)
    except (Problem, DatabaseError) as error:
        problem = problem_from(error)
        if problem is None:
            raise
    status = problem.status if problem else 200
    response = render(request, "bookings/confirm.html", {**context, "problem": problem}, status=status)
    response["Referrer-Policy"] = "no-referrer"
    if problem and problem.retry_after is not None:
        response["Retry-After"] = str(problem.retry_after)
    return response


def confirm(request: HttpRequest) -> dict[str, object]:
    """Confirms the booking of the token when the button was pressed. Returns what the page shows of it."""
    token = request.GET.get("token", "")
    count_request(request, BOOKINGS if request.method == "POST" else READS, address_key(request))
    booking = booking_of(token)
    event = booking.event
    if request.method == "POST":
        booking.confirm_free(mail_token=token)
    return {
        "event": event,
        "when": event_times(event),
        "booking": booking,
        "status": booking.status_at(timezone.now()),
        "until": local_time_with_offset(booking.expires_at, event.venue.timezone),
    }
