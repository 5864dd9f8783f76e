import datetime as dt

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.forms import AdminPasswordChangeForm
from django.contrib.auth.models import Group, User
from django.db.models import Count, Max, Sum
from django.utils import timezone
from django_otp.plugins.otp_static.admin import StaticDevice
from django_otp.plugins.otp_totp.admin import TOTPDevice

from config.access import second_factor
from config.access.login import LimitedLoginForm
from config.access.models import MONTH, ApiToken, LoginFailure
from config.access.narrowing import all_events
from config.access.passwords import end_tokens
from config.access.scopes import Scope
from config.backoffice.actions import ActionsAdmin, ActionSkipped
from config.backoffice.base import BaseAdmin, ViewOnly
from config.backoffice.formats import utc_column
from config.backoffice.forms import BaseAdminForm
from config.backoffice.history import PermissionFirstAdmin
from config.backoffice.rights import grantable, is_lesser
from config.values.timezones import in_words


def event_choices():
    """Events that are not over, by start."""
    events = all_events().filter(ends_at__gt=timezone.now()).order_by("starts_at", "pk")
    return [(it.pk, f"{it.name}, {in_words(it.starts_at, it.venue.timezone)}, {it.venue}") for it in events]


class TokenForm(BaseAdminForm):
    scopes = forms.MultipleChoiceField(
        choices=Scope.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Limits the token to some of its user's permissions. None chosen: no limit.",
    )
    events = forms.TypedMultipleChoiceField(
        choices=event_choices,
        coerce=int,
        required=False,
        help_text="Limits the token to the tickets of some events, for their doors. None chosen: no limit.",
    )


@admin.register(ApiToken)
class ApiTokenAdmin(BaseAdmin):
    """Tokens are created and revoked; the permissions of one never change."""

    form = TokenForm
    exported = {
        "name": "name",
        "user": "user__username",
        "first characters": "start",
        "events": "events",
        "created at (UTC)": "created_at",
        "expires at (UTC)": "expires_at",
        "last used at (UTC)": "last_used_at",
        "revoked at (UTC)": "revoked_at",
    }
    times = [utc_column("created_at"), utc_column("expires_at"), utc_column("last_used_at")]
    list_display = ["name", "user", "start", "scope_names", "event_names", "state", *times]
    list_filter = ["created_at", ("revoked_at", admin.EmptyFieldListFilter)]
    list_select_related = ["user"]
    search_fields = ["name", "=start", "user__username"]
    search_help_text = "Name, first characters or user"
    autocomplete_fields = ["user"]
    readonly_fields = ["start", "scope_names", "event_names", "state", *times, utc_column("revoked_at")]
    actions = ["revoke"]

    def get_fields(self, request, obj=None):
        if obj is not None:
            return ["user", "name", *self.readonly_fields]
        # A token has its user's permissions: with one of another user, staff could exceed their own.
        return [*(["user"] if request.user.is_superuser else []), "name", "scopes", "events", "expires_at"]

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        # A revoked token stays as a record. Deleting a user deletes their tokens, however, which superusers may do.
        return request.user.is_superuser

    def create(self, request, *, user=None, **data):
        token, request.token_text = ApiToken.issue(user=user or request.user, **data)
        return token

    def response_add(self, request, obj, post_url_continue=None):
        """Shows the token in this response alone: a message would store it in a cookie or in the session."""
        context = {"title": "The token was created", "token": obj, "text": request.token_text}
        return self.render_page(request, "admin/access/apitoken/created.html", **context)

    @admin.display(description="scopes")
    def scope_names(self, token):
        return ", ".join(token.scopes) or "no limit"

    @admin.display(description="events")
    def event_names(self, token):
        """By id, as the API has them: a list of tokens needs no query for each."""
        return ", ".join(map(str, token.events)) or "no limit"

    @admin.display
    def state(self, token):
        if token.revoked_at is not None:
            return "revoked"
        if not token.user.is_active:
            return "user is not active"
        left = token.expires_at - timezone.now() if token.expires_at else MONTH
        return "expired" if left <= dt.timedelta(0) else "valid" if left >= MONTH else "expires soon"

    def has_revoke_permission(self, request):
        return request.user.has_perm("access.change_apitoken")

    def is_offered(self, action, token):
        return token.revoked_at is None

    @admin.action(description="Revoke", permissions=["revoke"])
    def revoke(self, request, queryset):
        return self.run_action(request, queryset, lambda token: token.revoke(at=timezone.now()), "Revoked")


