"""Settings shared by every environment."""

import os
from pathlib import Path
from typing import Any

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from config.env import Env
from config.settings.database import databases
from config.values import money
from config.values.currencies import WITHDRAWN

BASE_DIR = Path(__file__).resolve().parent.parent.parent

env = Env()
ENV_FILE = os.environ.get("ENV_FILE", str(BASE_DIR / ".env"))
if ENV_FILE and ("ENV_FILE" in os.environ or os.path.exists(ENV_FILE)):
    env.read_file(ENV_FILE)

# The project and its API

PROJECT_NAME = env.str("PROJECT_NAME", "Ticket Booking System")
PROJECT_DESCRIPTION = env.str("PROJECT_DESCRIPTION", "A ticketing backend that never oversells.")
VERSION = env.str("VERSION", "0.1.0")
API_V1_STR = env.url_path("API_V1_STR", "/api/v1")
DEBUG = env.switch("DEBUG", False)
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS")
REFUSE_UNSAFE_START = False  # True in production

# The domain

DEFAULT_CURRENCY = env.str("DEFAULT_CURRENCY", "EUR")
if DEFAULT_CURRENCY in WITHDRAWN.difference(money.DECIMALS):
    raise ImproperlyConfigured(f"DEFAULT_CURRENCY must be current, but {DEFAULT_CURRENCY} was withdrawn from ISO 4217.")
if DEFAULT_CURRENCY not in money.DECIMALS:
    raise ImproperlyConfigured(f"DEFAULT_CURRENCY must be an ISO 4217 code such as EUR, not {DEFAULT_CURRENCY!r}.")
BOOKING_HOLD_MINUTES_MAX = env.whole_number("BOOKING_HOLD_MINUTES_MAX", 60, least=1, most=10_080)
BOOKING_HOLD_MINUTES = env.whole_number(
    "BOOKING_HOLD_MINUTES", min(15, BOOKING_HOLD_MINUTES_MAX), least=1, most=BOOKING_HOLD_MINUTES_MAX
)
DOOR_OPENS_HOURS = env.whole_number("DOOR_OPENS_HOURS", 12, most=8_760)
ANONYMOUS_PLACES_PER_CLIENT = env.whole_number("ANONYMOUS_PLACES_PER_CLIENT", 40)

TICKET_TRANSFER_UNTIL = env.whole_number("TICKET_TRANSFER_UNTIL", 1, most=8_760)  # hours before the event
CUSTOMER_CANCEL_UNTIL = env.whole_number("CUSTOMER_CANCEL_UNTIL", 24, most=8_760)  # hours before the event

TICKET_FONTS = env.words("TICKET_FONTS")  # TrueType files, for letters that DejaVu Sans does not have

# Payments: the class of each provider

PAYMENT_PROVIDERS = {"manual": "bookings.payments.providers.manual.ManualProvider"}
STRIPE_SECRET_KEY = env.str("STRIPE_SECRET_KEY", "")
STRIPE_WEBHOOK_SECRET = env.str("STRIPE_WEBHOOK_SECRET", "")
STRIPE_API_BASE = env.str("STRIPE_API_BASE", "https://api.stripe.com")
if STRIPE_SECRET_KEY:
    PAYMENT_PROVIDERS["stripe"] = "bookings.payments.providers.stripe.StripeProvider"
REFUND_AUTOMATICALLY = env.switch("REFUND_AUTOMATICALLY", False)

# The change feed

CHANGES_KEEP_DAYS = env.whole_number("CHANGES_KEEP_DAYS", 90, least=1, most=3650)

# Webhooks

WEBHOOK_ALLOW_PRIVATE = env.switch("WEBHOOK_ALLOW_PRIVATE", False)

# Metrics

METRICS_ALLOW = env.networks("METRICS_ALLOW")

# The back office

BACK_OFFICE_TIME_ZONE = env.time_zone("BACK_OFFICE_TIME_ZONE", "UTC")
BACK_OFFICE_NETWORKS = env.networks("BACK_OFFICE_NETWORKS")
REQUIRE_SECOND_FACTOR = env.some_of("REQUIRE_SECOND_FACTOR", ("all", "manager", "box-office", "door", "auditor"))

# Mail

HAS_MAIL = env.is_set("EMAIL_URL")  # otherwise staff cannot reset their passwords by mail
globals().update(env.email("EMAIL_URL", "consolemail://"))
EMAIL_TIMEOUT = 10  # seconds
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", "tickets@localhost")
SUPPORT_EMAIL = env.str("SUPPORT_EMAIL", "")
CONFIRM_URL = env.link("CONFIRM_URL")
SEND_MAIL = env.switch("SEND_MAIL", HAS_MAIL)  # of bookings, to customers
PUBLIC_URL = env.origin("PUBLIC_URL")
BOOKING_URL = env.booking_link("BOOKING_URL")
MESSAGE_TEMPLATES = env.str("MESSAGE_TEMPLATES", "")
MESSAGE_LOGO = env.str("MESSAGE_LOGO", "")

