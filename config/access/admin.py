from django import forms
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.utils import timezone

from config.access.login import LimitedLoginForm
from config.access.models import ApiToken
from config.access.scopes import Scope
from config.backoffice.base import BaseAdmin
from config.backoffice.formats import utc_column
from config.backoffice.forms import BaseAdminForm
from config.backoffice.history import PermissionFirstAdmin


class TokenForm(BaseAdminForm):
    scopes = forms.MultipleChoiceField(
        choices=Scope.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Limits the token to some of its user's permissions. None chosen: no limit.",
    )


@admin.register(ApiToken)
class ApiTokenAdmin(BaseAdmin):
    """Tokens are created and revoked; the permissions of one never change."""

    form = TokenForm
    exported = {
        "name": "name",
        "user": "user__username",
        "first characters": "start",
        "created at (UTC)": "created_at",
        "expires at (UTC)": "expires_at",
        "last used at (UTC)": "last_used_at",
        "revoked at (UTC)": "revoked_at",
    }
    times = [utc_column("created_at"), utc_column("expires_at"), utc_column("last_used_at")]
    list_display = ["name", "user", "start", "scope_names", "state", *times]
    list_filter = ["created_at", ("revoked_at", admin.EmptyFieldListFilter)]
    list_select_related = ["user"]
    search_fields = ["name", "=start", "user__username"]
    search_help_text = "Name, first characters or user"
    autocomplete_fields = ["user"]
    readonly_fields = ["start", "scope_names", "state", *times, utc_column("revoked_at")]
    actions = ["revoke"]

    def get_fields(self, request, obj=None):
        if obj is not None:
            return ["user", "name", *self.readonly_fields]
        # A token has its user's permissions: with one of another user, staff could exceed their own.
        return [*(["user"] if request.user.is_superuser else []), "name", "scopes", "expires_at"]

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

    @admin.display
    def state(self, token):
        if token.revoked_at is not None:
            return "revoked"
        is_expired = token.expires_at is not None and token.expires_at <= timezone.now()
        return "expired" if is_expired else "valid" if token.user.is_active else "user is not active"

    def has_revoke_permission(self, request):
        return request.user.has_perm("access.change_apitoken")

    def is_offered(self, action, token):
        return token.revoked_at is None

    @admin.action(description="Revoke", permissions=["revoke"])
    def revoke(self, request, queryset):
        return self.run_action(request, queryset, lambda token: token.revoke(at=timezone.now()), "Revoked")


admin.site.login_form = LimitedLoginForm
admin.site.unregister([Group, User])
admin.site.register(Group, type("PermissionFirstGroupAdmin", (PermissionFirstAdmin, GroupAdmin), {}))
admin.site.register(User, type("PermissionFirstUserAdmin", (PermissionFirstAdmin, UserAdmin), {}))
