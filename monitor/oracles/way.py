"""The way of a price: from the contract a market asks down to those that ask no other."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace

from monitor.core.ports import Readings, ViewCall
from monitor.core.prices import Edge, PriceKind
from monitor.core.units import Address
from monitor.oracles.families import AGGREGATOR, PROXY, VAULT
from monitor.oracles.family import (
    ROUND,
    Facts,
    Family,
    Result,
    Said,
    Views,
    input_of,
    number,
    updated_unix,
)
from monitor.oracles.recognition import DEEPEST, Feeds, facts_of, family_of, shown

UNRECOGNISED = "not recognised: taken to follow the market"
NOT_FOLLOWED = "not followed: it reads itself, or stands too deep or among too many"
MOST_EDGES = 64
"""Of one way: what branches at every step is no price."""
RATE_WORDS = ("exchange rate", "exchange-rate")
"""In the description of a Chainlink feed that reports a rate, not a market."""
RATE_PROVIDER = "rate provider"


@dataclass(frozen=True, slots=True)
class Cadence:
    """When a feed is due: after so long, or when the market is so far off. Not told on chain."""

    heartbeat_seconds: int | None = None
    deviation_ppm: int | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A contract, what it answered to who asked, and what that one takes it for."""

    contract: Address
    answer: int | None
    exponent: int = 1
    kind: PriceKind | None = None
    answered_unix: int | None = None


