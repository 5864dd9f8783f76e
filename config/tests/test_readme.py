import json
import re
import shutil
import subprocess
import urllib.request
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import pytest
from django.conf import settings

from config.tests.harness.server import migrated_database, served

PAGES = ["/docs", "/redoc", "/admin/login/"]


pytestmark = pytest.mark.xdist_group("readme")  # one process makes what all tests of this module share


@pytest.fixture(scope="module")
def server():
    with migrated_database() as url, served(url) as server:
        yield server


def get(url, token=None):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=20) as response:
        return response.status, response.read()


def results(server, path, token=None):
    return json.loads(get(f"{server.url}/api/v1/{path}", token)[1])["results"]


def printed_blocks():
    """The commands of the first booking, and what they print."""
    readme = (settings.BASE_DIR / "README.md").read_text()
    part = readme.split("## A first booking")[1].split("\n## ")[0]
    return re.search(r"^```sh\n(.*?)^```$.*?^```\n(.*?)^```$", part, re.DOTALL | re.MULTILINE).groups()


def without_codes(text):
    return re.sub(r"\b([A-HJKMNP-Z2-9]{8}|[A-HJKMNP-Z2-9]{26})\b", lambda code: f"<{len(code[0])}>", text)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_readme_first_booking_works_as_printed(server):
    commands, output = printed_blocks()
    script = commands.replace("http://127.0.0.1:8000", server.url)
    done = subprocess.run(
        ["sh", "-e", "-c", script],
        check=False, cwd=settings.BASE_DIR, env=server.environment, text=True, capture_output=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert without_codes(done.stdout) == without_codes(output)
    assert output.count("Ticket") == without_codes(output).count("Ticket <26>") == 2
    token = server.manage("create_api_token", "reader", "--role", "auditor").strip()
    (event,) = results(server, "events")
    (booking,) = results(server, "bookings", token)
    assert event["availability"] == {"capacity": 500, "reserved": 2, "available": 498}
    assert (booking["status"], booking["total_price"], booking["currency"]) == ("confirmed", "99.80", "EUR")
    assert done.stdout.splitlines()[1:3] == [f"Ticket {ticket['code']}" for ticket in booking["tickets"]]


def test_links_of_the_readme_lead_somewhere():
    targets = re.findall(r"\]\(([^)]+)\)", (settings.BASE_DIR / "README.md").read_text())
    assert [target for target in targets if not (settings.BASE_DIR / target).exists()] == []


@pytest.mark.parametrize("path", ["/", "/health", "/health/ready", *PAGES])
def test_page_answers_on_the_served_instance(server, path):
    assert get(server.url + path)[0] == 200


class References(HTMLParser):
    """What a page loads or links to."""

    def __init__(self, base, html):
        super().__init__()
        self.base, self.loaded, self.linked = base, [], []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name in ("src", "href", "action", "data", "poster", "spec-url", "xlink:href") and value is not None:
                found = self.linked if tag in ("a", "form", "use") else self.loaded
                found.append(urljoin(self.base, value))


def is_local(server, url):
    return url.startswith(("data:", f"{server.url}/"))


@pytest.mark.parametrize("path", PAGES)
def test_page_refers_to_no_other_host(server, path):
    html = get(server.url + path)[1].decode()
    references = References(server.url + path, html)
    in_styles_and_scripts = re.findall(r"""(?:url\(|import\s*\(?|from\s)\s*["']?([^"')\s]+)""", html)
    found = references.loaded + references.linked + [urljoin(server.url, url) for url in in_styles_and_scripts]
    assert references.loaded != []
    assert [url for url in found if not is_local(server, url)] == []


@pytest.mark.parametrize("path", PAGES)
def test_page_finds_all_that_it_loads(server, path):
    loaded = References(server.url + path, get(server.url + path)[1].decode()).loaded
    urls = [url for url in loaded if urlsplit(url).scheme != "data"]
    assert {url: get(url)[0] for url in urls} == dict.fromkeys(urls, 200)
