"""The ledger against the contracts at one block hash: what is asked, and what differs.

A difference is believed when the same block tells it twice: a node that takes a view's state from a
later block than it was asked for (anvil 1.7.1 does while it mines the next) looks the same once.
"""

import asyncio
import heapq
import re
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from monitor.core.blocks import BlockRef
from monitor.core.events import Place
from monitor.core.inspection import Entry, Inspection, Told
from monitor.core.ledger import LedgerView
from monitor.core.ports import ContractReader, Readings, ViewFailed
from monitor.core.units import WAD, Address, MarketId, Wad
from monitor.errors import RpcInconsistent

AGAIN_SECONDS = 1
"""How long after the first sight of a difference it is looked for again."""
MOST_TOLD = 8
"""Accounts that the reasons name."""
_NAMED = re.compile(r"^([^\s/]+)(?:/(\S+))? (0x[0-9a-f]{40}): ")


class Audited(Protocol):
    """A market whose positions can be held against its contracts."""

    @property
    def market(self) -> MarketId: ...

    @property
    def inspection(self) -> Inspection: ...


class Candidate(NamedTuple):
    """A position that may be compared. No health: it owes nothing, or it is not known."""

    place: Place
    health_wad: Wad | None


@dataclass(frozen=True, slots=True)
class Question:
    """A position with all that the ledger says of it."""

    place: Place
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """`expected` is the contracts' word, `found` the ledger's."""

    place: Place
    what: str
    expected: str
    found: str

    def __str__(self) -> str:
        """`places_named` reads the place from it again."""
        market, account, sub_market = self.place
        where = f"{market}/{sub_market}" if sub_market else market
        return (
            f"{where} {account}: {self.what}: expected {self.expected} (contracts), found "
            f"{self.found} (ledger)"
        )


@dataclass(frozen=True, slots=True)
class Comparison:
    """Positions held against the contracts at a block. `unknown`: values the ledger has not."""

    block: BlockRef
    places: tuple[Place, ...]
    values: int
    unknown: int
    differences: tuple[Difference, ...]

    def wrong(self) -> frozenset[Place]:
        return frozenset(difference.place for difference in self.differences)


class Chosen(NamedTuple):
    """Positions to compare."""

    nearest: tuple[Place, ...]
    in_turn: tuple[Place, ...]


Order = tuple[str, str, str]
"""Where a position stands among all: account, market, sub-market."""


def order_of(place: Place) -> Order:
    return place.account, place.market, place.sub_market


def order_at(block: BlockRef) -> Order:
    """Somewhere among all positions, by the block's hash: any place is as likely."""
    return block.hash[: len("0x") + 40], "", ""


