"""Mails: each is a row, written with the change that causes it, until the mail server has taken it."""

import datetime as dt
from email.utils import parseaddr
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from bookings.messages.kinds import Kind, State


class MessageQuerySet(models.QuerySet["Message"]):
    def due(self, at: Any) -> Self:
        return self.filter(state=State.PENDING, next_attempt_at__lte=at).order_by("next_attempt_at", "pk")

    def to_mailbox(self, key: str) -> Self:
        """To a folded address."""
        return self.filter(address__iexact=key)


class Message(models.Model):
    """A mail to a customer or a holder. Its text is made when it is sent, from what is stored by then."""

    Kind = Kind
    State = State

    booking = models.ForeignKey(
        "bookings.Booking", null=True, on_delete=models.CASCADE, related_name="messages", editable=False
    )
    kind = models.CharField(max_length=15, choices=Kind, editable=False)
    address = models.EmailField(max_length=254, editable=False)
    details = models.JSONField(
        default=dict, editable=False, help_text="What the booking does not say: ticket codes, an amount, the old times."
    )
    state = models.CharField(max_length=8, choices=State, default=State.PENDING, editable=False)
    attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    interrupted = models.PositiveSmallIntegerField(
        default=0,
        editable=False,
        help_text="Attempts without an outcome, as the worker ended: each may have reached the customer.",
    )
    is_begun = models.BooleanField(default=False, editable=False, help_text="Whether a worker has begun an attempt.")
    next_attempt_at = models.DateTimeField(null=True, editable=False)
    error = models.CharField(max_length=500, blank=True, default="", editable=False)
    created_at = models.DateTimeField(editable=False)
    sent_at = models.DateTimeField(null=True, editable=False)

    objects = MessageQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name = "mail"
        indexes = [
            # What the worker sends next.
            models.Index(fields=["next_attempt_at"], name="message_to_send", condition=Q(state="pending")),
            # What staff look at: mails that did not arrive.
            models.Index(fields=["-id"], name="message_undelivered", condition=Q(state__in=["bounced", "failed"])),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=Kind.values),
                name="message_kind_is_known",
                violation_error_message="This kind of mail is not known.",
                violation_error_code="unknown-kind",
            ),
            models.CheckConstraint(
                condition=Q(state__in=State.values),
                name="message_state_is_known",
                violation_error_message="A mail is pending, sent, bounced, failed or skipped.",
                violation_error_code="unknown-status",
            ),
            models.CheckConstraint(
                condition=Q(state="pending", next_attempt_at__isnull=False)
                | (~Q(state="pending") & Q(next_attempt_at=None)),
                name="message_pending_has_a_next_attempt",
                violation_error_message="A mail has a next attempt exactly while it is pending.",
                violation_error_code="invalid-status",
            ),
            models.CheckConstraint(
                condition=~Q(state="sent") | Q(sent_at__isnull=False),
                name="message_sent_has_a_time",
                violation_error_message="A mail that was sent has a time.",
                violation_error_code="invalid-status",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk}"

    @property
    def message_id(self) -> str:
        """The same for each attempt, so that a mail server that got it twice shows it once (RFC 5322, 3.6.4)."""
        domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
        return f"<{self.pk}.{int(self.created_at.timestamp() * 1_000_000):x}@{domain}>"

    @property
    def gives_up_at(self) -> dt.datetime:
        return self.created_at + GIVE_UP_AFTER


GIVE_UP_AFTER = dt.timedelta(days=3)
