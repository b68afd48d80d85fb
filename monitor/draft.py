"""A configuration as text, table by table. What is not there is left out: a comment says why.

Comments and order stay as they were. Whoever named what is left out is left out with it: a breaker
whose scenario went, a scenario whose asset or market went.
"""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from monitor.core.units import Address, address

HEADER = re.compile(r"\[\[?([\w-]+)(?:\.([\w-]+))?\]\]?")
CONTRACTS = (
    "address",
    "token",
    "underlying",
    "rate_source",
    "pool",
    "asset",
    "quote",
    "price_feed",
)
"""Keys of a table whose values must be contracts. Accounts of people need not be."""
ENDPOINTS = "credentials/endpoints"
"""Where URLs with keys in them go, beside the configuration."""


@dataclass(frozen=True, slots=True)
class Part:
    """A table of the file, with its comments; or, without a `section`, the text between two."""

    lines: tuple[str, ...]
    section: str = ""
    name: str = ""

    @property
    def content(self) -> Mapping[str, Any]:
        """The table's keys; none of text."""
        return _content(self.lines) if self.section else {}

    @property
    def title(self) -> str:
        """How it is called where people read it: `[[markets]] spark`, `[assets.WETH]`."""
        header = self.lines[0].partition("#")[0].strip()
        return header if f".{self.name}]" in header else f"{header} {self.name}".rstrip()

    @property
    def contracts(self) -> tuple[Address, ...]:
        """Addresses in it that must have code."""
        content = self.content
        return tuple(address(content[key]) for key in CONTRACTS if _is_address(content.get(key)))


def parts_in(text: str) -> list[Part]:
    """A table ends with the first empty line, or the first comment at the beginning of a line."""
    parts: list[Part] = []
    lines: list[str] = []
    is_table = False
    for line in text.splitlines():
        begins = HEADER.match(line) is not None
        if begins or (is_table and (not line or line.startswith("#"))):
            parts += [_part(lines)] if lines else []
            lines, is_table = [], begins
        lines.append(line)
    return [*parts, _part(lines)] if lines else parts


def _part(lines: Sequence[str]) -> Part:
    header = HEADER.match(lines[0])
    if header is None:
        return Part(tuple(lines))
    section, name = header.groups()
    if not name:
        content = _content(lines)
        name = content.get("name") or content.get("token") or content.get("pool") or ""
    return Part(tuple(lines), section, name)


def _content(lines: Sequence[str]) -> dict[str, Any]:
    """`{"markets": [{…}]}` and `{"assets": {"WETH": {…}}}` → {…}"""
    tree: Any = tomllib.loads("\n".join(lines))
    header = HEADER.match(lines[0])
    for key in header.groups() if header else ():
        tree = tree[key] if key else tree
        tree = tree[0] if isinstance(tree, list) else tree
    return dict(tree)


def text_of(parts: Sequence[Part], reasons: Mapping[int, str]) -> str:
    """The file again. `reasons`: by the place of a part, why it is left out."""
    lost = {parts[at].name for at in reasons if parts[at].section == "assets"}
    lines: list[str] = []
    for at, part in enumerate(parts):
        if at in reasons:
            # A node's words may be in it: on a line of their own they would be configuration.
            reason = "".join(c if c.isprintable() else " " for c in reasons[at])
            lines += [f"# Left out: {reason}.", *(f"# {line}".rstrip() for line in part.lines)]
        elif part.section == "assets":
            lines += [_without_names(line, lost) for line in part.lines]
        else:
            lines += part.lines
    return "\n".join(lines) + "\n"


def consequences(parts: Sequence[Part], reasons: Mapping[int, str]) -> dict[int, str]:
    """The reasons, and those of all that named what is left out."""
    found = dict(reasons)
    while True:
        lost: dict[str, set[str]] = {}
        for at in found:
            lost.setdefault(parts[at].section, set()).add(parts[at].name)
        more = {
            at: reason
            for at, part in enumerate(parts)
            if at not in found and (reason := _bereft(part, lost))
        }
        if not more:
            return found
        found |= more


def _bereft(part: Part, lost: Mapping[str, set[str]]) -> str:
    """Of what is left out a table cannot do without; empty where it can."""
    content = part.content
    markets, assets = lost.get("markets", set()), lost.get("assets", set())
    needed: dict[str, set[str]] = {}
    match part.section:
        case "scenarios":
            needed = {"assets": _named(content) & assets, "markets": _named(content) & markets}
        case "breakers":
            needed = {"scenarios": {content.get("scenario", "")} & lost.get("scenarios", set())}
            needed["markets"] = set(content.get("markets", ())) & markets
        case "guardians":
            needed = {"markets": {content.get("market", "")} & markets}
            needed["assets"] = set(content.get("assets", ())) & assets
        case "watch":
            needed = {"markets": set(content.get("markets", ())) & markets}
        case "webhooks":
            rest = lost.get("breakers", set()) | lost.get("watch", set())
            needed = {"breakers": set(content.get("breakers", ())) & rest}
    missing = [f"{section}.{name}" for section, names in needed.items() for name in sorted(names)]
    return f"it needs {', '.join(missing)}, left out as well" if missing else ""


def _named(scenario: Mapping[str, Any]) -> set[str]:
    """Assets and markets that its shocks or its curve name: `WETH`, `peg:wstETH/WETH`."""
    shocks: Mapping[str, Any] = scenario.get("shocks", {})
    names = {word for key in shocks for word in re.split(r"[:/.]", key)}
    return names | {str(scenario.get("curve", {}).get("asset", ""))}


def _without_names(line: str, lost: set[str]) -> str:
    names = re.findall(r'"([^"]*)"', line)
    if not line.startswith("correlated_with") or not lost & set(names):
        return line
    return f"correlated_with = {json.dumps([name for name in names if name not in lost])}"


def filled_in(text: str, chain_id: int, urls: Sequence[str] | None) -> str:
    """With the chain's number and its endpoints; `urls` None: those of the file `ENDPOINTS`."""
    told = f'endpoints_file = "{ENDPOINTS}"    # a URL a line, preferred first; chmod 600'
    if urls is not None:
        told = f"endpoints = {json.dumps(list(urls))}"
    return "\n".join(_filled(text.splitlines(), chain_id, told)) + "\n"


def _filled(lines: Sequence[str], chain_id: int, endpoints: str) -> Iterator[str]:
    for line in lines:
        if re.match(r"chain_id = ", line):
            yield re.sub(r"= \d+", f"= {chain_id}", line, count=1)
        elif re.match(r"endpoints(_file)? = ", line):
            yield endpoints
        else:
            yield line


def _is_address(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"0x[0-9a-fA-F]{40}", value) is not None
