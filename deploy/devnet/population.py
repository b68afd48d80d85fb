"""A population of borrowers, mixed and concentrated like real ones, and those who lend to them."""

import itertools
import math
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from devnet.abi import Address, account
from devnet.loops import Loop, loop
from devnet.terms import USD
from devnet.transactions import Tx
from devnet.world import World

MEDIAN_USD = 40_000
SPREAD = 1.3
WHALE_CHANCE = 0.1
WHALE_FROM_USD = 300_000
# Wealth above this follows a Pareto law with the exponent of the 80/20 rule.
PARETO_EXPONENT = 1.16
LARGEST_USD = 6_000_000
BORROWERS_PER_BLOCK = 200
LENDER_SHARES_PERCENT = (50, 25, 15, 10)
LENT_PER_DEBT = 1.6


@dataclass(frozen=True, slots=True)
class Kind:
    name: str
    weight: int
    collateral: str
    debt: str
    # Debt (of each turn) as a share of the collateral, drawn between the two.
    borrow_bps: tuple[int, int]
    turns: tuple[int, int] = (1, 1)
    emode: int = 0

    @property
    def is_loop(self) -> bool:
        return self.turns[1] > 1


KINDS = (
    Kind("eth-usdc", 30, "WETH", "USDC", (4000, 7950)),
    Kind("btc-usdc", 15, "WBTC", "USDC", (3500, 7200)),
    Kind("eth-dai", 10, "WETH", "DAI", (4000, 7950)),
    Kind("btc-dai", 10, "WBTC", "DAI", (3500, 7200)),
    Kind("eth-loop", 20, "WETH", "USDC", (6000, 7900), turns=(2, 4)),
    Kind("lst-loop", 10, "wstETH", "WETH", (8500, 9200), turns=(3, 6), emode=1),
    # As near to the limit as a flash loan builds it; by hand that would take twenty turns.
    Kind("lst-levered", 5, "wstETH", "WETH", (8800, 9200), emode=1),
)


@dataclass(frozen=True, slots=True)
class Borrower:
    account: Address
    kind: Kind
    equity_raw: int
    borrow_bps: int
    turns: int

    def position(self) -> Loop:
        kind = self.kind
        return Loop(
            *(self.account, kind.collateral, kind.debt),
            *(self.equity_raw, self.turns, self.borrow_bps),
        )


async def make_borrowers(world: World, count: int, seed: int = 1) -> list[Borrower]:
    """Opens `count` positions at the initial prices and lends what they need; deterministic."""
    borrowers = draw(world, count, seed)
    await _lend(world, borrowers)
    for some in _batches(borrowers):
        await world.block(*(tx for borrower in some for tx in _prepare(world, borrower)))
        plain = [borrower for borrower in some if not borrower.kind.is_loop]
        await world.block(*(tx for borrower in plain for tx in _open(world, borrower)))
        loops = [borrower.position() for borrower in some if borrower.kind.is_loop]
        if loops:
            await loop(world, *loops, arbitrage=True)
    return borrowers


def draw(world: World, count: int, seed: int) -> list[Borrower]:
    rng = random.Random(seed)
    kinds = rng.choices(KINDS, weights=[kind.weight for kind in KINDS], k=count)
    return [
        _draw_one(world, rng, kind, account(f"borrower {seed}-{number}"))
        for number, kind in enumerate(kinds)
    ]


def _draw_one(world: World, rng: random.Random, kind: Kind, address: Address) -> Borrower:
    size_usd = rng.lognormvariate(math.log(MEDIAN_USD), SPREAD)
    if rng.random() < WHALE_CHANCE:
        size_usd = WHALE_FROM_USD * rng.paretovariate(PARETO_EXPONENT)
    borrow_bps, turns = rng.randint(*kind.borrow_bps), rng.randint(*kind.turns)
    if not kind.emode:
        borrow_bps -= world.terms.caution_bps
    ratio = borrow_bps / 10_000
    # A loop's size is what it ends with, so that loops are not the largest by construction.
    growth = sum(ratio**turn for turn in range(turns + 1)) if kind.is_loop else 1
    equity_usd = int(min(size_usd, LARGEST_USD) / growth)
    asset = world.terms.asset(kind.collateral)
    equity_raw = equity_usd * USD * 10**asset.decimals // asset.price_e8
    return Borrower(address, kind, equity_raw, borrow_bps, turns)


async def _lend(world: World, borrowers: list[Borrower]) -> None:
    debt_e8: Counter[str] = Counter()
    for borrower in borrowers:
        asset = world.terms.asset(borrower.kind.collateral)
        equity_e8 = borrower.equity_raw * asset.price_e8 // 10**asset.decimals
        ratio = borrower.borrow_bps / 10_000
        growth = sum(ratio**turn for turn in range(1, borrower.turns + 1))
        debt_e8[borrower.kind.debt] += int(equity_e8 * growth)
    txs: list[Tx] = []
    for symbol, total_e8 in debt_e8.items():
        asset = world.terms.asset(symbol)
        for number, share in enumerate(LENDER_SHARES_PERCENT):
            lender = account(f"lender {symbol}-{number}")
            lent_e8 = int(total_e8 * LENT_PER_DEBT) * share // 100
            amount_raw = lent_e8 * 10**asset.decimals // asset.price_e8
            txs += [
                world.mint(lender, symbol, amount_raw),
                world.approve(lender, symbol, world.addresses.pool),
                world.supply(lender, symbol, amount_raw),
            ]
    await world.block(*txs)


def _prepare(world: World, borrower: Borrower) -> Iterator[Tx]:
    kind, who = borrower.kind, borrower.account
    yield world.mint(who, kind.collateral, borrower.equity_raw)
    yield world.approve(who, kind.collateral, world.addresses.pool)
    if kind.emode:
        yield world.set_emode(who, kind.emode)
    if kind.is_loop:
        yield world.approve(who, kind.debt, world.addresses.router)


def _open(world: World, borrower: Borrower) -> Iterator[Tx]:
    collateral = world.terms.asset(borrower.kind.collateral)
    debt = world.terms.asset(borrower.kind.debt)
    value_e8 = borrower.equity_raw * collateral.price_e8 // 10**collateral.decimals
    borrowed_e8 = value_e8 * borrower.borrow_bps // 10_000
    borrowed_raw = borrowed_e8 * 10**debt.decimals // debt.price_e8
    yield world.supply(borrower.account, collateral.symbol, borrower.equity_raw)
    yield world.borrow(borrower.account, debt.symbol, borrowed_raw)


def _batches(borrowers: list[Borrower]) -> Iterator[list[Borrower]]:
    remaining = iter(borrowers)
    while some := list(itertools.islice(remaining, BORROWERS_PER_BLOCK)):
        yield some