def chosen_of(
    candidates: Sequence[Candidate], count: int, after: Order, without: Set[Place] = frozenset()
) -> Chosen:
    """Half of `count` nearest to health 1, the rest those that come after `after`, round and round.

    Follows from its arguments alone, in whatever order the candidates are.
    """
    owing = (
        (abs(health - WAD), order_of(place), place)
        for place, health in candidates
        if health is not None and place not in without
    )
    nearest = tuple(place for *_, place in heapq.nsmallest(count // 2, owing))
    taken = {*nearest, *without}
    places = [place for place, _ in candidates if place not in taken]
    in_turn = heapq.nsmallest(
        count - len(nearest), places, key=lambda place: (order_of(place) <= after, order_of(place))
    )
    return Chosen(nearest, tuple(in_turn))


def places_named(reasons: Iterable[str]) -> Iterator[Place]:
    """The positions of differences, as `Difference` words them."""
    for reason in reasons:
        if found := _NAMED.match(reason):
            market, sub_market, account = found.groups(default="")
            yield Place(MarketId(market), Address(account), sub_market)


def questions_of(
    markets: Iterable[Audited], view: LedgerView, places: Iterable[Place], at_unix: int
) -> tuple[Question, ...]:
    """They hold nothing of the view, which may move on. Raises LedgerCorrupt."""
    inspections = {market.market: market.inspection for market in markets}
    return tuple(
        Question(place, inspections[place.market].entries(view, place, at_unix))
        for place in places
        if place.market in inspections
    )


async def compared(
    reader: ContractReader, block: BlockRef, questions: Sequence[Question]
) -> Comparison:
    """Raises what a ContractReader raises: then nothing is known, which is no difference."""
    differences = await _differing(reader, block, questions)
    if differences:
        await asyncio.sleep(AGAIN_SECONDS)
        doubted = {difference.place for difference in differences}
        again = [question for question in questions if question.place in doubted]
        first, differences = set(differences), await _differing(reader, block, again)
        if news := [str(difference) for difference in differences if difference not in first]:
            raise RpcInconsistent(
                f"block {block.number} was told in two ways: at first without this: {news[0]}"
            )
    entries = [entry for question in questions for entry in question.entries]
    unknown = sum(1 for entry in entries if entry.unknown)
    places = tuple(question.place for question in questions)
    return Comparison(block, places, len(entries) - unknown, unknown, differences)


async def _differing(
    reader: ContractReader, block: BlockRef, questions: Sequence[Question]
) -> tuple[Difference, ...]:
    entries = [(question.place, entry) for question in questions for entry in question.entries]
    calls = list(dict.fromkeys(call for _, entry in entries for call in entry.calls))
    told = dict(zip(calls, await reader.read(block, calls), strict=True)) if calls else {}
    return tuple(
        Difference(place, entry.what, _shown(theirs), _shown(entry.ours))
        for place, entry in entries
        if not entry.unknown
        for theirs in (_theirs(entry, told),)
        if theirs != entry.ours
    )


def _theirs(entry: Entry, told: Readings) -> Told:
    answers = []
    for call in entry.calls:
        answer = told[call]
        if isinstance(answer, ViewFailed):
            return f"a revert ({answer.reason})"
        answers.append(answer)
    return entry.read(answers)


def _shown(value: Told) -> str:
    return "none" if value is None else str(value)


class Auditor:
    """Which positions come next, and on which the two sides differ. Asks nothing itself.

    Of every round a half is nearest to health 1; the rest come one after the other, so that every
    position has its turn. Those that differed come again each time, until they are equal.
    """

    def __init__(self, accounts: int) -> None:
        """`accounts`: how many positions a round compares."""
        self._accounts = accounts
        self._last: Order = ("", "", "")
        self._has_begun = False
        self._wrong: dict[Place, tuple[Difference, ...]] = {}
        self._recalled: tuple[Place, ...] | None = None
        self._block: BlockRef | None = None

    def recall(self, reasons: Iterable[str], markets: Set[MarketId]) -> None:
        """Begin with what an earlier daemon said: who was named there is looked at first."""
        self._recalled = tuple(place for place in places_named(reasons) if place.market in markets)

    def choose(self, candidates: Sequence[Candidate], block: BlockRef) -> tuple[Place, ...]:
        """The next to compare; may be called beside the event loop."""
        if not self._has_begun:
            # Somewhere else after every start, or who restarts often never comes far.
            self._last, self._has_begun = order_at(block), True
        suspects = [*(self._recalled or ()), *self._wrong][: self._accounts]
        chosen = chosen_of(candidates, self._accounts, self._last, frozenset(suspects))
        if chosen.in_turn:
            self._last = order_of(chosen.in_turn[-1])
        return (*suspects, *chosen.nearest, *chosen.in_turn)

    def take(self, comparison: Comparison) -> tuple[Place, ...]:
        """Note what was found; the positions that differ and did not before, in order."""
        self._block = comparison.block
        self._recalled = tuple(p for p in self._recalled or () if p not in comparison.places)
        known = set(self._wrong)
        by_place: dict[Place, list[Difference]] = {}
        for difference in comparison.differences:
            by_place.setdefault(difference.place, []).append(difference)
        for place in comparison.places:
            # To the end of the line: where many differ, all have their turn to be looked at again.
            self._wrong.pop(place, None)
            if place in by_place:
                self._wrong[place] = tuple(by_place[place])
        return tuple(place for place in by_place if place not in known)

    @property
    def reasons(self) -> tuple[str, ...] | None:
        """Why the ledger is not to be trusted; None until who was named before was looked at."""
        if not self._wrong or self._block is None:
            return () if self._recalled == () else None
        many = len(self._wrong)
        told = [str(found[0]) for found in self._wrong.values()]
        if many > MOST_TOLD:
            told = [*told[:MOST_TOLD], f"and {many - MOST_TOLD} positions more: see the log"]
        return (
            f"positions on which the ledger differs from the contracts: {many} (block "
            f"{self._block.number}). Build it anew (cascade-monitor store rebuild --config F), and "
            "report this with the block's number",
            *told,
        )
