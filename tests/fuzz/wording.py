"""A script as text that a person can read: who calls what, with which arguments, and when."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from devnet import ADMIN, Address, Tx
from devnet.abi import Function, function
from devnet.artifacts import compiled
from devnet.chain import MULTICALL3
from eth_abi import abi as eth_abi
from eth_abi.exceptions import DecodingError

from fuzz.cast import Cast
from fuzz.people import TREASURY, UMBRELLA, actors, flash_receiver
from fuzz.script import Act, Die, Mine, Reorg, Resume, Rollback, Script, Step

UNCOMPILED = (
    "aggregate3((address,bool,bytes)[])",
    "exactInput((bytes,address,uint256,uint256,uint256))",
)
"""Functions of contracts whose interface comes without their code."""
MAX_UINT256 = 2**256 - 1


class Wording:
    """Names addresses by what they are in this play."""

    def __init__(self, cast: Cast) -> None:
        at = cast.world.addresses
        self._names: dict[Address, str] = {
            **{who: f"fuzz-{number}" for number, who in enumerate(actors())},
            **{ADMIN: "admin", UMBRELLA: "umbrella", TREASURY: "treasury"},
            **{MULTICALL3: "Multicall3", flash_receiver(): "flash-receiver"},
            **{at.reporter: "FeedReporter", at.arbitrageur: "Arbitrageur"},
        }
        for prefix, book in (
            ("", at.tokens),
            ("feed-of-", at.feeds),
            ("aggregator-of-", at.aggregators),
        ):
            self._names |= {address: f"{prefix}{symbol}" for symbol, address in book.items()}
        for venue in cast.venues:
            self._names |= venue.names

    def lines(self, script: Script) -> list[str]:
        return [
            line
            for number, step in enumerate(script, 1)
            for line in self._step(f"{number:>3}. ", step)
        ]

    def _step(self, label: str, step: Step) -> Iterator[str]:
        match step:
            case Mine(at_unix, acts):
                yield f"{label}a block dated {at_unix}{'' if acts else ', empty'}"
                for act in acts:
                    yield from self._act(act)
            case Rollback(depth, awaited):
                wait = ", and the monitor notices" if awaited else ""
                yield f"{label}the newest {depth} blocks are rolled back{wait}"
            case Reorg(depth, placed):
                yield f"{label}anvil_reorg replaces the newest {depth} blocks"
                for place, act in placed:
                    yield f"       in the new block {place}:"
                    yield from self._act(act)
            case Die():
                yield f"{label}an empty block 12 s later, and the monitor is killed"
            case Resume():
                yield f"{label}the monitor starts again from its store"

    def _act(self, act: Act) -> Iterator[str]:
        tx = act.tx
        yield f"       {act.verb}: {self._name(tx.sender)} calls {self._call(tx.to, tx.data)}"
        for to, data in _bundled(tx):
            yield f"           {self._call(to, data)}"

    def _call(self, to: Address | None, data: bytes) -> str:
        known = _functions().get(data[:4])
        if known is None or to is None:
            return f"{self._name(to)} with 0x{data.hex()}"
        try:
            values = eth_abi.decode(known.inputs, data[4:])
        except DecodingError:
            return f"{self._name(to)} with 0x{data.hex()}"
        if known.name == "aggregate3":
            return f"{self._name(to)}.aggregate3 of {len(values[0])} calls:"
        return f"{self._name(to)}.{known.name}({', '.join(map(self._value, values))})"

    def _value(self, value: Any) -> str:
        if isinstance(value, tuple | list):
            return f"[{', '.join(map(self._value, value))}]"
        if isinstance(value, bytes):
            return f"0x{value.hex()}"
        if isinstance(value, str):
            return self._names.get(value, value if value.startswith("0x") else repr(value))
        return "MAX" if value == MAX_UINT256 else str(value)

    def _name(self, address: Address | None) -> str:
        return "nobody" if address is None else self._names.get(address, address)


def _bundled(tx: Tx) -> list[tuple[Address, bytes]]:
    """The calls within a Multicall3's aggregate3."""
    bundle = function(UNCOMPILED[0])
    if tx.to != MULTICALL3 or tx.data[:4] != bundle.selector:
        return []
    [calls] = eth_abi.decode(bundle.inputs, tx.data[4:])
    return [(to, data) for to, _, data in calls]


@cache
def _functions() -> Mapping[bytes, Function]:
    """Every function of the local chain's contracts, by selector."""
    known = [function(signature) for signature in UNCOMPILED]
    for contract in compiled().values():
        for item in contract["abi"]:
            if item["type"] == "function":
                inputs = tuple(_type(field) for field in item["inputs"])
                known.append(Function(item["name"], inputs, ()))
    return {each.selector: each for each in known}


def _type(field: Mapping[str, Any]) -> str:
    kind: str = field["type"]
    if not kind.startswith("tuple"):
        return kind
    inner = ",".join(_type(part) for part in field["components"])
    return f"({inner}){kind.removeprefix('tuple')}"
