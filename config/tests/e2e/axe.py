"""axe-core, which finds what people with disabilities cannot use: one release of it, checked, kept in a cache."""

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
    """Says in words why there is none."""


class Axe:
    """In the virtual environment, which is thrown away with everything else that was fetched."""

    def __init__(self, folder: Path = Path(sys.prefix)) -> None:
        self.path = folder / f"axe-core-{VERSION}.js"

    def fetched(self) -> Path:
        """Where it is, fetched first when it is not there. Raises Unavailable."""
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
