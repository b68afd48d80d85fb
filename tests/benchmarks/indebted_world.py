"""A world that owes: 5,000 accounts in three markets over pools with ticks. Nothing is real.

Two pooled markets and twelve pairs of a third. Sizes are drawn as they are found, most small and a
few very large; healths from just above 1. Feeds are shared, so one fall reaches everybody.
"""

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from builders import a_block, an_address

from monitor.core.curves import TickCurve
from monitor.core.prices import Edge, Price, PriceKind
from monitor.core.risk import (
    AssetSheet,
    CollateralLeg,
    DebtLeg,
    Exposure,
    MarketSheet,
    PartialTerms,
    WorldSheet,
)
from monitor.core.units import (
    Address,
    AssetId,
    BaseValue,
    Bps,
    MarketId,
    RawAmount,
    Wad,
    wad_of_bps,
)

ACCOUNTS = 5_000
IN_PAIRS = 1_000
PAIRS = 12
USD = 10**8
PAIR_UNIT = 10**36
PLENTY = RawAmount(10**40)
TICKS = 150
"""On each side of a pool's price."""
POOLED_TERMS = PartialTerms(Bps(5000), Wad(95 * 10**16), 2000 * USD, 1000 * USD)
PAIR_TERMS = PartialTerms(Bps(10_000), Wad(10**18), 0, 0)


@dataclass(frozen=True, slots=True)
class Token:
    """`threshold_bps`: 0 where nobody pledges it."""

    symbol: str
    usd: int
    decimals: int
    threshold_bps: int

    @property
    def asset(self) -> AssetId:
        return AssetId(an_address(f"token {self.symbol}"))

    def raw(self, value_usd: float) -> RawAmount:
        return RawAmount(int(value_usd / self.usd * 10**self.decimals))


ETHER, STAKED = Token("WETH", 2000, 18, 8300), Token("wstETH", 2400, 18, 8100)
BITCOIN, LINK = Token("WBTC", 40_000, 8, 7800), Token("LINK", 15, 18, 6800)
DOLLAR, TETHER, DAI = Token("USDC", 1, 6, 7800), Token("USDT", 1, 6, 7500), Token("DAI", 1, 18, 0)
PLEDGED, OWED = (ETHER, STAKED, BITCOIN, LINK), (DOLLAR, TETHER, DAI, ETHER)
TOKENS = (*PLEDGED, DOLLAR, TETHER, DAI)
POOLS = (
    (ETHER, DOLLAR, 30e6),
    (BITCOIN, ETHER, 20e6),
    (STAKED, ETHER, 15e6),
    (LINK, ETHER, 4e6),
    (TETHER, DOLLAR, 60e6),
    (DAI, DOLLAR, 40e6),
)


