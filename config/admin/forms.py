"""Forms that take text as it is stored, and change only what was changed."""

# mypy: no-check-untyped-defs

from django import forms

from config.admin.refusals import faults
from config.text import normalise, validate_line


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
    """Knows which fields were changed since its page was opened; the others keep what is stored by now."""

    refusal = None

    def clean(self):
        cleaned = super().clean()
        if not self.instance._state.adding:
            for name in set(self.cleaned_data) - set(self.changed_data):
                self.cleaned_data[name] = getattr(self.instance, name)
        return cleaned

    def full_clean(self):
        super().full_clean()
        for name, detail in faults(self.refusal) if self.refusal else ():
            self.add_error(name if name in self.fields else None, detail)
