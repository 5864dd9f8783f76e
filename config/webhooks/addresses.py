"""Which addresses a webhook may be sent to: public ones alone, unless WEBHOOK_ALLOW_PRIVATE is on.

A URL is checked when it is stored, by its text. When it is called, its name is resolved once, each address is checked,
and the connection goes to one of these: a name that resolves differently a moment later changes nothing.
"""

import ipaddress
import queue
import re
import socket
import threading
import time
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError

MAX_LENGTH = 500
URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?)"
    r"(?::(?P<port>[1-9][0-9]{0,4}))?(?P<target>[/?][!#$%&'()*+,./0-9:;=?@A-Z\[\]_a-z~-]*)?"
)
PRIVATE_NAMES = ("localhost", "local", "internal", "intranet", "lan", "home", "corp", "home.arpa", "localdomain")
PUBLIC_IPV6 = ipaddress.ip_network("2000::/3")  # outside of it are most forms that contain an IPv4 address
# What `is_global` of some versions of Python takes for public: protocol assignments, the relay of 6to4, the metadata
# address of Azure, Teredo, 6to4, documentation.
NOT_PUBLIC = [
    ipaddress.ip_network(it)
    for it in ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32", "2001::/23", "2002::/16", "3fff::/20")
]


class PrivateAddress(Exception):
    """The name of a receiver resolves to an address that is not public."""


@dataclass(frozen=True)
class Target:
    """The parts of a URL. `host` is without the brackets of an IPv6 address."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def is_secure(self) -> bool:
        return self.scheme == "https"

    @property
    def authority(self) -> str:
        """The Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == default_port(self.scheme) else f"{host}:{self.port}"


def default_port(scheme: str) -> int:
    return 443 if scheme == "https" else 80


def read_url(url: str) -> Target:
    """Raises ValidationError."""
    found = URL.fullmatch(url)
    port = int(found["port"] or default_port(found["scheme"])) if found else 0
    if found is None or "#" in url or port > 65_535 or len(url) > MAX_LENGTH:
        raise ValidationError("Must be a URL such as https://shop.example.com/webhooks.", code="invalid-url")
    target = found["target"] or "/"
    path = target if target.startswith("/") else f"/{target}"
    return Target(found["scheme"], found["host"].strip("[]").rstrip("."), port, path)


def validate_url(url: str) -> None:
    """Raises ValidationError for what is not https, or is private by its text. Names are not resolved here."""
    target = read_url(url)
    if settings.WEBHOOK_ALLOW_PRIVATE:
        return
    if not target.is_secure:
        raise ValidationError("Must start with https://.", code="insecure-url")
    if is_private_host(target.host):
        raise ValidationError("Must be a public address.", code="private-address")


def is_private_host(host: str) -> bool:
    name = host.lower()
    if address := literal_address(name):
        return not is_public(address)
    return "." not in name or any(name == it or name.endswith(f".{it}") for it in PRIVATE_NAMES)


def literal_address(host: str) -> str | None:
    """An IP address in any spelling that a resolver accepts, such as 0x7f.1; None for a name."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except OSError:
        return None


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet, and contains no other address."""
    ip = ipaddress.ip_address(address)
    if ip.version == 6 and ip not in PUBLIC_IPV6:
        return False
    is_special = any(ip in network for network in NOT_PUBLIC if network.version == ip.version)
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or is_special)


def resolve(target: Target, deadline: float) -> list[tuple[Any, Any]]:
    """The families and socket addresses of a host. Raises PrivateAddress when any is not public, OSError, TimeoutError.

    The lookup has no timeout of its own, so it runs in a thread that may be left behind.
    """
    found: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            found.put(socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            found.put(error)

    threading.Thread(target=look_up, daemon=True).start()
    try:
        rows = found.get(timeout=max(deadline - time.monotonic(), 0))
    except queue.Empty:
        raise TimeoutError("The name was not resolved in time.") from None
    if isinstance(rows, Exception):
        raise OSError(f"The name could not be resolved: {rows}") from None
    if not settings.WEBHOOK_ALLOW_PRIVATE and not all(is_public(row[4][0].partition("%")[0]) for row in rows):
        raise PrivateAddress(f"{target.host} resolves to an address that is not public.")
    return [(row[0], row[4]) for row in rows]
