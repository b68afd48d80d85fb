"""Random books and pools to put to the reference cascade: every family, several markets."""

from dataclasses import replace
from fractions import Fraction

from hypothesis import strategies as st
from unit.simulation.worlds import (
    DAI,
    DECIMALS,
    PRICES,
    TERMS,
    USDC,
    WBTC,
    WETH,
    WSTETH,
    account_number,
    borrower,
    debt,
    market,
    pair,
    pledge,
    pool,
    sheet_of,
    world,
)

from monitor.core.curves import ConstantProductCurve, DepthCurve, ParametricCurve, StableSwapCurve
from monitor.core.risk import Exposure, MarketSheet, PartialTerms, WorldSheet
from monitor.core.stable_swap import FEE_UNIT, Swap
from monitor.core.units import AssetId, Bps, RawAmount, Wad

WHOLE = PartialTerms(Bps(10_000), Wad(0), full_close_value_base=0, dust_value_base=0)
"""A call may close all of an account, and may leave dust (Morpho Blue)."""
FORMER = PartialTerms(
    Bps(5000), Wad(95 * 10**16), full_close_value_base=0, dust_value_base=0, of_one_debt=True
)
"""Aave before 3.3: half of one debt, without a word on dust."""
ALL_TERMS = st.sampled_from([WHOLE, TERMS, FORMER])
FAMILIES = ("ticks", "narrow", "product", "stable", "stable off the peg", "stated")
DEPTHS = st.sampled_from([1e4, 3e5, 1e6, 1e7, 1e9])
HELD_USD = st.floats(100, 1e6).map(lambda usd: round(usd, 2))
HEALTHS = st.floats(1.001, 1.6).map(lambda health: round(health, 4))


def a_pool(family: str, base: AssetId, quote: AssetId, side_usd: float, number: int) -> DepthCurve:
    """So much worth of each token, at the price of the oracles."""
    address = account_number(number)
    if family in ("ticks", "narrow"):
        width = 2000 if family == "narrow" else None
        return pool(base, quote, side_usd, half_width_ticks=width, number=number)
    amounts = [int(side_usd / PRICES[asset] * 10 ** DECIMALS[asset]) for asset in (base, quote)]
    if family == "product":
        return ConstantProductCurve(address, base, quote, amounts[0], amounts[1], 3000)
    if family == "stated":
        return ParametricCurve(base, quote, Fraction(round(side_usd), 100))
    offpeg = 5 * FEE_UNIT if family == "stable off the peg" else 0
    rates = tuple(10 ** (36 - DECIMALS[asset]) * PRICES[asset] for asset in (base, quote))
    swap = Swap(rates, 50, 1, 4 * 10**6, offpeg)
    return StableSwapCurve(address, (base, quote), (amounts[0], amounts[1]), swap, FEE_UNIT // 2)


@st.composite
def books(draw: st.DrawFn) -> list[Exposure]:
    """One to ten healthy accounts with WETH alone for USDC alone."""
    made = []
    for number in range(1, draw(st.integers(1, 10)) + 1):
        value, health = draw(HELD_USD), draw(HEALTHS)
        legs = pledge(
            WETH,
            round(value / PRICES[WETH], 9),
            bonus_bps=draw(st.sampled_from([10_100, 10_500, 11_000])),
        )
        made.append(borrower(number, legs, debt(USDC, round(value * 0.8 / health, 4))))
    return made


def plain_world(
    book: list[Exposure], terms: PartialTerms, family: str, side_usd: float
) -> WorldSheet:
    assets = [sheet_of(WETH), sheet_of(USDC)]
    curve = a_pool(family, WETH, USDC, side_usd, 1)
    return world(market(book, assets=assets, terms=terms), [curve])


@st.composite
def plain_worlds(draw: st.DrawFn) -> WorldSheet:
    """One collateral, one stable debt, one pool."""
    family = draw(st.sampled_from(FAMILIES))
    return plain_world(draw(books()), draw(ALL_TERMS), family, draw(DEPTHS))


@st.composite
def _exposures(draw: st.DrawFn, first: int) -> list[Exposure]:
    """Healthy accounts of several assets a side."""
    made = []
    for number in range(first, first + draw(st.integers(2, 6))):
        value, health = draw(HELD_USD), draw(HEALTHS)
        part = draw(st.sampled_from([0.0, 0.4, 1.0]))
        sides = ((WETH, 1 - part), (draw(st.sampled_from([WBTC, WSTETH])), part))
        legs = [
            pledge(asset, round(value * share / PRICES[asset], 8), fee_bps=1000)
            for asset, share in sides
            if share
        ]
        owed = value * 0.8 / health
        split = draw(st.sampled_from([(1.0, 0.0), (0.6, 0.4)]))
        debts = [
            debt(asset, round(owed * share, 4))
            for asset, share in zip((USDC, DAI), split, strict=True)
            if share
        ]
        made.append(borrower(number, legs, debts))
    return made


@st.composite
def wide_worlds(draw: st.DrawFn) -> WorldSheet:
    """Two markets in USD and one that counts in ether, none of endless cash; five pools of any
    family.
    """
    short = draw(st.booleans())
    assets = [
        sheet_of(asset, cash_raw=(20 if short and asset == WETH else 10**7) * 10 ** DECIMALS[asset])
        for asset in (WETH, WBTC, USDC, DAI, WSTETH)
    ]
    loops = [
        borrower(
            number,
            pledge(WSTETH, held, threshold_bps=9450, bonus_bps=10_170),
            debt(WETH, round(held * 1.2 * 0.945 / draw(HEALTHS), 6)),
        )
        for number, held in enumerate(draw(st.lists(st.integers(1, 300), max_size=4)), start=100)
    ]
    markets = [
        market(draw(_exposures(1)), assets=assets, terms=TERMS),
        market(draw(_exposures(1)), assets=assets, terms=FORMER, name="second"),
        _paying(pair(WSTETH, WETH, Fraction(6, 5), exposures=tuple(loops))),
    ]
    pairs = ((WETH, USDC), (WBTC, WETH), (DAI, USDC), (WSTETH, WETH), (WBTC, USDC))
    pools = [
        a_pool(draw(st.sampled_from(FAMILIES)), base, quote, draw(DEPTHS), number)
        for number, (base, quote) in enumerate(pairs, start=1)
    ]
    return world(markets, pools)


def _paying(sheet: MarketSheet) -> MarketSheet:
    """What the pair market holds: its collateral, and a little of the loan."""
    cash = RawAmount(10**23)
    assets = {key: replace(each, cash_raw=cash) for key, each in sheet.assets.items()}
    return replace(sheet, assets=assets)


def turned(sheet: WorldSheet) -> WorldSheet:
    """The same world as a store might list it the other way round: accounts, legs, assets."""
    markets = tuple(
        replace(
            each,
            assets=dict(reversed(list(each.assets.items()))),
            exposures=tuple(
                replace(who, collateral=who.collateral[::-1], debt=who.debt[::-1])
                for who in reversed(each.exposures)
            ),
        )
        for each in sheet.markets
    )
    return replace(sheet, markets=markets)
