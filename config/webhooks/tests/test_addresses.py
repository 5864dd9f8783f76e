import socket
import time

import pytest
from django.core.exceptions import ValidationError

from config.webhooks.addresses import PrivateAddress, is_public, read_url, resolve, validate_url


@pytest.fixture(autouse=True)
def _public(settings):
    settings.WEBHOOK_ALLOW_PRIVATE = False


PRIVATE = [
    "127.0.0.1", "127.8.9.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.100.100.200",
    "192.0.0.192", "0.0.0.0", "255.255.255.255", "224.0.0.1", "240.0.0.1", "192.0.2.1", "198.18.0.1", "192.88.99.1",
    "168.63.129.16",
    "::", "::1", "fe80::1", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1", "3fff::1", "100::1",
    # With an IPv4 address inside: mapped, compatible, NAT64, 6to4, Teredo
    "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::a00:1", "2002:7f00:1::",
    "2001:0:7f00:1::",
]  # fmt: skip
NOT_URLS = [
    "", "shop.example.com", "ftp://shop.example.com/", "https://", "https:///x", "https://user@shop.example.com/",
    "https://shop.example.com:0/", "https://shop.example.com:65536/", "https://shop.example.com/#top",
    "https://shop.example.com/a b", "https://shop.example.com\\@evil.example.com/", "https://shop.example.com/\r\nX: y",
    "https://[::1/", "https://b\u00fccher.example/", "javascript:alert(1)", "https://shop.example.com/" + "a" * 500,
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_address_that_is_not_public_is_refused(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "2a00:1450::1"])
def test_address_that_is_public_is_accepted(address):
    assert is_public(address)


@pytest.mark.parametrize("url", NOT_URLS)
def test_url_that_cannot_be_read_is_refused(url):
    with pytest.raises(ValidationError) as caught:
        read_url(url)
    assert caught.value.code == "invalid-url"


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://shop.example.com/", "insecure-url"),
        ("https://localhost/", "private-address"),
        ("https://LOCALHOST./", "private-address"),
        ("https://intranet/", "private-address"),
        ("https://db.internal/", "private-address"),
        ("https://printer.local/", "private-address"),
        ("https://10.0.0.1/", "private-address"),
        ("https://[::1]/", "private-address"),
        ("https://[::ffff:10.0.0.1]:8443/", "private-address"),
        # As resolvers read them, too
        ("https://2130706433/", "private-address"),
        ("https://0x7f000001/", "private-address"),
        ("https://0x7f.1/", "private-address"),
        ("https://0177.0.0.1/", "private-address"),
        ("https://127.1/", "private-address"),
    ],
)
def test_url_of_a_private_address_is_refused_by_its_text(settings, url, code):
    with pytest.raises(ValidationError) as caught:
        validate_url(url)
    assert caught.value.code == code
    settings.WEBHOOK_ALLOW_PRIVATE = True
    validate_url(url)


@pytest.mark.parametrize(
    "url", ["https://shop.example.com", "https://8.8.8.8:8443/a?b=c", "https://my_shop.example.com/%20"]
)
def test_url_of_a_public_name_is_accepted(url):
    validate_url(url)


def test_target_has_the_parts_of_a_url():
    target = read_url("https://shop.example.com.:8443?a=1")
    assert (target.host, target.port, target.path, target.authority) == (
        "shop.example.com", 8443, "/?a=1", "shop.example.com:8443")  # fmt: skip
    assert read_url("https://[2606:4700::1]/").authority == "[2606:4700::1]"


def looked_up(monkeypatch, *addresses, seconds=0.0):
    def getaddrinfo(host, port, **kwargs):
        time.sleep(seconds)
        return [(socket.AF_INET6 if ":" in it else socket.AF_INET, 1, 6, "", (it, port)) for it in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return resolve(read_url("https://shop.example.com/"), time.monotonic() + 0.5)


def test_name_is_refused_when_one_of_its_addresses_is_private(monkeypatch):
    with pytest.raises(PrivateAddress):
        looked_up(monkeypatch, "8.8.8.8", "fe80::1%eth0")


def test_name_is_resolved_to_what_is_connected_to(monkeypatch):
    assert looked_up(monkeypatch, "8.8.8.8", "1.1.1.1") == [
        (socket.AF_INET, ("8.8.8.8", 443)), (socket.AF_INET, ("1.1.1.1", 443))]  # fmt: skip


def test_name_that_is_resolved_slowly_ends_at_the_deadline(monkeypatch):
    start = time.monotonic()
    with pytest.raises(TimeoutError):
        looked_up(monkeypatch, "8.8.8.8", seconds=3)
    assert time.monotonic() - start < 1


def test_name_that_is_not_known_is_an_error(monkeypatch):
    def getaddrinfo(*args, **kwargs):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with pytest.raises(OSError, match="not known"):
        resolve(read_url("https://shop.example.com/"), time.monotonic() + 0.5)
