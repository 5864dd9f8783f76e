"""Deprecation of actions: RFC 9745 (Deprecation), RFC 8594 (Sunset)."""

import datetime as dt
from dataclasses import dataclass

from django.http import HttpResponse
from django.utils.http import http_date


@dataclass(frozen=True)
class Deprecated:
    """Since when an action is deprecated, when it may be removed, and a page about its replacement.

    `deprecations = {"list": Deprecated(since, sunset, link)}` of a viewset adds the headers, and marks the operation in
    the schema.
    """

    since: dt.datetime
    sunset: dt.datetime
    link: str

    def mark(self, response: HttpResponse) -> None:
        response["Deprecation"] = f"@{int(self.since.timestamp())}"
        response["Sunset"] = http_date(self.sunset.timestamp())
        link = f'<{self.link}>; rel="deprecation"; type="text/html"'
        response["Link"] = f"{response['Link']}, {link}" if "Link" in response else link
