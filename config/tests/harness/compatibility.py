"""Finds changes of the OpenAPI document that break existing clients.

A client keeps working when the API still accepts all that it sends, and returns what it knows, perhaps with more
fields. So each pair of schemas is compared in one way: does `wide` accept every value that `tight` accepts? For a
request, `tight` is the old schema and `wide` the new one; for a response, the other way round. Bounds of responses may
grow, because responses contain what requests may send.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

METHODS = ("get", "put", "post", "patch", "delete")

# The message of each rule for a request and for a response; an empty one means that the rule does not apply.
RULES = {
    "type": ("accepts fewer types", "may have another type"),
    "enum": ("accepts fewer values", "may have a new value"),
    "bound": ("accepts a smaller range", ""),
    "pattern": ("accepts another pattern", ""),
    "format": ("accepts another format", "may have another format"),
    "unique": ("must be unique", ""),
    "closed": ("no longer accepts other fields", "may have other fields"),
    "alternative": ("no longer accepts an alternative", "has a new alternative"),
    "field": ("the field is no longer accepted", "the field is gone"),
    "required": ("the field is required", "the field may be missing"),
}
LOWER_BOUNDS = {"minimum": None, "exclusiveMinimum": None, "minLength": 0, "minItems": 0, "minProperties": 0}
UPPER_BOUNDS = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")


@dataclass(frozen=True)
class Schema:
    """A schema with the document that its references point into."""

    document: Json
    body: Json

    def at(self, body: Any) -> "Schema":
        return Schema(self.document, body if isinstance(body, dict) else {})

    @property
    def whole(self) -> Json:
        """The schema with `$ref` and `allOf` merged."""
        parts = [self.at(part).whole for part in self.body.get("allOf", [])]
        if "$ref" in self.body:
            parts.append(self.at(resolve(self.document, self.body["$ref"])).whole)
        own = {key: value for key, value in self.body.items() if key not in ("allOf", "$ref")}
        merged: Json = {}
        for part in [*parts, own]:
            joint: Json = {"properties": {**merged.get("properties", {}), **part.get("properties", {})}}
            joint["required"] = [*merged.get("required", []), *part.get("required", [])]
            merged = {**merged, **part, **{key: value for key, value in joint.items() if value}}
        return merged

    @property
    def alternatives(self) -> list["Schema"]:
        whole = self.whole
        rest = {key: value for key, value in whole.items() if key not in ("anyOf", "oneOf")}
        listed = whole.get("anyOf") or whole.get("oneOf")
        return [self.at({"allOf": [rest, part]}) for part in listed] if listed else [self.at(whole)]

    @property
    def values(self) -> list[Any] | None:
        whole = self.whole
        return [whole["const"]] if "const" in whole else whole.get("enum")

    @property
    def types(self) -> set[str] | None:
        given = self.whole.get("type")
        return None if given is None else {given} if isinstance(given, str) else set(given)


def resolve(document: Json, reference: str) -> Json:
    place: Any = document
    for step in reference.removeprefix("#/").split("/"):
        place = place[step.replace("~1", "/").replace("~0", "~")]
    return place


@dataclass(frozen=True)
class Comparison:
    """Yields a message for every place where `wide` does not accept what `tight` accepts."""

    is_response: bool
    ancestors: tuple[str, ...] = ()  # pairs being compared, for recursive schemas

    def message(self, rule: str, place: str, detail: str = "") -> str:
        return f"{place}: {RULES[rule][self.is_response]}{f' ({detail})' if detail else ''}"

    def compare(self, tight: Schema, wide: Schema, place: str) -> Iterator[str]:
        pair = f"{tight.body}{wide.body}"
        if "$ref" in tight.body or "$ref" in wide.body:
            if pair in self.ancestors:
                return
            inner = Comparison(self.is_response, (*self.ancestors, pair))
            yield from inner.compare_alternatives(tight, wide, place)
        else:
            yield from self.compare_alternatives(tight, wide, place)

    def compare_alternatives(self, tight: Schema, wide: Schema, place: str) -> Iterator[str]:
        takers = wide.alternatives
        for one in tight.alternatives:
            answers = [list(self.compare_one(one, taker, place)) for taker in takers]
            if [] in answers:
                continue
            if len(takers) == 1:
                yield from answers[0]
            else:
                yield self.message("alternative", place, min(answers, key=len)[0].removeprefix(f"{place}: "))

    def compare_one(self, tight: Schema, wide: Schema, place: str) -> Iterator[str]:
        yield from self.compare_types(tight, wide, place)
        if not self.is_response:
            yield from self.compare_bounds(tight.whole, wide.whole, place)
        for keyword in ("format",) if self.is_response else ("format", "pattern"):
            if wide.whole.get(keyword, tight.whole.get(keyword)) != tight.whole.get(keyword):
                yield self.message(keyword, place, self.change(tight.whole.get(keyword), wide.whole[keyword]))
        if "items" in wide.whole:
            yield from self.compare(tight.at(tight.whole.get("items")), wide.at(wide.whole["items"]), f"{place}/*")
        yield from self.compare_fields(tight, wide, place)

    def change(self, tight: Any, wide: Any) -> str:
        old, new = (wide, tight) if self.is_response else (tight, wide)
        return f"{old} → {new}"

    def compare_types(self, tight: Schema, wide: Schema, place: str) -> Iterator[str]:
        taken = wide.types
        if taken is not None:
            taken = taken | {"integer"} if "number" in taken else taken
            if tight.types is None or not tight.types <= taken:
                yield self.message("type", place, self.change(named(tight.types), named(wide.types)))
        if wide.values is not None:
            lost = [value for value in tight.values or [] if value not in wide.values]
            if tight.values is None or lost:
                yield self.message(
                    "enum", place, ", ".join(map(str, lost)) if lost else self.change("any", wide.values)
                )

    def compare_bounds(self, tight: Json, wide: Json, place: str) -> Iterator[str]:
        for keyword, nothing in LOWER_BOUNDS.items():
            least, asked = wide.get(keyword, nothing), tight.get(keyword, nothing)
            if least is not None and (asked is None or asked < least):
                yield self.message("bound", place, f"{keyword} {self.change(asked, least)}")
        for keyword in UPPER_BOUNDS:
            if keyword in wide and (keyword not in tight or tight[keyword] > wide[keyword]):
                yield self.message("bound", place, f"{keyword} {self.change(tight.get(keyword), wide[keyword])}")
        if wide.get("uniqueItems") and not tight.get("uniqueItems"):
            yield self.message("unique", place)

    def compare_fields(self, tight: Schema, wide: Schema, place: str) -> Iterator[str]:
        given, taken = tight.whole.get("properties", {}), wide.whole.get("properties", {})
        others = wide.whole.get("additionalProperties", True)
        for name in given:
            if name in taken:
                yield from self.compare(tight.at(given[name]), wide.at(taken[name]), f"{place}/{name}")
            elif others is False and not self.is_response:  # clients ignore unknown fields
                yield self.message("field", f"{place}/{name}")
        if self.is_response:
            yield from (self.message("field", f"{place}/{name}") for name in taken if name not in given)
        for name in wide.whole.get("required", []):
            if name not in tight.whole.get("required", []) and (name in given or not self.is_response):
                yield self.message("required", f"{place}/{name}")
        yield from self.compare_other_fields(tight, wide, place)

    def compare_other_fields(self, tight: Schema, wide: Schema, place: str) -> Iterator[str]:
        given = tight.whole.get("additionalProperties", True)
        taken = wide.whole.get("additionalProperties", True)
        if taken is False and given is not False and not self.is_response:
            yield self.message("closed", place)
        elif isinstance(taken, dict) and given is not False:
            yield from self.compare(tight.at(given), wide.at(taken), f"{place}/*")
        if names := wide.whole.get("propertyNames"):
            yield from self.compare(tight.at(tight.whole.get("propertyNames")), wide.at(names), f"{place} (names)")


def named(types: set[str] | None) -> str:
    return "any" if types is None else " or ".join(sorted(types))


def breaks(old: Json, new: Json) -> list[str]:
    """A message for each change that breaks clients of the old document; none when the major version differs."""
    if versions(new) and not versions(old) & versions(new):
        return []
    return [
        message
        for path, operations in old["paths"].items()
        for method in METHODS
        if method in operations
        for message in breaks_of(
            Operation(old, operations[method]),
            Operation(new, new["paths"].get(path, {}).get(method)),
            f"{method.upper()} {path}",
        )
    ]


def versions(document: Json) -> set[str]:
    """The versions in the paths, such as v1."""
    return {step for path in document["paths"] for step in path.split("/") if re.fullmatch(r"v\d+", step)}


@dataclass(frozen=True)
class Operation:
    document: Json
    body: Json | None

    def schema(self, body: Any) -> Schema:
        return Schema(self.document, body or {})

    @property
    def parameters(self) -> dict[tuple[str, str], Json]:
        return {(it["in"], it["name"]): it for it in (self.body or {}).get("parameters", [])}


def breaks_of(old: Operation, new: Operation, place: str) -> Iterator[str]:
    if old.body is None or new.body is None:
        yield f"{place}: the operation is gone"
        return
    if old.body["operationId"] != new.body["operationId"]:
        yield f"{place}: the operationId changed ({old.body['operationId']} → {new.body['operationId']})"
    yield from breaks_of_security(old.body, new.body, place)
    yield from breaks_of_parameters(old, new, place)
    yield from breaks_of_request(old, new, place)
    yield from breaks_of_responses(old, new, place)


def breaks_of_security(old: Json, new: Json, place: str) -> Iterator[str]:
    """Each old way to authenticate must still work."""
    for way in old.get("security", [{}]):
        if not any(now.items() <= way.items() for now in new.get("security", [{}])):
            yield f"{place}: {' and '.join(way) or 'no authentication'} is no longer sufficient"


def breaks_of_parameters(old: Operation, new: Operation, place: str) -> Iterator[str]:
    for key, was in old.parameters.items():
        where, name = key
        named = f"{place}, {where} parameter {name}"
        if key not in new.parameters:
            yield f"{named}: is no longer accepted"
            continue
        now = new.parameters[key]
        if now.get("required") and not was.get("required"):
            yield f"{named}: is required"
        for how in ("style", "explode"):
            if was.get(how) != now.get(how):
                yield f"{named}: is serialized in another way ({how} {was.get(how)} → {now.get(how)})"
        default = [it.get("schema", {}).get("default") for it in (was, now)]
        if default[0] is not None and default[0] != default[1]:
            yield f"{named}: has another default ({default[0]} → {default[1]})"
        yield from Comparison(is_response=False).compare(
            old.schema(was.get("schema")), new.schema(now.get("schema")), named
        )
    for (where, name), now in new.parameters.items():
        if now.get("required") and (where, name) not in old.parameters:
            yield f"{place}, {where} parameter {name}: is required"


def breaks_of_request(old: Operation, new: Operation, place: str) -> Iterator[str]:
    was, now = (it.body.get("requestBody") if it.body else None for it in (old, new))
    named = f"{place}, request"
    if now and now.get("required") and not (was and was.get("required")):
        yield f"{named}: is required"
    if was and not now:
        yield f"{named}: is no longer accepted"
    for media_type, content in (was or {}).get("content", {}).items():
        if now and media_type not in now["content"]:
            yield f"{named}: is no longer accepted as {media_type}"
        elif now:
            schemas = old.schema(content.get("schema")), new.schema(now["content"][media_type].get("schema"))
            yield from Comparison(is_response=False).compare(*schemas, named)


def breaks_of_responses(old: Operation, new: Operation, place: str) -> Iterator[str]:
    was, now = ((it.body or {})["responses"] for it in (old, new))
    for status in was:
        named = f"{place}, response {status}"
        if status not in now:
            yield f"{named}: is gone"
            continue
        for name in was[status].get("headers", {}):
            if name not in now[status].get("headers", {}):
                yield f"{named}: no longer has the header {name}"
        for media_type, content in was[status].get("content", {}).items():
            if media_type not in now[status].get("content", {}):
                yield f"{named}: is no longer returned as {media_type}"
                continue
            schemas = new.schema(now[status]["content"][media_type].get("schema")), old.schema(content.get("schema"))
            yield from Comparison(is_response=True).compare(*schemas, named)


def changes(old: Any, new: Any, place: str = "") -> Iterator[str]:
    """Every difference of two documents in a line: + added, - removed, ~ changed."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys(), key=str):
            step = f"{place}/{key}" if place else str(key)
            if key not in new:
                yield f"- {step}"
            elif key not in old:
                yield f"+ {step}"
            else:
                yield from changes(old[key], new[key], step)
    elif isinstance(old, list) and isinstance(new, list):
        names = [[one.get("name") if isinstance(one, dict) else None for one in it] for it in (old, new)]
        if all(names[0]) and all(names[1]):  # parameters and tags are matched by name
            before, after = ({one["name"]: one for one in it} for it in (old, new))
            yield from changes(before, after, place)
        elif old != new:
            yield from changes(dict(enumerate(old)), dict(enumerate(new)), place)
    elif old != new:
        yield f"~ {place}: {shortened(old)} → {shortened(new)}"


def shortened(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
