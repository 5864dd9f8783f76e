"""Searches the git history and the working tree for secrets: python -m config.tests.harness.secret_scan

It finds keys of a known format, and random text assigned to a name like `api_key` or `password`. It needs git and no
network; of a shallow clone it reads the part that is there. Exit status 1 when it finds any: each is listed with its
commit and file, but not printed.
"""

import math
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
SHAPES = {
    "token of this project": r"tbs_[A-Za-z0-9_-]{43}",
    "private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
    "AWS access key": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "GitHub token": r"\b(?:gh[opsur]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{60,})",
    "GitLab token": r"\bgl(?:pat|rt|dt)-[A-Za-z0-9_-]{20,}",
    "Slack token": r"\bxox[abposr]-[A-Za-z0-9-]{10,}",
    "Slack hook": r"hooks\.slack\.com/services/T[A-Z0-9]+/B[A-Z0-9]+/[A-Za-z0-9]+",
    "Stripe key": r"\b(?:sk|rk|whsec)_(?:live_|test_)?[A-Za-z0-9]{24,}",
    "Google key": r"\bAIza[A-Za-z0-9_-]{35}\b",
    "SendGrid key": r"\bSG\.[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}",
    "Twilio key": r"\bSK[0-9a-f]{32}\b",
    "npm token": r"\bnpm_[A-Za-z0-9]{36}\b",
    "PyPI token": r"\bpypi-AgE[A-Za-z0-9_-]{50,}",
    "JSON web token": r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}",
    "password hash": r"\b(?:pbkdf2_sha256|argon2i?d?|bcrypt_sha256|scrypt)\$[^\s'\"]{40,}",
}
SHAPED = re.compile("|".join(f"(?P<n{number}>{shape})" for number, shape in enumerate(SHAPES.values())))
NAMED = re.compile(
    r"(?P<name>\w*(?:secret|passw|passwd|token|api_?key|private_?key|credential)\w*)['\"]?\s*[:=]\s*"
    r"(?:[\w.]+\()?f?['\"]?(?P<value>[A-Za-z0-9+/=_.~-]{20,})",
    re.IGNORECASE,
)
URL = re.compile(r"://[^\s:/@'\"{}$<]+:(?P<value>[^\s/@'\"{}$<]{3,})@")
MAX_ENTROPY = 3.7  # bits per character: English words in snake or kebab case are below, random base64 above
ALLOWED = {  # patterns of values that are no secrets, each with the reason
    r"tbs_Xy12-_Zk9": "example in a test of redaction",
    r"tbs_0123456789abcdefghij$": "example in a check of the proxy's access log",
    r"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw$": "example that Standard Webhooks publishes",
    r"whsec_(Zb4)+Zg$": "example in the document of the API",
    r"(password|hunter2|secret|pass|abc)$": "example in the URL of a database or a mail server",
}
ALLOWED_VALUE = re.compile("|".join(ALLOWED))


@dataclass(frozen=True)
class Found:
    kind: str
    place: str
    start: str

    def __str__(self) -> str:
        return f"{self.place}: {self.kind}, beginning {self.start!r}"


def entropy(text: str) -> float:
    """Shannon entropy in bits per character."""
    counts = Counter(text).values()
    return -sum(count / len(text) * math.log2(count / len(text)) for count in counts)


@cache  # most lines occur in many commits
def secrets_in(line: str) -> list[tuple[str, str]]:
    """The kind and the text of each secret in a line."""
    found = [(list(SHAPES)[int((match.lastgroup or "n0")[1:])], match[0]) for match in SHAPED.finditer(line)]
    for match in NAMED.finditer(line):
        value = match["value"]
        if entropy(value) > MAX_ENTROPY and re.search(r"\d", value) and re.search(r"[A-Za-z]", value):
            found.append((f"random text as {match['name']}", value))
    found += [("password in a URL", match["value"]) for match in URL.finditer(line)]
    return found


def scan(patch: Iterator[str]) -> Iterator[Found]:
    """Secrets in the added lines of a patch with `commit` lines."""
    commit, file = "not committed", ""
    for line in patch:
        if line.startswith("commit "):
            commit = line.split()[1][:12]
        elif line.startswith("+++ "):
            file = line[4:].strip().removeprefix("b/")
        elif line.startswith("+"):
            for kind, value in secrets_in(line[1:]):
                if not ALLOWED_VALUE.match(value):
                    yield Found(kind, f"{commit} {file}", f"{value[:4]}…")


def git(*arguments: str, folder: Path) -> Iterator[str]:
    command = ["git", "-C", str(folder), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, errors="replace") as process:
        yield from process.stdout or ()
    if process.returncode:
        sys.exit(f"Cannot search for secrets: git {arguments[0]} failed.")


def main(folder: Path = ROOT) -> int:
    how = ("--unified=0", "--no-color", "--no-ext-diff", "--no-textconv", "--text")
    found = dict.fromkeys(scan(git("log", "--patch", "-m", *how, "HEAD", folder=folder)))
    found |= dict.fromkeys(scan(git("diff", *how, "HEAD", folder=folder)))
    for one in found:
        print(one)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
