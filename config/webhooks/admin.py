"""Webhook endpoints with their health, and deliveries with what was sent and answered."""

import json

from django import forms
from django.contrib import admin
from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.backoffice.base import BaseAdmin, CatalogueAdmin, ViewOnly
from config.backoffice.formats import badge, format_number, two_lines, utc_column
from config.backoffice.forms import BaseAdminForm
from config.outbox.types import TYPES
from config.webhooks.bodies import body_of
from config.webhooks.models import WebhookDelivery, WebhookEndpoint
from config.webhooks.receiving import missing_permissions

STATES = {"pending": "pending", "delivered": "succeeded", "failed": "failed", "cancelled": "cancelled"}


def type_choices():
    groups = {}
    for it in TYPES.values():
        groups.setdefault(it.resource.replace("_", " "), []).append((it.name, f"{it.name}: {it.description}"))
    return list(groups.items())


class EndpointForm(BaseAdminForm):
    types = forms.MultipleChoiceField(
        choices=type_choices,
        required=False,
        show_hidden_initial=True,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("The changes to deliver. None chosen: all, also of types that are added later."),
    )
    user = None

    def clean(self):
        cleaned = super().clean()
        if missing := missing_permissions(self.user.has_perm, cleaned.get("types", [])):
            text = _("You are not permitted to see what these types show: %s.") % ", ".join(missing)
            self.add_error("types", forms.ValidationError(text, code="not-permitted"))
        return cleaned


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(CatalogueAdmin):
    form = EndpointForm
    exported = {
        "id": "id",
        "URL": "url",
        "types": "types",
        "description": "description",
        "active": "is_active",
        "switched off because": "disabled_reason",
        "last success at (UTC)": "last_success_at",
        "failing since (UTC)": "failing_since",
    }
    health = [utc_column("last_success_at", gettext_lazy("last success")), utc_column("failing_since")]
    list_display = ["name", "state", *health, "pending", "chosen_types"]
    list_filter = ["is_active"]
    search_fields = ["url", "description"]
    search_help_text = gettext_lazy("URL or description")
    actions = ["delete_selected", "send_test", "rotate_secret"]
    page_actions = ["rotate_secret"]
    related = ["deliveries"]
    readonly_fields = ["state", *health, "pending", utc_column("previous_secret_until")]
    typed = ["url", "description", "types", "is_active"]

    def get_fields(self, request, obj=None):
        return [*self.typed, *self.readonly_fields] if obj else self.typed

    def get_form(self, request, obj=None, change=False, **kwargs):
        return type("Form", (super().get_form(request, obj, change, **kwargs),), {"user": request.user})

    def get_queryset(self, request):
        waiting = WebhookDelivery.objects.pending().filter(endpoint=OuterRef("pk")).order_by()
        count = Subquery(waiting.values("endpoint").annotate(count=Count("pk")).values("count"))
        return super().get_queryset(request).annotate(pending_count=Coalesce(count, 0))

    def create(self, request, **data):
        return WebhookEndpoint.add(**data, by=request.user)

    def response_add(self, request, obj, post_url_continue=None):
        return self.secret_page(request, obj, _("The endpoint was created"))

    def secret_page(self, request, endpoint, title):
        """Shows the secret in this response alone: a message would store it in a cookie or in the session."""
        return self.render_page(request, "admin/webhooks/secret.html", title=title, endpoint=endpoint)

    def get_deleted_objects(self, objs, request):
        """Counts deliveries instead of listing them."""
        count = WebhookDelivery.objects.filter(endpoint__in=objs).count()
        counts = {WebhookEndpoint._meta.verbose_name_plural: len(objs)}
        return [str(obj) for obj in objs], counts | {WebhookDelivery._meta.verbose_name_plural: count}, set(), []

    # Columns

    @admin.display(description=gettext_lazy("endpoint"), ordering="url")
    def name(self, endpoint):
        return two_lines(endpoint.description, endpoint.url) if endpoint.description else endpoint.url

    @admin.display(description=gettext_lazy("state"))
    def state(self, endpoint):
        if not endpoint.is_active:
            text = endpoint.disabled_reason
            return badge("cancelled", _("Switched off: %s") % text if text else _("Switched off"))
        if endpoint.failing_since:
            return badge("failed", _("Failing"))
        return badge("succeeded", _("Works")) if endpoint.last_success_at else badge("pending", _("Nothing sent yet"))

    @admin.display(description=gettext_lazy("pending"))
    def pending(self, endpoint):
        return format_number(endpoint.pending_count)

    @admin.display(description=gettext_lazy("types"))
    def chosen_types(self, endpoint):
        return Truncator(", ".join(endpoint.types) or _("all")).chars(80)

    # Actions

    def is_offered(self, action, endpoint):
        return action != "send_test" or endpoint.is_active

    @admin.action(description=gettext_lazy("Send a test"), permissions=["change"])
    def send_test(self, request, queryset):
        return self.run_action(request, queryset, lambda it: it.test(at=timezone.now()), _("Test is being sent"))

    @admin.action(description=gettext_lazy("New secret…"), permissions=["change"])
    def rotate_secret(self, request, queryset):
        endpoint = queryset.get()
        if "confirmed" not in request.POST:
            text = _("%s gets a new secret. The old one signs too for 24 hours.")
            title, describe = _("New secret"), lambda it: text % it
            return self.confirm_page(request, queryset, describe, title=title, form=forms.Form(), is_reversible=True)
        endpoint.rotate_secret(at=timezone.now(), by=request.user)
        self.log_change(request, endpoint, _("New secret."))
        return self.secret_page(request, endpoint, _("The new secret"))


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ViewOnly, BaseAdmin):
    exported = {
        "id": "id",
        "webhook-id": "webhook_id",
        "endpoint": "endpoint__url",
        "type": "type",
        "object": "object_key",
        "state": "state",
        "attempts": "attempts",
        "created at (UTC)": "created_at",
        "next attempt at (UTC)": "next_attempt_at",
        "last attempt at (UTC)": "last_attempt_at",
        "status": "status",
        "milliseconds": "duration_ms",
        "error": "error",
    }
    list_display = [utc_column("created_at"), "endpoint", "type", "changed_object", "badge", "attempts", "answer"]
    list_filter = ["state", "endpoint"]
    list_select_related = ["endpoint"]
    fields = [
        *("endpoint", "type", "changed_object", "badge", "attempts", utc_column("created_at")),
        *(utc_column("last_attempt_at"), utc_column("next_attempt_at"), "answer"),
    ]
    sortable_by = ()  # there are no indexes for other orders
    ordering = ["-id"]
    actions = ["send_again"]

    @admin.display(description=gettext_lazy("object"))
    def changed_object(self, delivery):
        return "-" if delivery.change_id is None else delivery.object_key.replace("_", " ")

    @admin.display(description=gettext_lazy("state"))
    def badge(self, delivery):
        return badge(STATES[delivery.state], delivery.get_state_display())

    @admin.display(description=gettext_lazy("last answer"))
    def answer(self, delivery):
        if not delivery.attempts:
            return "-"
        text = ", ".join(str(it) for it in (delivery.status, delivery.error) if it)
        return two_lines(text or "-", f"{format_number(delivery.duration_ms)} ms")

    def object_context(self, request, delivery):
        change = delivery.change
        may_see = change is None or (change.permission and request.user.has_perm(change.permission))
        data = json.loads(body_of(delivery.endpoint, delivery)) if may_see else None
        return {"delivery": delivery, "body": json.dumps(data, indent=2, ensure_ascii=False) if data else ""}

    def has_send_permission(self, request):
        return request.user.has_perm("webhooks.change_webhookendpoint")

    def is_offered(self, action, delivery):
        return delivery.endpoint.is_active

    @admin.action(description=gettext_lazy("Send again"), permissions=["send"])
    def send_again(self, request, queryset):
        label = _("Being sent again")
        return self.run_action(request, queryset, lambda it: it.redeliver(at=timezone.now()), label)
