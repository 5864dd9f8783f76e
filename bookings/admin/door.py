"""The page of the door: a field for scanners, the camera, and the list of those who are expected."""

import datetime as dt

from django.contrib import messages
from django.db.models import Q
from django.http import HttpResponseRedirect, JsonResponse
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bookings.admin.labels import TICKET_STATES
from bookings.codes import TICKET_CODE, typed
from bookings.door.answers import Answer, Result, answer_of, opens_at
from bookings.door.filters import matching
from bookings.models import Ticket
from bookings.problems import format_instant
from bookings.reports.admissions import counts_of
from config.api import tables
from config.api.pages import PermissionsPolicyMiddleware
from config.backoffice.formats import badge, event_times, format_number, local_time
from config.backoffice.pages import Page, PagesAdmin
from config.problems import DomainError
from config.values.timezones import zone_label
from events.models import Event

MAX_EVENTS = 50
MAX_ROWS = 100
MAX_CODE = 100  # characters that are read
MAX_WORDS = 10
DAY = dt.timedelta(days=1)
CAMERA = PermissionsPolicyMiddleware.policy.replace("camera=()", "camera=(self)")
TITLES = {
    Result.ADMITTED: gettext_lazy("Let in"),
    Result.ALREADY_ADMITTED: gettext_lazy("Let in before"),
    Result.VOID: gettext_lazy("Void"),
    Result.OTHER_EVENT: gettext_lazy("Another event"),
    Result.UNKNOWN: gettext_lazy("Unknown ticket"),
}
COLUMNS = ("name", "ticket type", "status", "booking", "code", "note", "checked in at (UTC)", "checked out at (UTC)")
VERBS = ("check-in", "check-out", "undo")


class DoorAdmin(PagesAdmin):
    pages = [
        Page("door", gettext_lazy("Door"), ("bookings.view_ticket", "bookings.check_in_ticket"), position=48),
    ]

    def door(self, request):
        pk = request.GET.get("event", "")
        events = Event.objects.select_related("venue")
        event = events.filter(pk=pk).first() if pk.isdecimal() and len(pk) < 19 else None
        if event is None:
            return self.choose_door(request, events)
        form = request.GET.get("format")
        if request.method == "POST":
            return self.submit_scan(request, event, is_script=form == "json")
        if form == "json":
            return JsonResponse(self.counts(event))
        tickets = Ticket.objects.for_answers().filter(ticket_type__event=event).exclude(status=Ticket.Status.VOID)
        tickets = tickets.with_holder_keys().order_by("holder_surname_key", "pk")
        if form == "csv":
            return tables.csv_response(f"door-{event.pk}", COLUMNS, map(cells, tickets.iterator()))
        return self.door_page(request, event, tickets, is_print=form == "print")

    def choose_door(self, request, events):
        """Events that are not over for a day, the next one first."""
        words = request.GET.get("q", "")
        events = events.filter(status=Event.Status.PUBLISHED, ends_at__gt=timezone.now() - DAY)
        for word in words.split()[:MAX_WORDS]:
            events = events.filter(Q(name__icontains=word) | Q(venue__name__icontains=word))
        found = list(events.order_by("starts_at", "pk")[: MAX_EVENTS + 1])
        return self.render_page(
            request,
            "admin/bookings/choose_door.html",
            title=_("Door"),
            words=words,
            events=[(event, event_times(event)) for event in found[:MAX_EVENTS]],
            has_more=len(found) > MAX_EVENTS,
        )

    def door_page(self, request, event, tickets, *, is_print, **context):
        words = request.GET.get("q", "").strip()
        if words:
            tickets = matching(tickets, words, is_shown=request.user.has_perm("bookings.view_booking"))
        found = list(tickets if is_print else tickets[: MAX_ROWS + 1])
        zone = event.venue.timezone
        context |= {
            "event": event,
            "when": event_times(event),
            "opens": timezone.now() < opens_at(event) and local_time(opens_at(event), zone),
            "zone": zone_label(zone),
            "words": words,
            "rows": [row_of(ticket, zone) for ticket in (found if is_print else found[:MAX_ROWS])],
            "has_more": len(found) > MAX_ROWS,
            "change_url": self.page_url("door"),
            **self.counts(event),
        }
        template = "admin/bookings/door_list.html" if is_print else "admin/bookings/door.html"
        response = self.render_page(request, template, title=event.name, **context)
        response["Permissions-Policy"] = CAMERA
        return response

    def counts(self, event):
        counts = counts_of([event.pk]).get(event.pk, {})
        return {name: format_number(counts.get(name, 0)) for name in ("inside", "expected")}

    def submit_scan(self, request, event, *, is_script):
        code, verb = sent(request.POST)
        answer = scan(code, event, verb, by=request.user)
        shown = result_of(answer, verb)
        if is_script:
            zone = event.venue.timezone
            is_listed = answer.ticket and answer.ticket.event_id == event.pk
            row = is_listed and render_to_string("admin/bookings/door_row.html", {"row": row_of(answer.ticket, zone)})
            return JsonResponse({**shown, **self.counts(event), "row": row or ""})
        level = messages.SUCCESS if shown["is_good"] else messages.ERROR
        messages.add_message(request, level, " · ".join(filter(None, (shown["title"], *shown["lines"]))))
        return HttpResponseRedirect(request.get_full_path())


