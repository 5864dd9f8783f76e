"""A page of the admin: a catalogue from a file, with a preview of what it would do."""

# mypy: no-check-untyped-defs

import base64

from django import forms
from django.contrib import messages
from django.core import signing
from django.http import HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from config.backoffice import list_url, number
from events.models import Event
from ticket_types.imports import FORMATS, apply, format_of, preview
from ticket_types.imports.planning import CHANGE, CREATE, SAME

SALT = "ticket_types.imports"
MAX_BYTES = 5_000_000
MAX_PACKED = 200_000  # characters: it travels in a form, which may have 256 kB
MAX_ROWS = 200  # of what is shown
PATIENCE = 3600  # seconds between the preview and the import
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
        help_text=gettext_lazy("CSV or JSON, in UTF-8. Nothing is changed before you have seen what it would do."),
    )

    def clean_file(self):
        file = self.cleaned_data["file"]
        if format_of(file.name) is None:
            raise forms.ValidationError(_("The name of the file must end in .csv or .json."))
        if file.size > MAX_BYTES:
            text = _("The file is larger than 5 MB: let `manage.py import_catalogue` take it.")
            raise forms.ValidationError(text)
        return file

    def packed(self):
        """The file as a text that travels in a form and cannot be changed on its way. Raises ValidationError."""
        file = self.cleaned_data["file"]
        content = base64.b85encode(file.read()).decode()
        packed = signing.dumps({"name": file.name, "content": content}, salt=SALT, compress=True)
        if len(packed) > MAX_PACKED:
            text = _("The file is too large for a preview here: let `manage.py import_catalogue` take it.")
            raise forms.ValidationError(text)
        return packed


def unpacked(packed):
    """The name and the content of a file, or None when it was packed too long ago or somewhere else."""
    try:
        file = signing.loads(packed, salt=SALT, max_age=PATIENCE)
    except signing.BadSignature:
        return None
    return file["name"], base64.b85decode(file["content"])


class ImportPage:
    def import_catalogue(self, request):
        if request.method != "POST":
            return self.show(request, FileForm())
        if "packed" in request.POST:
            return self.import_packed(request, request.POST["packed"])
        form = FileForm(request.POST, request.FILES)
        if form.is_valid():
            try:
                return self.show_preview(request, form.packed())
            except forms.ValidationError as error:
                form.add_error("file", error)
        return self.show(request, form)

    def show_preview(self, request, packed):
        name, content = unpacked(packed)
        outcome = preview(content, format_of(name), by=request.user)
        return self.show(request, FileForm(), outcome, name=name, packed=None if outcome.errors else packed)

    def import_packed(self, request, packed):
        file = unpacked(packed)
        if file is None:
            messages.error(request, _("The preview is too old: choose the file again."))
            return self.show(request, FileForm())
        name, content = file
        outcome = apply(content, format_of(name), by=request.user)
        if not outcome.is_done:
            text = _("Nothing was imported: something has changed since the preview.")
            messages.error(request, text)
            return self.show(request, FileForm(), outcome, name=name)
        count = len(outcome.changes)
        done = ngettext("Imported %(name)s: %(count)s change.", "Imported %(name)s: %(count)s changes.", count)
        messages.success(request, done % {"name": name, "count": number(count)})
        return HttpResponseRedirect(list_url(Event))

    def show(self, request, form, outcome=None, **context):
        return TemplateResponse(
            request,
            "admin/ticket_types/import.html",
            {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "title": _("Import a catalogue"),
                "subtitle": None,
                "form": form,
                "formats": FORMATS,
                **(told(outcome) if outcome else {}),
                **context,
            },
        )


def told(outcome):
    counts = [
        (NAMES[kind], count[CREATE], count[CHANGE], count[SAME])
        for kind, count in outcome.counts().items()
        if any(count.values())
    ]
    return {
        "outcome": outcome,
        "faults": outcome.errors[:MAX_ROWS],
        "more_faults": len(outcome.errors) - MAX_ROWS,
        "warnings": outcome.warnings[:MAX_ROWS],
        "more_warnings": len(outcome.warnings) - MAX_ROWS,
        "counts": counts,
        "steps": outcome.changes[:MAX_ROWS],
        "more_steps": len(outcome.changes) - MAX_ROWS,
    }