def indebted_world(seed: int = 1, accounts: int = ACCOUNTS) -> WorldSheet:
    dice = random.Random(seed)
    in_pairs = accounts * IN_PAIRS // ACCOUNTS
    pooled = accounts - in_pairs
    markets = [_pooled("aave", dice, range(pooled * 2 // 3))]
    markets.append(_pooled("spark", dice, range(pooled * 2 // 3, pooled)))
    each = in_pairs // PAIRS
    for number in range(PAIRS):
        first = pooled + number * each
        markets.append(_pair(number, dice, range(first, first + each)))
    curves = tuple(_pool(number, *pool) for number, pool in enumerate(POOLS))
    return WorldSheet(a_block(), tuple(markets), curves, {}, {DOLLAR.asset: Fraction(1, 10**6)})


def _pooled(name: str, dice: random.Random, numbers: Sequence[int]) -> MarketSheet:
    assets = {token.asset: _in_usd(token) for token in TOKENS}
    exposures = tuple(_exposure(number, dice) for number in numbers)
    return MarketSheet(MarketId(name), "", USD, POOLED_TERMS, assets, exposures)


def _exposure(number: int, dice: random.Random) -> Exposure:
    """One to three assets pledged, one or two owed."""
    worth_usd = min(3_000 * math.exp(dice.gauss(2, 2)), 4e7)
    pledged = sorted(dice.sample(PLEDGED, dice.choice((1, 1, 2, 3))), key=lambda it: it.asset)
    legs, secured_usd = [], 0.0
    for token in pledged:
        part_usd = worth_usd / len(pledged)
        secured_usd += part_usd * token.threshold_bps / 1e4
        legs.append(_leg(token, token.raw(part_usd)))
    owed = sorted(dice.sample(OWED, dice.choice((1, 1, 1, 2))), key=lambda it: it.asset)
    owed = [token for token in owed if token not in pledged] or [DOLLAR]
    owed_usd = secured_usd / (1.01 + dice.expovariate(2.5)) / len(owed)
    debts = tuple(DebtLeg(token.asset, token.raw(owed_usd)) for token in owed)
    return Exposure(_account(number), tuple(legs), debts)


def _pair(number: int, dice: random.Random, numbers: Sequence[int]) -> MarketSheet:
    pledged, owed = PLEDGED[number % len(PLEDGED)], (DOLLAR, TETHER)[number // 4 % 2]
    value = BaseValue(int(Fraction(pledged.usd * PAIR_UNIT * 10**6, 10**pledged.decimals)))
    oracle = an_address(f"oracle {number}")
    path = (
        Edge(oracle, PriceKind.MARKET, "pair", (pledged.asset, owed.asset)),
        *_path(pledged),
        Edge(_feed(owed), PriceKind.MARKET, owed.symbol, asset=owed.asset, exponent=-1),
    )
    price = Price(value, source=oracle, path=path)
    assets = (
        AssetSheet(pledged.asset, pledged.symbol, pledged.decimals, value, oracle, PLENTY, price),
        AssetSheet(owed.asset, owed.symbol, owed.decimals, PAIR_UNIT, None, PLENTY),
    )
    exposures = []
    for who in numbers:
        worth_usd = min(2_000 * math.exp(dice.gauss(2, 2)), 2e7)
        owed_usd = worth_usd * 0.86 / (1.01 + dice.expovariate(3))
        leg = _leg(pledged, pledged.raw(worth_usd), threshold_bps=8600)
        debts = (DebtLeg(owed.asset, owed.raw(owed_usd)),)
        exposures.append(Exposure(_account(who), (leg,), debts))
    return MarketSheet(
        market=MarketId("morpho"),
        sub_market=f"0x{number:064x}",
        base_unit=PAIR_UNIT,
        terms=PAIR_TERMS,
        assets={each.asset: each for each in assets},
        exposures=tuple(exposures),
        numeraire=owed.asset,
    )


def _leg(token: Token, amount: RawAmount, threshold_bps: int = 0) -> CollateralLeg:
    threshold = wad_of_bps(threshold_bps or token.threshold_bps)
    return CollateralLeg(token.asset, amount, threshold, wad_of_bps(10_500), Bps(1000))


def _in_usd(token: Token) -> AssetSheet:
    value = BaseValue(token.usd * USD)
    price = Price(value, source=_feed(token), path=tuple(_path(token)))
    return AssetSheet(token.asset, token.symbol, token.decimals, value, _feed(token), PLENTY, price)


def _path(token: Token) -> Iterator[Edge]:
    """What is staked follows ether, at a rate that stands still."""
    if token is STAKED:
        yield Edge(an_address("rate"), PriceKind.EXCHANGE_RATE, "stETH per wstETH")
        token = ETHER
    yield Edge(_feed(token), PriceKind.MARKET, token.symbol, asset=token.asset)


def _feed(token: Token) -> Address:
    return an_address(f"feed {token.symbol}")


def _account(number: int) -> Address:
    return Address(f"0x{number * 7919 % 2**32:040x}")


def _pool(number: int, base: Token, quote: Token, depth_usd: float) -> TickCurve:
    """Liquidity falls off on both sides of the price, tick by tick."""
    first, second = sorted((base, quote), key=lambda token: token.asset)
    raw_price = first.usd / second.usd * 10.0 ** (second.decimals - first.decimals)
    sqrt = math.sqrt(raw_price)
    at = math.floor(math.log(raw_price) / math.log(1.0001))
    peak = int(depth_usd / second.usd * 10**second.decimals / sqrt * 4)
    step = peak // (TICKS + 20)
    below = [(at - 60 * place - 1, step) for place in range(TICKS, 0, -1)]
    above = [(at + 60 * place, -step) for place in range(1, TICKS + 1)]
    wide = peak - step * TICKS
    ticks = ((-887_220, wide), *below, *above, (887_220, -wide))
    pool = an_address(f"pool {number}")
    held = wide + step * TICKS
    return TickCurve(pool, first.asset, second.asset, 3000, int(sqrt * 2**96), at, held, ticks)
