"""Endpoints of other programs, and what was sent to them."""

import datetime as dt
import uuid
from typing import Any, Self

from django.db import models, transaction
from django.db.models import Exists, OuterRef, Q

from config.history.models import SYSTEM, record, record_changed, record_created, record_deleted
from config.outbox.models import FeedChange
from config.outbox.publishing import bounds
from config.problems import Precondition, no_precondition
from config.values.text import validate_line
from config.webhooks.addresses import MAX_LENGTH, validate_url
from config.webhooks.problems import EndpointInactive
from config.webhooks.signing import MAX_LENGTH as MAX_SECRET
from config.webhooks.signing import PREFIX, new_secret

BOTH_SIGN = dt.timedelta(hours=24)  # the old secret beside the new one
TEST = "webhook_endpoint.tested"
RECORDED = ("url", "types", "description", "is_active")


class WebhookEndpoint(models.Model):
    """A URL that is told of changes, from the moment when it is switched on."""

    url = models.CharField("URL", max_length=MAX_LENGTH, validators=[validate_url])
    types = models.JSONField(
        default=list, db_default=[], blank=True, help_text="None: all, and those of later releases."
    )
    description = models.CharField(max_length=200, blank=True, default="", validators=[validate_line])
    is_active = models.BooleanField("active", default=True, help_text="Changes meanwhile are not delivered later.")
    disabled_reason = models.CharField(max_length=200, blank=True, default="", editable=False)
    secret = models.CharField(max_length=MAX_SECRET, default=new_secret, editable=False)
    previous_secret = models.CharField(max_length=MAX_SECRET, blank=True, default="", editable=False)
    previous_secret_until = models.DateTimeField(null=True, editable=False)
    position = models.BigIntegerField(default=0, editable=False, help_text="Up to here, changes have deliveries.")
    failures = models.PositiveIntegerField(default=0, editable=False, help_text="Attempts since the last success.")
    retry_at = models.DateTimeField(null=True, editable=False, help_text="No attempt is made before.")
    last_success_at = models.DateTimeField(null=True, editable=False)
    failing_since = models.DateTimeField(null=True, editable=False)
    lease = models.UUIDField(null=True, editable=False, help_text="Of the worker that sends to it.")
    leased_until = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = "webhook endpoint"
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(url__length__range=(1, MAX_LENGTH)),
                name="webhook_endpoint_url_has_1_to_500_characters",
                violation_error_message="A URL must have 1 to 500 characters.",
                violation_error_code="invalid-url",
            ),
            models.CheckConstraint(
                condition=Q(("secret__startswith", PREFIX)),
                name="webhook_endpoint_has_a_secret",
                violation_error_message="A secret must start with whsec_.",
                violation_error_code="invalid-secret",
            ),
            models.CheckConstraint(
                condition=Q(is_active=False) | Q(disabled_reason=""),
                name="webhook_endpoint_disabled_is_not_active",
                violation_error_message="An endpoint that was switched off is not active.",
                violation_error_code="invalid-state",
            ),
        ]

    def __str__(self) -> str:
        return self.description or self.url

    @classmethod
    def add(cls, *, by: Any = None, **data: Any) -> Self:
        """Creates an endpoint, which gets the changes from now on."""
        with transaction.atomic():
            endpoint = cls.objects.create(**data, position=bounds()[1])
            record_created(endpoint, [name for name in RECORDED if name in data], by=by)
        return endpoint

    def revise(self, *, check: Precondition = no_precondition, by: Any = None, **changes: Any) -> Self:
        """Changes an endpoint. Switched off, it loses what is pending; switched on, it gets the changes from now on."""
        with transaction.atomic():
            stored = self.locked(check)
            if changes.get("is_active", stored.is_active) != stored.is_active:
                changes_of_state = self.on() if changes["is_active"] else self.off("")
            else:
                changes_of_state = {}
            if "url" in changes:
                changes_of_state["retry_at"] = None
            self.write(**changes, **changes_of_state)
            record_changed(self, stored, changes, by=by)
        return self

    def remove(self, *, check: Precondition = no_precondition, by: Any = None) -> None:
        """Deletes the endpoint with its deliveries."""
        with transaction.atomic():
            self.locked(check)
            record_deleted(self, by=by)
            self.delete()

    def rotate_secret(
        self, *, at: dt.datetime, secret: str = "", check: Precondition = no_precondition, by: Any = None
    ) -> Self:
        """Gives the endpoint a new secret. The old one signs too for 24 hours."""
        with transaction.atomic():
            stored = self.locked(check)
            old = {"previous_secret": stored.secret, "previous_secret_until": at + BOTH_SIGN}
            self.write(secret=secret or new_secret(), **old)
            record(self, "rotate-secret", {}, by=by)
        return self

    def test(self, *, at: dt.datetime) -> "WebhookDelivery":
        """Creates a delivery that shows the endpoint itself. Raises EndpointInactive."""
        with transaction.atomic():
            if not self.locked().is_active:
                raise EndpointInactive
            self.write(retry_at=None)
            return self.deliveries.create(type=TEST, object_key=f"webhook_endpoint {self.pk}", next_attempt_at=at)

    def switch_off(self, reason: str) -> None:
        """What a receiver that fails brings about. The caller is in a transaction."""
        self.write(**self.off(reason), is_active=False)
        record(self, "change", {"is_active": [True, False]}, by=SYSTEM)

    def secrets(self, at: dt.datetime) -> list[str]:
        """Those that sign now."""
        has_two = self.previous_secret_until is not None and self.previous_secret_until > at
        return [self.secret, self.previous_secret] if has_two else [self.secret]

    def locked(self, check: Precondition = no_precondition) -> "WebhookEndpoint":
        stored = WebhookEndpoint.objects.select_for_update(no_key=True).get(pk=self.pk)
        check()
        return stored

    def on(self) -> dict[str, Any]:
        return {
            "position": bounds()[1],
            "failures": 0,
            "retry_at": None,
            "failing_since": None,
            "disabled_reason": "",
        }

    def off(self, reason: str) -> dict[str, Any]:
        self.deliveries.pending().update(state=WebhookDelivery.State.CANCELLED)
        return {"disabled_reason": reason}

    def write(self, **changes: Any) -> None:
        for name, value in changes.items():
            setattr(self, name, value)
        self.save(update_fields=[*changes, "updated_at"])


