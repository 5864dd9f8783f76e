"""A real SMTP server on loopback, which takes mails, and fails as it is told."""

import asyncio
import contextlib
import email
import email.policy
from collections import Counter
from collections.abc import Iterator
from typing import Any

from aiosmtpd.controller import Controller

from config.tests.harness.postgres import free_port


class Mailboxes:
    """The handler of aiosmtpd: `taken` are the mails to which it said yes."""

    def __init__(self) -> None:
        self.taken: list[Any] = []
        self.refused: dict[str, str] = {}  # addresses, and what they are answered
        self.answer = ""  # to each mail, in the place of a yes
        self.pause = 0.0  # seconds, before each answer
        self.hangs_up = False  # takes the mail, and drops the line without an answer

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        await asyncio.sleep(self.pause)
        if self.answer:
            return self.answer
        self.taken.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        if self.hangs_up:
            server.transport.abort()
        return "250 OK"

    @property
    def ids(self) -> Counter[str]:
        """How often each mail was taken, by its Message-ID."""
        return Counter(str(it["Message-ID"]) for it in self.taken)

    @property
    def addresses(self) -> list[str]:
        return [str(it["To"]) for it in self.taken]


@contextlib.contextmanager
def mail_server() -> Iterator[tuple[Mailboxes, int]]:
    """The mailboxes, and the port."""
    mailboxes, port = Mailboxes(), free_port()
    controller = Controller(mailboxes, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield mailboxes, port
    finally:
        controller.stop()