# Data

DATABASES: dict[str, dict[str, Any]] = databases(env, BASE_DIR)
DATABASE_ECHO = env.switch("DATABASE_ECHO", False)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {
    "default": env.cache("CACHE_URL", "locmemcache://"),
    # Anonymous answers of the catalogue, two entries each. In each process: a shared cache would hold pickles.
    "pages": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "pages",
        "OPTIONS": {"MAX_ENTRIES": 400},
    },
}
CATALOGUE_CACHE = env.switch("CATALOGUE_CACHE", False)

# The application

INSTALLED_APPS = [
    "config.apps.ProjectConfig",
    "config.access",
    "config.history",
    "config.idempotency",
    "config.metrics",
    "config.outbox",
    "config.webhooks",
    "venues",
    "events",
    "ticket_types",
    "bookings",
    "bookings.payments",
    "bookings.door",
    "bookings.messages",
    "config.apps.BackOfficeConfig",
    "django_otp",
    "django_otp.plugins.otp_static",
    "django_otp.plugins.otp_totp",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "corsheaders",
    "csp",
    "django_filters",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]
MIDDLEWARE = [
    "config.metrics.requests.RequestMetricsMiddleware",
    "config.logs.RequestIdMiddleware",
    "config.api.bodies.read_body",
    "config.api.pages.PermissionsPolicyMiddleware",
    "config.access.booking_secret.SecretLinkMiddleware",  # outside of all that answers
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    # Inside of CORS, so that a web page can read the refusals.
    "config.api.heads.RequestHeadMiddleware",
    "config.api.overload.OverloadMiddleware",
    "config.access.rate_limits.RateLimitMiddleware",
    "config.api.errors.CountErrorsMiddleware",  # outside of all that refuses a request, and inside of the headers
    "config.api.bodies.BodyMiddleware",
    "config.api.conditional.NotModifiedMiddleware",
    "config.api.pages.ContentPolicyMiddleware",  # inside of the one before: a 304 must not replace a page's own policy
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "config.api.errors.KnownHostMiddleware",  # inside of all that protects an answer, before what asks for the host
    "config.access.networks.BackOfficeMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "NAME": "messages",  # the mails to customers: an operator's templates come before the own ones
        "DIRS": [*filter(None, [MESSAGE_TEMPLATES]), BASE_DIR / "bookings" / "messages" / "templates" / "messages"],
    },
]
DATA_UPLOAD_MAX_MEMORY_SIZE = 262_144  # bytes of a body
DATA_UPLOAD_MAX_NUMBER_FILES = 1
FILE_UPLOAD_HANDLERS = ["config.api.bodies.NoFiles"]  # views with an `upload` have Django's

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "/static/"

# Accounts

AUTHENTICATION_BACKENDS = ["config.access.second_factor.Backend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
    {"NAME": "config.access.passwords.EndTokens"},
]
SESSION_COOKIE_AGE = 12 * 3600  # seconds after the login, however busy the session is
PASSWORD_RESET_TIMEOUT = 3600  # seconds
OTP_TOTP_ISSUER = PROJECT_NAME

# Browsers

CORS_URLS_REGEX = rf"^({API_V1_STR}/|/problems|/health|/$)"
CORS_ALLOWED_ORIGINS = env.origins("CORS_ALLOWED_ORIGINS")
CORS_ALLOW_HEADERS = ["accept", "authorization", "booking-secret", "content-type", "idempotency-key", "if-match",
                      "if-none-match", "x-request-id"]  # fmt: skip
CORS_EXPOSE_HEADERS = [
    "ETag",
    "Deprecation",
    "Idempotent-Replayed",
    "Link",
    "Location",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "Sunset",
    "X-Request-ID",
]
# config.api.pages has the exceptions.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
CSRF_TRUSTED_ORIGINS = env.origins("CSRF_TRUSTED_ORIGINS")
SESSION_COOKIE_HTTPONLY = LANGUAGE_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = LANGUAGE_COOKIE_SAMESITE = "Lax"

# Rate limits of each client: requests (or places) and seconds, or None for no limit

RATE_LIMITS = {
    "anonymous-bookings": env.rate("RATE_LIMIT_ANONYMOUS_BOOKINGS", "60/min"),
    "anonymous-places": env.rate("RATE_LIMIT_ANONYMOUS_PLACES", "200/hour"),
    "anonymous-reads": env.rate("RATE_LIMIT_ANONYMOUS_READS", "3000/min"),
    "tokens": env.rate("RATE_LIMIT_TOKENS", "60000/min"),
    "logins": env.rate("RATE_LIMIT_LOGINS", "20/min"),
    "guesses": env.rate("RATE_LIMIT_GUESSES", "60/min"),
    "door": env.rate("RATE_LIMIT_DOOR", "600/min"),
    "mails": env.rate("RATE_LIMIT_MAILS", "10/hour"),
}
NUM_PROXIES = env.whole_number("NUM_PROXIES", 0, most=10)
WEB_CONCURRENCY = env.whole_number("WEB_CONCURRENCY", 1, least=1, most=1000)
MACHINES = env.whole_number("MACHINES", 1, least=1, most=10_000)

