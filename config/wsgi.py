"""The entry point of a WSGI server, under the production settings unless told otherwise.

In production it does not start with what `manage.py check --deploy` calls an error, however it is started.
"""

import io
import logging
import os
from typing import Any

from django.conf import settings
from django.core.checks import Tags, run_checks
from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application

from config.checks import check_shared_cache

logger = logging.getLogger(__name__)
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.production")

django_application = get_wsgi_application()


def refuse_unsafe_start() -> None:
    """Raises ImproperlyConfigured with every error and its hint."""
    found = run_checks(tags=[Tags.security], include_deployment_checks=True)
    if errors := [str(message) for message in found if message.is_serious()]:
        raise ImproperlyConfigured("\n".join(["This is not safe to serve:", *errors]))


if settings.REFUSE_UNSAFE_START:
    refuse_unsafe_start()


def tell_of_processes() -> None:
    """A server that forks by itself tells us with the first request only: too late to refuse, and not to say so."""
    settings.WEB_CONCURRENCY = 2  # or more; from now on it is known
    for message in check_shared_cache():
        logger.error("WEB_CONCURRENCY does not say that there are several workers. %s", message)


def application(environ: dict[str, Any], start_response: Any) -> Any:
    """Gives a chunked body its length, without which Django takes it for empty; one byte more than a body may have."""
    if environ.get("wsgi.multiprocess") and settings.WEB_CONCURRENCY == 1:
        tell_of_processes()
    if "HTTP_TRANSFER_ENCODING" in environ and environ.get("wsgi.input_terminated"):
        body = environ["wsgi.input"].read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
        environ |= {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
    return django_application(environ, start_response)
