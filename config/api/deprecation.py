"""How something that will go says so: RFC 9745 (Deprecation), RFC 8594 (Sunset)."""

import datetime as dt
from dataclasses import dataclass

from django.http import HttpResponse
from django.utils.http import http_date


@dataclass(frozen=True)
class Deprecated:
    """Since when an action is deprecated, from when on it may be gone, and the page that says what to use instead.

    A viewset names its deprecated actions: `deprecations = {"list": Deprecated(since, sunset, link)}`. Their answers
    bear the headers, and the document marks them.
    """

    since: dt.datetime
    sunset: dt.datetime
    link: str

    def mark(self, response: HttpResponse) -> None:
        response["Deprecation"] = f"@{int(self.since.timestamp())}"
        response["Sunset"] = http_date(self.sunset.timestamp())
        link = f'<{self.link}>; rel="deprecation"; type="text/html"'
        response["Link"] = f"{response['Link']}, {link}" if "Link" in response else link
