"""The types of changes: the one table that code, documentation, OpenAPI document and admin read."""

from dataclasses import dataclass

PERMISSIONS = {
    "venue": "venues.view_venue",
    "event": "events.view_event",
    "ticket_type": "ticket_types.view_tickettype",
    "booking": "bookings.view_booking",
    "ticket": "bookings.view_ticket",
    "payment": "payments.view_payment",
}


@dataclass(frozen=True)
class ChangeType:
    """`name` is noun.participle; `resource` is the kind of object that it shows, `description` when it is written."""

    name: str
    resource: str
    description: str

    @property
    def permission(self) -> str:
        """What a reader needs: the permission to see the resource."""
        return PERMISSIONS[self.resource]

    @property
    def has_data(self) -> bool:
        return not self.name.endswith((".deleted", ".erased"))


def of(resource: str, **descriptions: str) -> list[ChangeType]:
    return [ChangeType(f"{resource}.{participle}", resource, text) for participle, text in descriptions.items()]


ALL = [
    *of(
        "venue",
        created="A venue was created.",
        changed="Some of its data changed.",
        deleted="A venue was deleted; its events and ticket types are told, too.",
    ),
    *of(
        "event",
        created="An event was created, as a draft.",
        changed="Some of its data changed.",
        published="It became visible to the public.",
        unpublished="It is a draft again, which nobody had booked.",
        sales_paused="Nothing of it can be booked until its sales are resumed.",
        sales_resumed="It can be booked again.",
        postponed="It takes place at another time, which is not known yet. Its sales are paused.",
        rescheduled="It was moved, with the sales periods of its ticket types, each with a change of its own.",
        cancelled="It was cancelled. Its bookings follow, each with a change of its own.",
        deleted="An event was deleted; its ticket types are told, too.",
    ),
    *of(
        "ticket_type",
        created="A ticket type was created.",
        changed="Some of its data changed.",
        deleted="A ticket type was deleted.",
    ),
    *of(
        "booking",
        placed="Places were booked, and are held until `expires_at`.",
        confirmed="It was sold, in time or late (`is_late`). It has its tickets.",
        cancelled="All its places were cancelled, those of a pending or of a sold booking.",
        partly_cancelled="Some of its tickets were cancelled.",
        expired="Its hold ended.",
        extended="Its hold ends later.",
        corrected="The customer's name or e-mail address, or the metadata, was corrected.",
        paid="A payment was recorded that did not confirm it: another part, or one more.",
        payment_refused="A payment was recorded that could not buy the places; it is due for refund.",
        refunded="A refund was made, or asked for. See also the changes of its payments.",
        refund_failed="A refund failed, so that it is due again.",
        erased="The customer's data was erased. Erase it, too.",
        deleted="An attempt that was never paid was deleted after the retention period. Delete it, too.",
    ),
    *of(
        "ticket",
        checked_in="Its holder was admitted, for the first time or again.",
        checked_out="Its holder has left, and may come in again.",
        check_in_undone="The check-in was undone.",
        transferred="Its holder or code has changed. With a new code, the old ticket is told, too: it is void.",
    ),
    *of(
        "payment",
        started="An online payment was started.",
        succeeded="Money has arrived.",
        failed="The provider refused it. The customer may try again.",
        cancelled="It was given up.",
    ),
    *[
        ChangeType(f"refund.{participle}", "payment", text)
        for participle, text in {
            "requested": "A provider was asked to pay back; the payment shows the refund.",
            "succeeded": "Money went back; the payment shows the refund.",
            "failed": "The provider could not pay back; the payment shows the refund.",
        }.items()
    ],
]
TYPES: dict[str, ChangeType] = {it.name: it for it in ALL}
