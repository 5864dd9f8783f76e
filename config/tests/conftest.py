import os
from urllib.parse import urlsplit

import psycopg
import pytest
from django.db import connection


@pytest.fixture
def scratch_url(tmp_path):
    """The URL of an empty database of the same engine."""
    if connection.vendor == "sqlite":
        yield f"sqlite:///{tmp_path}/scratch.db"
        return
    url, name = os.environ["DATABASE_URL"], f"scratch_{os.getpid()}"
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"')
        try:
            yield urlsplit(url)._replace(path=f"/{name}").geturl()
        finally:
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
