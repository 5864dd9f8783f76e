# mypy: no-check-untyped-defs

from django.contrib import admin, messages
from django.utils import timezone
from django.utils.html import format_html

from config.access.models import ApiToken
from config.admin import DomainAdmin, utc


@admin.register(ApiToken)
class ApiTokenAdmin(DomainAdmin):
    """Tokens are made and revoked; what one may do never changes."""

    exported = {
        "name": "name",
        "user": "user__username",
        "first characters": "start",
        "created at (UTC)": "created_at",
        "expires at (UTC)": "expires_at",
        "last used at (UTC)": "last_used_at",
        "revoked at (UTC)": "revoked_at",
    }

    list_display = ["name", "user", "start", "state", utc("created_at"), utc("expires_at"), utc("last_used_at")]
    list_filter = ["created_at", ("revoked_at", admin.EmptyFieldListFilter)]
    list_select_related = ["user"]
    search_fields = ["name", "=start", "user__username"]
    search_help_text = "Name, first characters or user"
    autocomplete_fields = ["user"]
    readonly_fields = [
        "start",
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
        return [*(["user"] if request.user.is_superuser else []), "name", "expires_at"]

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        # A revoked token stays as the record of who could do what. Deleting a user takes theirs along, however,
        # and superusers must be able to do that.
        return request.user.is_superuser

    def make(self, request, *, user=None, **facts):
        token, request.token_text = ApiToken.issue(user=user or request.user, **facts)
        return token

    def response_add(self, request, obj, post_url_continue=None):
        text = format_html("The token, shown only now: <code>{}</code>", request.token_text)
        self.message_user(request, text, messages.WARNING)
        return super().response_add(request, obj, post_url_continue)

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
