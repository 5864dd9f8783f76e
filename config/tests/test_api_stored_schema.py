"""The document in the repository is the one that is served, and no change of it breaks clients unseen."""

import copy
import json

import pytest

from config.tests.harness.compatibility import breaks, changes
from config.tests.harness.schema import STORED, document

EVENTS = "/api/v1/events"


@pytest.fixture(scope="module")
def served():
    return document()


@pytest.mark.xdist_group("schema")
def test_stored_document_is_the_served_one(served):
    stored = json.loads(STORED.read_text())
    broken = breaks(stored, served)
    assert not broken, "These changes break existing clients:\n" + "\n".join(broken)
    found = list(changes(stored, served))
    assert not found, "The document has changed: look at it, and run make schema.\n" + "\n".join(found[:50])


def change(document, *steps, to=None):
    """Another value at a place of a copy; without one, nothing there."""
    changed = copy.deepcopy(document)
    holder = changed
    for step in steps[:-1]:
        holder = holder[step]
    if to is None:
        del holder[steps[-1]]
    else:
        holder[steps[-1]] = to
    return changed


REQUEST = ("components", "schemas", "EventRequest")
ANSWER = ("components", "schemas", "Event")
BREAKS = {
    "path-gone": (("paths", EVENTS), None),
    "operation-gone": (("paths", EVENTS, "post"), None),
    "operation-renamed": (("paths", EVENTS, "get", "operationId"), "other"),
    "login-needed": (("paths", EVENTS, "get", "security"), [{"bearer": []}]),
    "parameters-gone": (("paths", EVENTS, "get", "parameters"), []),
    "parameter-needed": (
        ("paths", EVENTS, "post", "parameters"),
        [{"in": "query", "name": "x", "required": True, "schema": {}}],
    ),
    "answer-gone": (("paths", EVENTS, "post", "responses", "201"), None),
    "media-type-gone": (("paths", EVENTS, "get", "responses", "200", "content"), {"text/plain": {"schema": {}}}),
    "field-of-answer-gone": ((*ANSWER, "properties", "name"), None),
    "field-of-answer-optional": ((*ANSWER, "required"), ["id"]),
    "field-of-answer-nullable": ((*ANSWER, "properties", "name", "type"), ["string", "null"]),
    "enum-of-answer-wider": (
        ("components", "schemas", "EventStatus", "enum"),
        ["draft", "published", "cancelled", "postponed"],
    ),
    "field-of-request-gone": ((*REQUEST, "properties", "description"), None),
    "field-of-request-needed": ((*REQUEST, "required"), ["ends_at", "name", "starts_at", "venue", "capacity"]),
    "type-of-request": ((*REQUEST, "properties", "name", "type"), "integer"),
    "request-not-nullable": ((*REQUEST, "properties", "max_per_customer", "type"), "integer"),
    "bound-of-request": ((*REQUEST, "properties", "capacity", "maximum"), 10),
    "length-of-request": ((*REQUEST, "properties", "name", "minLength"), 2),
    "pattern-of-request": ((*REQUEST, "properties", "name", "pattern"), "^a$"),
}


@pytest.mark.parametrize("name", BREAKS)
def test_change_that_breaks_clients_is_found(name, served):
    steps, to = BREAKS[name]
    assert breaks(served, change(served, *steps, to=to)) != []


HARMLESS = {
    "new-path": (("paths", "/api/v1/new"), {"get": {}}),
    "new-field-of-answer": ((*ANSWER, "properties", "new"), {"type": "string"}),
    "new-field-of-request": ((*REQUEST, "properties", "new"), {"type": "string"}),
    "wider-bound-of-request": ((*REQUEST, "properties", "capacity", "maximum"), 2_000_000),
    "narrower-bound-of-answer": ((*ANSWER, "properties", "capacity", "maximum"), 10),
    "narrower-enum-of-answer": (("components", "schemas", "EventStatus", "enum"), ["published", "cancelled"]),
    "less-needed": ((*REQUEST, "required"), ["venue"]),
    "description": ((*ANSWER, "description"), "Other words."),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_change_that_only_adds_is_allowed_and_seen(name, served):
    steps, to = HARMLESS[name]
    changed = change(served, *steps, to=to)
    if name == "narrower-enum-of-answer":  # it is that of a parameter too, which now takes less
        assert {line.partition(" ?")[2].partition(" ")[0] for line in breaks(served, changed)} <= {"status"}
    else:
        assert breaks(served, changed) == []
    assert list(changes(served, changed)) != []
