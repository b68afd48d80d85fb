"""What a block costs in owners, trails and loops, against finding all of them anew.

100,000 positions: two thirds in a pooled market with an e-mode, a third in pairs; every seventh
account obeys another. Nothing here talks to a node: what accounts answer is made up, and costs both
arms the same.
"""

import random
from collections.abc import Iterator, Sequence
from fractions import Fraction

from builders import a_block, a_market, a_price, a_reserve, an_address

from benchmarks.timing import Row, at_most, awaited, interleaved, millis, ratio
from monitor.core.blocks import BlockRef, RawLog
from monitor.core.delta import apply, collapse
from monitor.core.events import DebtChanged, Place
from monitor.core.ledger import (
    OBSERVED,
    Holding,
    Key,
    Kind,
    Ledger,
    Market,
    Position,
    Record,
    category_key,
    find,
    market_key,
    owner_key,
    pair_key,
    position_key,
    price_key,
    reserve_key,
    token_key,
)
from monitor.core.overlay import Overlay
from monitor.core.owners import OwnerKind, Ownership
from monitor.core.pairs import Pair, Token
from monitor.core.ports import Code, ViewCall, ViewResult
from monitor.core.reserves import Category
from monitor.core.units import (
    RAY,
    WAD,
    Address,
    AssetId,
    Bps,
    MarketId,
    RawAmount,
    Ray,
    ScaledAmount,
    Shares,
    Wad,
)
from monitor.engine.ownership import KnownAccounts
from monitor.engine.recursion import Recursion, Rules
from monitor.engine.reducer import reduce_all
from monitor.engine.standings import Moved
from monitor.leverage.account_code import HASHES, known_code
from monitor.leverage.steps import FlowTerms
from monitor.library import abi_library
from monitor.protocols.registry import PROTOCOLS, MarketPlan

POSITIONS = 100_000
TOUCHED = 200
POOLED, PAIRED = MarketId("aave"), MarketId("morpho")
ASSETS = [an_address(f"asset {n}") for n in range(24)]
PAIRS = [f"0x{n:064x}" for n in range(60)]
PROXY, NOTHING = Code(HASHES["ds_proxy"][0], b"proxy"), Code("", b"")
ROUNDS = 5


class MadeUp:
    """Every seventh account is a proxy, and no token moves: what is asked is answered at once."""

    def __init__(self) -> None:
        self._obeyed = {_account(n): _controller(n) for n in range(0, POSITIONS, 7)}

    async def codes(self, at: BlockRef, accounts: Sequence[Address]) -> list[Code]:
        return [PROXY if account in self._obeyed else NOTHING for account in accounts]

    async def storage(self, at: BlockRef, slots: Sequence[tuple[Address, int]]) -> list[int]:
        return [0] * len(slots)

    async def read(self, at: BlockRef, calls: Sequence[ViewCall]) -> list[ViewResult]:
        return [(self._obeyed[call.to],) for call in calls]

    async def transfers_of(
        self, block: BlockRef, accounts: frozenset[Address]
    ) -> tuple[RawLog, ...]:
        return ()


async def recursing_rows() -> list[Row]:
    """At most 5 % (issue), and both come to the same records."""
    dice = random.Random(5)
    ledger = Ledger(dict(_records(dice)))
    block = a_block()
    kept = _recursion()
    await _all_anew(kept, ledger, block)
    rounds = iter(range(10**6))
    differences = 0

    async def whole() -> None:
        fresh = _recursion()
        fresh.begin(ledger)
        overlay = Overlay(ledger)
        await fresh.fold(block, overlay, ())
        nonlocal differences
        differences += sum(key.kind in OBSERVED for key, _, _ in overlay.written())

    async def touched() -> None:
        overlay, moves = _traffic(ledger, dice, next(rounds))
        await kept.fold(block, overlay, moves)
        delta = collapse(block, overlay)
        apply(ledger, delta)
        kept.apply(delta)

    part, all_of_it = await interleaved(awaited(touched), awaited(whole), rounds=ROUNDS)
    if differences:
        raise AssertionError(f"{differences} records differ between both ways, expected none")
    loops = sum(1 for _ in ledger.keys(Kind.LOOPS, MarketId("")))
    return [
        at_most(
            f"{TOUCHED} accounts touched / all of {POSITIONS:,} positions",
            ratio(part, all_of_it),
            0.05,
            f"owners, trails and {loops:,} owners' loops of a block: {millis(part)}; found anew: "
            f"{millis(all_of_it)}; equal records",
        )
    ]