def sent(data):
    """The code and the verb: of the field, or of a button of the list, which has the name of its verb."""
    pressed = next((verb for verb in VERBS if verb in data), None)
    code, verb = (data[pressed], pressed) if pressed else (data.get("code", ""), data.get("verb"))
    return code[:MAX_CODE], verb if verb in VERBS else VERBS[0]


def scan(code, event, verb, *, by):
    at, code = timezone.now(), typed(code)
    ticket = Ticket.objects.for_answers().filter(code=code).first() if TICKET_CODE.fullmatch(code) else None
    if ticket is None:
        return Answer(Result.UNKNOWN, None, at)
    try:
        match verb:
            case "check-out":
                ticket.check_out(at=at, event=event.pk, by=by)
            case "undo":
                ticket.refuse_other_event(event.pk)
                ticket.undo_check_in(by=by)
            case _:
                ticket.check_in(at=at, event=event.pk, by=by)
    except DomainError as error:
        return answer_of(error, ticket, at)
    return Answer(Result.ADMITTED, ticket, at, ticket.is_reentry)


def result_of(answer, verb):
    """What the page shows in large letters: a title and lines below it."""
    data, refusal = answer.as_dict(), answer.refusal
    is_good = answer.result == Result.ADMITTED and refusal is None
    title, message = TITLES[answer.result], data["message"]
    if verb != "check-in" and answer.result not in (Result.UNKNOWN, Result.OTHER_EVENT):
        title = refusal.title if refusal else {"check-out": _("Checked out"), "undo": _("Check-in undone")}[verb]
        message = ""
    lines = [data["holder_name"], data["ticket_type_name"], data["note"], message]
    return {
        "result": answer.result if verb == "check-in" else "admitted" if is_good else "void",
        "warning": data["warning"] or "",
        "is_good": is_good,
        "title": str(title),
        "lines": [line for line in lines if line],
    }


def row_of(ticket, zone):
    """A row of the list; the buttons say what can be done next."""
    is_in = ticket.status == Ticket.Status.CHECKED_IN
    state, label = ticket.status, TICKET_STATES.get(ticket.status, ticket.status)
    if is_in:
        state, label = ("pending", _("Outside")) if ticket.is_outside else ("checked_in", _("Inside"))
    return {
        "ticket": ticket,
        "state": badge(state, label),
        "at": local_time(ticket.checked_in_at, zone, "%H:%M") if ticket.checked_in_at else "",
        "may_enter": ticket.status == Ticket.Status.VALID or ticket.is_outside,
        "may_leave": is_in and not ticket.is_outside,
        "may_undo": is_in,
    }


def cells(ticket):
    return (
        ticket.holder,
        ticket.ticket_type.name,
        ticket.status,
        ticket.booking.confirmation_code,
        ticket.code,
        ticket.booking.metadata.get("note", ""),
        format_instant(ticket.checked_in_at),
        format_instant(ticket.checked_out_at),
    )
