"""The types of changes as webhooks of the OpenAPI document."""

from typing import Any

from config.outbox.serializers import ChangeSerializer
from config.outbox.telling import resources
from config.outbox.types import TYPES, ChangeType


def add_webhooks(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """A postprocessing hook of drf-spectacular."""
    components = result["components"]["schemas"]
    if "Change" in components:
        result["webhooks"] = {it.name: {"post": operation(it, components)} for it in TYPES.values()}
    return result


def operation(change_type: ChangeType, components: dict[str, Any]) -> dict[str, Any]:
    data: dict[str, Any] = {"type": "null"}
    if change_type.has_data:
        name = resources[change_type.resource].serializer.__name__.removesuffix("Serializer")
        data = {"anyOf": [{"$ref": f"#/components/schemas/{name}"}, data]}
    schema = {
        "allOf": [
            {"$ref": "#/components/schemas/Change"},
            {"type": "object", "properties": {"type": {"const": change_type.name}, "data": data}},
        ]
    }
    return {
        "operationId": f"on_{change_type.name.replace('.', '_')}",
        "summary": change_type.name,
        "description": f"{change_type.description}\n\nReaders need the permission `{change_type.permission}`.",
        "tags": ["changes"],
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "responses": {"2XX": {"description": "Received."}},
    }


def sample(change_type: ChangeType) -> dict[str, Any]:
    """A change of this type, as the feed shows it."""
    data = resources[change_type.resource].serializer.Meta.example if change_type.has_data else None  # type: ignore[attr-defined]
    shown = data or {"id": 1}
    obj = {"type": change_type.resource, "id": str(shown.get("id", shown.get("code")))}
    return {**ChangeSerializer.Meta.example, "type": change_type.name, "object": obj, "data": data}
