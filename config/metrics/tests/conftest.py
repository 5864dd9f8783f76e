import pytest
from prometheus_client.parser import text_string_to_metric_families

from config.access.models import ApiToken
from config.access.roles import Role
from conftest import client_of, make_user


@pytest.fixture
def scraper(db):
    """Prometheus: a client with a token of the scope `metrics`."""
    client = client_of()
    _, text = ApiToken.issue(user=make_user(Role.AUDITOR, username="prometheus"), name="x", scopes=["metrics"])
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    return client


@pytest.fixture
def scrape(scraper):
    """Reads all samples, as a dict by name and labels."""

    def read():
        answer = scraper.get("//metrics")
        assert answer.status_code == 200
        return samples_of(answer.content.decode())

    return read


def samples_of(text):
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
