"""What the largest owners have of a market: by hand, over all accounts of an owner."""

from fractions import Fraction

import pytest
from builders import USDC, WETH, an_address

from monitor.core.risk import AccountRisk
from monitor.core.sources import Line, Statement
from monitor.core.units import Address, AssetId, RawAmount
from monitor.engine.concentration import Concentration, Concentrations, concentrations_of
from monitor.engine.sums import Sums

ONE, TWO, THREE = (an_address(name) for name in ("one", "two", "three"))
PRICES = {WETH: Fraction(2000, 10**18), USDC: Fraction(1, 10**6)}
RISK = AccountRisk(0, 0, None, liquidatable=False)


def holds(sums: Sums, owner: Address, weth: int, usdc: int = 0, owed: int = 0) -> None:
    """Whole tokens, in an account of the owner."""
    told = ((WETH, weth * 10**18), (USDC, usdc * 10**6))
    pledged = tuple(Line(a, RawAmount(raw), used_as_collateral=True) for a, raw in told if raw)
    debt = (Line(USDC, RawAmount(owed * 10**6)),) if owed else ()
    sums.add(Statement(an_address("an account"), "", pledged, debt, 0, RISK), owner)


def found(sums: Sums, prices: dict[AssetId, Fraction] = PRICES) -> Concentrations:
    return concentrations_of(sums, prices.get)


def test_sides__of_three_owners__are_weighed_in_usd() -> None:
    sums = Sums()
    holds(sums, ONE, 3, owed=1000)
    holds(sums, ONE, 2)
    holds(sums, TWO, 0, usdc=6000, owed=3000)
    holds(sums, THREE, 2)
    told = found(sums)  # 10,000, 6,000 and 4,000 USD of 20,000
    half = Fraction(1, 2)
    assert told.collateral == Concentration(half, Fraction(1), Fraction(100 + 36 + 16, 400))
    assert told.debt == Concentration(Fraction(3, 4), Fraction(1), Fraction(9 + 1, 16))


def test_collateral__of_one_asset__is_weighed_by_amount_over_sub_markets() -> None:
    sums = Sums()
    for sub_market, owner, raw in (("0x1", ONE, 30), ("0x2", ONE, 30), ("0x2", TWO, 40)):
        line = Line(WETH, RawAmount(raw), used_as_collateral=True)
        sums.add(Statement(owner, sub_market, (line,), (), 0, RISK), owner)
    told = found(sums, {})
    assert told.by_collateral[WETH].top1 == Fraction(60, 100)
    assert told.by_collateral[WETH].hhi == Fraction(36 + 16, 100)
    assert told.collateral is None  # nobody tells what WETH is worth


def test_top_five__of_seven_equal_owners__are_five_sevenths() -> None:
    sums = Sums()
    for number in range(7):
        holds(sums, an_address(str(number)), 1)
    told = found(sums).collateral
    assert told is not None
    assert (told.top1, told.top5, told.hhi) == (Fraction(1, 7), Fraction(5, 7), Fraction(1, 7))


def test_supply__not_used_as_collateral__does_not_count() -> None:
    sums = Sums()
    lent = (Line(WETH, RawAmount(10**18), used_as_collateral=False),)
    sums.add(Statement(ONE, "", lent, (), 0, RISK), ONE)
    assert found(sums) == Concentrations(None, None, {})


@pytest.mark.parametrize("side", ["collateral", "debt"])
def test_side__of_nothing__is_unknown(side: str) -> None:
    assert getattr(found(Sums()), side) is None
