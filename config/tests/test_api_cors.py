import json
import os
import subprocess
import sys

import pytest

ORIGIN = "https://shop.example"
PREFLIGHT = {
    "HTTP_ORIGIN": ORIGIN,
    "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "POST",
    "HTTP_ACCESS_CONTROL_REQUEST_HEADERS": "authorization, booking-secret, content-type, idempotency-key, if-match, "
    "x-request-id",
}
EXPOSED = {
    *("Deprecation", "ETag", "Idempotent-Replayed", "Link", "Location", "RateLimit", "RateLimit-Policy", "Retry-After"),
    *("Sunset", "X-Request-ID"),
}


@pytest.mark.parametrize("path", ["/bookings", "/bookings/", "/venues/1", "/nothing", "//problems", "//health"])
def test_preflight_is_answered_to_any_origin(path, anonymous, db):
    answer = anonymous.options(path, **PREFLIGHT)
    assert answer.status_code == 200
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert {"GET", "POST", "PUT", "PATCH", "DELETE"} <= set(answer["Access-Control-Allow-Methods"].split(", "))
    allowed = set(answer["Access-Control-Allow-Headers"].split(", "))
    assert set(PREFLIGHT["HTTP_ACCESS_CONTROL_REQUEST_HEADERS"].split(", ")) <= allowed


@pytest.mark.parametrize(
    ("path", "status"), [("/venues", 200), ("/venues/0", 404), ("/nothing", 404), ("/bookings", 401)]
)
def test_responses_and_problems_have_cors_headers(path, status, anonymous, db):
    answer = anonymous.get(path, HTTP_ORIGIN=ORIGIN)
    assert (answer.status_code, answer["Access-Control-Allow-Origin"]) == (status, "*")
    assert set(answer["Access-Control-Expose-Headers"].split(", ")) == EXPOSED
    assert "Access-Control-Allow-Credentials" not in answer


def test_only_configured_origins_are_allowed(anonymous, settings, db):
    settings.CORS_ALLOW_ALL_ORIGINS = False
    settings.CORS_ALLOWED_ORIGINS = [ORIGIN]
    assert anonymous.options("/bookings", **PREFLIGHT)["Access-Control-Allow-Origin"] == ORIGIN
    assert anonymous.get("/venues", HTTP_ORIGIN=ORIGIN)["Access-Control-Allow-Origin"] == ORIGIN
    for origin in ("https://evil.example", "http://shop.example", "https://shop.example.evil.example", "null"):
        refused = anonymous.options("/bookings", **{**PREFLIGHT, "HTTP_ORIGIN": origin})
        assert "Access-Control-Allow-Origin" not in refused
        assert "Access-Control-Allow-Origin" not in anonymous.get("/venues", HTTP_ORIGIN=origin)


def test_admin_has_no_cors_headers(anonymous, db):
    assert "Access-Control-Allow-Origin" not in anonymous.get("//admin/login/", HTTP_ORIGIN=ORIGIN)


PRINT = """
import json, os
from django.conf import settings
print(json.dumps([getattr(settings, "CORS_ALLOW_ALL_ORIGINS", False), settings.CORS_ALLOWED_ORIGINS]))
"""


@pytest.mark.parametrize(
    ("name", "origins", "expected"),
    [
        ("local", "", [True, []]),
        ("local", ORIGIN, [False, [ORIGIN]]),
        ("production", "", [False, []]),
        ("production", f"{ORIGIN}, https://other.example", [False, [ORIGIN, "https://other.example"]]),
    ],
)
def test_origins_of_each_environment(name, origins, expected):
    environment = {
        "PATH": os.environ["PATH"],
        "ENV_FILE": "",
        "DJANGO_SETTINGS_MODULE": f"config.settings.{name}",
        "CORS_ALLOWED_ORIGINS": origins,
        "SECRET_KEY": "a" * 60,
        "ALLOWED_HOSTS": "tickets.example",
        "DATABASE_URL": "sqlite:///x.db",
    }
    done = subprocess.run([sys.executable, "-c", PRINT], check=False, env=environment, capture_output=True, text=True)
    assert (done.returncode, json.loads(done.stdout or "null")) == (0, expected), done.stderr
