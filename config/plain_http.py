"""Requests with nothing unusual about them, read without gunicorn's parser, and answers that leave in one piece.

gunicorn's parser and WSGI environment took 71 µs of the 173 that it needs without a thread; this takes a ninth of it.
Here are read whole requests in HTTP/1.1, in printable ASCII, with a length or without a body, and each header once.
Whatever else there is, is gunicorn's to read or to refuse, so that there is one opinion about what two servers could
read differently. `test_plain_http.py` holds that both read the same.
"""

import functools
import io
import os
import re
import time
from typing import Any

from gunicorn import util
from gunicorn.http import message, wsgi

LONGEST = 8_190  # bytes of the line and all headers: no part of them can be too long for gunicorn
MOST_FIELDS = 100  # as gunicorn has it
HEAD = re.compile(
    rb"(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) (/(?!/)[!\"$-~]*) HTTP/1\.1\r\n((?:[A-Za-z0-9-]+:[\t -~]*\r\n)+)\r\n"
)
FIELD = re.compile(r"([^:]+):([^\r]*)\r\n")
LENGTH = re.compile(r"[0-9]{1,7}")
UNUSUAL = {"HTTP_TRANSFER_ENCODING", "HTTP_EXPECT", "HTTP_UPGRADE"}
ANSWERED = re.compile(r"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+: [\t -~\x80-\xff]*\r\n)*")


class Request:
    """As much of gunicorn's as its response, hooks and log ask for."""

    version = (1, 1)

    def __init__(self, method: str, uri: str, fields: dict[str, str], body: bytes) -> None:
        self.method = method
        self.uri = uri
        self.path, _, self.query = uri.partition("?")
        self.fields = fields  # by their names in a WSGI environment
        self.body = body
        self.scheme = "http"

    @property
    def headers(self) -> list[tuple[str, str]]:
        return [(name.removeprefix("HTTP_").replace("_", "-"), value) for name, value in self.fields.items()]

    def should_close(self) -> bool:
        return self.fields.get("HTTP_CONNECTION", "").lower() == "close"


def read(received: bytes, most: int) -> tuple[Request, bytes] | None:
    """The request and what follows it, if it is plain, all there, and has at most that many bytes in its body."""
    head = HEAD.match(received)
    if not head or head.end() > LONGEST:
        return None
    found = FIELD.findall(head[3].decode())
    fields = {f"HTTP_{name.upper().replace('-', '_')}": value.strip(" \t") for name, value in found}
    if len(fields) < len(found) or len(found) > MOST_FIELDS or not UNUSUAL.isdisjoint(fields):
        return None
    length = fields.get("HTTP_CONTENT_LENGTH", "0")
    if not LENGTH.fullmatch(length) or int(length) > most:
        return None
    end = head.end() + int(length)
    if end > len(received):
        return None
    return Request(head[1].decode(), head[2].decode(), fields, received[head.end() : end]), received[end:]


class Peer:
    """What all requests on a connection have in common."""

    def __init__(self, conn: Any) -> None:
        cfg, here, there = conn.cfg, conn.server, conn.client
        #: Whether gunicorn is set to do with a request only what is done here.
        self.is_plain = (
            isinstance(here, tuple)
            and isinstance(there, tuple)
            and cfg.proxy_protocol == "off"
            and (cfg.limit_request_fields, cfg.limit_request_field_size) == (MOST_FIELDS, LONGEST)
            and not os.environ.get("SCRIPT_NAME")
        )
        if not self.is_plain:
            return
        networks = cfg.forwarded_allow_networks()
        is_proxy = message._ip_in_allow_list(there[0], cfg.forwarded_allow_ips, networks)
        schemes = cfg.secure_scheme_headers if is_proxy else {}
        self.schemes = {f"HTTP_{name.replace('-', '_')}": value for name, value in schemes.items()}
        self.environ = wsgi.base_environ(cfg) | {
            "gunicorn.socket": conn.sock,
            "wsgi.multithread": True,
            "SERVER_PROTOCOL": "HTTP/1.1",
            "SERVER_NAME": here[0],
            "SERVER_PORT": str(here[1]),
            "REMOTE_ADDR": there[0],
            "REMOTE_PORT": str(there[1]),
            "SCRIPT_NAME": "",
        }

    def read(self, received: bytes, most: int) -> tuple[Request, bytes] | None:
        """As above; with the scheme that a proxy tells. One that tells two is refused, which is gunicorn's to do."""
        found = read(received, most) if self.is_plain else None
        if found and self.schemes:
            fields = found[0].fields
            told = {fields[name] == value for name, value in self.schemes.items() if name in fields}
            if len(told) > 1:
                return None
            found[0].scheme = "https" if True in told else "http"
        return found

    def environment(self, request: Request) -> dict[str, Any]:
        environ = {
            **self.environ,
            **request.fields,
            "wsgi.input": io.BytesIO(request.body),
            "wsgi.url_scheme": request.scheme,
            "REQUEST_METHOD": request.method,
            "RAW_URI": request.uri,
            "PATH_INFO": util.unquote_to_wsgi_str(request.path),
            "QUERY_STRING": request.query,
        }
        for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            if f"HTTP_{name}" in environ:
                environ[name] = environ.pop(f"HTTP_{name}")
        return environ


class Response(wsgi.Response):
    """Sends the headers with the first of the body: each packet wakes the client, a tenth of what one venue costs."""

    def process_headers(self, headers: list[tuple[str, str]]) -> None:
        """All in one look; gunicorn's own, one by one, when there is anything to refuse or to leave out."""
        lines = "".join([f"{': '.join(header)}\r\n" for header in headers])
        fields = {name.lower(): value for name, value in headers}
        is_plain = ANSWERED.fullmatch(lines) and lines.count("\n") == len(headers)
        if not is_plain or not util.hop_headers.isdisjoint(fields):
            super().process_headers(headers)
            return
        self.headers = list(headers)
        if "content-length" in fields:
            self.response_length = int(fields["content-length"])

    def send_headers(self) -> None:
        """Not by themselves."""

    def head(self) -> bytes:
        """The status line and the headers, which are sent with this."""
        self.headers_sent = True
        connection = "upgrade" if self.upgrade else "close" if self.should_close() else "keep-alive"
        lines = [
            f"HTTP/{self.req.version[0]}.{self.req.version[1]} {self.status}\r\n",
            f"Server: {self.version}\r\nDate: {date(int(time.time()))}\r\nConnection: {connection}\r\n",
            "Transfer-Encoding: chunked\r\n" if self.chunked else "",
            *[f"{name}: {value}\r\n" for name, value in self.headers],
            "\r\n",
        ]
        return "".join(lines).encode("latin-1")

    def _emit_body(self, data: bytes) -> None:
        if self.chunked:
            data = b"%X\r\n%s\r\n" % (len(data), data)
        self.sock.sendall(data if self.headers_sent else self.head() + data)

    def sendfile(self, respiter: Any) -> bool:
        if not self.headers_sent:
            self.sock.sendall(self.head())
        return bool(super().sendfile(respiter))

    def close(self) -> None:
        head = b"" if self.headers_sent else self.head()
        if end := head + (b"0\r\n\r\n" if self.chunked else b""):
            self.sock.sendall(end)


@functools.lru_cache(maxsize=1)
def date(second: int) -> str:
    return str(util.http_date(second))