# The API

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "config.access.authentication.BearerAuthentication",
        "config.access.authentication.StaffSessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["config.access.permissions.DeclaredAccess"],
    "DEFAULT_THROTTLE_CLASSES": ["config.api.overload.OverloadThrottle", "config.access.rate_limits.ClientThrottle"],
    "DEFAULT_PARSER_CLASSES": ["config.api.parsers.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": [
        "rest_framework.renderers.JSONRenderer",
        "config.api.renderers.PageRenderer",
    ],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "config.api.renderers.Negotiation",
    "DEFAULT_PAGINATION_CLASS": "config.api.pagination.SkipLimitPagination",
    "DEFAULT_FILTER_BACKENDS": ["config.api.filters.DeclaredFilterBackend", "config.api.filters.DeclaredOrdering"],
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_SCHEMA_CLASS": "config.api.schema.Schema",
    "EXCEPTION_HANDLER": "config.api.errors.exception_handler",
    "URL_FORMAT_OVERRIDE": None,
    "COERCE_DECIMAL_TO_STRING": True,
}
SPECTACULAR_SETTINGS = {
    "TITLE": PROJECT_NAME,
    "DESCRIPTION": PROJECT_DESCRIPTION,
    "VERSION": VERSION,
    "OAS_VERSION": "3.1.1",
    "SCHEMA_PATH_PREFIX": API_V1_STR,
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PUBLIC": True,
    "COMPONENT_SPLIT_REQUEST": True,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {
        "BookingStatus": "bookings.lifecycle.states.Status",
        "OffSaleReason": "events.inventory.sales.EVENT_REASONS",
        "ScanResult": "bookings.door.answers.Result",
        "ScanWarning": "bookings.door.answers.ScanWarning",
        "PaymentMethod": "bookings.payments.models.Payment.Method",
        "PaymentStatus": "bookings.payments.states.PaymentStatus",
        "RefundStatus": "bookings.payments.states.RefundStatus",
        "EventStatus": "events.models.Event.Status",
        "FreeConfirmation": "events.models.Event.FreeConfirmation",
        "TicketStatus": "bookings.models.Ticket.Status",
        "TicketTypeStatus": "events.inventory.sales.TICKET_TYPE_STATUSES",
    },
    "PREPROCESSING_HOOKS": ["config.api.schema.without_trailing_slashes"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "config.api.schema.finish",
        "config.outbox.schema.add_webhooks",
    ],
    "TAGS": [
        {"name": "venues", "description": "Places that hold events."},
        {"name": "events", "description": "What happens in the venues, and its calendar."},
        {"name": "ticket-types", "description": "What an event's tickets cost, and how many of them there are."},
        {"name": "bookings", "description": "Customers' places: held, confirmed, cancelled."},
        {"name": "payments", "description": "Money that was paid for bookings, and paid back."},
        {"name": "tickets", "description": "Admissions, for the door."},
        {"name": "check-ins", "description": "Scans of scanners that were offline."},
        {"name": "changes", "description": "What happened, for programs that follow it."},
        {"name": "webhook-endpoints", "description": "URLs of other programs that are told of changes."},
        {"name": "webhook-deliveries", "description": "What was sent to them, and what they answered."},
        {"name": "reports", "description": "What was sold, and what is left."},
    ],
}

# Logs

LOG_LEVEL = env.one_of("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"))
LOG_FORMAT = env.one_of("LOG_FORMAT", "text", ("text", "json"))
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "request_id": {"()": "config.logs.RequestIdFilter"},
        "refusals": {"()": "config.logs.RefusalFilter"},
    },
    "formatters": {
        "text": {
            "class": "config.logs.Text",
            "format": "{asctime} {levelname} {name} [{request_id}] {message}",
            "style": "{",
        },
        "json": {
            "()": "config.logs.Json",
            "format": "{asctime}{levelname}{name}{request_id}{message}",
            "style": "{",
        },
    },
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT, "filters": ["request_id"]},
    },
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "django": {"handlers": [], "level": LOG_LEVEL, "propagate": True},
        "django.request": {"level": LOG_LEVEL, "filters": ["refusals"]},
        # A traceback for each unknown Host over plain HTTP. KnownHostMiddleware logs others, within the rate limit.
        "django.security.DisallowedHost": {"level": "CRITICAL"},
        "django.server": {"handlers": [], "level": LOG_LEVEL, "propagate": True},
        "django.db.backends": {"level": "DEBUG" if DATABASE_ECHO else "INFO"},
        "psycopg.pool": {"level": "WARNING"},
        "_granian": {"handlers": [], "level": LOG_LEVEL, "propagate": True},  # the server's own lines
        "granian.access": {"handlers": [], "level": "INFO", "propagate": True},
    },
}
