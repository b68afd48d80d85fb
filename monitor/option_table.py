"""Every key of the configuration on a line: `python -m monitor.option_table` is the document."""

import sys
from collections.abc import Iterator, Mapping
from decimal import Decimal
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

from pydantic import BaseModel, SecretStr

from monitor import grammar
from monitor.environment import PREFIX
from monitor.schema import SECRETS
from monitor.settings import Settings, models_in

WORDS = {
    grammar.HexAddress: "address",
    grammar.CodeHash: "hash",
    grammar.ViewName: "view",
    grammar.Name: "name",
    grammar.EndpointUrl: "URL",
    grammar.ReceiverUrl: "URL",
    grammar.WebhookUrl: "URL",
    grammar.StoreUrl: "URL",
    grammar.Shock: "number | text",
}
"""What the grammar's own types are called."""
FILLED_IN = {
    "store.state_dir": "`$STATE_DIRECTORY`, else `~/.local/state/cascade-monitor`",
    "snapshots.dir": "`snapshots` in `store.state_dir`",
    "webhooks[].name": "its number, from 0",
    "watch[].name": "watch-0, watch-1, …",
}
"""Defaults that the schema does not have: they depend on where a table stands or who runs it."""
BEGINNING = """# Options

Written by `make options` from the settings themselves; a test keeps it in step. `check` names every
unknown key and every value that does not fit, all at once.

A variable overrides the file. In a list of tables the number is part of it, from 0
(`CASCADE_MONITOR_WEBHOOKS__1__URL`); `<NAME>` is a name of yours. A value that begins with `[` or
`{` is JSON: lists, and tables such as `shocks`. Each `…_file` is read once, at the start: a secret
on a line, several lines where several are allowed. A relative path begins where the configuration
lies; under systemd a credential of that name is found too. `CASCADE_MONITOR_CONFIG` stands for
`--config`, `CASCADE_MONITOR_LOG` (`debug`, `info`, `warning`) says how much is logged.
"""
SHOCKS = """
Shocks: `WETH = -0.3` a price · `"peg:wstETH/WETH" = -0.05` a price against another ·
`"oracle:aave-core/wstETH" = -0.0285` a report · `"rate:aave-core/WETH" = "1.0@30d"` a utilisation
held · `"parameter:aave-core/WETH.liquidation_threshold_bps" = 8000` a risk parameter ·
`"liquidity:WETH" = 0.5` (or `liquidity:*`) a factor of depth · `gas = 10` a factor of liquidators'
cost. A name is one of `[assets]`, else a symbol that one asset alone has, else an address.
"""


class Row(NamedTuple):
    """One key of the configuration, for a table of them."""

    key: str
    type: str
    default: str
    description: str

    @property
    def table(self) -> str:
        """`markets[]` of `markets[].name`."""
        return self.key.rpartition(".")[0]

    @property
    def variable(self) -> str:
        """Of the environment."""
        path = self.key.replace("[]", ".<n>").split(".")
        return PREFIX + "__".join(path).upper().replace("<N>", "<n>")


def describe(model: type[BaseModel] = Settings, at: str = "") -> Iterator[Row]:
    """Every key, in order; `[]` marks a list of tables, `<name>` a name of the user's own."""
    hints = get_type_hints(model, include_extras=True)
    for name, field in model.model_fields.items():
        key = f"{at}{name}"
        inner = models_in(field.annotation)
        if inner:
            container = get_origin(field.annotation)
            mark = "[]" if container is tuple else ".<name>" if container is Mapping else ""
            yield from describe(inner[0], f"{key}{mark}.")
            continue
        default = "required" if field.is_required() else _text(field.default)
        default = FILLED_IN.get(key, default)
        yield Row(key, _type_name(hints[name]), default, field.description or "")
        if tuple(key.replace("[]", "").split(".")) in SECRETS:
            instead = "required, or the key above" if default == "required" else ""
            yield Row(f"{key}_file", "path", instead, f"file that holds `{name}`")


def document() -> str:
    """deploy/OPTIONS.md: each key once, grouped by its table."""
    fields = Settings.model_fields
    parts = [BEGINNING]
    rows = sorted(describe(), key=lambda row: _place(row.table))
    for table, group in groupby(rows, key=lambda row: row.table):
        told = fields[table.partition(".")[0].removesuffix("[]")].description
        parts.append(f"\n## `{_heading(table)}`\n")
        if _is_whole(table):
            parts.append(f"{str(told).capitalize()}.\n\n")
        else:
            parts.append("\n")
        parts.append("| key | type | default | | variable |\n|---|---|---|---|---|\n")
        parts += [_line(row) for row in group]
        parts.append(SHOCKS if table == "scenarios.<name>" else "")
    return "".join(parts)


def _line(row: Row) -> str:
    key = row.key.rpartition(".")[2]
    kind = row.type.replace(" | ", ", ")
    return f"| `{key}` | {kind} | {row.default} | {row.description} | `{row.variable}` |\n"


def _heading(table: str) -> str:
    """As it stands in the file: `[[markets]]`, `[assets.<name>]`, `[[breakers.also]]`."""
    plain = table.replace("[]", "")
    return f"[[{plain}]]" if table.endswith("[]") else f"[{plain}]"


def _is_whole(table: str) -> bool:
    """Whether it stands at the top of the configuration, not within another."""
    return "." not in table.replace(".<name>", "")


def _place(table: str) -> tuple[int, bool]:
    """Of a table among the others: as in the schema, what is within one behind it."""
    top = table.partition(".")[0].removesuffix("[]")
    return list(Settings.model_fields).index(top), not _is_whole(table)


def _text(default: Any) -> str:
    match default:
        case None | ():
            return ""
        case SecretStr():
            return default.get_secret_value()
        case tuple():
            return ", ".join(default)
        case bool():
            return str(default).lower()
        case _:
            return str(default)


def _type_name(annotation: Any) -> str:
    for known, word in WORDS.items():
        if annotation == known:
            return word
    if get_origin(annotation) is Literal:
        return " | ".join(get_args(annotation))
    names = {bool: "boolean", int: "integer", float: "number", Decimal: "number", Path: "path"}
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return " | ".join(annotation)
    if get_origin(annotation) is Mapping:
        return "table"
    if get_origin(annotation) is tuple:
        return f"list of {_type_name(get_args(annotation)[0])}s"
    parts = [part for part in get_args(annotation) if part is not NoneType]
    if get_origin(annotation) is Annotated:
        parts = parts[:1]
    return " | ".join(dict.fromkeys(map(_type_name, parts))) or names.get(annotation, "text")


if __name__ == "__main__":
    sys.stdout.write(document())
