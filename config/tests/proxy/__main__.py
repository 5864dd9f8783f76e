"""Runs the checks of deploy/nginx.conf on a real nginx: python -m config.tests.proxy [ARGS of pytest]."""

import os
import subprocess
import sys
from pathlib import Path

from config.tests.harness.nginx import program

HERE = Path(__file__).parent


def main(arguments: list[str]) -> int:
    if program() is None:
        message = "The proxy was not checked, because nginx is not installed (Debian: apt-get install nginx-light)."
        print(message, file=sys.stderr)
        return 1 if os.environ.get("NEEDS_NGINX") else 0
    command = [sys.executable, "-m", "pytest", "-o", "python_files=check_*.py", str(HERE), *arguments]
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
