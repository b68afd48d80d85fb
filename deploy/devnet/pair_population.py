"""Borrowers in every market of Morpho Blue, and those who lend to them."""

import random
from dataclasses import dataclass

from devnet.abi import Address, account
from devnet.terms import USD
from devnet.transactions import Tx
from devnet.wide_terms import WAD, PairTerms
from devnet.wide_world import WideWorld

PRICE_SCALE = 10**36
MEDIAN_USD, SPREAD = 30_000, 1.2
LARGEST_USD = 1_000_000
# Of what the collateral allows; drawn between the two.
USED_BPS = (4_000, 9_700)
LENT_PER_DEBT_PERCENT = 150


@dataclass(frozen=True, slots=True)
class PairBorrower:
    account: Address
    market: str
    collateral_raw: int
    debt_raw: int


async def make_pair_borrowers(world: WideWorld, count: int, seed: int = 1) -> list[PairBorrower]:
    """Opens `count` positions, market by market in turn; deterministic.

    The accounts are those that `make_borrowers` draws by the same seed: many use both protocols.
    """
    rng = random.Random(seed)
    prices = {pair.name: await world.morpho.price_e36(pair.name) for pair in world.terms.pairs}
    drawn = []
    for number in range(count):
        pair = world.terms.pairs[number % len(world.terms.pairs)]
        who = account(f"borrower {seed}-{number}")
        drawn.append(_draw(world, rng, who, pair, prices[pair.name]))
    await world.block(*_lend(world, drawn))
    await world.block(*(tx for each in drawn for tx in _prepare(world, each)))
    await world.block(*(tx for each in drawn for tx in _open(world, each)))
    return drawn


def _draw(
    world: WideWorld, rng: random.Random, who: Address, pair: PairTerms, price_e36: int
) -> PairBorrower:
    asset = world.terms.asset(pair.collateral)
    size_usd = min(int(rng.lognormvariate(0, SPREAD) * MEDIAN_USD), LARGEST_USD)
    collateral_raw = size_usd * USD * 10**asset.decimals // asset.price_e8
    allowed_raw = collateral_raw * price_e36 // PRICE_SCALE * pair.lltv_wad // WAD
    used_bps = rng.randint(*USED_BPS)
    if pair.oracle != "rate":
        used_bps -= world.terms.caution_bps
    debt_raw = allowed_raw * used_bps // 10_000
    return PairBorrower(who, pair.name, collateral_raw, debt_raw)


def _lend(world: WideWorld, drawn: list[PairBorrower]) -> list[Tx]:
    txs = []
    for pair in world.terms.pairs:
        debt_raw = sum(each.debt_raw for each in drawn if each.market == pair.name)
        lent_raw = debt_raw * LENT_PER_DEBT_PERCENT // 100
        lender = account(f"lender {pair.name}")
        if lent_raw:
            txs += [
                world.mint(lender, pair.loan, lent_raw),
                world.approve(lender, pair.loan, world.addresses.morpho.morpho),
                world.morpho.supply(lender, pair.name, lent_raw),
            ]
    return txs


def _prepare(world: WideWorld, each: PairBorrower) -> list[Tx]:
    collateral = world.terms.pair(each.market).collateral
    return [
        world.mint(each.account, collateral, each.collateral_raw),
        world.approve(each.account, collateral, world.addresses.morpho.morpho),
    ]


def _open(world: WideWorld, each: PairBorrower) -> list[Tx]:
    return [
        world.morpho.supply_collateral(each.account, each.market, each.collateral_raw),
        world.morpho.borrow(each.account, each.market, each.debt_raw),
    ]
