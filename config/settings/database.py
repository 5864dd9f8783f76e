"""What each database needs so that no promise breaks: durable commits, and no wait without end."""

from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from config.env import Env

SQLITE = "django.db.backends.sqlite3"
POSTGRESQL = ("postgres://", "postgresql://")
DEFAULT_URL = "sqlite:///ticket_booking.db"


def databases(env: Env, base_dir: Path) -> dict[str, dict[str, Any]]:
    """Django's DATABASES. A relative SQLite path starts at `base_dir`."""
    settings = parse("DATABASE_URL", env.str("DATABASE_URL", DEFAULT_URL).strip() or DEFAULT_URL)
    is_sqlite = settings["ENGINE"] == SQLITE
    if is_sqlite:
        settings["NAME"] = str(base_dir / settings["NAME"]) if settings["NAME"] != ":memory:" else ":memory:"
        settings["OPTIONS"] = {**settings.get("OPTIONS", {}), **sqlite_options(env)}
    else:
        settings |= postgresql(env, settings)
    return {"default": settings}


def parse(variable: str, url: str) -> dict[str, Any]:
    """Errors do not quote the URL: it may contain a password."""
    if not url.startswith(("sqlite:///", *POSTGRESQL)):
        raise ImproperlyConfigured(f"{variable} must start with sqlite:/// or postgresql://.")
    try:
        settings: dict[str, Any] = Env.db_url_config(url)
    except ValueError:
        raise ImproperlyConfigured(f"{variable} cannot be read: its host or port is invalid.") from None
    if not settings["NAME"]:
        raise ImproperlyConfigured(f"{variable} must name a database, as in postgresql://user@host/name.")
    return settings


def sqlite_options(env: Env) -> dict[str, Any]:
    """Writers wait for each other instead of failing, and commits survive a power cut."""
    return {
        "transaction_mode": "IMMEDIATE",
        "timeout": env.whole_number("DATABASE_BUSY_TIMEOUT", 20, most=600),
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    }


def postgresql(env: Env, settings: dict[str, Any]) -> dict[str, Any]:
    """Limits every wait, and commits to disk.

    A pooler in transaction mode gives each transaction another session. The options of SESSION must then be set in the
    database itself, which config.checks verifies.
    """
    timeouts = {
        "lock_timeout": env.whole_number("DATABASE_LOCK_TIMEOUT", 5, least=1, most=600),
        "statement_timeout": env.whole_number("DATABASE_STATEMENT_TIMEOUT", 30, least=1, most=3600),
        "idle_in_transaction_session_timeout": env.whole_number("DATABASE_IDLE_TIMEOUT", 30, least=1, most=3600),
    }
    session = {**{name: f"{seconds}s" for name, seconds in timeouts.items()}, "synchronous_commit": "on"}
    pool_size = env.whole_number("DATABASE_POOL_SIZE", 8, least=0, most=1000)
    options: dict[str, Any] = {"pool": {"min_size": 1, "max_size": pool_size, "timeout": 5} if pool_size else False}
    if has_pooler := env.switch("DATABASE_POOLER", False):
        options["prepare_threshold"] = None
    else:
        # Django's cursors do not prepare statements. Those that are prepared get one plan: planning the statements of a
        # booking anew takes three times as long as running them.
        options["prepare_threshold"] = 0
        prepared = {**session, "plan_cache_mode": "force_generic_plan"}
        options["options"] = " ".join(f"-c {name}={value}" for name, value in prepared.items())
    return {
        **settings,
        "SESSION": session,  # read by config.checks, not by Django
        "CONN_MAX_AGE": 0,  # required by the pool
        "DISABLE_SERVER_SIDE_CURSORS": has_pooler,
        "OPTIONS": {**settings.get("OPTIONS", {}), **options},
    }
