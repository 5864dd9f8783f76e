"""The Dockerfile and compose.yaml match the rest of the project. No container engine is needed."""

import fnmatch
import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from config.tests.test_settings import POSTGRESQL, example, setting

ROOT = Path(__file__).resolve().parent.parent.parent
OF_THE_IMAGE = {"DJANGO_SETTINGS_MODULE", "GUNICORN_CMD_ARGS"}  # variables that settings do not read
OURS = ("web", "worker", "migrate")


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load((ROOT / "compose.yaml").read_text())


def instructions():
    """The instructions of the Dockerfile with their arguments."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    return [tuple(line.split(None, 1)) for line in lines if line.strip()]


def of(name):
    return [argument for instruction, argument in instructions() if instruction == name]


def test_image_starts_the_server_as_make_serve_does():
    makefile = (ROOT / "Makefile").read_text().replace("\\\n", " ")
    served = re.search(r"exec \$\(PY\) -m gunicorn (.+)", makefile)[1].split()
    (command,) = map(json.loads, of("CMD"))
    said = re.search(r'GUNICORN_CMD_ARGS="([^"]+)"', " ".join(of("ENV")))[1]
    assert command[:3] == ["python", "-m", "gunicorn"]
    ours = [*command[3:], *said.replace("=", " ").split()]
    names = {word for word in served if word.startswith("--")}
    assert names - {"--workers"} | {"--worker-tmp-dir"} == {word for word in ours if word.startswith("--")}
    for name in ("--worker-class", "--keep-alive"):
        assert ours[ours.index(name) + 1] == served[served.index(name) + 1]
    workers, threads = (re.search(rf"^{it} \?= (\d+)$", makefile, re.MULTILINE)[1] for it in ("WORKERS", "THREADS"))
    assert f"WEB_CONCURRENCY={workers} " in " ".join(of("ENV"))
    assert ours[ours.index("--threads") + 1] == threads


def test_image_is_unprivileged_and_has_a_health_check():
    names = [name for name, _ in instructions()]
    (user,) = of("USER")
    assert int(user) > 1000
    assert names.index("USER") > max(index for index, name in enumerate(names) if name in ("RUN", "COPY"))
    (check,) = of("HEALTHCHECK")
    assert "http://127.0.0.1:8000/health" in check
    assert of("EXPOSE") == ["8000"]


def test_image_contains_no_settings():
    kept = set(re.findall(r'(\w+)=', re.sub(r'"[^"]*"', "", " ".join(of("ENV")))))  # fmt: skip
    assert kept & set(example()) == {"WEB_CONCURRENCY"}
    assert of("ARG") == []


def test_image_installs_the_lock():
    (install,) = [line for line in of("RUN") if "pip install" in line]
    assert "--require-hashes" in install
    assert "-r requirements/production.txt" in install


def test_build_context_has_only_what_the_server_needs():
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*"
    shown = {line[1:] for line in lines if line.startswith("!")}
    assert shown == {
        "manage.py",
        "requirements/production.txt",
        "config",
        "venues",
        "events",
        "ticket_types",
        "bookings",
    }
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    hidden = [line.removeprefix("**/") for line in lines if line.startswith("**/")]
    sent = [
        name
        for name in tracked
        if (name in shown or name.split("/")[0] in shown)
        and not any(fnmatch.fnmatch(part, pattern) for part in Path(name).parts for pattern in hidden)
    ]
    assert {"config/wsgi.py", "bookings/lifecycle/place.py", "config/static/pages/admin.css"} <= set(sent)
    assert [name for name in sent if re.search(r"/tests/|\.md$|\.env|\.db$", name)] == []
    assert set(hidden) >= {".env", "*.db"}


@pytest.mark.parametrize("name", OURS)
def test_every_variable_is_a_setting(compose, name):
    known = set(example()) | OF_THE_IMAGE
    for variable in compose["services"][name]["environment"]:
        assert {variable, variable.removesuffix("_FILE")} & known, variable


def test_every_file_variable_is_a_secret_of_its_service(compose):
    for name, service in compose["services"].items():
        files = {
            value.removeprefix("/run/secrets/")
            for variable, value in service.get("environment", {}).items()
            if variable.endswith("_FILE")
        }
        assert files <= set(service.get("secrets", [])), name
        assert set(service.get("secrets", [])) <= set(compose["secrets"]), name


def test_compose_file_contains_no_secret(compose):
    assert all(list(secret) == ["file"] for secret in compose["secrets"].values())
    assert {secret["file"].split("/")[0] for secret in compose["secrets"].values()} == {"secrets"}
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert "/secrets/" in ignored


def test_every_service_restarts_and_has_a_health_check(compose):
    for name, service in compose["services"].items():
        assert service["restart"] == ("no" if name == "migrate" else "unless-stopped"), name
        assert "healthcheck" in service or name == "web", name  # the image of web has one
        assert "no-new-privileges:true" in service["security_opt"], name
        for other, how in service.get("depends_on", {}).items():
            is_once = other == "migrate"
            assert how["condition"] == ("service_completed_successfully" if is_once else "service_healthy")
            assert is_once or not compose["services"][other].get("healthcheck", {}).get("disable"), other


def test_server_listens_only_on_loopback(compose):
    ports = {name: service["ports"] for name, service in compose["services"].items() if "ports" in service}
    assert ports == {"web": ["127.0.0.1:${PORT:-8000}:8000"]}


def test_database_has_the_session_settings_of_the_pooler(compose):
    session = setting("DATABASES", DATABASE_URL=POSTGRESQL)["default"]["SESSION"]
    command = compose["services"]["postgres"]["command"]
    assert dict(word.removeprefix("-c").split("=") for word in command[1:]) == session
    assert "pool_mode = transaction\n" in compose["configs"]["pgbouncer"]["content"]
    pooled = {name: compose["services"][name]["environment"]["DATABASE_POOLER"] for name in OURS}
    assert pooled == {"web": "true", "worker": "true", "migrate": "false"}