class WebhookDeliveryQuerySet(models.QuerySet["WebhookDelivery"]):
    def pending(self) -> Self:
        return self.filter(state=WebhookDelivery.State.PENDING)

    def erase_responses(self, resource: str, ids: Any) -> None:
        """Erases what receivers answered to changes of some objects, which may repeat what was sent."""
        self.filter(change__in=FeedChange.objects.of(resource, ids)).update(response="")

    def due(self, at: dt.datetime) -> Self:
        """Those to send now: no earlier one of the same object is pending."""
        earlier = WebhookDelivery.objects.pending().filter(
            endpoint=OuterRef("endpoint"), object_key=OuterRef("object_key"), pk__lt=OuterRef("pk")
        )
        return self.pending().filter(~Exists(earlier), next_attempt_at__lte=at)


class WebhookDelivery(models.Model):
    """One change for one endpoint, or a test. It is sent until it succeeds, or three days are over."""

    class State(models.TextChoices):
        PENDING = "pending"
        DELIVERED = "delivered"
        FAILED = "failed"
        CANCELLED = "cancelled"

    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.CASCADE, related_name="deliveries")
    change = models.ForeignKey(FeedChange, null=True, on_delete=models.CASCADE, related_name="+", editable=False)
    webhook_id = models.UUIDField(default=uuid.uuid4, editable=False, help_text="The same in each attempt.")
    type = models.CharField(max_length=40, editable=False)
    object_key = models.CharField(max_length=61, editable=False, help_text="Deliveries with the same one keep order.")
    state = models.CharField(max_length=9, choices=State, default=State.PENDING, editable=False)
    attempts = models.PositiveIntegerField(default=0, editable=False)
    next_attempt_at = models.DateTimeField(null=True, editable=False)
    last_attempt_at = models.DateTimeField(null=True, editable=False)
    status = models.PositiveSmallIntegerField(null=True, editable=False, help_text="Of the last answer.")
    duration_ms = models.PositiveIntegerField(null=True, editable=False, help_text="Of the last attempt.")
    response = models.TextField(
        blank=True, default="", editable=False, help_text="The first kilobyte of the last answer."
    )
    error = models.CharField(max_length=500, blank=True, default="", editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = WebhookDeliveryQuerySet.as_manager()

    class Meta:
        verbose_name = "webhook delivery"
        verbose_name_plural = "webhook deliveries"
        ordering = ["-id"]
        default_permissions = ("view",)
        indexes = [
            # What is to be sent to an endpoint, in order.
            models.Index(fields=["endpoint", "id"], name="webhook_delivery_pending", condition=Q(state="pending")),
            # Whether an earlier one of the same object is pending.
            models.Index(
                fields=["endpoint", "object_key", "id"], name="webhook_delivery_of_object", condition=Q(state="pending")
            ),
            # GET /webhook-deliveries, alone and with ?endpoint= or ?type=.
            models.Index(fields=["created_at", "id"], name="webhook_delivery_by_time"),
            models.Index(fields=["endpoint", "created_at", "id"], name="webhook_delivery_of_endpoint"),
            models.Index(fields=["type", "created_at", "id"], name="webhook_delivery_by_type"),
            # GET /webhook-deliveries?state=failed.
            models.Index(
                fields=["state", "created_at", "id"],
                name="webhook_delivery_undelivered",
                condition=~Q(state="delivered"),
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["endpoint", "change"],
                name="webhook_delivery_is_one_for_each_change",
                violation_error_message="The endpoint has a delivery of this change.",
                violation_error_code="already-exists",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["pending", "delivered", "failed", "cancelled"]),
                name="webhook_delivery_state_is_known",
                violation_error_message="A delivery is pending, delivered, failed or cancelled.",
                violation_error_code="unknown-state",
            ),
            models.CheckConstraint(
                condition=~Q(state="pending") | Q(next_attempt_at__isnull=False),
                name="webhook_delivery_pending_has_a_next_attempt",
                violation_error_message="A pending delivery has a time for its next attempt.",
                violation_error_code="invalid-state",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.object_id}"

    @property
    def object_id(self) -> str:
        return self.object_key.partition(" ")[2]

    def redeliver(self, *, at: dt.datetime) -> Self:
        """Sends it again, under the same id, even if it was delivered. Raises EndpointInactive."""
        with transaction.atomic():
            endpoint = self.endpoint.locked()
            if not endpoint.is_active:
                raise EndpointInactive
            endpoint.write(retry_at=None)
            self.state, self.next_attempt_at = self.State.PENDING, at
            self.save(update_fields=["state", "next_attempt_at"])
        return self
