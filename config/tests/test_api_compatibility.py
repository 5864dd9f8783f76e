"""Each rule of breaking changes on a small document: its message, and that the opposite change is harmless."""

import copy

import pytest

from config.tests.harness.compatibility import RULES, breaks, changes

AT = "POST /api/v1/things"
THING = {
    "type": "object",
    "required": ["name"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 10, "pattern": "^a", "format": "uri"},
        "kind": {"type": "string", "enum": ["old", "new"]},
        "size": {"type": ["integer", "null"], "exclusiveMinimum": 0, "maximum": 9},
        "tags": {"type": "array", "items": {"$ref": "#/components/schemas/Tag"}, "maxItems": 3, "uniqueItems": True},
        "notes": {"type": "object", "additionalProperties": {"type": "string"}, "propertyNames": {"maxLength": 4}},
        "either": {"oneOf": [{"type": "string"}, {"type": "integer"}]},
        "tree": {"$ref": "#/components/schemas/Tree"},
    },
}


def document():
    media = {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}
    operation = {
        "operationId": "create_thing",
        "security": [{}, {"bearer": []}],
        "parameters": [
            {"in": "query", "name": "limit", "schema": {"type": "integer", "maximum": 9, "default": 5}},
            {"in": "query", "name": "sort", "schema": {"type": "string"}, "style": "form", "explode": False},
        ],
        "requestBody": {"content": {**media, "text/plain": {"schema": {"type": "string"}}}},
        "responses": {
            "201": {"content": {**media, "text/plain": {}}, "headers": {"Location": {}}, "description": ""},
            "409": {"description": "", "content": {}},
        },
    }
    tree = {
        "type": "object",
        "properties": {"trees": {"type": "array", "items": {"$ref": "#/components/schemas/Tree"}}},
    }
    tag = {"type": "string", "maxLength": 5}
    return {
        "paths": {"/api/v1/things": {"post": operation}},
        "components": {"schemas": {"Thing": copy.deepcopy(THING), "Tag": tag, "Tree": tree}},
    }


def operation(it):
    return it["paths"]["/api/v1/things"]["post"]


def fields(it):
    return it["components"]["schemas"]["Thing"]["properties"]


def changed(change):
    new = document()
    change(new)
    return new


def put(place, **data):
    """A change that sets the values at a place; None removes them."""

    def change(it):
        found = place(it)
        for name, value in data.items():
            found.pop(name, None)
            if value is not None:
                found[name] = value

    return change


def field(name, **data):
    return put(lambda it: fields(it)[name], **data)


THINGS = {
    "operation-gone": (lambda it: it["paths"].clear(), [f"{AT}: the operation is gone"]),
    "operation-renamed": (
        put(operation, operationId="make"),
        [f"{AT}: the operationId changed (create_thing → make)"],
    ),
    "guests-not-let-in": (
        put(operation, security=[{"bearer": []}]),
        [f"{AT}: no authentication is no longer sufficient"],
    ),
    "token-not-let-in": (
        put(operation, security=[{"cookie": []}]),
        [
            f"{AT}: no authentication is no longer sufficient",
            f"{AT}: bearer is no longer sufficient",
        ],
    ),
    "parameter-gone": (
        lambda it: operation(it)["parameters"].pop(0),
        [f"{AT}, query parameter limit: is no longer accepted"],
    ),
    "parameter-needed": (
        lambda it: operation(it)["parameters"][0].update(required=True),
        [f"{AT}, query parameter limit: is required"],
    ),
    "new-parameter-needed": (
        lambda it: operation(it)["parameters"].append({"in": "header", "name": "X", "required": True, "schema": {}}),
        [f"{AT}, header parameter X: is required"],
    ),
    "parameter-narrower": (
        lambda it: operation(it)["parameters"][0]["schema"].update(maximum=8),
        [f"{AT}, query parameter limit: accepts a smaller range (maximum 9 → 8)"],
    ),
    "parameter-means-another": (
        lambda it: operation(it)["parameters"][0]["schema"].update(default=6),
        [f"{AT}, query parameter limit: has another default (5 → 6)"],
    ),
    "parameter-written-otherwise": (
        lambda it: operation(it)["parameters"][1].update(explode=True),
        [f"{AT}, query parameter sort: is serialized in another way (explode False → True)"],
    ),
    "body-gone": (put(operation, requestBody=None), [f"{AT}, request: is no longer accepted"]),
    "body-needed": (
        lambda it: operation(it)["requestBody"].update(required=True),
        [f"{AT}, request: is required"],
    ),
    "body-of-another-kind": (
        lambda it: operation(it)["requestBody"]["content"].pop("text/plain"),
        [f"{AT}, request: is no longer accepted as text/plain"],
    ),
    "answer-gone": (lambda it: operation(it)["responses"].pop("201"), [f"{AT}, response 201: is gone"]),
    "refusal-gone": (lambda it: operation(it)["responses"].pop("409"), [f"{AT}, response 409: is gone"]),
    "answer-of-another-kind": (
        lambda it: operation(it)["responses"]["201"]["content"].pop("text/plain"),
        [f"{AT}, response 201: is no longer returned as text/plain"],
    ),
    "header-gone": (
        lambda it: operation(it)["responses"]["201"].pop("headers"),
        [f"{AT}, response 201: no longer has the header Location"],
    ),
}


