"""The parameters of all questions: what each means, and what it may be, as JSON schema."""

from collections.abc import Mapping
from typing import Any

from monitor.core.loops import LoopKind

MOST_ROWS = 1000
NUMBER = r"[0-9]{1,30}(\.[0-9]{1,18})?"
"""Of a filter: so much is reckoned with exactly."""
LISTED = ("cursor", "limit")
"""What every list in pages has."""
EXAMPLE = "0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045"
_ADDRESS = {"type": "string", "pattern": "^0[xX][0-9a-fA-F]{40}$", "examples": [EXAMPLE]}
_DECIMAL = {"type": "string", "pattern": f"^{NUMBER}$"}
_NAME = {"type": "string", "minLength": 1}

PARAMETERS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "account": ("address of the account, in any case", _ADDRESS),
    "asset": ("address, or symbol of what is pledged or a claim", _NAME | {"examples": ["wstETH"]}),
    "cursor": (
        "the `next` of the page before: it belongs to one block (410 once that is not the newest)",
        {"type": "string", "pattern": "^0x[0-9a-f]{64}:[0-9]{1,12}$"},
    ),
    "format": (
        "`csv`: all rows of one block as a table, however many (so without cursor and limit)",
        {"type": "string", "enum": ["json", "csv"], "default": "json"},
    ),
    "kind": ("only loops of this kind", {"type": "string", "enum": [str(one) for one in LoopKind]}),
    "limit": ("rows", {"type": "integer", "minimum": 1, "maximum": MOST_ROWS, "default": 100}),
    "liquidatable": (
        "only those that are, or are not; unknown ones come along",
        {"type": "boolean"},
    ),
    "market": ("name of a configured market", _NAME | {"examples": ["aave-core"]}),
    "min_debt_usd": (
        "only from this debt up; what is unknown is never left out",
        _DECIMAL | {"examples": ["1000.00"]},
    ),
    "min_leverage": (
        "only from this leverage up; a loop whose leverage is unknown is never left out",
        _DECIMAL | {"examples": ["2.5"]},
    ),
    "owner": ("address of who is behind it, in any case", _ADDRESS),
    "scenario": ("name of a configured scenario", _NAME | {"examples": ["eth-crash"]}),
}


def parameter(name: str, place: str) -> dict[str, Any]:
    """One as OpenAPI has it. `place`: path or query."""
    text, schema = PARAMETERS[name]
    return {
        "name": name,
        "in": place,
        "required": place == "path",
        "description": text,
        "schema": dict(schema),
    }
