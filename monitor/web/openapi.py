"""The OpenAPI description, made from the table of endpoints and the shapes of their answers."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from monitor.metrics import CONTENT_TYPE
from monitor.web.parameters import parameter
from monitor.web.sessions import COOKIE

Document = dict[str, Any]


class Described(Protocol):
    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def summary(self) -> str: ...
    @property
    def answers(self) -> Sequence[str]: ...
    @property
    def query(self) -> Sequence[str]: ...
    @property
    def text(self) -> str: ...
    @property
    def faults(self) -> Sequence[int]: ...
    @property
    def media(self) -> str: ...


ABOUT = (
    "Positions, loops, projections and alerts of the newest block. On-chain integers are decimal "
    "strings in raw units, USD values decimal strings, ratios numbers, addresses checksummed; "
    "unknown is null with the reason in `unknown`, and never filtered away. Later versions may "
    "add keys. While the daemon starts up or the server is full, any question may end with 503; "
    "at its bound of connections the server says so without a body."
)
_FAULTS = {
    400: "The question is none of ours: an unknown parameter, or a value that is none",
    401: "Without the token, where `http.token` is configured (a browser is led to its login: 303)",
    403: "By a name or from a page that is not of this machine, where there is no token",
    404: "There is no such market, scenario or asset",
    408: "The body did not come in time",
    410: "The cursor's block is no longer the newest: start again without a cursor",
    413: "The body is larger than 64 KiB",
    503: "Not now, ask again: it starts up, the store is away, or too many ask for this",
}
_EVERYBODY = (400, 401, 403)
_SHOCK = {"type": ["number", "string"]}
_ASKED = {
    "type": "object",
    "required": ["shocks"],
    "additionalProperties": False,
    "properties": {
        "shocks": {
            "type": "object",
            "description": "by name: a price (`WETH`), `peg:ASSET/BASE`, `oracle:MARKET/ASSET`, "
            "`rate:MARKET/ASSET`, `parameter:…`, `liquidity:ASSET`, `gas`; 400 for what is not "
            "followed",
            "minProperties": 1,
            "additionalProperties": _SHOCK,
            "examples": [{"WETH": -0.3}],
        },
        "options": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "gas_usd": {"type": "number", "minimum": 0, "exclusiveMaximum": 1e300},
                "deviation": {"type": ["number", "null"], "minimum": 0, "exclusiveMaximum": 1e300},
                "max_rounds": {"type": "integer", "minimum": 1, "maximum": 10_000},
                "critical_usd": {
                    "type": ["number", "null"],
                    "minimum": 0,
                    "exclusiveMaximum": 1e300,
                },
                "fill": {"type": "string", "enum": ["ladder", "optimal"]},
                "unwind": {"type": "boolean"},
            },
        },
    },
}
_PROBES = {
    "/healthz": ("Whether the daemon makes progress", "alive"),
    "/readyz": ("Whether its answers can be trusted now", "ready"),
}


def document(endpoints: Iterable[Described], version: str, *, is_guarded: bool) -> Document:
    """An OpenAPI 3.1 document. `is_guarded`: whether a token is asked for."""
    ways: list[Document] = [{"token": []}, {"session": []}]
    paths: dict[str, Document] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "cascade-monitor",
            "version": version,
            "description": ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "paths": paths | _probes(),
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": COOKIE},
            },
        },
        "security": ways if is_guarded else [*ways, {}],
    }


def _schemas() -> Document:
    """Every shape by its name. Made when asked for: a daemon starts without them."""
    from monitor.web.shapes import SHAPES

    _, found = msgspec.json.schema_components(SHAPES, ref_template=_ref("{name}"))
    return found


def _operation(endpoint: Described) -> Document:
    in_path = re.findall(r"\{(\w+)\}", endpoint.path)
    faults = sorted({*_EVERYBODY, *endpoint.faults})
    operation: Document = {
        "operationId": _name(endpoint),
        "summary": endpoint.summary,
        "parameters": [
            *(parameter(name, "path") for name in in_path),
            *(parameter(name, "query") for name in endpoint.query),
        ],
        "responses": {
            "200": {"description": "The answer", "content": _content(endpoint)},
            **{str(status): _fault(status) for status in faults},
        },
    }
    if endpoint.text:
        operation["description"] = endpoint.text
    if endpoint.method == "POST":
        operation["requestBody"] = {"required": True, "content": _json(_ASKED)}
    return operation


def _name(endpoint: Described) -> str:
    """What a generated client calls it: `get_positions_account`."""
    words = re.findall(r"[a-z]+", endpoint.path.removeprefix("/api/v1/"))
    return "_".join((endpoint.method.lower(), *words))


def _content(endpoint: Described) -> Document:
    if not endpoint.answers:
        kind = "object" if endpoint.media == "application/json" else "string"
        return {endpoint.media: {"schema": {"type": kind}}}
    shapes = [{"$ref": _ref(name)} for name in endpoint.answers]
    content = _json(shapes[0] if len(shapes) == 1 else {"anyOf": shapes})
    if "format" in endpoint.query:
        content["text/csv"] = {"schema": {"type": "string"}}
    return content


def _probes() -> Document:
    """What machines ask, with no token."""
    paths: Document = {}
    for path, (summary, is_so) in _PROBES.items():
        answer = _json({"$ref": _ref("Health")})
        responses = {
            "200": {"description": f"It is {is_so}", "content": answer},
            "403": _fault(403),
            "503": {"description": f"It is not {is_so}: why", "content": answer},
        }
        paths[path] = {"get": _bare(path, summary, responses)}
    text = {CONTENT_TYPE.partition(";")[0]: {"schema": {"type": "string"}}}
    metrics = {"200": {"description": "Prometheus' text", "content": text}, "403": _fault(403)}
    return paths | {"/metrics": {"get": _bare("/metrics", "For Prometheus", metrics)}}


def _bare(path: str, summary: str, responses: Document) -> Document:
    return {
        "operationId": f"get_{path.strip('/')}",
        "summary": summary,
        "security": [{}],
        "responses": responses,
    }


def _fault(status: int) -> Document:
    return {"description": _FAULTS[status], "content": _json({"$ref": _ref("Fault")})}


def _json(schema: Mapping[str, Any]) -> Document:
    return {"application/json": {"schema": dict(schema)}}


def _ref(name: str) -> str:
    return f"#/components/schemas/{name}"
