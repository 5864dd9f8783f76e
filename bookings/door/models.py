"""Scans that were uploaded later: what each of them led to, so that a second upload is answered the same."""

from typing import Any

from django.db import models
from django.db.models import Q

from bookings.codes import TICKET_LENGTH
from bookings.door.answers import Result
from bookings.models import Ticket

MAX_SCAN_ID = 100  # characters


class ScanQuerySet(models.QuerySet["Scan"]):
    def of_client(self, client: str, scan_ids: Any) -> "ScanQuerySet":
        return self.filter(client=client, scan_id__in=scan_ids)


class Scan(models.Model):
    """A scan of a ticket by a scanner that was offline, with its result."""

    client = models.CharField(max_length=40, help_text="The account of the scanner: `user:` and its id.")
    scan_id = models.CharField(max_length=MAX_SCAN_ID, help_text="The scanner's own id of the scan.")
    code = models.CharField(max_length=TICKET_LENGTH)
    ticket = models.ForeignKey(
        Ticket, null=True, on_delete=models.CASCADE, related_name="scans", help_text="None: no ticket has the code."
    )
    at = models.DateTimeField(help_text="When it was scanned, by the clock of the scanner.")
    received_at = models.DateTimeField(auto_now_add=True)
    result = models.CharField(max_length=16, choices=Result)
    is_reentry = models.BooleanField(default=False, db_default=False)

    objects = ScanQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        default_permissions = ()  # the permission to view tickets covers their scans
        constraints = [
            models.UniqueConstraint(
                fields=["client", "scan_id"],
                name="scan_id_is_unique_for_its_client",
                violation_error_message="The scanner has sent a scan with this id already.",
                violation_error_code="already-exists",
            ),
            models.CheckConstraint(
                condition=Q(result__in=Result.values),
                name="scan_result_is_known",
                violation_error_message="Unknown result.",
                violation_error_code="unknown-result",
            ),
            models.CheckConstraint(
                condition=Q(ticket=None, result="unknown") | Q(ticket__isnull=False) & ~Q(result="unknown"),
                name="scan_without_a_ticket_is_unknown",
                violation_error_message="A scan has a ticket, unless its code is unknown.",
                violation_error_code="invalid-result",
            ),
            models.CheckConstraint(
                condition=Q(scan_id__length__range=(1, MAX_SCAN_ID), code__length=TICKET_LENGTH),
                name="scan_has_an_id_and_the_code_of_a_ticket",
                violation_error_message="A scan has an id of 1 to 100 characters, and a code of 26.",
                violation_error_code="invalid-scan",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.scan_id}: {self.result}"
