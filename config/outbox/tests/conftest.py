from collections.abc import Iterator

import pytest

from config.outbox import worker


@pytest.fixture
def steps() -> Iterator[dict[str, worker.Step]]:
    """The registry of the worker, empty for a test's own steps. Changed in place, since other modules have it too."""
    registered = dict(worker.steps)
    worker.steps.clear()
    yield worker.steps
    worker.steps.clear()
    worker.steps.update(registered)
