"""What models of cascades get wrong (cascade-theory 5), put as users put their questions."""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from unit.simulation.worlds import (
    BY_RATE,
    DAI,
    DOLLAR,
    ETH,
    PRICES,
    TERMS,
    USD,
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
    raw,
    sheet_of,
    world,
)

from monitor.core.prices import Edge, Price, PriceKind
from monitor.core.rates import KinkedCurve
from monitor.core.risk import AssetSheet, Exposure, Lending, MarketSheet, WorldSheet
from monitor.core.units import RAY, Address, BaseValue, Bps, Ray, Wad
from monitor.simulation.options import Options
from monitor.simulation.projection import curve, names_of, project
from monitor.simulation.results import Projection
from monitor.simulation.scenarios import curve_of, scenario_of
from monitor.simulation.shocks import parse_shocks

DEEP = 1e9
NAMED = {"WETH": WETH, "wstETH": WSTETH, "USDC": USDC}
ALL_AT_ONCE = replace(
    TERMS, close_factor_bps=Bps(10_000), full_close_value_base=0, dust_value_base=0
)
STEEP = KinkedCurve(Ray(0), Ray(3 * RAY // 100), Ray(8 * RAY // 10), Ray(9 * RAY // 10))
"""3 % at 90 % of use, 83 % at all of it."""


def asked(sheet: WorldSheet, shocks: Mapping[str, object], **options: object) -> Projection:
    found = scenario_of(parse_shocks(shocks), names_of(sheet, NAMED))
    return project(sheet, found, Options().updated(options))


def figures(found: Projection) -> tuple[Any, ...]:
    return found.liquidated_usd, found.bad_debt_usd, found.unliquidated_usd


def lent(sheet: MarketSheet, curve: KinkedCurve, asset: Address, owed: float) -> MarketSheet:
    lending = Lending(curve, raw(asset, owed), Wad(0), secures=True)
    return replace(
        sheet, assets={**sheet.assets, asset: replace(sheet.assets[asset], lending=lending)}
    )


LOOP = borrower(1, pledge(WSTETH, 100, threshold_bps=9500, bonus_bps=10_100), debt(WETH, 111.7))
"""wstETH against ether, ten times levered: health 1.0206."""
BY_MARKET = (Edge(WSTETH_FEED, PriceKind.MARKET, "wstETH / USD", asset=WSTETH),)


def loop_world(wsteth: AssetSheet) -> WorldSheet:
    assets = [priced(WETH, PriceKind.MARKET, ETH), wsteth, priced(USDC, PriceKind.MARKET, DOLLAR)]
    pools = [pool(WSTETH, WETH, DEEP, number=1), pool(WETH, USDC, DEEP, number=2)]
    return world(lent(market([LOOP], assets=assets), STEEP, WETH, 1000), pools)


BY_RATE_WORLD = loop_world(priced(WSTETH, PriceKind.EXCHANGE_RATE, *BY_RATE))


@pytest.mark.parametrize("depeg", [-0.05, -0.3])
def test_exchange_rate_loop__of_a_depeg__notices_nothing(depeg: float) -> None:
    found = asked(BY_RATE_WORLD, {"peg:wstETH/WETH": depeg})
    assert figures(found) == (0, 0, 0)
    assert found.prices["wstETH"].after == pytest.approx(2400 * (1 + depeg))
    by_market = asked(loop_world(priced(WSTETH, PriceKind.MARKET, *BY_MARKET)), {"wstETH": depeg})
    assert by_market.liquidated_usd > 0


def test_exchange_rate_loop__of_dear_ether__is_liquidated() -> None:
    """83 % for 30 days are 7 %: the debt outgrows what secures it, at unmoved prices."""
    found = asked(BY_RATE_WORLD, {"rate:core/WETH": "1.0@30d"})
    assert found.liquidated_usd > 111.7 * 2000 / 2
    path = found.prices["wstETH"]
    assert path.shocked == path.before


def test_exchange_rate_loop__of_both__is_liquidatable_and_nobody_does_it() -> None:
    """The oracle says 2400 of what sells for 2280; the bonus is 1 %."""
    found = asked(BY_RATE_WORLD, {"peg:wstETH/WETH": -0.05, "rate:core/WETH": "1.0@30d"})
    assert found.liquidated_usd == 0
    assert found.unliquidated_usd > 111.7 * 2000


def test_cap_error__of_2_85_percent__liquidates_who_is_healthy_by_the_market() -> None:
    """10 March 2026: all whose ltv is above their threshold times 0.9715, and nobody else."""
    healths = {number: 1 + number / 200 for number in range(1, 11)}
    accounts = [
        borrower(
            number,
            pledge(WSTETH, 100, threshold_bps=9500, bonus_bps=10_100),
            debt(WETH, round(100 * 1.2 * 0.95 / health, 6)),
        )
        for number, health in healths.items()
    ]
    sheet = replace(
        BY_RATE_WORLD, markets=(replace(BY_RATE_WORLD.markets[0], exposures=tuple(accounts)),)
    )
    assert figures(asked(sheet, {"oracle:core/wstETH": 0})) == (0, 0, 0)
    found = asked(sheet, {"oracle:core/wstETH": -0.0285}, deviation=1)
    wronged = {account_number(n) for n, health in healths.items() if health * (1 - 0.0285) < 1}
    assert len(wronged) == 5
    assert {entry.account for entry in found.largest} == wronged
    assert found.price_amplification == 1.0
    assert found.bad_debt_usd == 0


def fixed_world(spot: Fraction, *accounts: Exposure) -> WorldSheet:
    """wstETH stands for xUSD: a contract says a dollar for ever, the pool trades at `spot`."""
    hard_wired = Edge(Address("0x" + "f" * 40), PriceKind.FIXED, "fixed price")
    price = Price(BaseValue(USD), kind=PriceKind.FIXED, path=(hard_wired,))
    sheet = replace(sheet_of(WSTETH), price_base=USD, price=price)
    dollar = priced(USDC, PriceKind.MARKET, DOLLAR)
    factor = float(spot) / PRICES[WSTETH]
    pools = [pool(WSTETH, USDC, 1e7, mid_factor=factor)]
    return world(market(accounts, assets=[sheet, dollar]), pools)


def test_hard_wired_oracle__of_a_worthless_token__leaves_all_unliquidated() -> None:
    """deUSD, November 2025: 99.5 % by its oracle, 84,930 % in truth (worked case)."""
    legs = pledge(WSTETH, 8_789_483.35091141, threshold_bps=8600, bonus_bps=10_438)
    found = asked(
        fixed_world(Fraction("0.001171"), borrower(1, legs, debt(USDC, 8_741_670))), {"gas": 0}
    )
    assert found.liquidated_usd == 0
    assert found.unliquidated_usd == pytest.approx(8_741_670)
    assert not found.unknown


def test_hard_wired_oracle__whose_token_falls__liquidates_nobody() -> None:
    """Healthy by the oracle before and after: not even unliquidated, and 99 % of it is gone."""
    legs = pledge(WSTETH, 10_000, threshold_bps=9000)
    found = asked(fixed_world(Fraction(1), borrower(1, legs, debt(USDC, 8_900))), {"wstETH": -0.99})
    assert figures(found) == (0, 0, 0)
    assert found.prices["wstETH"].after == pytest.approx(0.01)


@pytest.mark.parametrize("key", ["wstETH", "peg:wstETH/USDC"])
def test_shock__of_what_no_pool_and_no_oracle_prices_by_its_market__is_said(key: str) -> None:
    """Zero would look as if all were well."""
    legs = pledge(WSTETH, 10_000, threshold_bps=9000)
    sheet = fixed_world(Fraction(1), borrower(1, legs, debt(USDC, 8_900)))
    (said,) = asked(replace(sheet, curves=()), {key: -0.99}).left_out
    assert said.startswith(f"wstETH ({WSTETH}) has no pool")
    assert asked(replace(sheet, curves=()), {key: 0}).left_out == ()
    assert asked(sheet, {key: -0.99}).left_out == ()


def test_dust__of_two_dollars_against_88_000__is_nobodys_business() -> None:
    """Chaos Labs, 10 October 2025."""
    dust = borrower(1, pledge(WETH, 0.001), debt(USDC, 88_000))
    sheet = world(market([dust]), [pool(WETH, USDC, DEEP)])
    found = asked(sheet, {"WETH": 0})
    assert figures(found) == (0, pytest.approx(88_000 - 2), pytest.approx(88_000))
    assert found.bad_debt_realised_usd == 0
    # Were it for nothing, it would be done, and the loss be booked.
    free = asked(sheet, {"WETH": 0, "gas": 0})
    assert free.bad_debt_realised_usd == pytest.approx(88_000 - 2 / 1.05)


def test_half_closed__and_unsafe_still__is_closed_on_in_the_rounds_after() -> None:
    """At a threshold times bonus above 1 a call leaves less health than there was."""
    sick = borrower(1, pledge(WETH, 100, threshold_bps=9600), debt(USDC, 183_000))
    sheet = world(market([sick]), [pool(WETH, USDC, DEEP)])
    found = asked(sheet, {"WETH": -0.05}, deviation=1)
    assert found.first_round_usd == pytest.approx(183_000 / 2)
    assert found.rounds >= 2
    assert found.amplification > 1.9
    assert found.unliquidated_usd == 0


@pytest.mark.parametrize(("fall", "is_liquidated"), [(-0.074999, False), (-0.075001, True)])
def test_price__a_millionth_apart__is_told_apart(fall: float, is_liquidated: bool) -> None:
    """A published tool rounded its peg to cents before it looked: it saw a trigger 6 % too late."""
    owed = round(100 * 2000 * 0.8 * 0.925, 6)
    sheet = world(
        market([borrower(1, pledge(WETH, 100), debt(USDC, owed))]), [pool(WETH, USDC, DEEP)]
    )
    assert bool(asked(sheet, {"WETH": fall}).liquidated_usd) is is_liquidated


def test_concentration__of_61_million_at_risk__is_one_account_and_named() -> None:
    """April 2026: by a steeper curve 30 days of dear USDC move 0.9 million to 61 million."""
    one = 60_160_000.0
    owes = {1: one, **dict.fromkeys(range(2, 20), 50_000.0)}
    accounts = [
        _indebted(number, owed, 1.0125 if number == 1 else 1.005) for number, owed in owes.items()
    ]
    assets = [
        priced(WETH, PriceKind.MARKET, ETH),
        priced(USDC, PriceKind.MARKET, DOLLAR),
        sheet_of(DAI),
    ]
    found = {}
    for slope, kink in ((18, 91), (32, 87)):
        curve = KinkedCurve(
            Ray(0), Ray(35 * RAY // 1000), Ray(slope * RAY // 100), Ray(kink * RAY // 100)
        )
        sheet = lent(market(accounts, assets=assets), curve, USDC, 1e9)
        found[slope] = asked(
            world(sheet, [pool(WETH, USDC, 1e12)]), {"rate:core/USDC": "0.9806@30d"}
        )
    assert found[18].liquidated_usd < 1e6
    whale = found[32].largest[0]
    assert whale.account == account_number(1)
    assert whale.debt_usd > 0.95 * found[32].liquidated_usd


def _indebted(number: int, owed: float, health: float) -> Exposure:
    """84.5 % of it in USDC, whose rate is asked about."""
    legs = pledge(WETH, owed * health / 0.8 / 2000)
    return borrower(number, legs, [debt(USDC, owed * 0.845), debt(DAI, owed * 0.155)])


def jump_world() -> WorldSheet:
    """Three accounts that fail at 92.5, 85 and 74 % of the price, before a thin pool."""
    owed = {0.925: 100_000, 0.85: 110_000, 0.74: 130_000}
    accounts = [
        borrower(
            number,
            pledge(WETH, round(usd / (0.8 * 2000 * fails_at), 6), bonus_bps=11_000),
            debt(USDC, usd),
        )
        for number, (fails_at, usd) in enumerate(owed.items(), start=1)
    ]
    assets = [sheet_of(WETH), sheet_of(USDC)]
    return world(
        market(accounts, assets=assets, terms=ALL_AT_ONCE),
        [pool(WETH, USDC, 2_164_201.5, fee_ppm=0)],
    )


def test_jump__of_7_percent_is_nothing_and_of_8_runs_away() -> None:
    """Nobody may take a cascade for smooth: 0 and 340,000 USD, a fall of 8 % becomes 36.5 %."""
    assert figures(asked(jump_world(), {"WETH": -0.07})) == (0, 0, 0)
    found = asked(jump_world(), {"WETH": -0.08})
    assert figures(found) == (pytest.approx(340_000), 0, 0)
    path = found.prices["WETH"]
    assert path.after is not None
    assert 1 - path.after / 2000 == pytest.approx(0.365, abs=1e-6)
    assert found.price_amplification == pytest.approx(4.56, abs=0.005)
    assert found.amplification == pytest.approx(3.4)
    assert found.rounds == 3


def test_jump__by_hand__is_what_the_rounds_were() -> None:
    """A sale into x ether of a constant product: the price falls by the square of x / (x + d)."""
    mid, ether = 2000 * 0.92, 2_164_201.5 / 2000 / 0.92**0.5
    by_hand = []
    for owed in (100_000, 110_000, 130_000):
        seized = owed * 1.1 / mid
        mid, ether = mid * (ether / (ether + seized)) ** 2, ether + seized
        by_hand.append(mid)
    log = asked(jump_world(), {"WETH": -0.08}).round_log
    assert [entry.oracles[0][2] for entry in log] == pytest.approx(by_hand, rel=1e-6)


def test_jump__on_a_curve__is_its_critical_shock() -> None:
    sheet = jump_world()
    found = curve(sheet, curve_of("WETH", -0.1, 10, names_of(sheet, NAMED)), Options())
    assert found.critical_shock == pytest.approx(0.08)
    liquidated = [round(each.liquidated_usd) for each in found.results]
    assert liquidated == [0] * 7 + [340_000] * 3
