"""The form that gives a ticket to another holder."""

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bookings.models import Ticket
from config.backoffice.forms import EmailField, TextField
from config.values.text import validate_line


class HolderForm(forms.Form):
    """Empty fields change nothing, so that one ticket of many can be chosen without its holder being known here."""

    ticket = forms.ChoiceField(label=gettext_lazy("Ticket"))
    holder_name = TextField(label=gettext_lazy("Name"), max_length=200, required=False, validators=[validate_line])
    holder_email = EmailField(label=gettext_lazy("E-mail"), max_length=254, required=False)
    new_code = forms.BooleanField(
        label=gettext_lazy("New code"),
        required=False,
        help_text=gettext_lazy("The old code is void from now on, so that only the new holder is admitted."),
    )

    def __init__(self, booking, *args, **kwargs):
        super().__init__(*args, **kwargs)
        tickets = booking.tickets.filter(status=Ticket.Status.VALID).select_related("booking", "ticket_type")
        self.fields["ticket"].choices = [(it.code, f"{it.code}, {it.ticket_type}: {it.holder}") for it in tickets]

    def clean(self):
        cleaned = super().clean()
        if not self.errors and not any(self.changes.values()):
            raise forms.ValidationError(_("Enter a name or an address, or choose a new code."))
        return cleaned

    @property
    def changes(self):
        """The arguments of `Booking.transfer`."""
        holder = {name: self.cleaned_data[name] for name in ("holder_name", "holder_email") if self.cleaned_data[name]}
        return {**holder, "new_code": self.cleaned_data["new_code"]}
