"""The tests: no `.env`, cheap passwords, and a database file of their own so that threads share it."""

import atexit
import os
import re
import shutil
import tempfile
from pathlib import Path

# A developer's own settings must not change a test's result. The database is what the tests are run for.
os.environ["ENV_FILE"] = ""
listed = Path(__file__).parents[2].joinpath(".env.example").read_text()
for name in re.findall(r"^# ([A-Z0-9_]+)=", listed, re.MULTILINE):
    if name != "DATABASE_URL":
        os.environ.pop(name, None)
        os.environ.pop(f"{name}_FILE", None)

from config.settings.base import *
from config.settings.base import DATABASES, LOGGING, RATE_LIMITS
from config.settings.database import SQLITE

SECRET_KEY = "only-for-tests"
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
CORS_ALLOW_ALL_ORIGINS = True
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True  # else each test client looks up all static files when it starts
LOGGING["root"]["level"] = "ERROR"
RATE_LIMITS.update(dict.fromkeys(RATE_LIMITS))  # tests ask as often as they like; those of the limits set their own

if DATABASES["default"]["ENGINE"] == SQLITE:
    # An in-memory database would give each thread one of its own.
    folder = tempfile.mkdtemp(prefix="ticket-booking-test-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    DATABASES["default"]["TEST"] = {"NAME": os.path.join(folder, "test.db")}
