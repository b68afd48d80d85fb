"""`fill` "optimal" against every size of a fine grid, on every family of pools and of terms."""

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.simulation.worlds import (
    PRICES,
    TERMS,
    USDC,
    WBTC,
    WETH,
    borrower,
    debt,
    market,
    pledge,
    pool,
    sheet_of,
    world,
)

from monitor.core.curves import ConstantProductCurve, DepthCurve, StableSwapCurve
from monitor.core.risk import PartialTerms, WorldSheet
from monitor.core.stable_swap import FEE_UNIT, Swap
from monitor.core.units import Address, Bps, Wad
from monitor.simulation.bids import Bid, Offer
from monitor.simulation.columns import columns_of, state_of
from monitor.simulation.liquidations import Liquidation
from monitor.simulation.options import Options
from monitor.simulation.terms import largest_repay_usd
from monitor.simulation.visits import Visits

POOL = Address("0x" + "1" * 40)
MORPHO = replace(
    TERMS,
    close_factor_bps=Bps(10_000),
    full_close_health_wad=Wad(10**18),
    full_close_value_base=0,
    dust_value_base=0,
)
HEALTHS = st.sampled_from([0.97, 0.93, 0.6])
GRID = 600


@st.composite
def ticks(draw: st.DrawFn) -> DepthCurve:
    """Ranges one over the other about the mid: a tick every few percent of the way down."""
    whole = pool(WETH, USDC, draw(st.sampled_from([1e4, 1e6, 1e8])))
    edges = {entry[0]: entry[1] for entry in whole.ticks}
    active = whole.liquidity
    rng = random.Random(draw(st.integers(0, 10**6)))
    for _ in range(draw(st.integers(0, 12))):
        lower = whole.tick - rng.randrange(60, 6_000)
        upper = whole.tick + rng.randrange(60, 6_000)
        added = int(whole.liquidity * 10 ** rng.uniform(-1, 1))
        edges[lower] = edges.get(lower, 0) + added
        edges[upper] = edges.get(upper, 0) - added
        active += added
    return replace(whole, liquidity=active, ticks=tuple(sorted(edges.items())))


@st.composite
def products(draw: st.DrawFn) -> DepthCurve:
    worth = draw(st.sampled_from([10**4, 10**6, 10**8]))
    reserves = worth * 10**18 // 2000, worth * 10**6
    return ConstantProductCurve(POOL, WETH, USDC, *reserves, draw(st.integers(0, 10_000)))


