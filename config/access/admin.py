# mypy: no-check-untyped-defs

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.template.response import TemplateResponse
from django.utils import timezone

from config.access.login import LimitedLoginForm
from config.access.models import ApiToken
from config.access.scopes import Scope
from config.backoffice import Discreet, DomainAdmin, VerbForm, utc


class TokenForm(VerbForm):
    scopes = forms.MultipleChoiceField(
        choices=Scope.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="What the token may do of what its user may. None chosen: all of it.",
    )


@admin.register(ApiToken)
class ApiTokenAdmin(DomainAdmin):
    """Tokens are made and revoked; what one may do never changes."""

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

    list_display = [
        "name",
        "user",
        "start",
        "scope_names",
        "state",
        utc("created_at"),
        utc("expires_at"),
        utc("last_used_at"),
    ]
    list_filter = ["created_at", ("revoked_at", admin.EmptyFieldListFilter)]
    list_select_related = ["user"]
    search_fields = ["name", "=start", "user__username"]
    search_help_text = "Name, first characters or user"
    autocomplete_fields = ["user"]
    readonly_fields = [
        "start",
        "scope_names",
        "state",
        utc("created_at"),
        utc("expires_at"),
        utc("last_used_at"),
        utc("revoked_at"),
    ]
    actions = ["revoke"]

    def get_fields(self, request, obj=None):
        if obj is not None:
            return ["user", "name", *self.readonly_fields]
        # A token acts as its user: one for somebody else would be a way to more than one's own rights.
        return [*(["user"] if request.user.is_superuser else []), "name", "scopes", "expires_at"]

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        # A revoked token stays as the record of who could do what. Deleting a user takes theirs along, however,
        # and superusers must be able to do that.
        return request.user.is_superuser

    def make(self, request, *, user=None, **data):
        token, request.token_text = ApiToken.issue(user=user or request.user, **data)
        return token

    def response_add(self, request, obj, post_url_continue=None):
        """Shows the token in this answer alone: a message would keep it in a cookie or in the session."""
        context = {
            **self.admin_site.each_context(request),
            "title": "The token was made",
            "opts": self.opts,
            "token": obj,
            "text": request.token_text,
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/access/apitoken/made.html", context)

    @admin.display(description="scopes")
    def scope_names(self, token):
        return ", ".join(token.scopes) or "all that the user may"

    @admin.display
    def state(self, token):
        if token.revoked_at is not None:
            return "revoked"
        is_over = token.expires_at is not None and token.expires_at <= timezone.now()
        return "expired" if is_over else "valid" if token.user.is_active else "user not active"

    # Actions

    def has_revoke_permission(self, request):
        return request.user.has_perm("access.change_apitoken")

    def is_offered(self, action, token):
        return token.revoked_at is None

    @admin.action(description="Revoke", permissions=["revoke"])
    def revoke(self, request, queryset):
        return self.act(request, queryset, lambda token: token.revoke(at=timezone.now()), "Revoked")


admin.site.login_form = LimitedLoginForm

# Django's own pages for accounts, as discreet as the others.
admin.site.unregister([Group, User])
admin.site.register(Group, type("DiscreetGroupAdmin", (Discreet, GroupAdmin), {}))
admin.site.register(User, type("DiscreetUserAdmin", (Discreet, UserAdmin), {}))
