"""The production application, where each request takes 0.2 s longer: a server that is soon overloaded."""

import time
from typing import Any

from config.wsgi import application as real

SECONDS = 0.2


def application(environ: dict[str, Any], start_response: Any) -> Any:
    time.sleep(SECONDS)
    return real(environ, start_response)
