"""The production application, which takes longer for each request: what a rush does to a small server."""

import time
from typing import Any

from config.wsgi import application as fast

SECONDS = 0.2


def application(environ: dict[str, Any], start_response: Any) -> Any:
    time.sleep(SECONDS)
    return fast(environ, start_response)
