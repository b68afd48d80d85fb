"""The status page over as many positions as a large chain has: the real server, store and engine on
a made-up ledger. Two pooled markets over pools with ticks; every twelfth position is a loop.

The blocks of it change every price a little, so every row of every answer changes too.
"""

import random
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType

from benchmarks.indebted_world import ETHER, STAKED, TOKENS, USD, Token, indebted_world
from builders import a_block, a_market, a_reserve, an_address
from eth_utils.address import to_checksum_address
from prometheus_client import CollectorRegistry
from redis_server import RedisServer, an_identity

from monitor.core.alerts import ConditionState
from monitor.core.blocks import BlockRef
from monitor.core.curves import DepthCurve
from monitor.core.keys import Key, loops_key, market_key, position_key, price_key, reserve_key
from monitor.core.ledger import Holding, Ledger, LedgerView, Position, Record
from monitor.core.loops import Built, Leg, Loop, LoopKind, Loops
from monitor.core.ports import Probe
from monitor.core.risk import Exposure, MarketSheet
from monitor.core.units import (
    RAY,
    AssetId,
    BaseValue,
    Bps,
    MarketId,
    RawAmount,
    Ray,
    ScaledAmount,
)
from monitor.engine.answers import EngineAnswers, Nameplate
from monitor.engine.books import Books
from monitor.engine.breaker import BreakerRule, Origin
from monitor.engine.cascade_runner import CascadeRunner, CurvePlan, Plan
from monitor.engine.judge import Judge
from monitor.engine.measures import Limits, Measure
from monitor.engine.paging import block_json
from monitor.library import abi_library
from monitor.metrics import Labels, Metrics
from monitor.protocols.registry import PROTOCOLS, MarketPlan, ProtocolMarket
from monitor.simulation.options import Options
from monitor.store.connection import connect
from monitor.store.redis_store import RedisStore
from monitor.web.page.views import Manners
from monitor.web.server import WebServer
from monitor.web.stream import Stream

MARKETS = (MarketId("aave"), MarketId("spark"))
NO_OTHERS: Mapping[str, str] = MappingProxyType({})
LOOPED = 12
"""Every so many positions one is a loop of staked ether on ether."""
DEEPER = 100
"""Times the depth of the pools: so many positions, and still no cascade without an end."""
OPTIONS = Options(gas_usd=50)
PLANS = (
    Plan("eth-crash", {"WETH": -0.15}, None, OPTIONS),
    Plan("eth-curve", {}, CurvePlan("WETH", Decimal("-0.25"), 5), OPTIONS),
)
RULES = (
    ("eth-cascade", "eth-crash", Measure.LIQUIDATED_USD, 10**6, 10**12, 10**5),
    ("eth-distance", "eth-curve", Measure.CRITICAL_SHOCK, "0.05", "0.01", "0.06"),
)


@dataclass(frozen=True, slots=True)
class Pool:
    """A pool whose depth stands still."""

    depth: DepthCurve

    def curve(self, _view: LedgerView) -> DepthCurve:
        return self.depth


@dataclass
class Now:
    """The present of a daemon that keeps up."""

    ledger: Ledger
    block: BlockRef
    leader: str = "the test"
    blind: Mapping[str, ConditionState] = field(default_factory=dict)

    @property
    def applied(self) -> BlockRef:
        return self.block

    @property
    def evaluated(self) -> BlockRef:
        return self.block

    def alive(self) -> Probe:
        return Probe(ok=True)

    def ready(self) -> Probe:
        return Probe(ok=True)


@dataclass(frozen=True, slots=True)
class Known:
    """The pure parts of its configuration."""

    markets: tuple[ProtocolMarket, ...]
    runner: CascadeRunner
    defaults: Options


@dataclass
class LargePage:
    """What is served at `url`, and the blocks it is told of."""

    url: str
    positions: int
    now: Now
    judge: Judge
    books: Books
    stream: Stream
    answers: EngineAnswers

    async def block(self) -> BlockRef:
        """One more, with its prices, in the order in which a daemon does it."""
        now = self.now
        now.block = a_block(now.block)
        for key, price in prices_of(now.block.number):
            now.ledger.put(key, price)
        judgement, _ = await self.judge.judge(now.ledger, now.block)
        self.judge.settle(judgement)
        await self.books.make(now.ledger, now.block)
        self.stream.tell_block(block_json(now.block))
        return now.block


@asynccontextmanager
async def large_page(
    folder: Path, positions: int, symbols: Mapping[str, str] = NO_OTHERS
) -> AsyncIterator[LargePage]:
    """One block is judged when it opens. `symbols`: what tokens call themselves instead."""
    redis = RedisServer(folder)
    redis.start()
    try:
        async with connect(redis.url) as client:
            store = await RedisStore.open(client, an_identity())
            ledger = Ledger(dict(records_of(positions, symbols)))
            async with _served(store, ledger, positions) as page:
                yield page
    finally:
        redis.stop()


