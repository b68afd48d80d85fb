"""Loops that lose while a utilisation is held leave before the first round, as far as they can."""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

import pytest
from unit.simulation.test_rates import DEEP, HELD, NAMED, ether_world, lent
from unit.simulation.worlds import (
    DOLLAR,
    ETH,
    USDC,
    WETH,
    WSTETH,
    WSTETH_FEED,
    account_number,
    borrower,
    debt,
    market,
    pledge,
    pool,
    priced,
    world,
)

from monitor.core.curves import DepthCurve
from monitor.core.prices import Edge, PriceKind
from monitor.core.risk import DebtSpot, Exposure, WorldSheet
from monitor.core.units import AssetId, RawAmount
from monitor.simulation.columns import columns_of, state_of
from monitor.simulation.impact import Hop, sold_along
from monitor.simulation.options import Options
from monitor.simulation.product import ProductPool
from monitor.simulation.projection import names_of, project
from monitor.simulation.report import document_of
from monitor.simulation.results import Projection
from monitor.simulation.scenarios import scenario_of
from monitor.simulation.shocks import parse_shocks
from monitor.simulation.unwinding import Unwinding, carry_of, least_sale

FULL_USE = {HELD: "1.0@0d"}
"""83 % a year: nothing has accrued yet."""
GROWTH = {WSTETH: Fraction(3, 100), WETH: Fraction(0), USDC: Fraction(0)}
OWED_USD = 111.7 * 2000
NOBODY = Unwinding(0, 0.0, 0.0, 0.0, 0.0)


def looper(number: int, wsteth: float = 100, weth: float = 111.7) -> Exposure:
    return borrower(
        number, pledge(WSTETH, wsteth, threshold_bps=9500, bonus_bps=10_100), debt(WETH, weth)
    )


def looped(
    *accounts: Exposure,
    growth: Mapping[AssetId, Fraction] = GROWTH,
    depth: float = DEEP,
    cash: Mapping[AssetId, RawAmount] | None = None,
) -> WorldSheet:
    """All their debts of ether are part of loops."""
    people = accounts or (looper(1),)
    sheet = ether_world(*people)
    (only,) = sheet.markets
    assets = dict(only.assets)
    for asset, raw_cash in (cash or {}).items():
        assets[asset] = replace(assets[asset], cash_raw=raw_cash)
    curves: list[DepthCurve] = [
        pool(WSTETH, WETH, depth, number=1),
        pool(WETH, USDC, DEEP, number=2),
    ]
    spots = {DebtSpot("core", one.account, WETH): "correlated" for one in people}
    return replace(
        sheet,
        markets=(replace(only, assets=assets),),
        curves=tuple(curves),
        looped=spots,
        growth=growth,
    )


def lending_dollars(sheet: WorldSheet) -> WorldSheet:
    (only,) = sheet.markets
    dollars = replace(only.assets[USDC], lending=only.assets[WETH].lending)
    return replace(sheet, markets=(replace(only, assets={**only.assets, USDC: dollars}),))


def asked(
    sheet: WorldSheet, shocks: Mapping[str, object] = FULL_USE, *, unwind: bool = True
) -> Projection:
    found = scenario_of(parse_shocks(shocks), names_of(sheet, NAMED))
    return project(sheet, found, Options(unwind=unwind))


def unwound(sheet: WorldSheet, shocks: Mapping[str, object] = FULL_USE) -> Unwinding:
    found = asked(sheet, shocks).unwinding
    assert found is not None
    return found


def sale(depth: float, weth: float) -> float:
    """What of staked ether brings so much ether: a constant product with a fee of 0.3 %."""
    staked, ether = depth / 2400, depth / 2000
    return staked * weth / (ether - weth) / 0.997


def test_unwind__of_a_loop_that_loses__sells_just_enough_for_its_debt() -> None:
    found = unwound(looped())
    assert found.accounts == 1
    assert found.repaid_usd == pytest.approx(OWED_USD)
    assert found.sold_usd == pytest.approx(sale(DEEP, 111.7) * 2400, rel=1e-9)
    assert (found.locked_usd, found.left_usd) == (0, 0)


def test_unwind__of_a_loop_that_earns__lets_it_be() -> None:
    # 2.83 % on 223,400 owed, 3 % on 240,000 pledged.
    assert unwound(looped(), {HELD: "0.85@0d"}) == NOBODY
    # 1 % on it instead.
    slow = {**GROWTH, WSTETH: Fraction(1, 100)}
    assert unwound(looped(growth=slow), {HELD: "0.85@0d"}).accounts == 1


