"""Identifies clients for rate limits: by token, by account, or by network address when they are anonymous."""

import functools
import hashlib
import ipaddress
import logging
import re
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request

from config.access.models import ApiToken

logger = logging.getLogger(__name__)

ADDRESS = "tickets.address"  # in META, which DRF's request shares with Django's
WITH_PORT = re.compile(r"\[(?P<v6>[^\]]+)\](:\d+)?|(?P<v4>[\d.]+):\d+")


def client_key(request: Request) -> str:
    if isinstance(request.auth, ApiToken):
        return f"token:{request.auth.pk}"
    return f"user:{request.user.pk}" if request.user.is_authenticated else address_key(request)


def hashed_address(request: HttpRequest | Request) -> str:
    """The address key as a keyed hash of 32 characters, to store it without the address."""
    key = settings.SECRET_KEY.encode()[: hashlib.blake2b.MAX_KEY_SIZE]
    return hashlib.blake2b(address_key(request).encode(), key=key, person=b"clients", digest_size=16).hexdigest()


def address_key(request: HttpRequest | Request) -> str:
    meta = request.META
    if ADDRESS not in meta:
        meta[ADDRESS] = f"address:{normalize(client_address(request))}"
    key: str = meta[ADDRESS]
    return key


def client_address(request: HttpRequest | Request) -> str:
    """The address of the connection, or the one that the outermost of our NUM_PROXIES proxies has seen.

    Each proxy appends the address of its client to X-Forwarded-For; what stands further left can be forged.
    """
    peer: str = request.META.get("REMOTE_ADDR", "")
    forwarded = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()]
    if settings.NUM_PROXIES == 0:
        if forwarded and is_private(peer):
            warn_about_proxy()
    elif forwarded:
        peer = forwarded[-min(settings.NUM_PROXIES, len(forwarded))]
    return peer


def normalize(text: str) -> str:
    """An IPv4 address as it is, and the /64 network of an IPv6 address, of which a client usually has all."""
    ip = parse_address(text)
    if ip is None:
        return "unknown"  # all unreadable addresses share one limit
    return str(ip if ip.version == 4 else ipaddress.ip_network((ip, 64), strict=False))


def parse_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """An address, perhaps with a port or a zone; None when it cannot be read."""
    if match := WITH_PORT.fullmatch(text):
        text = match["v6"] or match["v4"]
    try:
        ip: Any = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return ip.ipv4_mapped or ip if ip.version == 6 else ip


def is_private(peer: str) -> bool:
    try:
        return ipaddress.ip_address(peer).is_private
    except ValueError:
        return True  # a Unix socket


@functools.cache
def warn_about_proxy() -> None:
    """Warns once in each process."""
    logger.warning(
        "Requests with an X-Forwarded-For header come from a private address. If that is your proxy, set NUM_PROXIES: "
        "until then all clients behind it share one rate limit."
    )
