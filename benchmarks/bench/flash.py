"""A flash sale: thousands of buyers within seconds, each with a connection and an address of its own.

A buyer books a place and confirms it at once. A refused buyer retries when `Retry-After` says so, and leaves when the
response has none, or when it has waited too long.
"""

import asyncio
import json
import random
import time
from collections import Counter
from dataclasses import dataclass, field

MAX_OPEN = 4000  # connections at the same time
PATIENCE = 90.0  # seconds for which a buyer waits between its attempts, all together
PLACE, CONFIRM = "/api/v1/bookings", "/api/v1/bookings/{}/confirm"


@dataclass
class Sale:
    statuses: Counter[int] = field(default_factory=Counter)
    times: list[float] = field(default_factory=list)  # seconds until a response was complete
    sold: int = 0
    retried: int = 0
    broken: Counter[str] = field(default_factory=Counter)  # exceptions by name
    seconds: float = 0.0  # until the last place was sold

    @property
    def failures(self) -> int:
        return self.broken.total() + sum(count for status, count in self.statuses.items() if status >= 500)

    def percentile(self, share: float) -> float:
        times = sorted(self.times)
        return times[min(int(len(times) * share), len(times) - 1)]

    def __str__(self) -> str:
        return (
            f"{self.sold} sold in {self.seconds:.1f} s, {self.retried:,} retries, p50 "
            f"{self.percentile(0.5) * 1e3:.0f} ms, p99 {self.percentile(0.99) * 1e3:.0f} ms, "
            f"{dict(sorted(self.statuses.items()))}, broken connections: {dict(self.broken) or 'none'}"
        )


@dataclass
class Buyer:
    sale: Sale
    port: int
    ticket_type: int
    number: int
    gate: asyncio.Semaphore

    def __post_init__(self) -> None:
        self.key = f"{random.getrandbits(96):024x}-{self.number}"
        self.address = f"127.{1 + self.number // 62_500}.{self.number // 250 % 250}.{1 + self.number % 250}"

    async def buy(self, began: float, wait: float) -> None:
        await asyncio.sleep(wait)
        body = json.dumps({
            "customer_name": "Ann Lee",
            "customer_email": f"buyer{self.number}@example.com",
            "hold_minutes": 1,
            "items": [{"ticket_type": self.ticket_type, "quantity": 1}],
        })  # fmt: skip
        status, content = await self.persist(PLACE, body, f"Idempotency-Key: {self.key}")
        if status == 201:
            booking = json.loads(content)
            status, _ = await self.persist(CONFIRM.format(booking["id"]), "{}", f"Booking-Secret: {booking['secret']}")
        if status == 200:
            self.sale.sold += 1
            self.sale.seconds = time.monotonic() - began

    async def persist(self, path: str, body: str, header: str) -> tuple[int, bytes]:
        """Sends the request again for as long as the responses say when to retry."""
        waited = 0.0
        while True:
            status, headers, content = await self.send(path, body, header)
            wait = 1.0 if status == 0 else float(headers.get("retry-after", "inf"))
            if (status < 400 and status != 0) or (waited := waited + wait) > PATIENCE:
                return status, content
            self.sale.retried += 1
            await asyncio.sleep(wait)

    async def send(self, path: str, body: str, header: str) -> tuple[int, dict[str, str], bytes]:
        """One request on a connection of its own; status 0 without a response."""
        request = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: application/json\r\n"
            f"{header}\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        )
        async with self.gate:
            began = time.monotonic()
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port, local_addr=(self.address, 0))
                writer.write(request.encode())
                response = await asyncio.wait_for(reader.read(), 60)
                writer.close()
                if not response:
                    raise ConnectionError
            except OSError as error:  # also a timeout
                self.sale.broken[type(error).__name__] += 1
                return 0, {}, b""
            self.sale.times.append(time.monotonic() - began)
        head, _, content = response.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        status = int(first.split()[1])
        self.sale.statuses[status] += 1
        headers = (line.partition(":") for line in lines)
        return status, {name.lower(): value.strip() for name, _, value in headers}, content


async def run(port: int, ticket_type: int, *, buyers: int, seconds: float) -> Sale:
    sale, gate = Sale(), asyncio.Semaphore(MAX_OPEN)
    began = time.monotonic()
    waits = sorted(random.random() * seconds for _ in range(buyers))
    crowd = [Buyer(sale, port, ticket_type, number, gate) for number in range(buyers)]
    await asyncio.gather(*(buyer.buy(began, wait) for buyer, wait in zip(crowd, waits, strict=True)))
    return sale
