"""What a block costs in owners, trails and loops, against finding all of them anew.

200 accounts borrow, repay or pledge again what they borrowed, every price moves a little, and the
money is followed by its transfers. Nothing here talks to a node: what accounts answer and which
tokens move is made up, and costs both arms the same.
"""

import random
import time
from collections.abc import Iterator, Sequence
from fractions import Fraction

from builders import a_block, an_address

from benchmarks.kinds_of_loops import kind_rows
from benchmarks.looped_market import (
    DOLLARS,
    PAIRED,
    POOLED,
    POOLED_POSITIONS,
    POSITIONS,
    PROXY_CODE,
    account,
    controllers,
    prices,
    records,
)
from benchmarks.timing import Row, at_most, interleaved, millis, ratio
from monitor.core.blocks import BlockRef, RawLog
from monitor.core.delta import apply, collapse
from monitor.core.events import CollateralChanged, DebtChanged, Place
from monitor.core.keys import OBSERVED, Kind, position_key
from monitor.core.ledger import Ledger, Position, find
from monitor.core.overlay import Overlay
from monitor.core.ports import Code, ViewCall, ViewResult
from monitor.core.trails import Trail
from monitor.core.transfers import TRANSFER, topic_of
from monitor.core.units import RAY, WAD, Address, AssetId, MarketId, Ray, ScaledAmount
from monitor.engine.ownership import KnownAccounts
from monitor.engine.recursion import Recursion, Rules
from monitor.engine.reducer import reduce_all
from monitor.engine.standings import Moved
from monitor.leverage.account_code import known_code
from monitor.leverage.steps import FlowTerms
from monitor.library import abi_library
from monitor.protocols.registry import PROTOCOLS, MarketPlan, ProtocolMarket

TOUCHED = 200
ROUNDS = 5
POOL = an_address("pool")
PROXY, NOTHING = Code(PROXY_CODE, b"proxy"), Code("", b"")


class MadeUp:
    """A node that knows who obeys whom, and the transfers of the block that is folded."""

    def __init__(self) -> None:
        self._obeyed = controllers()
        self.logs: tuple[RawLog, ...] = ()

    async def codes(self, at: BlockRef, accounts: Sequence[Address]) -> list[Code]:
        return [PROXY if account in self._obeyed else NOTHING for account in accounts]

    async def storage(self, at: BlockRef, slots: Sequence[tuple[Address, int]]) -> list[int]:
        return [0] * len(slots)

    async def read(self, at: BlockRef, calls: Sequence[ViewCall]) -> list[ViewResult]:
        return [(self._obeyed[call.to],) for call in calls]

    async def transfers_of(
        self, block: BlockRef, accounts: frozenset[Address]
    ) -> tuple[RawLog, ...]:
        known = {topic_of(account) for account in accounts}
        return tuple(log for log in self.logs if not known.isdisjoint(log.topics))


async def recursing_rows() -> list[Row]:
    """At most 5 % (issue), and both come to the same records."""
    dice = random.Random(5)
    ledger = Ledger(dict(records(dice)))
    block = a_block()
    node = MadeUp()
    kept = _recursion(node)
    kept.begin(ledger)
    await _fold(kept, ledger, block, Overlay(ledger), ())
    differences = 0

    async def whole() -> float:
        fresh = _recursion(MadeUp())
        overlay = Overlay(ledger)
        started = time.process_time()
        fresh.begin(ledger)
        await fresh.fold(block, overlay, ())
        seconds = time.process_time() - started
        nonlocal differences
        differences += sum(key.kind in OBSERVED for key, _, _ in overlay.written())
        return seconds

    async def touched() -> float:
        nonlocal block
        block = a_block(block)
        overlay, moves, node.logs = _traffic(ledger, dice, block)
        started = time.process_time()
        await _fold(kept, ledger, block, overlay, moves)
        return time.process_time() - started

    part, all_of_it = await interleaved(touched, whole, rounds=ROUNDS)
    if differences:
        raise AssertionError(f"{differences} records differ between both ways, expected none")
    return [
        at_most(
            f"{TOUCHED} accounts touched / all of {POSITIONS:,} positions",
            ratio(part, all_of_it),
            0.05,
            f"CPU time. Owners, trails and loops of a block, to the ledger: {millis(part)}; found "
            f"anew: {millis(all_of_it)}; {_told(ledger)}; equal records",
        ),
        *await kind_rows(ledger, block, _markets()),
    ]


