import datetime as dt
import shutil
import socket
import ssl
import subprocess
import threading
import time

import pytest
from django.core.exceptions import ValidationError
from standardwebhooks import Webhook, WebhookVerificationError

from config.tests.harness import receiver as harness
from config.webhooks import addresses, calling
from config.webhooks.calling import call
from config.webhooks.signing import new_secret, signed_headers, validate_secret

AT = dt.datetime.now(dt.UTC)


@pytest.fixture(autouse=True)
def _private(settings):
    settings.WEBHOOK_ALLOW_PRIVATE = True


@pytest.fixture
def receiver():
    with harness.receiver() as found:
        yield found


def test_call_sends_the_body_and_headers(receiver):
    receiver.behaviour = harness.answers(200, b"thanks")
    answer = call(f"{receiver.url}/hooks?shop=1", b'{"a": 1}', {"webhook-id": "1", "Content-Type": "application/json"})
    assert (answer.status, answer.body, answer.error, answer.is_success) == (200, "thanks", "", True)
    (message,) = receiver.messages
    assert (message.path, message.data, message.id) == ("/hooks?shop=1", {"a": 1}, "1")
    assert message.headers["host"] == receiver.url.removeprefix("http://")


@pytest.mark.parametrize("status", [400, 404, 410, 429, 500, 503])
def test_status_of_an_error_is_no_success(receiver, status):
    receiver.behaviour = harness.answers(status, b"\x00no\xff")
    answer = call(receiver.url, b"{}", {})
    assert (answer.status, answer.body, answer.is_success) == (status, "\ufffdno\ufffd", False)


def test_answer_is_read_up_to_a_kilobyte(receiver):
    receiver.behaviour = harness.answers(200, b"a" * 100_000)
    answer = call(receiver.url, b"{}", {})
    assert (len(answer.body), answer.is_success) == (1024, True)


def test_redirect_is_not_followed(receiver):
    with harness.receiver() as other:
        receiver.behaviour = harness.answers(302, Location=other.url)
        answer = call(receiver.url, b"{}", {})
        assert (answer.status, answer.is_success, other.messages) == (302, False, [])
        assert "Redirects" in answer.error


@pytest.mark.parametrize("behaviour", [harness.hangs, harness.drips_head, harness.drips_body])
def test_receiver_that_is_slow_ends_at_the_deadline(receiver, behaviour):
    receiver.behaviour = behaviour
    start = time.monotonic()
    answer = call(receiver.url, b"{}", {}, seconds=0.5)
    assert 0.4 < time.monotonic() - start < 1.5
    assert (answer.is_success, answer.error) == (False, "No complete answer within 0.5 seconds.")


def test_receiver_that_does_not_read_ends_at_the_deadline():
    with socket.create_server(("127.0.0.1", 0)) as server:
        start = time.monotonic()
        answer = call(f"http://127.0.0.1:{server.getsockname()[1]}", b"a" * 50_000_000, {}, seconds=0.5)
        assert time.monotonic() - start < 2
        assert "No complete answer" in answer.error


def test_receiver_that_drops_the_line_is_an_error(receiver):
    receiver.behaviour = harness.drops
    answer = call(receiver.url, b"{}", {})
    assert (answer.status, answer.is_success, bool(answer.error)) == (None, False, True)


def test_receiver_that_is_not_there_is_an_error():
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
    assert "ConnectionRefusedError" in call(url, b"{}", {}).error


def test_answer_that_is_not_http_is_an_error():
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer():
            connection, _ = server.accept()
            connection.sendall(b"220 mail.example.com ESMTP\r\n")
            connection.close()

        threading.Thread(target=answer, daemon=True).start()
        assert call(f"http://127.0.0.1:{server.getsockname()[1]}", b"{}", {}).error


def test_private_address_is_not_called(receiver, settings):
    settings.WEBHOOK_ALLOW_PRIVATE = False
    answer = call(receiver.url, b"{}", {})
    assert (answer.status, receiver.messages) == (None, [])
    assert "not public" in answer.error


def test_call_goes_to_the_address_that_was_checked(receiver, monkeypatch):
    """A name that resolves to another address a moment later changes nothing: it is resolved once."""
    port = int(receiver.url.rpartition(":")[2])
    seen = []

    def getaddrinfo(host, *args, **kwargs):
        seen.append(host)
        return [(socket.AF_INET, 1, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(addresses.socket, "getaddrinfo", getaddrinfo)
    assert call("http://shop.example.com:9/", b"{}", {}).is_success
    assert seen == ["shop.example.com"]
    assert receiver.messages[0].headers["host"] == "shop.example.com:9"


# TLS


@pytest.fixture
def certificate(tmp_path):
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    key, file = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=shop.example.com", "-addext", "subjectAltName=DNS:shop.example.com",
         "-keyout", str(key), "-out", str(file)],
        check=True, capture_output=True,
    )  # fmt: skip
    return key, file


def call_over_tls(certificate, monkeypatch, host, *, is_trusted):
    key, file = certificate
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(file, key)
    trusting = ssl.create_default_context(cafile=str(file) if is_trusted else None)
    monkeypatch.setattr(calling, "tls", lambda: trusting)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def answer():
            connection, _ = server.accept()
            try:
                with server_side.wrap_socket(connection, server_side=True) as secured:
                    received = b""
                    while not received.endswith(b"{}"):
                        received += secured.recv(10_000)
                    secured.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
            except OSError:
                pass

        threading.Thread(target=answer, daemon=True).start()
        monkeypatch.setattr(
            addresses.socket, "getaddrinfo", lambda *_, **__: [(socket.AF_INET, 1, 6, "", ("127.0.0.1", port))]
        )
        return call(f"https://{host}/", b"{}", {}, seconds=5)


def test_certificate_is_checked_for_the_name_of_the_host(certificate, monkeypatch):
    assert call_over_tls(certificate, monkeypatch, "shop.example.com", is_trusted=True).is_success
    assert "CERTIFICATE" in call_over_tls(certificate, monkeypatch, "other.example.com", is_trusted=True).error
    assert "CERTIFICATE" in call_over_tls(certificate, monkeypatch, "shop.example.com", is_trusted=False).error


# Signatures


def test_signature_is_verified_with_each_secret():
    old, new, body = new_secret(), new_secret(), '{"name": "Zoë"}'.encode()
    headers = signed_headers("1", body, [new, old], at=dt.datetime.now(dt.UTC))
    for secret in (old, new):
        assert Webhook(secret).verify(body, headers) == {"name": "Zoë"}
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(new).verify(body + b" ", headers)


BROKEN = ["", "whsec_", "A" * 32, *(f"whsec_{it}" for it in ("A" * 28, "A" * 31, "A" * 33, "A" * 88, "!" * 32))]


@pytest.mark.parametrize("secret", BROKEN)
def test_secret_that_is_broken_is_refused(secret):
    with pytest.raises(ValidationError) as caught:
        validate_secret(secret)
    assert caught.value.code == "invalid-secret"


@pytest.mark.parametrize("secret", [None, "whsec_" + "A" * 32, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])
def test_secret_that_is_whole_is_accepted(secret):
    validate_secret(secret or new_secret())
