"""Tests: no `.env`, fast password hashes, and an SQLite file that threads share."""

import atexit
import os
import re
import shutil
import tempfile
from pathlib import Path

# The environment must not change the result of a test; only DATABASE_URL chooses the database.
os.environ["ENV_FILE"] = ""
listed = Path(__file__).parents[2].joinpath(".env.example").read_text()
for name in re.findall(r"^# ([A-Z0-9_]+)=", listed, re.MULTILINE):
    if name != "DATABASE_URL":
        os.environ.pop(name, None)
        os.environ.pop(f"{name}_FILE", None)

from config.settings.base import *
from config.settings.base import DATABASES, LOGGING, PAYMENT_PROVIDERS, RATE_LIMITS
from config.settings.database import SQLITE

SECRET_KEY = "only-for-tests"
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
HAS_MAIL = True
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
CORS_ALLOW_ALL_ORIGINS = True
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True  # else each test client looks up all static files when it starts
LOGGING["root"]["level"] = "ERROR"
PAYMENT_PROVIDERS["fake"] = "config.tests.harness.provider.FakeProvider"
RATE_LIMITS.update(dict.fromkeys(RATE_LIMITS))  # tests of limits set their own
ANONYMOUS_PLACES_PER_CLIENT = 0

if DATABASES["default"]["ENGINE"] == SQLITE:
    # Each thread would get its own in-memory database.
    folder = tempfile.mkdtemp(prefix="ticket-booking-test-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    DATABASES["default"]["TEST"] = {"NAME": os.path.join(folder, "test.db")}
