"""A flash sale: thousands of buyers within seconds, each with a connection of their own, for a few hundred places.

A buyer asks for a place, and confirms at once when there is one. Whoever is refused comes back when `Retry-After` says,
and goes when nothing says so any more, or when it would be too long to wait.
"""

import asyncio
import json
import random
import time
from dataclasses import dataclass, field

MAX_OPEN = 4000  # connections at the same time
PATIENCE = 90.0  # seconds for which somebody waits to be let try again


@dataclass
class Sale:
    buyers: int
    statuses: dict[int, int] = field(default_factory=dict)
    answered_in: list[float] = field(default_factory=list)
    sold: int = 0
    retried: int = 0
    broken: int = 0
    began: float = 0.0
    last_sold: float = 0.0
    ended: float = 0.0

    def percentile(self, share: float) -> float:
        times = sorted(self.answered_in)
        return times[min(int(len(times) * share), len(times) - 1)]


class Buyer:
    def __init__(self, sale: Sale, port: int, ticket_type: int, number: int, gate: asyncio.Semaphore) -> None:
        self.sale, self.port, self.gate = sale, port, gate
        self.key = f"{random.getrandbits(64):x}-{number}"
        self.body = json.dumps({
            "customer_name": "Ann Lee",
            "customer_email": f"buyer{number}@example.com",
            "hold_minutes": 1,
            "items": [{"ticket_type": ticket_type, "quantity": 1}],
        })  # fmt: skip

    async def buy(self, start_at: float) -> None:
        await asyncio.sleep(max(start_at - time.monotonic(), 0))
        waited = 0.0
        while True:
            status, headers, content = await self.ask("/api/v1/bookings", self.body)
            if status == 201:
                return await self.confirm(json.loads(content)["id"])
            wait = float(headers.get("retry-after", "inf")) if status in (0, 409, 429, 503) else float("inf")
            if status == 0:
                wait = 1.0
            waited += wait
            if waited > PATIENCE:
                return None
            self.sale.retried += 1
            await asyncio.sleep(wait)

    async def confirm(self, booking: str) -> None:
        for _ in range(20):
            status, headers, _ = await self.ask(f"/api/v1/bookings/{booking}/confirm", "{}")
            if status == 200:
                self.sale.sold += 1
                self.sale.last_sold = time.monotonic()
                return
            await asyncio.sleep(float(headers.get("retry-after", 0.5)))

    async def ask(self, path: str, body: str) -> tuple[int, dict[str, str], bytes]:
        """One request on a connection of its own; status 0 when it comes to nothing."""
        request = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: application/json\r\n"
            f"Idempotency-Key: {self.key}\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        )
        async with self.gate:
            began = time.monotonic()
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.write(request.encode())
                said = await asyncio.wait_for(reader.read(), 60)
                writer.close()
            except (TimeoutError, OSError):
                self.sale.broken += 1
                return 0, {}, b""
            self.sale.answered_in.append(time.monotonic() - began)
        head, _, content = said.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        if not first:
            self.sale.broken += 1
            return 0, {}, b""
        status = int(first.split()[1])
        self.sale.statuses[status] = self.sale.statuses.get(status, 0) + 1
        return (
            status,
            {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)},
            content,
        )


async def hold(port: int, ticket_type: int, *, buyers: int, seconds: float) -> Sale:
    sale, gate = Sale(buyers), asyncio.Semaphore(MAX_OPEN)
    sale.began = time.monotonic() + 0.5
    starts = sorted(sale.began + random.random() * seconds for _ in range(buyers))
    crowd = [Buyer(sale, port, ticket_type, number, gate).buy(start) for number, start in enumerate(starts)]
    await asyncio.gather(*crowd)
    sale.ended = time.monotonic()
    return sale
