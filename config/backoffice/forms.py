"""Forms that take text as it is stored, and change only what was changed."""

# mypy: no-check-untyped-defs

from django import forms
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy

from config.backoffice.refusals import faults
from config.backoffice.times import LocalTimeField
from config.values.text import normalise, validate_line

# Instead of Django's “Ensure this value is …”.
BOUNDS = {
    "max_value": gettext_lazy("%(limit_value)s at most."),
    "min_value": gettext_lazy("%(limit_value)s at least."),
    "max_length": gettext_lazy("%(limit_value)d characters at most: it has %(show_value)d."),
}


class TextField(forms.CharField):
    """Takes text in the form in which it is stored."""

    def to_python(self, value):
        return normalise(super().to_python(value).replace("\r\n", "\n"))


class EmailField(forms.EmailField):
    def to_python(self, value):
        return normalise(super().to_python(value))


class ReasonForm(forms.Form):
    reason = TextField(max_length=500, required=False, validators=[validate_line])


class VerbForm(forms.ModelForm):
    """Knows which fields were changed since its page was opened; the others keep what is stored by now.

    Its times are those of the place that `place` names.
    """

    refusal = None

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.times = [name for name, field in self.fields.items() if isinstance(field, LocalTimeField)]
        self.place_before = self.place({})
        self.use(self.place_before)

    def place(self, data):
        """The name of the zone whose times are meant, by the data given here or those stored; None: not known yet."""
        return "UTC"

    def use(self, timezone):
        for name in self.times:
            self.fields[name].use(timezone)

    @cached_property
    def changed_data(self):
        """A time also changes when the place does: the clocks there show the same, at another instant."""
        names = super().changed_data
        return [*names, *(name for name in self.times if self.is_moved and name not in names)]

    @property
    def is_moved(self):
        is_stored = not self.instance._state.adding
        return is_stored and self.place(getattr(self, "cleaned_data", {})) != self.place_before

    def clean(self):
        cleaned = super().clean()
        if not self.instance._state.adding:
            for name in set(self.cleaned_data) - set(self.changed_data):
                self.cleaned_data[name] = getattr(self.instance, name)
        self.read_times()
        return cleaned

    def read_times(self):
        """Makes instants of what the clocks show. Without a place, which is asked for, any will do."""
        timezone = self.place(self.cleaned_data)
        self.use(timezone)
        for name in set(self.times) & set(self.changed_data):
            typed = self.cleaned_data.get(name)
            if typed is not None:
                try:
                    self.cleaned_data[name] = self.fields[name].instant(typed)
                except forms.ValidationError as error:
                    self.add_error(name, error)

    def full_clean(self):
        super().full_clean()
        for name, detail in faults(self.refusal) if self.refusal else ():
            self.add_error(name if name in self.fields else None, detail)
