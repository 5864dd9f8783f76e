"""What a change of the API's document does to the programs that are written against it.

A client breaks when something goes that it uses, when a request of today is refused tomorrow, or when an answer of
tomorrow holds what it cannot read today. What is only added breaks nobody: a client passes over what it does not know.
"""

import json
from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]
METHODS = ("get", "post", "put", "patch", "delete")
LOWER = ("minimum", "minLength", "minItems", "minProperties")  # greater is narrower
UPPER = ("maximum", "maxLength", "maxItems", "maxProperties")  # less is narrower
EXACT = ("format", "pattern", "const", "additionalProperties", "uniqueItems")


def breaks(old: Schema, new: Schema) -> list[str]:
    """Every change from one document to another that can break a client, as a sentence with its place."""
    return sorted(set(Comparison(old, new).run()))


def changes(old: Any, new: Any, place: str = "") -> Iterator[str]:
    """Every difference at all, a line each."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in sorted({*old, *new}):
            if name not in new:
                yield f"- {place}/{name}"
            elif name not in old:
                yield f"+ {place}/{name}"
            else:
                yield from changes(old[name], new[name], f"{place}/{name}")
    elif old != new:
        yield f"! {place}: {json.dumps(old)[:80]} → {json.dumps(new)[:80]}"


class Comparison:
    def __init__(self, old: Schema, new: Schema) -> None:
        self.old, self.new = old, new
        self.seen: set[tuple[str, str, bool]] = set()

    def run(self) -> Iterator[str]:
        for path, methods in self.old["paths"].items():
            for method in METHODS:
                if method in methods:
                    other = self.new["paths"].get(path, {}).get(method)
                    place = f"{method.upper()} {path}"
                    if other is None:
                        yield f"{place} is gone"
                    else:
                        yield from self.operation(methods[method], other, place)

    def operation(self, old: Schema, new: Schema, place: str) -> Iterator[str]:
        if old["operationId"] != new["operationId"]:
            yield f"{place} has another operationId, and so another name in generated clients"
        if {} in old.get("security", [{}]) and {} not in new.get("security", [{}]):
            yield f"{place} needs authentication"
        yield from self.parameters(old, new, place)
        yield from self.bodies(old, new, place)
        for status, answer in old["responses"].items():
            if status < "400" and status not in new["responses"]:
                yield f"{place} does not answer {status} any more"
            elif status < "400":
                yield from self.contents(answer, new["responses"][status], f"{place} {status}", is_request=False)

    def parameters(self, old: Schema, new: Schema, place: str) -> Iterator[str]:
        before = {(it["in"], it["name"]): it for it in old.get("parameters", [])}
        after = {(it["in"], it["name"]): it for it in new.get("parameters", [])}
        for key, parameter in before.items():
            if key not in after:
                yield f"{place} does not take the parameter {key[1]} any more"
            else:
                there = f"{place} ?{key[1]}"
                yield from self.schema(parameter["schema"], after[key]["schema"], there, is_request=True)
        for key, parameter in after.items():
            if parameter.get("required") and not before.get(key, {}).get("required"):
                yield f"{place} needs the parameter {key[1]}"

    def bodies(self, old: Schema, new: Schema, place: str) -> Iterator[str]:
        before, after = old.get("requestBody", {}), new.get("requestBody", {})
        if after.get("required") and not before.get("required"):
            yield f"{place} needs a body"
        yield from self.contents(before, after, f"{place} body", is_request=True)

    def contents(self, old: Schema, new: Schema, place: str, *, is_request: bool) -> Iterator[str]:
        for media_type, media in old.get("content", {}).items():
            other = new.get("content", {}).get(media_type)
            if other is None:
                yield f"{place} is not {media_type} any more"
            else:
                yield from self.schema(media["schema"], other["schema"], place, is_request=is_request)

    def schema(self, old: Schema, new: Schema, place: str, *, is_request: bool) -> Iterator[str]:
        key = (json.dumps(old), json.dumps(new), is_request)
        if key in self.seen:
            return
        self.seen.add(key)
        old, new = self.resolve(self.old, old), self.resolve(self.new, new)
        choices = [name for name in ("oneOf", "anyOf") if name in old or name in new]
        if choices:
            yield from self.choices(old, new, place, is_request=is_request)
            return
        yield from self.types(old, new, place, is_request=is_request)
        yield from self.bounds(old, new, place, is_request=is_request)
        yield from self.properties(old, new, place, is_request=is_request)
        if "items" in old and "items" in new:
            yield from self.schema(old["items"], new["items"], f"{place}[]", is_request=is_request)

    def resolve(self, document: Schema, schema: Schema) -> Schema:
        parts = schema.get("allOf", [schema])
        found: Schema = {}
        for part in parts:
            name = part.get("$ref", "").rsplit("/", 1)[-1]
            found |= self.resolve(document, document["components"]["schemas"][name]) if name else part
        return found

    def choices(self, old: Schema, new: Schema, place: str, *, is_request: bool) -> Iterator[str]:
        """Every choice of the one side needs its like on the other: of today in requests, of tomorrow in answers."""
        before, after = alternatives(old), alternatives(new)
        for choice in before if is_request else after:
            like = next((other for other in (after if is_request else before) if are_alike(choice, other)), None)
            if like is None:
                yield f"{place} {'takes' if is_request else 'had'} no such choice: {json.dumps(choice)[:80]}"
            else:
                pair = (choice, like) if is_request else (like, choice)
                yield from self.schema(*pair, place, is_request=is_request)

    def types(self, old: Schema, new: Schema, place: str, *, is_request: bool) -> Iterator[str]:
        narrow, wide = (old, new) if is_request else (new, old)  # what is sent must be among what is understood
        for name in ("type", "enum"):
            understood, sent = values(wide, name), values(narrow, name)
            if understood is not None and (sent is None or not sent <= understood):
                yield f"{place} has another {name}: {values(old, name)} → {values(new, name)}"

    def bounds(self, old: Schema, new: Schema, place: str, *, is_request: bool) -> Iterator[str]:
        if not is_request:
            return  # an answer outside of its old bounds can still be read
        for name in LOWER:
            if new.get(name, float("-inf")) > old.get(name, float("-inf")):
                yield f"{place} has a greater {name}"
        for name in UPPER:
            if new.get(name, float("inf")) < old.get(name, float("inf")):
                yield f"{place} has a smaller {name}"
        for name in EXACT:
            if name in new and new[name] != old.get(name) and new[name] is not True:
                yield f"{place} has another {name}"

    def properties(self, old: Schema, new: Schema, place: str, *, is_request: bool) -> Iterator[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        for name, schema in before.items():
            if name not in after:
                yield f"{place}.{name} is gone"
            else:
                yield from self.schema(schema, after[name], f"{place}.{name}", is_request=is_request)
        required, needed = set(old.get("required", [])), set(new.get("required", []))
        if is_request:
            yield from (f"{place}.{name} is needed" for name in needed - required)
        else:
            yield from (f"{place}.{name} may be missing" for name in (required - needed) & set(after))


def values(schema: Schema, name: str) -> set[str] | None:
    value = schema.get(name)
    if value is None:
        return None
    found = set(map(str, value if isinstance(value, list) else [value]))
    return found | {"integer"} if name == "type" and "number" in found else found


def alternatives(schema: Schema) -> list[Schema]:
    found: list[Schema] = schema.get("oneOf") or schema.get("anyOf") or [schema]
    return found


def are_alike(one: Schema, other: Schema) -> bool:
    return one.get("$ref") == other.get("$ref") and one.get("type") == other.get("type")