def _recursion() -> Recursion:
    plans = (
        ("aave_v3", MarketPlan(POOLED, an_address("provider"), 0, None)),
        ("morpho_blue", MarketPlan(PAIRED, an_address("morpho"), 0, None)),
    )
    markets = [PROTOCOLS[protocol](plan, abi_library) for protocol, plan in plans]
    terms = FlowTerms(3_600, Fraction(1, 20))
    known = KnownAccounts(known_code({}), abi_library("accounts/Account"))
    rules = Rules(markets, terms, known, lambda view: {})
    made_up = MadeUp()
    return Recursion(rules, made_up, made_up)


async def _all_anew(recursion: Recursion, ledger: Ledger, block: BlockRef) -> None:
    """The ledger with its owners and loops."""
    recursion.begin(ledger)
    overlay = Overlay(ledger)
    await recursion.fold(block, overlay, ())
    delta = collapse(block, overlay)
    apply(ledger, delta)
    recursion.apply(delta)


def _traffic(ledger: Ledger, dice: random.Random, number: int) -> tuple[Overlay, list[Moved]]:
    """Accounts that borrow a little more, or repay it, and some that are new."""
    overlay = Overlay(ledger)
    moves: list[Moved] = []
    for place in range(TOUCHED):
        account = _account(dice.randrange(POSITIONS * 2 // 3))
        if place % 10 == 0:
            account = an_address(f"newcomer {number} {place}")
        position = find(ledger, position_key(POOLED, account), Position) or Position()
        asset = position.debts[0].asset if position.debts else dice.choice(ASSETS)
        owed = position.debts[0].scaled if position.debts else 0
        scaled = ScaledAmount(owed // 2 if place % 3 == 0 else owed + 10**18)
        event = DebtChanged(Place(POOLED, account), asset, scaled, Ray(RAY))
        reduce_all(overlay, (event,))
        moves.append((f"0x{number:032x}{place:032x}", place, event))
    return overlay, moves


def _controller(number: int) -> Address:
    """Of some fifteen proxies each."""
    return an_address(f"controller {number % 1_000}")


def _account(number: int) -> Address:
    return an_address(f"account {number}")


def _records(dice: random.Random) -> Iterator[tuple[Key, Record]]:
    market = a_market()
    yield market_key(POOLED), market
    yield market_key(PAIRED), Market("morpho_blue", an_address("morpho"))
    yield category_key(POOLED, 1), _category(ASSETS[:4])
    for asset in ASSETS:
        yield reserve_key(POOLED, asset), _reserve(asset)
        yield price_key(POOLED, asset), a_price()
        yield token_key(asset), Token(asset[:8], 18)
    for number, sub_market in enumerate(PAIRS):
        yield pair_key(PAIRED, sub_market), _pair(number)
    for number in range(POSITIONS):
        account = _account(number)
        if number % 7 == 0:
            told = Ownership(OwnerKind.DS_PROXY, (_controller(number),), 1, PROXY.hash)
            yield owner_key(account), told
        if number < POSITIONS * 2 // 3:
            yield position_key(POOLED, account), _pooled(dice)
        else:
            sub_market = dice.choice(PAIRS)
            yield position_key(PAIRED, account, sub_market), _paired(sub_market)


def _reserve(asset: AssetId) -> Record:
    return a_reserve(asset, symbol=asset[:8])


def _category(assets: Sequence[AssetId]) -> Category:
    listed = tuple(sorted(assets))
    return Category(1, "pegged", Bps(9300), Bps(9500), Bps(10100), listed, listed)


def _pair(number: int) -> Pair:
    return Pair(
        loan=ASSETS[number % 5],
        collateral=ASSETS[5 + number % 19],
        oracle=an_address("oracle"),
        rate_model=an_address("rates"),
        lltv_wad=Wad(86 * WAD // 100),
        updated_unix=0,
        supply_raw=RawAmount(10**24),
        supply_shares=Shares(10**30),
        debt_raw=RawAmount(10**23),
        debt_shares=Shares(10**29),
        collateral_raw=RawAmount(10**24),
        fee_wad=Wad(0),
    )


def _pooled(dice: random.Random) -> Position:
    """Some hold one asset, some three; half owe; a fifth is in e-mode; some owe what they hold."""
    held = sorted(dice.sample(ASSETS, dice.choice((1, 1, 2, 3))))
    supplies = tuple(_held(asset, used=True) for asset in held)
    debts: tuple[Holding, ...] = ()
    if dice.random() < 0.5:
        debts = (_held(dice.choice(held if dice.random() < 0.2 else ASSETS)),)
    return Position(supplies, debts, 1 if dice.random() < 0.2 else 0)


def _paired(sub_market: str) -> Position:
    pair = _pair(PAIRS.index(sub_market))
    return Position((_held(pair.collateral, used=True),), (_held(pair.loan),))


def _held(asset: AssetId, *, used: bool = False) -> Holding:
    return Holding(asset, ScaledAmount(10**18), Ray(RAY), used)
