"""Every system check: what production must not start with, and what each PostgreSQL session must have set.

What every PostgreSQL session must have set, whoever sets it: no wait without end, and commits on disk.

Sessions of our own are told when they begin. Through a pooler in transaction mode they cannot be told, and a pooler
that is set to ignore what it is told says nothing. So the database is asked, before each migration.
"""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.cache import caches
from django.core.cache.backends.base import BaseCache
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections

from config.settings.database import SQLITE


def check_sessions(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Part of `manage.py migrate` and of `manage.py check --database default`."""
    return [error for alias in databases or () for error in faults(alias)]


def faults(alias: str) -> list[CheckMessage]:
    connection = connections[alias]
    wanted: dict[str, str] = connection.settings_dict.get("SESSION", {})
    if not wanted:
        return []
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", [list(wanted)])
        found = dict(cursor.fetchall())
        cursor.execute("SELECT quote_ident(current_user), quote_ident(current_database())")
        user, database = cursor.fetchone()
    wrong = [name for name, value in wanted.items() if found.get(name) != in_units(value)]
    if not wrong:
        return []
    statements = "; ".join(f"ALTER ROLE {user} IN DATABASE {database} SET {name} = '{wanted[name]}'" for name in wrong)
    return [
        Error(
            f"Sessions of the database “{alias}” do not have the {', '.join(wrong)} that the settings ask for.",
            hint=f"Through a pooler the database itself must set them, in psql: {statements};",
            id="project.E101",
        )
    ]


def in_units(value: str) -> str:
    """As pg_settings has it: milliseconds for a time in seconds."""
    return f"{value.removesuffix('s')}000" if value[:1].isdigit() else value


# Production

KNOWN_KEYS = ("local-only-key", "django-insecure-", "only-for-tests")
LOCAL_MEMORY = "django.core.cache.backends.locmem.LocMemCache"


@register(Tags.security, deploy=True)
def secret_key(**kwargs: Any) -> list[CheckMessage]:
    believed = [("SECRET_KEY_FALLBACKS", key) for key in settings.SECRET_KEY_FALLBACKS]
    named = [("SECRET_KEY", settings.SECRET_KEY), *believed]
    hint = 'Make one: python3 -c "import secrets; print(secrets.token_urlsafe(50))"'
    faults = [f"{name} {fault}" for name, key in named if (fault := fault_of(str(key)))]
    return [Error(text, hint=hint, id="access.E001") for text in dict.fromkeys(faults)]


def fault_of(key: str) -> str:
    """What is wrong with a key that signs, or is still believed; nothing when it is a good one."""
    if key.startswith(KNOWN_KEYS):
        return "is one that everybody can read in the code: whoever signs with it can log in as anybody."
    if len(key) < 50 or len(set(key)) < 10:
        return "can be guessed: it has fewer than 50 characters, or fewer than 10 different ones."
    return ""


@register(Tags.security, deploy=True)
def debug(**kwargs: Any) -> list[CheckMessage]:
    hint = "Set DEBUG=false, or use DJANGO_SETTINGS_MODULE=config.settings.production, which refuses it."
    text = "DEBUG is on: its error pages show settings and data to anybody."
    return [Error(text, hint=hint, id="access.E002")] if settings.DEBUG else []


@register(Tags.security, deploy=True)
def hosts(**kwargs: Any) -> list[CheckMessage]:
    if settings.ALLOWED_HOSTS and "*" not in settings.ALLOWED_HOSTS:
        return []
    text = "ALLOWED_HOSTS takes any name, or none: links and cookies could be made for a name that is not yours."
    return [Error(text, hint="Name the hosts, such as ALLOWED_HOSTS=tickets.example.com.", id="access.E003")]


@register(Tags.security, deploy=True)
def database(**kwargs: Any) -> list[CheckMessage]:
    if settings.MACHINES == 1 or settings.DATABASES["default"]["ENGINE"] != SQLITE:
        return []
    text = f"{settings.MACHINES} machines cannot share an SQLite file: each would sell the same places."
    hint = "Set DATABASE_URL=postgresql://…, or MACHINES=1."
    return [Error(text, hint=hint, id="access.E004")]


@register(Tags.security, deploy=True)
def shared_cache(**kwargs: Any) -> list[CheckMessage]:
    processes = settings.WEB_CONCURRENCY * settings.MACHINES
    is_local = settings.CACHES["default"]["BACKEND"] == LOCAL_MEMORY
    if not any(settings.RATE_LIMITS.values()) or processes == 1 or not is_local:
        return []
    text = f"The limits do not hold: {processes} processes each count in a memory of their own."
    hint = (
        "Set CACHE_URL=redis://host:6379/0, a cache that all of them share. Or serve with one process (make serve "
        "WORKERS=1), or switch the limits off: RATE_LIMIT_TOKENS= and so on, as .env.example lists them."
    )
    return [Error(text, hint=hint, id="access.E005")]


@register(Tags.security, deploy=True)
def counting_cache(**kwargs: Any) -> list[CheckMessage]:
    if not any(settings.RATE_LIMITS.values()) or type(caches["default"]).incr is not BaseCache.incr:
        return []
    text = "The limits do not hold: this kind of cache adds to a number in two steps, or keeps nothing."
    hint = "Set CACHE_URL=redis://host:6379/0, or with one process locmemcache://."
    return [Error(text, hint=hint, id="access.E006")]


@register(Tags.security, deploy=True)
def proxies(**kwargs: Any) -> list[CheckMessage]:
    is_behind_one = getattr(settings, "SECURE_PROXY_SSL_HEADER", None) is not None
    if not is_behind_one or settings.NUM_PROXIES:
        return []
    text = "A proxy stands before the server, and NUM_PROXIES is 0: all guests count as one caller for the limits."
    hint = "Set NUM_PROXIES to how many proxies of yours append to X-Forwarded-For, in most cases 1."
    return [checks.Warning(text, hint=hint, id="access.W007")]