def test_unwind__what_it_earns_and_pays__is_of_the_equity() -> None:
    columns = columns_of(looped())
    state = state_of(columns)
    # 1000 are owed, and so much lies there that nine tenths are lent out: 3 %.
    at = next(n for n, quote in enumerate(columns.quotes) if quote.asset == WETH)
    state.cash[at] = state.debts[at] / 9
    growth = {asset: float(share) for asset, share in GROWTH.items()}
    net_usd = 240_000 * 0.03 - OWED_USD * 0.03
    carry = carry_of(columns, state, state.accounts[0], growth)
    assert carry == pytest.approx(net_usd / (240_000 - OWED_USD))


def test_unwind__not_asked_for__is_null() -> None:
    found = asked(looped(), unwind=False)
    assert found.unwinding is None
    assert document_of(found, {})["result"]["unwinding"] is None


def test_unwind__told__in_the_document_of_the_contract() -> None:
    told = document_of(asked(looped()), {})
    assert told["scenario"]["options"]["unwind"] is True
    assert told["result"]["unwinding"] == {
        "accounts": 1,
        "repaid_usd": "223400.00",
        "sold_usd": f"{sale(DEEP, 111.7) * 2400:.2f}",
        "locked_usd": "0.00",
        "left_usd": "0.00",
    }
    assert told["result"]["liquidated_usd"] == "0.00"


@pytest.mark.parametrize("shocks", [{"WETH": -0.1}, {"rate:core/WETH": "0.0@0d"}])
def test_unwind__where_nothing_costs_more__is_of_nobody(shocks: dict[str, object]) -> None:
    assert unwound(looped(), shocks) == NOBODY


def test_unwind__of_debts_in_no_loop__is_of_nobody() -> None:
    assert unwound(replace(looped(), looped={})) == NOBODY
    other = {DebtSpot("core", account_number(2), WETH): "correlated"}
    assert unwound(replace(looped(), looped=other)) == NOBODY


def test_unwind__of_the_loops_that_would_break__leaves_none_to_liquidate() -> None:
    month = {HELD: "1.0@30d"}
    assert asked(looped(), month, unwind=False).liquidated_usd > 0
    found = asked(looped(), month)
    assert (found.liquidated_usd, found.unliquidated_usd, found.rounds) == (0, 0, 0)
    assert found.unwinding is not None
    x = 0.83 * 30 / 365
    assert found.unwinding.repaid_usd == pytest.approx(OWED_USD * (1 + x + x**2 / 2 + x**3 / 6))


