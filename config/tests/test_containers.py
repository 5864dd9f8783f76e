"""The Dockerfile and compose.yaml, compared with the rest of the project, since no container engine runs here."""

import fnmatch
import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from config.management.commands.serve import Command
from config.tests.test_settings import POSTGRESQL, example, setting

ROOT = Path(__file__).resolve().parent.parent.parent
OF_THE_IMAGE = {"DJANGO_SETTINGS_MODULE"}  # not read by settings
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
    makefile = (ROOT / "Makefile").read_text()
    (command,) = map(json.loads, of("CMD"))
    assert command == ["python", "manage.py", "serve", "--bind", "0.0.0.0"]
    parser = Command().create_parser("manage.py", "serve")
    default = parser.parse_args([])
    assert "$(MANAGE) serve --bind $(BIND) --port $(PORT) --workers $(WORKERS) --threads $(THREADS)" in makefile
    for name, value in (("BIND", default.bind), ("PORT", default.port), ("THREADS", default.threads)):
        assert re.search(rf"^{name} \?= (.+)$", makefile, re.MULTILINE)[1] == str(value)
    workers = re.search(r"^WORKERS \?= (\d+)$", makefile, re.MULTILINE)[1]
    assert f"WEB_CONCURRENCY={workers}" in " ".join(of("ENV"))


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


def test_operator_can_lock_the_back_office_and_send_mail(compose):
    passed_on = {"EMAIL_URL", "REQUIRE_SECOND_FACTOR", "BACK_OFFICE_NETWORKS", "METRICS_ALLOW"}
    assert passed_on <= set(compose["services"]["web"]["environment"])


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


def test_only_this_machine_reaches_the_proxy_and_nothing_else(compose):
    ports = {name: service["ports"] for name, service in compose["services"].items() if "ports" in service}
    assert ports == {"nginx": ["127.0.0.1:${PORT:-8000}:80"]}


def test_proxy_has_the_tested_file_with_the_name_of_the_server(compose):
    assert compose["configs"]["nginx"] == {"file": "deploy/nginx.conf"}
    script = compose["services"]["nginx"]["command"][2].partition(" /etc/nginx/tickets.conf")[0]
    changed = subprocess.run(
        ["sh", "-c", f"{script} deploy/nginx.conf"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    before = (ROOT / "deploy" / "nginx.conf").read_text().splitlines()
    lines = [line.strip() for line in changed if line not in before]
    assert lines == [
        "server web:8000 fail_timeout=2s;",
        "access_log /dev/stdout tickets;",
        "error_log /dev/stderr crit;",
    ]
    assert [line for line in changed if "listen [::]" in line] == []


def test_database_has_the_session_settings_of_the_pooler(compose):
    session = setting("DATABASES", DATABASE_URL=POSTGRESQL)["default"]["SESSION"]
    command = compose["services"]["postgres"]["command"]
    assert dict(word.removeprefix("-c").split("=") for word in command[1:]) == session
    assert "pool_mode = transaction\n" in compose["configs"]["pgbouncer"]["content"]
    pooled = {name: compose["services"][name]["environment"]["DATABASE_POOLER"] for name in OURS}
    assert pooled == {"web": "true", "worker": "true", "migrate": "false"}


def test_cache_has_a_password_from_a_secret(compose):
    redis = compose["services"]["redis"]
    assert (redis["command"][:2], redis["secrets"]) == (["redis-server", "/run/secrets/redis_conf"], ["redis_conf"])
    for name in (*OURS, "purge"):
        service = compose["services"][name]
        assert "cache_url" in service["secrets"]
        assert service["environment"]["CACHE_URL_FILE"] == "/run/secrets/cache_url"
        assert "CACHE_URL" not in service["environment"]


def test_personal_data_is_erased_each_day(compose):
    service = compose["services"]["purge"]
    command = "while python manage.py purge --older-than $$PURGE_OLDER_THAN; do sleep 86400; done"
    assert service["command"] == ["sh", "-c", command]
    assert service["environment"]["PURGE_OLDER_THAN"].startswith("${PURGE_OLDER_THAN:?")


# What is pinned

IMAGE = r"[a-z0-9./-]+:[\w.-]+@sha256:[0-9a-f]{64}"
WORKFLOWS = [*(ROOT / ".github" / "workflows").glob("*.y*ml")]
DOCKERFILES = [ROOT / "Dockerfile", *(ROOT / "deploy").glob("*Dockerfile")]


def test_every_image_is_named_with_its_digest(compose):
    services = compose["services"].values()
    images = [service["image"] for service in services if "build" not in service]
    for file in DOCKERFILES:
        images += re.findall(r"^FROM (\S+)", file.read_text(), re.MULTILINE)
    assert len(images) == 6
    assert [image for image in images if not re.fullmatch(IMAGE, image)] == []
    built = {service["build"]["dockerfile"] for service in services if isinstance(service.get("build"), dict)}
    assert {f"deploy/{name}" for name in built} <= {str(file.relative_to(ROOT)) for file in DOCKERFILES}


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_workflow_runs_only_what_is_pinned(file):
    text = file.read_text()
    actions = re.findall(r"\buses: *(.+)", text)
    assert actions
    assert [action for action in actions if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action)] == []
    images = re.findall(r"\b(?:image[:=]|generator=) *(\S+)", text)
    assert [image for image in images if not re.fullmatch(IMAGE, image)] == []
    assert [line for line in re.findall(r".*\bpip install\b.*", text) if "--require-hashes" not in line] == []


def test_hooks_are_pinned():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    revisions = [repository["rev"] for repository in hooks if repository["repo"] != "local"]
    assert revisions
    assert [revision for revision in revisions if not re.fullmatch(r"[0-9a-f]{40}", revision)] == []


def test_update_bot_knows_all_that_is_pinned():
    updates = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text())["updates"]
    found = {it["package-ecosystem"]: set(it.get("directories", [it.get("directory")])) for it in updates}
    assert found == {
        "pip": {"/requirements"},
        "github-actions": {"/"},
        "docker": {"/", *(f"/{file.parent.relative_to(ROOT)}" for file in DOCKERFILES[1:])},
        "docker-compose": {"/"},
        "pre-commit": {"/"},
    }


def test_workflow_stores_what_is_in_the_image():
    jobs = [yaml.safe_load(file.read_text())["jobs"] for file in WORKFLOWS]
    (steps,) = [job["sbom"]["steps"] for job in jobs if "sbom" in job]
    (build,) = [step["with"] for step in steps if "build-push-action" in step.get("uses", "")]
    assert (build["provenance"], build["sbom"].partition("=")[0]) == ("mode=max", "generator")
