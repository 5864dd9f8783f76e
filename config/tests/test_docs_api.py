"""The code in docs/api.md runs as it is printed."""

import re
import shutil
import subprocess
import sys

import pytest
from django.conf import settings

from config.tests.server import fresh_database, served

TEXT = (settings.BASE_DIR / "docs" / "api.md").read_text()

pytestmark = pytest.mark.xdist_group("docs")


@pytest.fixture(scope="module")
def server():
    with fresh_database() as url, served(url) as running:
        running.manage("load_demo")
        yield running


def run(server, *command, stdin):
    environment = {**server.environment, "API": f"{server.url}/api/v1"}
    done = subprocess.run(
        command, check=False, env=environment, input=stdin, text=True, capture_output=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def blocks(language):
    found = re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
    assert found
    return found


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_shell_works_as_printed(server):
    script = "\n".join(blocks("sh")).replace("http://127.0.0.1:8000", server.url)
    said = run(server, "sh", "-e", stdin=script)
    assert '"ticket_types":[{' in said
    assert said.endswith("304\n")


def test_python_books_as_printed(server):
    (script,) = blocks("python")
    assert re.fullmatch(r"pending \d+(\.\d+)? [A-Z]{3}\n", run(server, sys.executable, "-", stdin=script))


@pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")
def test_javascript_books_as_printed(server):
    (script,) = blocks("js")
    said = run(server, "node", "--input-type=module", "-", stdin=script)
    assert re.fullmatch(r"pending \d+(\.\d+)? [A-Z]{3}\n", said)
