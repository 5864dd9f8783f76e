"""Production: secrets, hosts and the database have no default, and every security setting is on."""

from django.core.exceptions import ImproperlyConfigured

from config.settings.base import *
from config.settings.base import ALLOWED_HOSTS, DEBUG, env

SECRET_KEY = env.required("SECRET_KEY")
SECRET_KEY_FALLBACKS = env.words("SECRET_KEY_FALLBACKS")
if not ALLOWED_HOSTS:
    raise ImproperlyConfigured("ALLOWED_HOSTS must be set: a comma-separated list of the host names of this server.")
env.required("DATABASE_URL")  # without it, an SQLite file would be created
if DEBUG:
    raise ImproperlyConfigured("DEBUG must be false in production: its error pages show settings.")
REFUSE_UNSAFE_START = True

# Without the variable a mail fails loudly. On the console it would put addresses and links into the log.
globals().update(env.email("EMAIL_URL", "smtp://localhost:25"))

CATALOGUE_CACHE = env.switch("CATALOGUE_CACHE", True)

LOG_FORMAT = env.one_of("LOG_FORMAT", "json", ("text", "json"))
LOGGING["handlers"]["console"]["formatter"] = LOG_FORMAT  # noqa: F405

STATIC_ROOT = BASE_DIR / "staticfiles"  # noqa: F405
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

SECURE_SSL_REDIRECT = env.switch("SECURE_SSL_REDIRECT", True)
SECURE_REDIRECT_EXEMPT = [r"^(health(/ready)?|metrics)/?$"]  # for load balancers and Prometheus
if env.switch("TRUST_X_FORWARDED_PROTO", False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = env.whole_number("SECURE_HSTS_SECONDS", 31_536_000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SECURE_COOKIES = env.switch("SECURE_COOKIES", True)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = SECURE_COOKIES
if SECURE_COOKIES:  # with this prefix browsers accept the cookies only over https and from this very host
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
