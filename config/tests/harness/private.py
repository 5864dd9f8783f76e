"""Lists the private names of libraries that the code uses: python -m config.tests.harness.private."""

import re
from dataclasses import dataclass

from config.tests.harness.project import PACKAGES, ROOT

PRIVATE = re.compile(r"(?:\.|\bdef |\bimport )(_[a-z]\w*)")
DOCUMENTED = {
    "_meta",
    "_state",
    "_base_manager",
    "_default_manager",
    "_fields",
}  # by Django, and by Python for named tuples
EXCLUDED = {"tests", "migrations"}


@dataclass
class PrivateName:
    """A private name, once for each file that uses it. The reason is a comment in its line or above it."""

    path: str
    line: int
    name: str
    reason: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.name}: {self.reason or 'no reason'}"


def private_names():
    paths = [path.relative_to(ROOT) for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    for path in paths:
        if not EXCLUDED & set(path.parts):
            yield from names_in(str(path), (ROOT / path).read_text().splitlines())


def names_in(path, lines):
    found = {}
    for number, line in enumerate(lines, start=1):
        for name in set(PRIVATE.findall(line.partition("# ")[0])) - DOCUMENTED:
            entry = found.setdefault(name, PrivateName(path, number, name, ""))
            entry.reason = entry.reason or reason(lines, number)
    return found.values()


def reason(lines, number):
    """The comment at the end of a line, else the comment above it."""
    beside = lines[number - 1].partition("  # ")[2]
    above = lines[number - 2].strip() if number > 1 else ""
    return ("" if beside.startswith("type:") else beside) or above.removeprefix("# ") * above.startswith("# ")


if __name__ == "__main__":
    for it in private_names():
        print(it)
