import pytest

from config.outbox import worker


@pytest.fixture
def steps(monkeypatch):
    """The registry of the worker, empty for a test's own steps."""
    found = {}
    monkeypatch.setattr(worker, "steps", found)
    return found