class Ways:
    """Ways at one block."""

    def __init__(
        self,
        views: Views,
        feeds: Feeds,
        readings: Readings,
        cadences: Mapping[Address, Cadence],
    ) -> None:
        self._views = views
        self._feeds = feeds
        self._readings = readings
        self._cadences = cadences

    def path(self, root: Asked, within: Set[Address]) -> tuple[Edge, ...]:
        """A contract and those behind it, root first, each followed by what it reads.

        What is not `within` may be known, but is not what this way is read by.
        """
        found: list[Edge] = []
        waiting: list[tuple[Asked, tuple[Address, ...]]] = [(root, ())]
        while waiting:
            asked, trail = waiting.pop()
            contract = asked.contract
            is_cut = contract not in within or len(trail) >= DEEPEST or len(found) >= MOST_EDGES
            if is_cut or contract in trail:
                found.append(self._leaf(replace(asked, kind=None), NOT_FOLLOWED))
                continue
            edges, inputs = self._look(asked)
            found += edges
            waiting += ((one, (*trail, contract)) for one in reversed(inputs))
        return tuple(found)

    def _look(self, asked: Asked) -> tuple[tuple[Edge, ...], Sequence[Asked]]:
        """One contract: its edge, that of an aggregator behind it, and what else it asks."""
        feed = self._feeds.get(asked.contract)
        family, is_rate = family_of(feed), asked.kind is PriceKind.EXCHANGE_RATE
        if family is None or (family.name == VAULT and not is_rate):
            return (self._leaf(asked, RATE_PROVIDER if is_rate else UNRECOGNISED),), ()
        if family.name == PROXY:
            return self._proxied(asked, family), ()
        return self._read(asked, family, facts_of(feed))

    def _read(
        self, asked: Asked, family: Family, facts: Facts
    ) -> tuple[tuple[Edge, ...], Sequence[Asked]]:
        """The edge of a contract that is known, and what it asks."""
        inputs: list[Asked] = []
        said: dict[str, int] = {}
        named: dict[str, Address] = {}
        for slot in family.slots:
            to, call = input_of(slot, facts), self._views.input_call(asked.contract, slot, facts)
            if to is None or call is None:
                continue
            answer, at_unix = number(self._readings, call), updated_unix(self._readings, call)
            named[slot.getter] = to
            inputs.append(Asked(to, answer, slot.exponent * asked.exponent, slot.kind, at_unix))
            if answer is not None:
                said[slot.getter] = answer
        said |= self._moving(asked.contract, family)
        result = _result(family, facts, said)
        fault = _fault(asked, result, said)
        round_call = self._views.call(asked.contract, ROUND)
        edge = Edge(
            source=asked.contract,
            kind=None if fault else _kind(family, named),
            what=_title(family.title, facts.get("description")),
            reads=tuple(named.values()),
            exponent=asked.exponent,
            answer=asked.answer,
            decimals=_whole(facts.get("decimals")),
            answered_unix=asked.answered_unix or updated_unix(self._readings, round_call),
            uncapped=None if result is None else result.uncapped,
            cap=None if result is None else result.cap,
            binds=None if result is None else result.binds,
            cap_reads=tuple(named[slot] for slot in family.cap_reads if slot in named),
            fault=fault,
        )
        return (self._paced(edge, asked.contract),), inputs

    def _proxied(self, asked: Asked, family: Family) -> tuple[Edge, ...]:
        """A proxy, and the aggregator behind it now, which is asked by way of it alone."""
        proxy, readings = asked.contract, self._readings
        told = {n: _first(readings, self._views.call(proxy, n)) for n in family.moving}
        said = self._moving(proxy, family)
        behind = told[AGGREGATOR]
        aggregator = Address(behind) if isinstance(behind, str) else None
        text = _text(told["description"])
        is_rate = any(words in text.lower() for words in RATE_WORDS)
        fault = _fault(asked, _result(family, {}, said), said)
        edge = Edge(
            source=proxy,
            kind=None if fault else PriceKind.EXCHANGE_RATE if is_rate else PriceKind.MARKET,
            what=f"{family.title}, phase {said.get('phaseId', 'unknown')}",
            reads=() if aggregator is None else (aggregator,),
            exponent=asked.exponent,
            answer=asked.answer,
            decimals=said.get("decimals"),
            answered_unix=updated_unix(readings, self._views.call(proxy, ROUND)),
            fault=fault,
        )
        if aggregator is None:
            return (self._paced(edge, proxy),)
        leaf = replace(edge, source=aggregator, what=text or AGGREGATOR, reads=())
        return edge, self._paced(leaf, aggregator, proxy)

    def _moving(self, contract: Address, family: Family) -> dict[str, int]:
        """The numbers a contract told of itself."""
        answers = (
            (n, number(self._readings, self._views.call(contract, n))) for n in family.moving
        )
        return {name: answer for name, answer in answers if answer is not None}

    def _leaf(self, asked: Asked, what: str) -> Edge:
        edge = Edge(
            source=asked.contract,
            kind=asked.kind,
            what=what,
            exponent=asked.exponent,
            answer=asked.answer,
            answered_unix=asked.answered_unix,
        )
        return self._paced(edge, asked.contract)

    def _paced(self, edge: Edge, *names: Address) -> Edge:
        """With the cadence that the user told of it."""
        cadence = next((self._cadences[n] for n in names if n in self._cadences), None)
        if cadence is None:
            return edge
        return replace(
            edge,
            heartbeat_seconds=cadence.heartbeat_seconds,
            deviation_ppm=cadence.deviation_ppm,
        )


def _kind(family: Family, named: Mapping[str, Address]) -> PriceKind:
    """A composition of nothing is a constant."""
    is_empty = bool(family.slots) and not named
    return PriceKind.FIXED if is_empty else family.kind


def _result(family: Family, facts: Facts, said: Said) -> Result | None:
    """What the contract's arithmetic comes to; None where that cannot be told."""
    if family.result is None:
        return None
    try:
        return family.result(facts, said)
    except (LookupError, ArithmeticError):
        return None


def _fault(asked: Asked, result: Result | None, said: Said) -> str:
    """How the contract differs from its kind."""
    if result is None or asked.answer is None:
        return ""
    if asked.answer != result.answer:
        return f"it answers {asked.answer}, where what it reads makes {result.answer}"
    is_capped = said.get("isCapped")
    if result.binds is not None and is_capped is not None and bool(is_capped) != result.binds:
        return f"it says isCapped() {bool(is_capped)}, where what it reads makes {result.binds}"
    return ""


def _title(title: str, description: object) -> str:
    return f"{title}: {description}" if description else title


def _text(told: object) -> str:
    return shown(told) if isinstance(told, str) else ""


def _whole(told: object) -> int | None:
    return told if isinstance(told, int) else None


def _first(readings: Readings, call: ViewCall) -> object:
    found = readings.get(call)
    return found[0] if isinstance(found, tuple) else None