@asynccontextmanager
async def _served(store: RedisStore, ledger: Ledger, positions: int) -> AsyncIterator[LargePage]:
    markets = tuple(
        PROTOCOLS["aave_v3"](MarketPlan(name, an_address(name), 0, None), abi_library)
        for name in MARKETS
    )
    world = indebted_world(accounts=8)
    pools = tuple(Pool(_deeper(curve)) for curve in world.curves)
    began = replace(a_block(), timestamp=int(time.time()))  # no page calls it stale
    now = Now(ledger, began)
    known = Known(markets, CascadeRunner(markets, pools, {}, {}, PLANS), OPTIONS)
    judge = Judge(known.runner, tuple(_rules()), (), to_checksum_address, silences=store.silences)
    books = Books(markets, to_checksum_address, pools)
    stream = Stream()
    answers = EngineAnswers(Nameplate("0", 31337, "large"), now, known, judge, store, books)
    names = tuple(str(name) for name in MARKETS)
    metrics = Metrics(CollectorRegistry(), Labels(markets=names), version="0")
    server = WebServer(answers, metrics, stream, version="0", manners=Manners("0", 10.0**9))
    port = await server.start("127.0.0.1", 0)
    page = LargePage(f"http://127.0.0.1:{port}", positions, now, judge, books, stream, answers)
    try:
        await page.block()
        yield page
    finally:
        await server.stop()


def records_of(
    positions: int, symbols: Mapping[str, str] = NO_OTHERS
) -> Iterator[tuple[Key, Record]]:
    """A ledger of so many positions."""
    for market in MARKETS:
        yield market_key(market), a_market()
        for ordinal, token in enumerate(TOKENS):
            symbol = symbols.get(token.symbol, token.symbol)
            yield reserve_key(market, token.asset), _reserve(ordinal, token, symbol)
    yield from prices_of(0)
    dice = random.Random(3)
    held = 0
    for sheet in _pooled(positions):
        for exposure in sheet.exposures:
            if held == positions:
                return
            held += 1
            is_loop = held % LOOPED == 0
            position = _looped(dice) if is_loop else _position(exposure)
            yield position_key(sheet.market, exposure.account), position
            if is_loop:
                yield loops_key(exposure.account), _loops(sheet.market, exposure)


def prices_of(wobble: int) -> Iterator[tuple[Key, Record]]:
    """All prices, by some digits off: each block has its own."""
    sheet = next(iter(_pooled(8)))
    for market in MARKETS:
        for token in TOKENS:
            price = sheet.assets[token.asset].price
            assert price is not None
            value = BaseValue(token.usd * USD + 1_000 * (wobble % 100))
            yield price_key(market, token.asset), replace(price, value=value)


def _pooled(positions: int) -> Iterator[MarketSheet]:
    world = indebted_world(accounts=positions * 5 // 4 + 8)
    return (sheet for sheet in world.markets if sheet.market in MARKETS)


def _position(exposure: Exposure) -> Position:
    """Debt of nine tenths: nobody begins at the edge."""
    supplies = (_held(leg.asset, leg.amount_raw, used=True) for leg in exposure.collateral)
    debts = (_held(leg.asset, RawAmount(leg.amount_raw * 9 // 10 + 1)) for leg in exposure.debt)
    return Position(tuple(_sorted(supplies)), tuple(_sorted(debts)))


def _looped(dice: random.Random) -> Position:
    staked = RawAmount(int(dice.lognormvariate(2, 1) * 10**18))
    owed = RawAmount(staked * 4 // 5)
    return Position((_held(STAKED.asset, staked, used=True),), (_held(ETHER.asset, owed),))


def _loops(market: MarketId, exposure: Exposure) -> Loops:
    leg = Leg(market, "", exposure.account, STAKED.asset, ETHER.asset)
    seen = (an_address(f"transaction of {exposure.account}"),)
    made = Loop(f"{exposure.account[2:18]}", LoopKind.CORRELATED, (leg,), 3, Built.STEPWISE, seen)
    return Loops((made,))


def _held(asset: AssetId, amount_raw: RawAmount, *, used: bool = False) -> Holding:
    return Holding(asset, ScaledAmount(max(amount_raw, 1)), Ray(RAY), used)


def _sorted(holdings: Iterator[Holding]) -> list[Holding]:
    return sorted(holdings, key=lambda one: one.asset)


def _reserve(ordinal: int, token: Token, symbol: str) -> Record:
    made = a_reserve(token.asset, symbol=symbol)
    terms = replace(made.terms, liquidation_threshold_bps=Bps(token.threshold_bps))
    return replace(
        made,
        ordinal=ordinal,
        decimals=token.decimals,
        cash_raw=RawAmount(10**40),
        terms=terms,
    )


def _deeper(curve: DepthCurve) -> DepthCurve:
    ticks = tuple((tick, DEEPER * net) for tick, net in curve.ticks)  # type: ignore[union-attr]
    return replace(curve, liquidity=DEEPER * curve.liquidity, ticks=ticks)  # type: ignore


def _rules() -> Iterator[BreakerRule]:
    for name, scenario, measure, warn, trip, clear in RULES:
        limits = Limits(measure, Decimal(warn), Decimal(trip), Decimal(clear), scenario=scenario)
        yield BreakerRule(Origin("large", "0x0"), name, (limits,))
