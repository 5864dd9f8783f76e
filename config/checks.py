"""The system checks: what a database session must have set, and what is unsafe in production."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.cache import caches
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections

from config.access.counter import is_atomic
from config.settings.database import SQLITE

PUBLIC_KEYS = ("local-only-key", "django-insecure-", "only-for-tests")
LOCAL_MEMORY = "django.core.cache.backends.locmem.LocMemCache"


@register(Tags.database)
def check_sessions(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Runs with `manage.py migrate`. A pooler may ignore the options of a connection, so ask the database itself."""
    return [error for alias in databases or () for error in session_errors(alias)]


def session_errors(alias: str) -> list[CheckMessage]:
    connection = connections[alias]
    wanted: dict[str, str] = connection.settings_dict.get("SESSION", {})
    if not wanted:
        return []
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", [list(wanted)])
        found = dict(cursor.fetchall())
        cursor.execute("SELECT quote_ident(current_user), quote_ident(current_database())")
        user, database = cursor.fetchone()
    wrong = [name for name, value in wanted.items() if found.get(name) != in_milliseconds(value)]
    if not wrong:
        return []
    statements = "; ".join(f"ALTER ROLE {user} IN DATABASE {database} SET {name} = '{wanted[name]}'" for name in wrong)
    return [
        Error(
            f"Sessions of the database “{alias}” lack the required {', '.join(wrong)}.",
            hint=f"Behind a pooler, set them in the database, in psql: {statements};",
            id="project.E101",
        )
    ]


def in_milliseconds(value: str) -> str:
    """A time in seconds as pg_settings shows it; other values as they are."""
    return f"{value.removesuffix('s')}000" if value[:1].isdigit() else value


# Production


@register(Tags.security, deploy=True)
def check_secret_key(**kwargs: Any) -> list[CheckMessage]:
    fallbacks = [("SECRET_KEY_FALLBACKS", key) for key in settings.SECRET_KEY_FALLBACKS]
    keys = [("SECRET_KEY", settings.SECRET_KEY), *fallbacks]
    hint = 'Create one: python3 -c "import secrets; print(secrets.token_urlsafe(50))"'
    texts = [f"{name} {weakness}" for name, key in keys if (weakness := weakness_of(str(key)))]
    return [Error(text, hint=hint, id="access.E001") for text in dict.fromkeys(texts)]


def weakness_of(key: str) -> str:
    if key.startswith(PUBLIC_KEYS):
        return "is public, in the source code: with it anybody can sign a session of any user."
    if len(key) < 50 or len(set(key)) < 10:
        return "is weak: it has fewer than 50 characters, or fewer than 10 different ones."
    return ""


@register(Tags.security, deploy=True)
def check_debug(**kwargs: Any) -> list[CheckMessage]:
    hint = "Set DEBUG=false, or use DJANGO_SETTINGS_MODULE=config.settings.production, which refuses it."
    text = "DEBUG is on: error pages show settings and data."
    return [Error(text, hint=hint, id="access.E002")] if settings.DEBUG else []


@register(Tags.security, deploy=True)
def check_hosts(**kwargs: Any) -> list[CheckMessage]:
    if settings.ALLOWED_HOSTS and "*" not in settings.ALLOWED_HOSTS:
        return []
    text = "ALLOWED_HOSTS is empty or accepts any host: links could point to the host of an attacker."
    return [Error(text, hint="Name the hosts, such as ALLOWED_HOSTS=tickets.example.com.", id="access.E003")]


@register(Tags.security, deploy=True)
def check_database(**kwargs: Any) -> list[CheckMessage]:
    if settings.MACHINES == 1 or settings.DATABASES["default"]["ENGINE"] != SQLITE:
        return []
    text = f"{settings.MACHINES} machines cannot share an SQLite file: each would sell the same places."
    hint = "Set DATABASE_URL=postgresql://…, or MACHINES=1."
    return [Error(text, hint=hint, id="access.E004")]


@register(Tags.security, deploy=True)
def check_shared_cache(**kwargs: Any) -> list[CheckMessage]:
    processes = settings.WEB_CONCURRENCY * settings.MACHINES
    is_local = settings.CACHES["default"]["BACKEND"] == LOCAL_MEMORY
    if not any(settings.RATE_LIMITS.values()) or processes == 1 or not is_local:
        return []
    text = f"Rate limits do not hold: each of {processes} processes counts in its own memory."
    hint = (
        "Set CACHE_URL=redis://host:6379/0, a cache that all of them share. Or serve with one process (make serve "
        "WORKERS=1), or switch the rate limits off: RATE_LIMIT_TOKENS= and so on, as .env.example lists them."
    )
    return [Error(text, hint=hint, id="access.E005")]


@register(Tags.security, deploy=True)
def check_atomic_cache(**kwargs: Any) -> list[CheckMessage]:
    if not any(settings.RATE_LIMITS.values()) or is_atomic(caches["default"]):
        return []
    text = "Rate limits do not hold: this cache does not increment a number atomically, or stores nothing."
    hint = "Set CACHE_URL=redis://host:6379/0, or with one process locmemcache://."
    return [Error(text, hint=hint, id="access.E006")]


@register(Tags.security, deploy=True)
def check_proxies(**kwargs: Any) -> list[CheckMessage]:
    has_proxy = getattr(settings, "SECURE_PROXY_SSL_HEADER", None) is not None
    if not has_proxy or settings.NUM_PROXIES:
        return []
    text = "The server is behind a proxy, and NUM_PROXIES is 0: all anonymous clients share one rate limit."
    hint = "Set NUM_PROXIES to the number of your proxies that append to X-Forwarded-For, usually 1."
    return [checks.Warning(text, hint=hint, id="access.W007")]
