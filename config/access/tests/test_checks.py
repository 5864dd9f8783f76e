"""Production starts safely or not at all."""

import os
import re
import subprocess
import sys

import pytest
from django.conf import settings as project
from django.core.checks import Tags, run_checks

from config.tests.harness.postgres import free_port

KEY = "q7Vd0sYt9mJ2xKc4RbNfW1zLh8EaPg5UoTi3MvXw6DyCjS-HuQ"
SHARED = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:1"}
LOCAL = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
LIMITS = {"tokens": (10, 60), "logins": None}


@pytest.fixture
def found(settings):
    """What is found with settings that are safe but for those that are given."""

    def check(**unsafe):
        safe = {
            "SECRET_KEY": KEY,
            "DEBUG": False,
            "ALLOWED_HOSTS": ["tickets.example.com"],
            "CACHES": {"default": LOCAL},
            "RATE_LIMITS": LIMITS,
            "WEB_CONCURRENCY": 1,
            "MACHINES": 1,
        }
        for name, value in {**safe, **unsafe}.items():
            setattr(settings, name, value)
        messages = run_checks(tags=[Tags.security], include_deployment_checks=True)
        return [message.id for message in messages if message.id.startswith("access.")]

    return check


def test_safe_settings_have_no_fault(found):
    assert found() == []


@pytest.mark.parametrize(
    "key",
    [
        "short",
        KEY[:49],
        "ab" * 40,
        "django-insecure-" + KEY,
        "local-only-key-that-is-public-and-must-never-protect-anything-real",
        "only-for-tests" + KEY,
    ],
)
def test_key_that_is_weak_or_known_is_an_error(key, found):
    assert found(SECRET_KEY=key) == ["access.E001"]
    assert found(SECRET_KEY_FALLBACKS=[key]) == ["access.E001"]


def test_the_local_settings_key_is_known(found):
    code = "from django.conf import settings; print(settings.SECRET_KEY)"
    environment = {"PATH": os.environ["PATH"], "ENV_FILE": "", "DJANGO_SETTINGS_MODULE": "config.settings.local"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert len(done.stdout) > 60
    assert found(SECRET_KEY=done.stdout.strip()) == ["access.E001"]


def test_debug_is_an_error(found):
    assert found(DEBUG=True) == ["access.E002"]


@pytest.mark.parametrize("hosts", [[], ["*"], ["tickets.example.com", "*"]])
def test_any_host_is_an_error(hosts, found):
    assert found(ALLOWED_HOSTS=hosts) == ["access.E003"]


@pytest.mark.parametrize(("engine", "ids"), [("sqlite3", ["access.E004"]), ("postgresql", [])])
def test_sqlite_with_several_machines_is_an_error(engine, ids, found, monkeypatch):
    monkeypatch.setitem(project.DATABASES["default"], "ENGINE", f"django.db.backends.{engine}")
    assert found(MACHINES=2, CACHES={"default": SHARED}) == ids
    assert found(MACHINES=1) == []


@pytest.mark.parametrize(
    ("processes", "ids"),
    [({"WEB_CONCURRENCY": 2}, ["access.E005"]), ({"MACHINES": 2}, ["access.E005"]), ({}, [])],
)
def test_several_processes_with_a_limit_ask_for_a_shared_cache(processes, ids, found, monkeypatch):
    monkeypatch.setitem(project.DATABASES["default"], "ENGINE", "django.db.backends.postgresql")
    assert found(**processes) == ids
    assert found(**processes, CACHES={"default": SHARED}) == []
    assert found(**processes, RATE_LIMITS=dict.fromkeys(LIMITS)) == []


@pytest.mark.parametrize("kind", ["dummy.DummyCache", "filebased.FileBasedCache", "db.DatabaseCache"])
def test_cache_that_does_not_count_in_one_step_is_an_error(kind, found):
    caches = {"default": {"BACKEND": f"django.core.cache.backends.{kind}", "LOCATION": "/tmp/nowhere"}}
    assert found(CACHES=caches) == ["access.E006"]
    assert found(CACHES=caches, RATE_LIMITS=dict.fromkeys(LIMITS)) == []


def test_proxy_that_is_not_counted_is_a_warning(found):
    header = ("HTTP_X_FORWARDED_PROTO", "https")
    assert found(SECURE_PROXY_SSL_HEADER=header, NUM_PROXIES=0) == ["access.W007"]
    assert found(SECURE_PROXY_SSL_HEADER=header, NUM_PROXIES=1) == []


def test_every_message_has_a_hint(found, settings):
    assert len(found(SECRET_KEY="short", DEBUG=True, ALLOWED_HOSTS=[], WEB_CONCURRENCY=2)) == 4
    messages = run_checks(tags=[Tags.security], include_deployment_checks=True)
    assert [message.id for message in messages if message.id.startswith("access.") and not message.hint] == []


PRODUCTION = {
    "PATH": os.environ["PATH"],
    "ENV_FILE": "",
    "SECRET_KEY": KEY,
    "ALLOWED_HOSTS": "tickets.example.com",
    "DATABASE_URL": "sqlite:///:memory:",
}


def start(*command, **environment):
    return subprocess.run(
        [sys.executable, *command],
        cwd=project.BASE_DIR,
        env={**PRODUCTION, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("environment", "ids"),
    [
        ({}, []),
        ({"SECRET_KEY": "guess me", "ALLOWED_HOSTS": "*"}, ["access.E001", "access.E003"]),
        ({"WEB_CONCURRENCY": "4"}, ["access.E005"]),
        ({"WEB_CONCURRENCY": "4", "CACHE_URL": "redis://127.0.0.1:1/0"}, []),
    ],
)
def test_entry_point_refuses_what_the_checks_call_an_error(environment, ids):
    done = start("-c", "import config.wsgi; print('serves')", **environment)
    assert done.stdout == ("" if ids else "serves\n")
    assert [name for name in ("access.E001", "access.E003", "access.E005") if f"({name})" in done.stderr] == ids
    assert done.stderr.count("HINT: ") == len(ids)


def test_entry_point_of_a_laptop_starts():
    done = start("-c", "import config.wsgi; print('serves')", DJANGO_SETTINGS_MODULE="config.settings.local")
    assert (done.stdout, done.stderr) == ("serves\n", "")


def test_server_refuses_more_workers_than_its_cache_can_count_for():
    done = start("manage.py", "serve", "--port", str(free_port()), "--workers", "2",
                 DJANGO_SETTINGS_MODULE="config.settings.production")  # fmt: skip
    assert done.returncode == 1
    assert "(access.E005) Rate limits do not hold: each of 2 processes" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("secure", "names"), [("true", "__Host-sessionid __Host-csrftoken"), ("false", "sessionid csrftoken")]
)
def test_cookies_of_production_are_held_to_its_host(secure, names):
    code = "from django.conf import settings; print(settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME)"
    environment = {"DJANGO_SETTINGS_MODULE": "config.settings.production", "SECURE_COOKIES": secure}
    assert start("-c", code, **environment).stdout == f"{names}\n"


@pytest.mark.parametrize(
    ("variable", "ids"),
    [("SECURE_COOKIES", ["security.W012", "security.W016"]), ("SECURE_SSL_REDIRECT", ["security.W008"])],
)
def test_deployment_check_names_what_is_switched_off(variable, ids):
    environment = {"DJANGO_SETTINGS_MODULE": "config.settings.production", variable: "false"}
    done = start("manage.py", "check", "--deploy", **environment)
    assert re.findall(r"security\.W\d+", done.stderr) == ids
