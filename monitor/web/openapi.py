"""The OpenAPI description, made from the table of endpoints."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Protocol


class Described(Protocol):
    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def summary(self) -> str: ...
    @property
    def query(self) -> Mapping[str, str]: ...
    @property
    def text(self) -> str: ...
    @property
    def media(self) -> str: ...


_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": {"type": "string"}},
}
_ASKED = {
    "type": "object",
    "required": ["shocks"],
    "additionalProperties": False,
    "properties": {
        "shocks": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {"type": ["number", "string"]},
        },
        "options": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "gas_usd": {"type": "number", "minimum": 0},
                "deviation": {"type": ["number", "null"], "minimum": 0},
                "max_rounds": {"type": "integer", "minimum": 1, "maximum": 10_000},
                "critical_usd": {"type": ["number", "null"], "minimum": 0},
                "fill": {"enum": ["ladder", "optimal"]},
                "unwind": {"type": "boolean"},
            },
        },
    },
}


def document(endpoints: Iterable[Described], version: str) -> dict[str, Any]:
    """An OpenAPI 3.1 document."""
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {"title": "cascade-monitor", "version": version},
        "paths": paths,
        "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        "security": [{"token": []}, {}],
    }


def _operation(endpoint: Described) -> dict[str, Any]:
    in_path = re.findall(r"\{(\w+)\}", endpoint.path)
    operation: dict[str, Any] = {
        "summary": endpoint.summary,
        "parameters": [
            *(_parameter(name, "path", "") for name in in_path),
            *(_parameter(name, "query", text) for name, text in endpoint.query.items()),
        ],
        "responses": {
            "200": {"description": "The answer", "content": _content(endpoint.media)},
            "default": {"description": "What is wrong with the question", "content": _json(_ERROR)},
        },
    }
    if endpoint.text:
        operation["description"] = endpoint.text
    if endpoint.method == "POST":
        operation["requestBody"] = {"required": True, "content": _json(_ASKED)}
    return operation


def _parameter(name: str, place: str, text: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": place,
        "required": place == "path",
        "description": text,
        "schema": {"type": "string"},
    }


def _content(media: str) -> dict[str, Any]:
    return {media: {"schema": {"type": "object" if media == "application/json" else "string"}}}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
