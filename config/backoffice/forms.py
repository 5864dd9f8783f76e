"""Forms that normalise text, take times of the venue, and change only what the user has changed."""

from decimal import Decimal

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS
from django.utils.functional import cached_property

from config.backoffice.errors import field_errors
from config.backoffice.times import LocalTimeField
from config.values import money
from config.values.text import normalise, validate_email_key, validate_line


class TextField(forms.CharField):
    def to_python(self, value):
        return normalise(super().to_python(value).replace("\r\n", "\n"))


class EmailField(forms.EmailField):
    default_validators = [*forms.EmailField.default_validators, validate_email_key]

    def to_python(self, value):
        return normalise(super().to_python(value))


class AmountField(forms.DecimalField):
    """An amount with the decimals of a currency, which the label names."""

    def __init__(self, currency, *, label, **kwargs):
        decimals = money.DECIMALS[currency]
        defaults = {"min_value": Decimal(1).scaleb(-decimals), "max_value": money.MAX_AMOUNT}
        super().__init__(label=f"{label}, {currency}", decimal_places=decimals, **{**defaults, **kwargs})
        self.currency = currency

    def prepare_value(self, value):
        return money.plain(value, self.currency) if isinstance(value, Decimal) else value


class ReasonForm(forms.Form):
    reason = TextField(max_length=500, required=False, validators=[validate_line])


class BaseAdminForm(forms.ModelForm):
    """A form whose unchanged fields take the values that are stored by now.

    Its times are local times of `find_timezone`. `domain_error`, when set, is shown beside the fields.
    """

    domain_error = None

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.is_new = self.instance.pk is None
        self.time_fields = [name for name, field in self.fields.items() if isinstance(field, LocalTimeField)]
        self.initial_timezone = self.find_timezone({})
        self.set_timezone(self.initial_timezone)

    def find_timezone(self, data):
        """The name of the time zone, by cleaned data or by what is stored; None: not known yet."""
        return "UTC"

    def set_timezone(self, timezone):
        for name in self.time_fields:
            self.fields[name].set_timezone(timezone)

    @cached_property
    def changed_data(self):
        """With the times, when the time zone changes: the same local time is another instant there."""
        names = super().changed_data
        return [*names, *(name for name in self.time_fields if self.is_timezone_changed and name not in names)]

    @property
    def is_timezone_changed(self):
        return not self.is_new and self.find_timezone(getattr(self, "cleaned_data", {})) != self.initial_timezone

    def clean(self):
        cleaned = super().clean()
        if not self.is_new:
            for name in set(self.cleaned_data) - set(self.changed_data):
                self.cleaned_data[name] = getattr(self.instance, name)
        self.convert_times()
        return cleaned

    def convert_times(self):
        """Converts local times to instants; with UTC when the venue is missing, which is an error of its own."""
        self.set_timezone(self.find_timezone(self.cleaned_data))
        typed = self.cleaned_data if self.is_new else self.changed_data  # a default of a new object was typed, too
        for name in set(self.time_fields) & set(typed):
            local = self.cleaned_data.get(name)
            if local is not None:
                try:
                    self.cleaned_data[name] = self.fields[name].to_instant(local)
                except forms.ValidationError as error:
                    self.add_error(name, error)

    def full_clean(self):
        super().full_clean()
        if not self.is_new:
            # What is stored stays valid, even if the rules for new values have become stricter.
            for name in {*self.errors} & {*self.data} - {*self.changed_data, NON_FIELD_ERRORS}:
                del self.errors[name]
        for name, detail in field_errors(self.domain_error) if self.domain_error else ():
            self.add_error(name if name in self.fields else None, detail)