@admin.register(LoginFailure)
class LoginFailureAdmin(ViewOnly, BaseAdmin):
    exported = {
        "hour (UTC)": "hour",
        "account": "username",
        "address": "address",
        "failed logins": "count",
        "last at (UTC)": "last_at",
    }
    list_display = [utc_column("hour"), "account", "address", "count", utc_column("last_at")]
    list_filter = ["hour"]
    search_fields = ["=username", "=address"]
    search_help_text = "Account or address"

    @admin.display(description="account", ordering="username")
    def account(self, failure):
        return failure.username or "none with that name"

    def dashboard(self, request):
        if not self.has_view_permission(request):
            return {}
        latest = LoginFailure.objects.filter(last_at__gt=timezone.now() - dt.timedelta(days=1))
        addresses = Count("address", distinct=True)
        return {"login_failures": latest.aggregate(count=Sum("count"), addresses=addresses, last_at=Max("last_at"))}


class Lesser(PermissionFirstAdmin):
    """Lets an account give away only what it may do itself, and change only what may do no more than it."""

    def formfield_for_manytomany(self, db_field, request, **kwargs):
        field = super().formfield_for_manytomany(db_field, request, **kwargs)
        if field and not request.user.is_superuser:
            field.queryset = grantable(request.user, field.queryset)
        return field

    def has_change_permission(self, request, obj=None):
        return super().has_change_permission(request, obj) and is_lesser(obj, request.user)

    def has_delete_permission(self, request, obj=None):
        return super().has_delete_permission(request, obj) and is_lesser(obj, request.user)


class LesserGroupAdmin(Lesser, GroupAdmin):
    pass


class AccountForm(AdminPasswordChangeForm):
    """Also ends tokens when the password is switched off, which Django does not count as a change."""

    def save(self, commit=True):
        end_tokens(self.user)
        return super().save(commit)


class AccountAdmin(Lesser, ActionsAdmin, UserAdmin):
    change_password_form = AccountForm
    list_display = [*UserAdmin.list_display, "has_second_factor"]
    actions = ["reset_second_factor"]

    def get_queryset(self, request):
        return second_factor.with_second_factor(super().get_queryset(request))

    def get_readonly_fields(self, request, obj=None):
        return [] if request.user.is_superuser else ["is_superuser"]

    def render_change_form(self, request, context, *args, obj=None, **kwargs):
        context |= self.object_tools(request, obj) if obj else {}
        return super().render_change_form(request, context, *args, obj=obj, **kwargs)

    @admin.display(boolean=True, description="second factor", ordering="second_factor")
    def has_second_factor(self, user):
        return user.second_factor is not None

    def is_offered(self, action, user):
        return user.second_factor is not None

    @admin.action(description="Reset second factor…", permissions=["change"])
    def reset_second_factor(self, request, queryset):
        if "confirmed" not in request.POST:
            title = "Reset the second factor: make sure first that it is this person who asks"
            return self.confirm_page(request, queryset, str, title=title, form=forms.Form())

        def reset(user):
            if not self.has_change_permission(request, user):
                raise ActionSkipped("the account may do more than yours.")
            if not second_factor.remove(user):
                raise ActionSkipped("it has none.")

        return self.run_action(request, queryset, reset, "Second factor reset")


admin.site.login_form = LimitedLoginForm
admin.site.unregister([Group, User, StaticDevice, TOTPDevice])  # the pages of devices show their secrets
admin.site.register(Group, LesserGroupAdmin)
admin.site.register(User, AccountAdmin)
