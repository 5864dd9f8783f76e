"""Staff reset their passwords by a link in a mail, when there is a mail server."""

import logging
from threading import Timer

from django.conf import settings
from django.contrib import admin
from django.contrib.auth import forms, views
from django.db import connection
from django.http import Http404
from django.urls import path
from django.views.generic.base import ContextMixin, View

from config.access.clients import address_key
from config.access.rate_limits import LOGINS, count_mail, count_request
from config.backoffice.site import allow_methods
from config.problems import TooManyRequests

logger = logging.getLogger(__name__)

SECONDS_TO_ANSWER = 1


class ResetForm(forms.PasswordResetForm):
    def save(self, **options):
        """Looks for accounts in a thread, after the answer, whose time then tells nothing about them."""
        Timer(SECONDS_TO_ANSWER, self.send, kwargs=options).start()

    def send(self, **options):
        try:
            super().save(**options)
        except Exception:
            logger.exception("No mail to reset a password could be made.")
        finally:
            if not connection.in_atomic_block:  # in a thread of its own it never is
                connection.close()


class ResetPage(ContextMixin, View):
    """Pages of the admin site for clients that are not logged in."""

    def dispatch(self, request, *args, **kwargs):
        if not settings.HAS_MAIL:
            raise Http404
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs):
        return {**admin.site.each_context(self.request), **super().get_context_data(**kwargs)}


class Reset(ResetPage, views.PasswordResetView):
    form_class = ResetForm

    def form_valid(self, form):
        """Counts the request, and the mail, whether or not an account has the address."""
        try:
            count_request(self.request, LOGINS, address_key(self.request))
            count_mail(form.cleaned_data["email"].casefold())
        except TooManyRequests as problem:
            form.add_error("email", problem.detail)
            headers = {"Retry-After": str(problem.retry_after)}
            return self.render_to_response(self.get_context_data(form=form), status=problem.status, headers=headers)
        return super().form_valid(form)


class ResetDone(ResetPage, views.PasswordResetDoneView):
    pass


class ResetConfirm(ResetPage, views.PasswordResetConfirmView):
    pass


class ResetComplete(ResetPage, views.PasswordResetCompleteView):
    pass


# With the names that Django's views and the templates of the admin expect.
urlpatterns = [
    path("", allow_methods(Reset.as_view()), name="admin_password_reset"),
    path("done/", allow_methods(ResetDone.as_view()), name="password_reset_done"),
    path("complete/", allow_methods(ResetComplete.as_view()), name="password_reset_complete"),
    path("<uidb64>/<token>/", allow_methods(ResetConfirm.as_view()), name="password_reset_confirm"),
]
