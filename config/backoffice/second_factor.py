"""The page where staff set up their second factor, get recovery codes, and remove it."""

from base64 import b32encode
from binascii import unhexlify
from textwrap import wrap

import django_otp
import segno
from django import forms
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.http import HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django_otp.plugins.otp_totp.models import TOTPDevice, default_key

from config.access import second_factor
from config.access.login import CodeField


class SetUpForm(forms.Form):
    """The key travels with the form, so that nothing is stored before its code was right."""

    key = forms.CharField(widget=forms.HiddenInput, validators=[RegexValidator(r"\A[0-9a-f]{40}\Z")])
    code = CodeField()


class CodeForm(forms.Form):
    code = CodeField()


def second_factor_page(site, request):
    device = second_factor.device_of(request.user)
    show = show_device if device else show_set_up
    return show(site, request, device)


def show_set_up(site, request, device):
    form = SetUpForm(request.POST or None, initial={"key": default_key()})
    if form.is_valid():
        try:
            device = second_factor.set_up(request.user, **form.cleaned_data)
        except ValidationError as error:
            form.add_error("code", error)
        else:
            request.session.cycle_key()
            django_otp.login(request, device)
            request.user.second_factor = device.pk
            return show_codes(site, request, _("Second factor set up"))
    key = str(form["key"].value())
    if form.errors.get("key"):
        return HttpResponseRedirect(reverse("admin:second_factor"))
    context = {
        "form": form,
        "key": " ".join(wrap(b32encode(unhexlify(key)).decode(), 4)),
        "qr_code": segno.make(TOTPDevice(user=request.user, key=key).config_url).svg_inline(scale=4, light="#fff"),
        "is_required": second_factor.is_required(request.user),
    }
    return render(site, request, "admin/second_factor/set_up.html", context)


def show_device(site, request, device):
    form = CodeForm(request.POST or None)
    if form.is_valid():
        try:
            second_factor.check_code(request.user, device, form.cleaned_data["code"])
        except ValidationError as error:
            form.add_error("code", error)
        else:
            if "remove" not in request.POST:
                return show_codes(site, request, _("Recovery codes renewed"))
            second_factor.remove(request.user)
            log(site, request, _("Second factor removed"))
            return HttpResponseRedirect(reverse("admin:index"))
    context = {"form": form, "device": device, "codes_left": second_factor.recovery_codes_left(request.user)}
    return render(site, request, "admin/second_factor/device.html", context)


def show_codes(site, request, what):
    """Shows new recovery codes in this response alone: a message would store them in a cookie or in the session."""
    log(site, request, what)
    codes = second_factor.renew_recovery_codes(request.user)
    return render(site, request, "admin/second_factor/codes.html", {"codes": codes, "what": what})


def log(site, request, what):
    site.get_model_admin(User).log_change(request, request.user, f"{what}.")


def render(site, request, template, context):
    context = {**site.each_context(request), "title": _("Second factor"), "subtitle": None, **context}
    return TemplateResponse(request, template, context)
