"""The import page of the admin: uploads a file, shows a preview, and imports it."""

import base64

from django import forms
from django.contrib import admin, messages
from django.core import signing
from django.http import HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from config.backoffice.formats import format_number, list_url
from events.models import Event
from ticket_types.imports import FORMATS, apply, format_of, preview
from ticket_types.imports.planning import CHANGE, CREATE, SAME

SALT = "ticket_types.imports"
MAX_BYTES = 5_000_000
MAX_UPLOAD = 6 * 2**20  # of the form with the file, as deploy/nginx.conf has it
MAX_PACKED = 200_000  # characters: it is a form field, and a form may have 256 kB
MAX_ROWS = 200  # of the preview
MAX_AGE = 3600  # seconds between the preview and the import
PERMISSIONS = (
    "venues.add_venue",
    "venues.change_venue",
    "events.add_event",
    "events.change_event",
    "events.publish_event",
    "ticket_types.add_tickettype",
    "ticket_types.change_tickettype",
)
NAMES = {"venue": gettext_lazy("Venues"), "event": gettext_lazy("Events"), "ticket_type": gettext_lazy("Ticket types")}


class FileForm(forms.Form):
    file = forms.FileField(
        label=gettext_lazy("File"),
        error_messages={"required": gettext_lazy("Choose a file."), "empty": gettext_lazy("The file is empty.")},
        widget=forms.FileInput(attrs={"accept": ".csv,.json"}),
        help_text=gettext_lazy("CSV or JSON, in UTF-8. Nothing is imported before you confirm the preview."),
    )

    def clean_file(self):
        file = self.cleaned_data["file"]
        if format_of(file.name) is None:
            raise forms.ValidationError(_("The name of the file must end in .csv or .json."))
        if file.size > MAX_BYTES:
            raise forms.ValidationError(_("The file is larger than 5 MB. Use `manage.py import_catalogue`."))
        return file

    def pack(self):
        """The file as a signed text for a hidden field. Raises ValidationError."""
        file = self.cleaned_data["file"]
        content = base64.b85encode(file.read()).decode()
        packed = signing.dumps({"name": file.name, "content": content}, salt=SALT, compress=True)
        if len(packed) > MAX_PACKED:
            raise forms.ValidationError(_("The file is too large for a preview. Use `manage.py import_catalogue`."))
        return packed


def unpack(packed):
    """The name and the content of a file; None when the signature is wrong or too old."""
    try:
        file = signing.loads(packed, salt=SALT, max_age=MAX_AGE)
    except signing.BadSignature:
        return None
    return file["name"], base64.b85decode(file["content"])


class ImportAdmin(admin.ModelAdmin):
    def import_catalogue(self, request):
        if request.method != "POST":
            return self.import_page(request, FileForm())
        if "packed" in request.POST:
            return self.import_file(request, request.POST["packed"])
        form = FileForm(request.POST, request.FILES)
        if form.is_valid():
            try:
                return self.preview_file(request, form.pack())
            except forms.ValidationError as error:
                form.add_error("file", error)
        return self.import_page(request, form)

    def preview_file(self, request, packed):
        name, content = unpack(packed)
        outcome = preview(content, format_of(name), by=request.user)
        return self.import_page(request, FileForm(), outcome, name=name, packed=None if outcome.errors else packed)

    def import_file(self, request, packed):
        file = unpack(packed)
        if file is None:
            messages.error(request, _("The preview has expired. Choose the file again."))
            return self.import_page(request, FileForm())
        name, content = file
        outcome = apply(content, format_of(name), by=request.user)
        if not outcome.is_done:
            messages.error(request, _("Nothing was imported, because data has changed since the preview."))
            return self.import_page(request, FileForm(), outcome, name=name)
        count = len(outcome.changes)
        text = ngettext("Imported %(name)s: %(count)s change.", "Imported %(name)s: %(count)s changes.", count)
        messages.success(request, text % {"name": name, "count": format_number(count)})
        return HttpResponseRedirect(list_url(Event))

    def import_page(self, request, form, outcome=None, **context):
        context |= outcome_context(outcome) if outcome else {}
        return self.render_page(
            request,
            "admin/ticket_types/import.html",
            title=_("Import a catalogue"),
            form=form,
            formats=FORMATS,
            **context,
        )


def outcome_context(outcome):
    counts = [
        (NAMES[kind], count[CREATE], count[CHANGE], count[SAME])
        for kind, count in outcome.counts().items()
        if any(count.values())
    ]
    lists = {"errors": outcome.errors, "warnings": outcome.warnings, "steps": outcome.changes}
    return {
        "outcome": outcome,
        "counts": counts,
        **{name: rows[:MAX_ROWS] for name, rows in lists.items()},
        **{f"more_{name}": len(rows) - MAX_ROWS for name, rows in lists.items()},
    }