def _markets() -> list[ProtocolMarket]:
    plans = (
        ("aave_v3", MarketPlan(POOLED, an_address("provider"), 0, None)),
        ("morpho_blue", MarketPlan(PAIRED, an_address("morpho"), 0, None)),
    )
    return [PROTOCOLS[protocol](plan, abi_library) for protocol, plan in plans]


def _recursion(node: MadeUp) -> Recursion:
    markets = _markets()
    terms = FlowTerms(3_600, Fraction(1, 20))
    known = KnownAccounts(known_code({}), abi_library("accounts/Account"))
    return Recursion(Rules(markets, terms, known, lambda view: {}), node, node)


async def _fold(
    recursion: Recursion,
    ledger: Ledger,
    block: BlockRef,
    overlay: Overlay,
    moves: Sequence[Moved],
) -> None:
    await recursion.fold(block, overlay, moves)
    delta = collapse(block, overlay)
    apply(ledger, delta)
    recursion.apply(delta)


def _traffic(
    ledger: Ledger, dice: random.Random, block: BlockRef
) -> tuple[Overlay, list[Moved], tuple[RawLog, ...]]:
    """A block: all prices, and accounts of which each repays, borrows to keep, or borrows and
    pledges it again; a tenth of them are new.
    """
    overlay = Overlay(ledger)
    for key, price in prices(block.number):
        overlay.put(key, price)
    moves: list[Moved] = []
    logs: list[RawLog] = []
    for place in range(TOUCHED):
        tx_hash = f"0x{block.number:032x}{place:032x}"
        who = account(dice.randrange(POOLED_POSITIONS))
        if place % 10 == 0:
            who = an_address(f"newcomer {block.number} {place}")
        for number, (event, token, parties) in enumerate(_acts(overlay, dice, who)):
            reduce_all(overlay, (event,))
            at = 10 * place + 2 * number
            moves.append((tx_hash, at, event))
            topics = (TRANSFER, *map(topic_of, parties))
            logs.append(RawLog(token, topics, f"{WAD:064x}", block.hash, at + 1, tx_hash))
    return overlay, moves, tuple(logs)


def _acts(
    overlay: Overlay, dice: random.Random, who: Address
) -> Iterator[tuple[CollateralChanged | DebtChanged, AssetId, tuple[Address, Address]]]:
    """What one does, with the token that moves by it, from whom to whom."""
    place = Place(POOLED, who)
    held = find(overlay, position_key(POOLED, who), Position) or Position()
    asset = held.debts[0].asset if held.debts else dice.choice(DOLLARS)
    owed = held.debts[0].scaled if held.debts else 0
    if owed and dice.random() < 1 / 3:
        yield _debt(place, asset, owed // 2), asset, (who, POOL)
        return
    yield _debt(place, asset, owed + WAD), asset, (POOL, who)
    if dice.random() < 1 / 2:
        there = next((one.scaled for one in held.supplies if one.asset == asset), 0)
        scaled = ScaledAmount(there + WAD)
        yield CollateralChanged(place, asset, scaled, Ray(RAY)), asset, (who, POOL)


def _debt(place: Place, asset: AssetId, scaled: int) -> DebtChanged:
    return DebtChanged(place, asset, ScaledAmount(scaled), Ray(RAY))


def _told(ledger: Ledger) -> str:
    loops = sum(1 for _ in ledger.keys(Kind.LOOPS, MarketId("")))
    trails = [one for _, one in ledger.items(Kind.TRAIL, MarketId("")) if isinstance(one, Trail)]
    hops = sum(bool(trail.hops) for trail in trails)
    return f"{loops:,} owners with loops, {len(trails):,} with trails, {hops:,} with hops"
