"""The tests: no `.env`, cheap passwords, and a database file of their own so that threads share it."""

import atexit
import os
import shutil
import tempfile

os.environ["ENV_FILE"] = ""  # a developer's own .env must not change a test's result

from config.settings.base import *
from config.settings.base import DATABASES, LOGGING, RATE_LIMITS
from config.settings.database import SQLITE

SECRET_KEY = "only-for-tests"
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
CORS_ALLOW_ALL_ORIGINS = True
WHITENOISE_USE_FINDERS = True
LOGGING["root"]["level"] = "ERROR"
RATE_LIMITS.update(dict.fromkeys(RATE_LIMITS))  # tests ask as often as they like; those of the limits set their own

if DATABASES["default"]["ENGINE"] == SQLITE:
    # An in-memory database would give each thread one of its own.
    folder = tempfile.mkdtemp(prefix="ticket-booking-test-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    DATABASES["default"]["TEST"] = {"NAME": os.path.join(folder, "test.db")}
