"""What each database engine needs so that the promises hold on it."""

from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from config.environment import Env

SQLITE = "django.db.backends.sqlite3"
DEFAULT_URL = "sqlite:///ticket_booking.db"


def database(env: Env, base_dir: Path) -> dict[str, Any]:
    """Django's settings for `DATABASE_URL`; a relative SQLite path is counted from the project's folder."""
    settings = parse(env.str("DATABASE_URL", DEFAULT_URL).strip() or DEFAULT_URL)
    if settings["ENGINE"] == SQLITE:
        settings["NAME"] = str(base_dir / settings["NAME"]) if settings["NAME"] != ":memory:" else ":memory:"
        extra = sqlite_options(env)
    else:
        settings["CONN_MAX_AGE"] = 0  # the pool keeps connections, not the request
        extra = postgresql_options(env)
    settings["OPTIONS"] = {**settings.get("OPTIONS", {}), **extra}
    return settings


def parse(url: str) -> dict[str, Any]:
    """Names no part of the URL in an error: it may hold a password."""
    if not url.startswith(("sqlite:///", "postgres://", "postgresql://")):
        raise ImproperlyConfigured("DATABASE_URL must start with sqlite:/// or postgresql://.")
    try:
        settings: dict[str, Any] = Env.db_url_config(url)
    except ValueError:
        raise ImproperlyConfigured("DATABASE_URL cannot be read: its host or port is not one.") from None
    if not settings["NAME"]:
        raise ImproperlyConfigured("DATABASE_URL must name a database, as in postgresql://user@host/name.")
    return settings


def sqlite_options(env: Env) -> dict[str, Any]:
    """Writers queue instead of failing (IMMEDIATE and a busy timeout), and what is committed survives a power cut."""
    return {
        "transaction_mode": "IMMEDIATE",
        "timeout": env.whole_number("DATABASE_BUSY_TIMEOUT", 20, most=600),
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    }


def postgresql_options(env: Env) -> dict[str, Any]:
    """No wait is without end, and `COMMIT` answers when the data is on disk."""
    timeouts = {
        "lock_timeout": env.whole_number("DATABASE_LOCK_TIMEOUT", 5, least=1, most=600),
        "statement_timeout": env.whole_number("DATABASE_STATEMENT_TIMEOUT", 30, least=1, most=3600),
        "idle_in_transaction_session_timeout": env.whole_number("DATABASE_IDLE_TIMEOUT", 30, least=1, most=3600),
    }
    parameters = [f"-c {name}={seconds}s" for name, seconds in timeouts.items()]
    pool_size = env.whole_number("DATABASE_POOL_SIZE", 8, least=0, most=1000)
    return {
        "options": " ".join([*parameters, "-c synchronous_commit=on"]),
        "pool": {"min_size": 1, "max_size": pool_size, "timeout": 5} if pool_size else False,
    }