def stable(worth: int, tilt: int, strength: int, offpeg: int) -> DepthCurve:
    """Ether counts 2000 USD there. `tilt`: percent of the ether that a pool at its peg has."""
    swap = Swap((2000 * 10**18, 10**30), strength * 100, 100, 4 * 10**6, offpeg * FEE_UNIT)
    balances = worth * tilt * 10**16 // 2000, worth * 10**6
    return StableSwapCurve(POOL, (WETH, USDC), balances, swap, FEE_UNIT // 2)


def stables(offpeg: int) -> st.SearchStrategy[DepthCurve]:
    worth, tilt = st.sampled_from([10**4, 10**6, 10**8]), st.integers(20, 180)
    return st.builds(stable, worth, tilt, st.sampled_from([10, 100, 2000]), st.just(offpeg))


@st.composite
def sheets(
    draw: st.DrawFn, curves: st.SearchStrategy[DepthCurve], terms: PartialTerms
) -> WorldSheet:
    """One account, whose collateral is sold over one pool or two, out of a market short of cash."""
    worth = 10 ** draw(st.floats(3, 8))
    owed = debt(USDC, round(worth * draw(st.sampled_from([0.8, 0.99, 1.3])), 2))
    bonus_bps = draw(st.sampled_from([10_200, 10_500, 11_000]))
    cash_raw = int(worth / 2000 * draw(st.sampled_from([0.001, 0.1, 0.7, 10])) * 10**18)
    through = draw(st.booleans())
    asset = WBTC if through else WETH
    held = pledge(asset, round(worth / PRICES[asset], 8), bonus_bps=bonus_bps, fee_bps=1000)
    short = sheet_of(asset, cash_raw=cash_raw if asset == WETH else cash_raw // 20 // 10**10)
    assets = [short, *(sheet_of(other) for other in (WETH, USDC) if other != asset)]
    pools = [pool(WBTC, WETH, 1e6, fee_ppm=500, number=9)] if through else []
    return world(market([borrower(1, held, owed)], terms=terms, assets=assets),
                 [*pools, draw(curves)])  # fmt: skip


def visits_of(sheet: WorldSheet, fill: str, gas_usd: float = 0) -> Visits:
    columns = columns_of(sheet)
    return Visits(columns, state_of(columns), Options(gas_usd=gas_usd, fill=fill))


def earned_usd(visits: Visits, health: float) -> float:
    """What a visit brings; 0 where it leaves the account."""
    prices = list(visits.state.prices)
    done = visits.visit(0, health)
    if not isinstance(done, Liquidation):
        return 0.0
    return done.proceeds * prices[done.debt] - done.repaid_usd


def best_of_grid(visits: Visits, health: float) -> tuple[float, float]:
    """The largest profit of all sizes of a fine grid, and the protocol's maximum."""
    bid = visits._bid(visits.state.accounts[0], health)
    assert isinstance(bid, Bid)
    largest = largest_repay_usd(bid.target, bid.limits)
    even = (largest * step / GRID for step in range(1, GRID + 1))
    small = (largest * 0.97**step for step in range(GRID))
    offers = [visits._offer(bid, size) for size in (*even, *small)]
    profits = [offer.profit_usd for offer in offers if isinstance(offer, Offer)]
    return max(profits, default=0.0), largest


CONCAVE = st.one_of(ticks(), products(), stables(offpeg=0))


@pytest.mark.parametrize("terms", [TERMS, MORPHO], ids=["aave", "morpho"])
@given(st.data(), HEALTHS)
@settings(max_examples=60)
def test_visit__of_the_best_size__earns_what_no_size_of_a_grid_beats(
    terms: PartialTerms, data: st.DataObject, health: float
) -> None:
    sheet = data.draw(sheets(CONCAVE, terms))
    best, largest = best_of_grid(visits_of(sheet, "optimal"), health)
    assert earned_usd(visits_of(sheet, "optimal"), health) >= best - 1e-9 * largest


@pytest.mark.parametrize("terms", [TERMS, MORPHO], ids=["aave", "morpho"])
@given(st.data(), HEALTHS)
@settings(max_examples=40)
def test_visit__of_the_best_size__earns_no_less_than_the_ladder(
    terms: PartialTerms, data: st.DataObject, health: float
) -> None:
    """Under a fee that grows off the peg too, where the profit may have two tops."""
    sheet = data.draw(sheets(stables(offpeg=10), terms))
    best = earned_usd(visits_of(sheet, "optimal"), health)
    assert best >= earned_usd(visits_of(sheet, "ladder"), health)


@pytest.mark.parametrize("terms", [TERMS, MORPHO], ids=["aave", "morpho"])
@given(st.data(), HEALTHS, st.sampled_from([0.1, 50, 2_000]))
@settings(max_examples=60)
def test_visit__of_the_best_size__pays_where_any_size_does(
    terms: PartialTerms, data: st.DataObject, health: float, gas_usd: float
) -> None:
    """What cannot pay is not searched through, and nothing is lost by that."""
    sheet = data.draw(sheets(CONCAVE, terms))
    best = earned_usd(visits_of(sheet, "optimal"), health)
    found = earned_usd(visits_of(sheet, "optimal", gas_usd), health)
    if best > gas_usd * (1 + 1e-6):
        assert found == pytest.approx(best, rel=1e-6)
    if best < gas_usd * (1 - 1e-6):
        assert found == 0
