"""Development: needs no configuration, trusts every origin, and serves static files without collectstatic."""

from config.settings.base import *
from config.settings.base import env

SECRET_KEY = env.str("SECRET_KEY", "local-only-key-that-is-public-and-must-never-protect-anything-real")
DEBUG = env.switch("DEBUG", True)
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
SEND_MAIL = env.switch("SEND_MAIL", True)  # without EMAIL_URL to the console, and to be looked at in the admin
CORS_ALLOW_ALL_ORIGINS = not env.words("CORS_ALLOWED_ORIGINS")
WHITENOISE_USE_FINDERS = True
WEBHOOK_ALLOW_PRIVATE = env.switch("WEBHOOK_ALLOW_PRIVATE", True)  # a receiver on the same machine
