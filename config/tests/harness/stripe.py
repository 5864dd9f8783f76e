"""A stateful Stripe on a free port of the loopback interface: localstripe, behind a proxy that can misbehave.

The proxy adds what localstripe lacks: an Idempotency-Key answers as the first time, and a payment is confirmed with the
name of a test card.
"""

import contextlib
import hashlib
import hmac
import json
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlencode

from config.tests.harness.postgres import free_port

KEY, SECRET = "sk_test_only_for_tests", "whsec_only_for_tests"
GOOD_CARD, DECLINED_CARD = "4242424242424242", "4000000000000341"
CARD = {"type": "card", "card[exp_month]": 12, "card[exp_year]": 2090, "card[cvc]": "123"}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "StripeProxy"

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fault = self.server.faults.pop(0) if self.server.faults else ""
        if fault == "unanswered":
            self.close_connection = True
            return
        failed = {"500": (500, b"{}"), "401": (401, b'{"error": {"message": "Invalid API Key provided"}}')}
        status, content = failed.get(fault) or self.server.forward(self, body)
        if fault == "answer lost":
            self.close_connection = True
            return
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self) -> None:
        self.answer()

    def do_POST(self) -> None:
        self.answer()

    def log_message(self, *args: Any) -> None:
        pass


class StripeProxy(ThreadingHTTPServer):
    """`faults` are what happens to the next requests: "unanswered", "500", "401" or "answer lost"."""

    daemon_threads = True

    def __init__(self, upstream: int) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.upstream = upstream
        self.faults: list[str] = []
        self.answers: dict[str, tuple[int, bytes]] = {}
        self.requests: list[str] = []
        self.lock = threading.Lock()  # of requests with a key

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def forward(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, bytes]:
        key = request.headers.get("Idempotency-Key", "")
        with self.lock if key else contextlib.nullcontext():
            return self.answers.get(key) or self.forward_once(request, body, key)

    def forward_once(self, request: BaseHTTPRequestHandler, body: bytes, key: str) -> tuple[int, bytes]:
        self.requests.append(f"{request.command} {request.path}")
        if b"payment_method=pm_card_visa" in body:
            return 200, json.dumps(self.pay(request.path.split("/")[-2])).encode()
        answer = self.send(request.command, request.path, body)
        if key:
            self.answers[key] = answer
        return answer

    def send(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/x-www-form-urlencoded"}
        asked = urllib.request.Request(f"http://127.0.0.1:{self.upstream}{path}", body or None, headers, method=method)
        try:
            with urllib.request.urlopen(asked, timeout=10) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def call(self, path: str, **data: Any) -> dict[str, Any]:
        """As the customer's browser, or the provider's own pages."""
        found: dict[str, Any] = json.loads(self.send("POST", path, urlencode(data).encode())[1])
        return found

    def deliver_to(self, url: str, *events: str) -> None:
        """Sends these events, signed, to a server, about a second after they happen."""
        names = {f"events[{number}]": name for number, name in enumerate(events)}
        data = {"url": f"{url}/api/v1/payments/stripe/events", "secret": SECRET, **names}
        self.send("POST", "/_config/webhooks/tests", urlencode(data).encode())

    def pay(self, intent: str, card: str = GOOD_CARD) -> dict[str, Any]:
        """Pays a PaymentIntent with a card; returns the intent."""
        method = self.call("/v1/payment_methods", **CARD, **{"card[number]": card})["id"]
        self.call(f"/v1/payment_intents/{intent}", payment_method=method)
        self.call(f"/v1/payment_intents/{intent}/confirm")
        found: dict[str, Any] = json.loads(self.send("GET", f"/v1/payment_intents/{intent}")[1])
        return found


def signed(body: bytes, *, secret: str = SECRET, at: float | None = None) -> str:
    """The header Stripe-Signature of an event."""
    second = int(time.time() if at is None else at)
    signature = hmac.new(secret.encode(), b"%d.%s" % (second, body), hashlib.sha256).hexdigest()
    return f"t={second},v1={signature}"


def event(number: int, kind: str, subject: dict[str, Any]) -> bytes:
    return json.dumps({"id": f"evt_{number}", "type": kind, "data": {"object": subject}}).encode()


@contextlib.contextmanager
def stripe_server() -> Iterator[StripeProxy]:
    port = free_port()
    command = [sys.executable, "-m", "localstripe", "--port", str(port), "--from-scratch"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    proxy = StripeProxy(port)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    try:
        wait_until_listening(port)
        yield proxy
    finally:
        proxy.shutdown()
        proxy.server_close()
        process.terminate()
        process.wait(timeout=10)


def wait_until_listening(port: int) -> None:
    give_up_at = time.monotonic() + 60
    while time.monotonic() < give_up_at:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise RuntimeError("localstripe did not start.")
