"""A pinned release of axe-core, which checks accessibility: downloaded once, with its hash verified."""

import base64
import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

VERSION = "4.14.1"
INTEGRITY = "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="  # SHA-512
SCRIPT = "package/axe.min.js"
SECONDS = 120


class Unavailable(Exception):
    """Says why axe-core is not available."""


class Axe:
    """Stored in the virtual environment."""

    def __init__(self, folder: Path = Path(sys.prefix)) -> None:
        self.path = folder / f"axe-core-{VERSION}.js"

    def fetched(self) -> Path:
        """The path of the script, downloaded when missing. Raises Unavailable."""
        if not self.path.exists():
            npm = shutil.which("npm")
            if npm is None:
                raise Unavailable("npm, which brings it, is not installed (Debian: apt-get install npm).")
            with tempfile.TemporaryDirectory() as folder:
                self.path.write_bytes(self.script(self.packed(npm, Path(folder))))
        return self.path

    def packed(self, npm: str, folder: Path) -> Path:
        command = [npm, "pack", f"axe-core@{VERSION}", "--silent"]
        try:
            done = subprocess.run(command, check=False, cwd=folder, capture_output=True, text=True, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            raise Unavailable(f"npm has not brought it in {SECONDS} seconds.") from None
        found = list(folder.glob("*.tgz"))
        if done.returncode or not found:
            raise Unavailable(f"npm could not bring it: {done.stderr.strip()[-300:]}")
        return found[0]

    def script(self, archive: Path) -> bytes:
        if base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode() != INTEGRITY:
            raise Unavailable("what npm brought is not the release that is expected.")
        with tarfile.open(archive) as files:
            script = files.extractfile(SCRIPT)
            assert script is not None
            return script.read()