@pytest.mark.parametrize("name", THINGS)
def test_change_of_an_operation_is_reported(name):
    change, messages = THINGS[name]
    assert breaks(document(), changed(change)) == messages


SHORT = {"type": "string", "maxLength": 1}
# The rule, a narrowing change, its place, and what stands in brackets. Narrowing breaks requests alone; the same change
# backwards widens, and breaks responses alone, if it breaks them at all.
NARROWINGS = {
    "type": ("type", field("size", type="integer"), "/size", "integer or null → integer"),
    "enum": ("enum", field("kind", enum=["old"]), "/kind", "new"),
    "const": ("enum", field("kind", enum=None, const="old"), "/kind", "new"),
    "minimum": ("bound", field("size", minimum=1), "/size", "minimum None → 1"),
    "exclusiveMinimum": ("bound", field("size", exclusiveMinimum=1), "/size", "exclusiveMinimum 0 → 1"),
    "maximum": ("bound", field("size", maximum=8), "/size", "maximum 9 → 8"),
    "minLength": ("bound", field("name", minLength=2), "/name", "minLength 1 → 2"),
    "maxLength": ("bound", field("name", maxLength=9), "/name", "maxLength 10 → 9"),
    "minItems": ("bound", field("tags", minItems=1), "/tags", "minItems 0 → 1"),
    "maxItems": ("bound", field("tags", maxItems=2), "/tags", "maxItems 3 → 2"),
    "maxProperties": ("bound", field("notes", maxProperties=2), "/notes", "maxProperties None → 2"),
    "of-what-is-referred-to": (
        "bound",
        put(lambda it: it["components"]["schemas"]["Tag"], maxLength=4),
        "/tags/*",
        "maxLength 5 → 4",
    ),
    "of-other-fields": ("bound", field("notes", additionalProperties=SHORT), "/notes/*", "maxLength None → 1"),
    "of-names": ("bound", field("notes", propertyNames={"maxLength": 3}), "/notes (names)", "maxLength 4 → 3"),
    "alternative": ("alternative", field("either", oneOf=[{"type": "string"}, {"type": "null"}]), "/either", None),
    "required": (
        "required",
        put(lambda it: it["components"]["schemas"]["Thing"], required=["name", "kind"]),
        "/kind",
        "",
    ),
}  # fmt: skip


def of_rule(found, rule, *, is_response):
    where = f"{AT}, {'response 201' if is_response else 'request'}"
    mark = RULES[rule][is_response]
    assert all(line.startswith(where) for line in found), found
    return [line.removeprefix(where) for line in found if mark in line]


