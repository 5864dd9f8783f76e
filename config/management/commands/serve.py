import gc
import logging
import os
import tempfile
from argparse import ArgumentParser
from importlib import import_module
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from config.metrics.sharing import share

SECONDS_TO_STOP = 30  # for requests that have begun; then a worker is killed
SECONDS_FOR_HEADERS = 30  # also how long an idle connection is kept; a proxy must give up sooner
MAX_HEADERS = 65_536  # bytes of the request line and all headers together
CONNECTIONS = 1024  # of each worker; idle ones count


class Command(BaseCommand):
    help = (
        "Serve with granian, the production server. SIGTERM lets requests finish within 30 seconds. A worker that dies "
        "is replaced; when its replacement dies within five seconds too, the server ends with status 1."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--bind", default="127.0.0.1", help="the address to listen on (default: 127.0.0.1)")
        parser.add_argument("--port", type=int, default=8000, help="the port to listen on (default: 8000)")
        parser.add_argument(
            "--workers", type=int, default=settings.WEB_CONCURRENCY, help="processes (default: WEB_CONCURRENCY)"
        )
        parser.add_argument("--threads", type=int, default=64, help="requests at once in each process (default: 64)")
        parser.add_argument("--access-log", action="store_true", help="log each request, without its query")
        parser.add_argument(
            "--application", default="config.wsgi:application", help="the WSGI application, as MODULE:NAME"
        )

    def handle(self, *, application: str, workers: int, **options: Any) -> None:
        # The deployment checks must see the number of workers that really serve.
        settings.WEB_CONCURRENCY = workers
        os.environ["WEB_CONCURRENCY"] = str(workers)
        try:
            import_module(
                application.partition(":")[0]
            )  # before the workers are forked, so that they start at once and share memory
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from None
        gc.freeze()  # what is loaded stays: a collection that walks it stops all threads for 0.1 s
        server = build_server(application, workers, options)
        logging.getLogger("_granian").addFilter(is_no_advice_on_threads)
        with tempfile.TemporaryDirectory(prefix="tickets-metrics-") as folder:
            share(folder)
            server.serve()


def is_no_advice_on_threads(record: logging.LogRecord) -> bool:
    """Drops granian's warning about many threads: a half-sent body holds one, so there must be many."""
    return not record.getMessage().startswith("Configuration allows spawning up to")


def build_server(target: str, workers: int, options: dict[str, Any]) -> Any:
    try:
        from granian import Granian
        from granian.constants import HTTPModes, Interfaces
        from granian.http import HTTP1Settings
        from granian.log import LogLevels
    except ImportError as error:
        raise CommandError(f"{error}: install requirements/production.txt, with make .venv/.production.") from None
    return Granian(
        target,
        address=options["bind"],
        port=options["port"],
        interface=Interfaces.WSGI,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=SECONDS_FOR_HEADERS * 1000, max_buffer_size=MAX_HEADERS),
        workers=workers,
        blocking_threads=options["threads"],
        backpressure=CONNECTIONS,
        respawn_failed_workers=True,
        workers_kill_timeout=SECONDS_TO_STOP,
        websockets=False,
        log_dictconfig=settings.LOGGING,
        log_level=LogLevels(settings.LOG_LEVEL.lower()),
        log_access=options["access_log"],
    )