def test_unwind__without_cash_for_the_collateral__is_locked() -> None:
    short = int(sale(DEEP, 111.7) * 10**18)
    locked = unwound(looped(cash={WSTETH: RawAmount(short * 999 // 1000)}))
    assert locked == replace(NOBODY, locked_usd=locked.locked_usd)
    assert locked.locked_usd == pytest.approx(OWED_USD)
    assert unwound(looped(cash={WSTETH: RawAmount(short * 1001 // 1000)})).accounts == 1


def test_unwind__of_one_asset__takes_out_what_it_brought_in() -> None:
    """The market has no cash but that, and what it pays on ether is less than what it takes."""
    own = borrower(1, pledge(WETH, 10, threshold_bps=9500, bonus_bps=10_100), debt(WETH, 9.3))
    found = unwound(looped(own))
    assert found.accounts == 1
    assert found.repaid_usd == pytest.approx(9.3 * 2000)
    assert found.sold_usd == pytest.approx(9.3 * 2000)
    # 74.7 % of 10 against 83 % of 8.9.
    small = borrower(1, pledge(WETH, 10, threshold_bps=9500, bonus_bps=10_100), debt(WETH, 8.9))
    assert unwound(looped(small)) == NOBODY


@pytest.mark.parametrize("depth", [1e3, 2.2e5])
def test_unwind__into_a_pool_too_thin__stays(depth: float) -> None:
    found = unwound(looped(depth=depth))
    assert found == replace(NOBODY, left_usd=found.left_usd)
    assert found.left_usd == pytest.approx(OWED_USD)


def test_unwind__without_a_pool__stays() -> None:
    found = unwound(replace(looped(), curves=()))
    assert found.accounts == 0
    assert found.left_usd == pytest.approx(OWED_USD)


def test_unwind__with_another_debt_it_could_not_secure__stays() -> None:
    many = [debt(WETH, 100), debt(USDC, 23_400)]
    both = borrower(1, pledge(WSTETH, 100, threshold_bps=9500, bonus_bps=10_100), many)
    # What is left of 100 staked ether: 31,000, and 17,000 after a sale into less depth.
    kept = unwound(lending_dollars(looped(both, depth=5e6)))
    assert kept.accounts == 1
    assert kept.repaid_usd == pytest.approx(200_000)
    thin = unwound(lending_dollars(looped(both, depth=2e6)))
    assert thin.accounts == 0
    assert thin.left_usd == pytest.approx(200_000)


def test_unwind__by_the_most_negative_first__moves_the_pool_for_the_next() -> None:
    """Room for one: the more of it is borrowed, the earlier he goes, whatever his address."""
    bold, shy = looper(2), looper(1, weth=105)
    depth = 4e6
    alone = unwound(looped(shy, depth=depth))
    assert alone.accounts == 1
    found = unwound(looped(shy, bold, depth=depth))
    assert found.accounts == 1
    assert found.repaid_usd == pytest.approx(OWED_USD)
    assert found.sold_usd == pytest.approx(sale(depth, 111.7) * 2400, rel=1e-9)
    assert found.left_usd == pytest.approx(105 * 2000)


def test_unwind__of_equals__goes_by_address() -> None:
    found = unwound(looped(looper(2), looper(1), depth=4e6))
    assert found.accounts == 1
    assert found.left_usd == pytest.approx(OWED_USD)
    turned = unwound(looped(looper(1), looper(2), depth=4e6))
    assert turned == found


def test_unwind__that_moves_the_market__liquidates_whom_its_oracle_then_finds() -> None:
    """Staked ether by its market: the sale lets it fall, and its feed follows before round 1."""
    feed = Edge(WSTETH_FEED, PriceKind.MARKET, "wstETH / USD", asset=WSTETH)
    assets = [
        priced(WETH, PriceKind.MARKET, ETH),
        priced(WSTETH, PriceKind.MARKET, feed),
        priced(USDC, PriceKind.MARKET, DOLLAR),
    ]
    bystander = borrower(9, pledge(WSTETH, 1, threshold_bps=8000), debt(USDC, 1_900))
    sheet = lent(market([looper(1), bystander], assets=assets))
    pools = [pool(WSTETH, WETH, 1e7, number=1), pool(WETH, USDC, DEEP, number=2)]
    spots = {DebtSpot("core", account_number(1), WETH): "correlated"}
    full = replace(world(sheet, pools), looped=spots, growth=GROWTH)
    assert asked(full, unwind=False).rounds == 0
    found = asked(full)
    assert found.unwinding is not None
    assert found.unwinding.accounts == 1
    assert found.rounds == 1
    assert found.liquidated_usd == pytest.approx(1_900)
    # Twice the share of the pool's staked ether that was put in.
    put_in = sale(1e7, 111.7) * 0.997 / (1e7 / 2400)
    path = found.prices["wstETH"]
    assert path.shocked == pytest.approx(2400)
    assert path.after is not None
    assert path.after <= 2400 / (1 + put_in) ** 2


def test_unwind__by_a_growth_nobody_knows__is_unknown() -> None:
    found = asked(looped(growth={WETH: Fraction(0)}))
    (reason,) = found.unknown
    assert reason.startswith("core: by how much wstETH (0x")
    assert reason.endswith(" grows is not known: whether 1 loops unwind")
    told = document_of(found, {})["result"]
    assert told["unwinding"]["accounts"] is None
    assert told["unwinding"]["repaid_usd"] is None


def test_unwind__of_a_debt_of_unknown_cost__is_unknown() -> None:
    both = borrower(1, pledge(WSTETH, 100), [debt(WETH, 80), debt(USDC, 10)])
    (reason,) = asked(looped(both)).unknown
    assert reason.startswith("core: what USDC (0x")


def test_unwind__of_little_that_nobody_knows__is_left_out() -> None:
    """A thousandth of all that is owed."""
    whale = borrower(2, pledge(WETH, 1_000_000), debt(USDC, 1_000_000_000))
    growth = {WETH: Fraction(0)}
    found = asked(looped(looper(1), whale, growth=growth))
    assert found.unknown == ()
    assert any("by how much wstETH" in reason for reason in found.left_out)


@pytest.mark.parametrize("wanted", [1e-3, 1.0, 333.3, 999.0])
def test_least_sale__of_any_amount__brings_it_and_no_less(wanted: float) -> None:
    pools = [ProductPool((WETH, USDC), (1000.0, 1000.0), 0.997)]
    hops = (Hop(0, 0, 1),)
    sold = least_sale(pools, hops, wanted, 1e12)
    assert sold is not None
    brings = sold_along(pools, hops, sold)[0]
    assert wanted <= brings <= wanted * (1 + 1e-12)
    assert least_sale(pools, hops, wanted, sold * (1 - 1e-9)) is None
    assert least_sale(pools, (), wanted, wanted) == wanted
