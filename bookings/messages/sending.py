"""The worker's step that sends mails: claim some, send each, note the outcome. No network inside a transaction.

A claim is a lease: a worker that was killed loses its mails to the next one when it ends. Whether the mail server had
taken the mail that was on its way is not known then: it is sent again, and counted in `interrupted`.
"""

import datetime as dt
import logging
import time
from smtplib import SMTPDataError, SMTPException, SMTPNotSupportedError, SMTPRecipientsRefused
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.db import transaction
from django.db.models import Case, DateTimeField, ExpressionWrapper, F, IntegerField, When
from django.utils import timezone

from bookings.messages.kinds import State
from bookings.messages.models import Message
from bookings.messages.rendering import NotNeeded, load, render
from config.database.clock import Now

logger = logging.getLogger(__name__)

CLAIMED = 10  # mails at once
LEASE = dt.timedelta(minutes=3)
LONGEST_BATCH = 60.0  # seconds; what is left of a claim goes back
PAUSES = [dt.timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 180)]  # after each failure; then the last one
MAX_FAILURES = 2  # of the mail server in a row
CONSOLE = "django.core.mail.backends.console.EmailBackend"


def send_due(limit: int = 500) -> int:
    """Sends up to `limit` mails that are due; returns how many were tried. Nothing while SEND_MAIL is off."""
    done = 0
    while settings.SEND_MAIL and done < limit:
        claimed = claim(min(CLAIMED, limit - done))
        tried = send_all(claimed)
        done += tried
        if tried < CLAIMED:
            break
    return done


def claim(most: int) -> list[Message]:
    """Leases the mails that are due. What another worker had begun, and did not note, is counted as interrupted."""
    with transaction.atomic():
        due = Message.objects.due(Now()).select_for_update(skip_locked=True)
        ids = list(due.values_list("pk", flat=True)[:most])
        lost = Case(
            When(is_begun=True, then=F("interrupted") + 1), default=F("interrupted"), output_field=IntegerField()
        )
        Message.objects.filter(pk__in=ids).update(is_begun=False, interrupted=lost, next_attempt_at=after(LEASE))
    return list(Message.objects.filter(pk__in=ids).order_by("pk"))


def begin(message: Message) -> bool:
    """Notes an attempt before it is made; false when the lease has ended and another worker has it."""
    rows = Message.objects.filter(pk=message.pk, state=State.PENDING, next_attempt_at=message.next_attempt_at)
    is_mine = rows.update(is_begun=True, attempts=message.attempts + 1) == 1
    message.attempts += is_mine
    return is_mine


def send_all(messages: list[Message]) -> int:
    """Over one connection, until the mail server fails twice in a row; returns how many were tried."""
    started, failures, tried = time.monotonic(), 0, 0
    connection = get_connection()
    for message in messages:
        if failures == MAX_FAILURES or time.monotonic() - started > LONGEST_BATCH:
            break
        tried += 1
        failures = 0 if send(message, connection) else failures + 1
    close(connection)
    give_back(messages[tried:], PAUSES[0] if failures else dt.timedelta())
    return tried


def close(connection: Any) -> None:
    """Some servers hang up after a refusal, so the next mail begins a new connection."""
    try:
        connection.close()
    except (SMTPException, OSError) as error:
        logger.info("The connection to the mail server did not close: %s", error)


def send(message: Message, connection: Any) -> bool:
    """Sends one mail, and notes the outcome; false when the mail server failed, which is not about this mail alone."""
    if not begin(message):
        return True
    try:
        mail = render(load(message.pk))
        deliver(mail.to_email(message.message_id), connection)
    except NotNeeded as reason:
        finish(message, state=State.SKIPPED, error=str(reason))
    except SMTPRecipientsRefused as error:
        refuse(message, *next(iter(error.recipients.values())))
        close(connection)
    except SMTPDataError as error:
        refuse(message, error.smtp_code, error.smtp_error)
        close(connection)
    except (SMTPNotSupportedError, ValueError) as error:  # no mail server takes this address
        finish(message, state=State.BOUNCED, error=describe(error))
    except (SMTPException, OSError) as error:
        retry(message, describe(error))
        close(connection)
        return False
    except Exception as error:  # of a template: the other mails are not to blame
        logger.exception("A mail could not be made.")
        retry(message, describe(error))
    else:
        finish(message, state=State.SENT, address=mail.address, sent_at=Now(), error="")
    return True


def deliver(email: EmailMultiAlternatives, connection: Any) -> None:
    if settings.EMAIL_BACKEND == CONSOLE:
        email.alternatives, email.attachments = [], []  # the text alone, for people at a terminal
    email.connection = connection
    connection.open()  # Django would close it again after each mail
    email.send()


def refuse(message: Message, code: int, answer: Any) -> None:
    """A refusal of this mail: for good, or for now (RFC 5321, section 4.2.1)."""
    text = f"{code} {answer.decode(errors='replace') if isinstance(answer, bytes) else answer}"
    if code >= 500:
        finish(message, state=State.BOUNCED, error=text)
    else:
        retry(message, text)


def retry(message: Message, error: str) -> None:
    pause = PAUSES[min(message.attempts, len(PAUSES)) - 1]
    if timezone.now() + pause > message.gives_up_at:
        finish(message, state=State.FAILED, error=error)
    else:
        note(message, next_attempt_at=after(pause), error=error)


def finish(message: Message, **outcome: Any) -> None:
    note(message, next_attempt_at=None, **outcome)


def note(message: Message, *, error: str, **changes: Any) -> None:
    """Notes an outcome, unless the lease has ended and another worker has begun the next attempt."""
    rows = Message.objects.filter(pk=message.pk, attempts=message.attempts, is_begun=True)
    rows.update(is_begun=False, error=" ".join(error.split())[:500], **changes)


def give_back(messages: list[Message], pause: dt.timedelta) -> None:
    """Ends the lease of what was not tried."""
    for message in messages:
        rows = Message.objects.filter(pk=message.pk, next_attempt_at=message.next_attempt_at)
        rows.update(next_attempt_at=after(pause))


def after(pause: dt.timedelta) -> ExpressionWrapper:
    """By the database's clock."""
    return ExpressionWrapper(Now() + pause, output_field=DateTimeField())


def describe(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
