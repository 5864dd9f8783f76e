"""Installs a browser where needed and runs the tests: python -m config.tests.e2e [ARGS of pytest]."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from config.tests.e2e.axe import Axe, Unavailable

HERE = Path(__file__).parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def browser() -> str:
    """The browser: BROWSER_PATH, an installed one, or one that is installed now. Exits without one."""
    if path := os.environ.get("BROWSER_PATH") or installed():
        return path
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print("Installing chromium", flush=True)
        for command in (["apt-get", "update", "--quiet"], ["apt-get", "install", "--quiet", "--yes", "chromium"]):
            subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
    if path := installed():
        return path
    sys.exit(
        "No journeys were made, because there is no browser. Needed: Chromium or Chrome. As root on Debian this "
        "command installs it; elsewhere install it (Debian: apt-get install chromium), or name it in BROWSER_PATH."
    )


def installed() -> str | None:
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def main(arguments: list[str]) -> int:
    environment = {**os.environ, "BROWSER_PATH": browser()}
    try:
        environment["AXE_PATH"] = str(Axe().fetched())
    except Unavailable as error:
        sys.exit(f"No journeys were made, because axe-core, which looks at accessibility, is missing: {error}")
    command = [sys.executable, "-m", "pytest", "-o", "python_files=journey_*.py", str(HERE), *arguments]
    return subprocess.run(command, check=False, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