@pytest.mark.parametrize("name", [name for name in NARROWINGS if name != "alternative"])
def test_narrower_requests_and_wider_responses_break(name):
    rule, change, place, detail = NARROWINGS[name]
    (request,) = of_rule(breaks(document(), changed(change)), rule, is_response=False)
    assert request == f"{place}: {RULES[rule][False]}{f' ({detail})' if detail else ''}"
    backwards = breaks(changed(change), document())
    assert [line.split(" (")[0] for line in backwards] == (
        [f"{AT}, response 201{place}: {RULES[rule][True]}".split(" (")[0]] if RULES[rule][True] else []
    )


def test_exchanged_alternative_breaks_both_sides():
    found = breaks(document(), changed(NARROWINGS["alternative"][1]))
    assert [line.split(" (")[0] for line in found] == [
        f"{AT}, request/either: no longer accepts an alternative",
        f"{AT}, response 201/either: has a new alternative",
    ]


def test_another_pattern_breaks_requests():
    found = breaks(document(), changed(field("name", pattern="^b")))
    assert found == [f"{AT}, request/name: accepts another pattern (^a → ^b)"]


def test_another_format_breaks_both_sides():
    assert breaks(document(), changed(field("name", format="date"))) == [
        f"{AT}, request/name: accepts another format (uri → date)",
        f"{AT}, response 201/name: may have another format (uri → date)",
    ]


def test_field_that_goes_breaks_both_sides():
    assert breaks(document(), changed(lambda it: fields(it).pop("size"))) == [
        f"{AT}, request/size: the field is no longer accepted",
        f"{AT}, response 201/size: the field is gone",
    ]


def test_unique_entries_break_requests():
    old = changed(field("tags", uniqueItems=None))
    assert breaks(old, document()) == [f"{AT}, request/tags: must be unique"]
    assert breaks(document(), old) == []


def test_closing_a_request_breaks_it():
    old = changed(put(lambda it: it["components"]["schemas"]["Thing"], additionalProperties=None))
    assert breaks(old, document()) == [f"{AT}, request: no longer accepts other fields"]
    assert breaks(document(), old) == []


ADDITIONS = {
    "path": lambda it: it["paths"].update({"/api/v1/others": {"get": {}}}),
    "parameter": lambda it: operation(it)["parameters"].append({"in": "query", "name": "x", "schema": {}}),
    "field": lambda it: fields(it).update(more={"type": "string"}),
    "status": lambda it: operation(it)["responses"].update({"422": {}}),
    "words": put(operation, description="Other words."),
    "deprecation": put(operation, deprecated=True),
    "order": lambda it: operation(it)["parameters"].reverse(),
    "way-in": lambda it: operation(it)["security"].append({"cookie": []}),
    "list-beside-one": lambda it: operation(it)["requestBody"]["content"]["text/plain"].update(
        schema={"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
    ),
    "another-name-of-a-component": lambda it: (
        it["components"]["schemas"].update(Label=it["components"]["schemas"].pop("Tag")),
        fields(it)["tags"]["items"].update({"$ref": "#/components/schemas/Label"}),
    ),
}


@pytest.mark.parametrize("name", ADDITIONS)
def test_additions_do_not_break(name):
    assert breaks(document(), changed(ADDITIONS[name])) == []


def test_another_major_version_may_break():
    new = document()
    new["paths"] = {"/api/v2/things": {"post": {"operationId": "other", "responses": {}}}}
    assert breaks(document(), new) == []


def test_new_version_beside_the_old_one_excuses_nothing():
    new = changed(lambda it: operation(it)["responses"].pop("409"))
    new["paths"]["/api/v2/things"] = {}
    assert breaks(document(), new) == [f"{AT}, response 409: is gone"]


def test_every_rule_is_tried():
    tried = {rule for rule, *_ in NARROWINGS.values()} | {"pattern", "format", "field", "unique", "closed"}
    assert tried == set(RULES)


def test_changes_are_listed_by_line():
    def change(it):
        operation(it)["parameters"][0]["schema"]["maximum"] = 8
        operation(it)["summary"] = "New"
        del fields(it)["kind"]

    assert list(changes(document(), changed(change))) == [
        "- components/schemas/Thing/properties/kind",
        "~ paths//api/v1/things/post/parameters/limit/schema/maximum: 9 → 8",
        "+ paths//api/v1/things/post/summary",
    ]
    assert list(changes(document(), document())) == []
