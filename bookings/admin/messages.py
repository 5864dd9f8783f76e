"""Mails to customers: what was sent, what was not, and how each kind looks."""

import base64
from pathlib import Path

from csp.constants import NONE, UNSAFE_INLINE
from csp.decorators import csp_replace
from django.conf import settings
from django.contrib import admin
from django.http import Http404, HttpResponse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bookings.admin.labels import SEARCH_HELP
from bookings.mailing import send_again
from bookings.messages.kinds import Kind, State
from bookings.messages.models import Message
from bookings.messages.previews import preview
from bookings.messages.rendering import LOGO, NotNeeded, load, render
from bookings.models import Booking
from config.backoffice.actions import ActionSkipped
from config.backoffice.base import BaseAdmin, ViewOnly
from config.backoffice.formats import badge, change_url, local_time, two_lines
from config.backoffice.pages import Page
from config.values.timezones import zone_label

VIEW = ("booking_messages.view_message",)
BADGES = {State.SENT: "succeeded", State.PENDING: "pending", State.SKIPPED: "expired"}


def office_time(instant):
    zone = settings.BACK_OFFICE_TIME_ZONE
    return two_lines(local_time(instant, zone, "%d %b %Y, %H:%M"), zone_label(zone))


@csp_replace({"default-src": [NONE], "style-src": [UNSAFE_INLINE], "img-src": ["data:"], "sandbox": True})
def html_page(html):
    """The HTML of a mail, by itself: it runs nothing and loads nothing."""
    if settings.MESSAGE_LOGO:
        picture = base64.b64encode(Path(settings.MESSAGE_LOGO).read_bytes()).decode()
        html = html.replace(f"cid:{LOGO}", f"data:;base64,{picture}")
    return HttpResponse(html)


def part_of(mail, part):
    """One part of a rendered mail: `html`, or the number of an attachment."""
    if part == "html":
        return html_page(mail.html)
    if not part.isdecimal() or int(part) >= len(mail.attachments):
        raise Http404
    name, content, media_type = mail.attachments[int(part)]
    return HttpResponse(content, content_type=media_type, headers={"Content-Disposition": f'inline; filename="{name}"'})


@admin.register(Message)
class MessageAdmin(ViewOnly, BaseAdmin):
    """Mails are written by the domain, and sent by the worker."""

    exported = {
        "booking": "booking__confirmation_code",
        "kind": "kind",
        "address": "address",
        "state": "state",
        "attempts": "attempts",
        "interrupted": "interrupted",
        "error": "error",
        "created at (UTC)": "created_at",
        "sent at (UTC)": "sent_at",
    }
    list_display = ["name", "address", "booking", "state_column", "created", "error"]
    list_filter = ["state", "kind"]
    fields = ["name", "address", "booking", "state_column", "attempts", "interrupted", "error", "created", "next_try"]
    search_fields = ["booking__confirmation_code"]  # turns the search on; `matching` does it
    search_help_text = SEARCH_HELP
    sortable_by = ()  # there are no indexes for other orders
    ordering = ["-id"]
    actions = ["resend"]
    pages = [Page("preview", gettext_lazy("Preview of mails"), VIEW), Page("part", gettext_lazy("Mail"), VIEW)]
    position = 55

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("booking")

    def get_search_results(self, request, queryset, search_term):
        words = search_term.strip()
        return queryset.filter(booking__in=Booking.objects.matching(words)) if words else queryset, False

    # Columns

    @admin.display(description=gettext_lazy("mail"))
    def name(self, message):
        return message.get_kind_display()

    @admin.display(description=gettext_lazy("state"))
    def state_column(self, message):
        text = message.get_state_display()
        if message.state == State.PENDING and message.attempts:
            text = _("Tried %(count)s times") % {"count": message.attempts}
        if message.interrupted:
            text = _("%(state)s; may have arrived more than once") % {"state": text}
        return badge(BADGES.get(message.state, "failed"), text)

    @admin.display(description=gettext_lazy("written"))
    def created(self, message):
        return office_time(message.created_at)

    @admin.display(description=gettext_lazy("sent, or next attempt"), empty_value="-")
    def next_try(self, message):
        instant = message.sent_at or message.next_attempt_at
        return instant and office_time(instant)

    # The page of one mail, and its parts

    def rendered(self, message):
        """As it would be sent now; None when it is not needed any more."""
        try:
            return render(load(message.pk)).without_secrets()
        except NotNeeded:
            return None

    def object_context(self, request, message):
        mail = self.rendered(message)
        booking = message.booking_id and request.user.has_perm("bookings.view_booking")
        return {
            "mail": mail,
            "parts": self.parts(mail, id=message.pk) if mail else [],
            "booking_url": booking and change_url(Booking, message.booking_id),
        }

    def parts(self, mail, **which):
        """The name and URL of each part."""
        names = [("html", _("HTML")), *enumerate(name for name, _content, _kind in mail.attachments)]
        return [(name, f"{self.page_url('part')}?{urlencode({**which, 'part': part})}") for part, name in names]

    def part(self, request):
        """The HTML or an attachment of a mail, or of the preview of a kind."""
        pk, kind = request.GET.get("id", ""), request.GET.get("kind", "")
        if kind in Kind.values:
            return part_of(preview(kind).without_secrets(), request.GET.get("part", "html"))
        message = Message.objects.filter(pk=pk).first() if pk.isdecimal() and len(pk) < 19 else None
        mail = message and self.rendered(message)
        if mail is None:
            raise Http404
        return part_of(mail, request.GET.get("part", "html"))

    def preview(self, request):
        kind = request.GET.get("kind", Kind.CONFIRMATION)
        kind = kind if kind in Kind.values else Kind.CONFIRMATION
        mail = preview(kind).without_secrets()
        return self.render_page(
            request,
            "admin/booking_messages/preview.html",
            title=_("Preview of mails"),
            kind=kind,
            kinds=Kind.choices,
            mail=mail,
            parts=self.parts(mail, kind=kind),
            list_title=_("Mails"),
        )

    # Actions

    def has_resend_permission(self, request):
        return request.user.has_perm("bookings.change_booking")

    @admin.action(description=gettext_lazy("Send again"), permissions=["resend"])
    def resend(self, request, queryset):
        def resend(message):
            if self.rendered(message) is None:
                raise ActionSkipped(_("skipped, because it is not needed any more."))
            send_again(message, by=request.user)

        return self.run_action(request, queryset, resend, _("Will be sent"))
