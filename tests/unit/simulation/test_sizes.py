"""The size that earns most: found where it is known in closed form, and in every corner."""

import math

import pytest
from unit.simulation.worlds import USDC, WETH

from monitor.simulation.product import ProductPool
from monitor.simulation.sizes import REFUSED, TOLERANCE, Profit, most_profitable
from monitor.simulation.terms import Limits, Target, largest_repay_usd, slice_of

DEPTH_USD = 10_000_000.0
BONUS = 0.05


def into_a_pool(share: float = 1.0) -> Profit:
    """Of what is repaid, where a pool of so much on either side is sold into."""
    here = ProductPool((WETH, USDC), (DEPTH_USD, DEPTH_USD), share)
    return lambda repaid: here.sold(repaid * (1 + BONUS), 0, 1)[0] - repaid


@pytest.mark.parametrize("fee", [0.0, 0.003])
@pytest.mark.parametrize("largest", [3e5, 1e6, 1e9, 1e12])
def test_most_profitable__of_a_constant_product__is_its_closed_form(
    fee: float, largest: float
) -> None:
    # V (sqrt(G) - 1) / G of what is worth 1, G = (1 - fee) (1 + bonus): $235k at no fee.
    gain = (1 - fee) * (1 + BONUS)
    best = DEPTH_USD * (math.sqrt(gain) - 1) / gain
    found = most_profitable(into_a_pool(1 - fee), largest)
    assert found == pytest.approx(best, rel=1e-7)


def test_most_profitable__of_less_than_the_best__is_all_of_it() -> None:
    assert most_profitable(into_a_pool(), 200_000) == 200_000


@pytest.mark.parametrize("most", [200_000, 1_000, 0.01])
def test_most_profitable__where_more_is_refused__is_the_most_that_is_not(most: float) -> None:
    whole = into_a_pool()
    found = most_profitable(lambda size: whole(size) if size <= most else REFUSED, 1e6)
    assert found <= most
    assert found == pytest.approx(most, rel=3 * TOLERANCE)


@pytest.mark.parametrize(
    ("debt_usd", "best"),
    [
        (235_300, 235_300),  # clearing it is nearer to the best than the most that leaves no dust
        (236_150, 235_150),  # the other way round
        (400_000, 235_191),  # far from both
        (900, 900),  # no part of it may be left
    ],
)
def test_most_profitable__under_a_dust_rule__clears_or_leaves_enough(
    debt_usd: float, best: float
) -> None:
    target = Target(0.9, debt_usd, debt_usd, 10 * debt_usd, 1 + BONUS, 0.0)
    limits = Limits(1, 0, 0, 1_000)
    whole = into_a_pool()

    def profit(repaid: float) -> float:
        return REFUSED if slice_of(target, limits, repaid) is None else whole(repaid)

    found = most_profitable(profit, largest_repay_usd(target, limits))
    assert found == pytest.approx(best, rel=1e-5)


def test_most_profitable__with_a_kink__is_at_it() -> None:
    # A tick: below it every unit earns, above it every unit costs.
    kink = 123_456.789
    found = most_profitable(lambda size: min(0.04 * size, 0.05 * kink - 0.01 * size), 1e6)
    assert found == pytest.approx(kink, rel=3 * TOLERANCE)


def test_most_profitable__where_nothing_is_to_be_had__has_no_profit() -> None:
    assert most_profitable(lambda _: REFUSED, 1e6) > 0


def test_most_profitable__of_two_tops__is_no_worse_than_any_size_scanned() -> None:
    def two_tops(size: float) -> float:
        return max(1 - abs(size - 10), 3 - abs(size - 900) / 100)

    assert two_tops(most_profitable(two_tops, 1_000)) == pytest.approx(3, rel=1e-6)


@pytest.mark.parametrize("gas_usd", [1.0, 100.0, 5_000.0, 5_760.0])
def test_most_profitable__where_little_does_not_pay__is_the_same(gas_usd: float) -> None:
    """The best brings 5,763 USD. Of the first dollars repaid 5 % are earned."""
    found = most_profitable(into_a_pool(), 1e9, gas_usd / BONUS, gas_usd)
    assert found == pytest.approx(most_profitable(into_a_pool(), 1e9), rel=1e-7)


@pytest.mark.parametrize("gas_usd", [6_000.0, 50_000.0, 1e7])
def test_most_profitable__where_nothing_pays__is_no_size_that_does(gas_usd: float) -> None:
    profit = into_a_pool()
    assert profit(most_profitable(profit, 1e9, gas_usd / BONUS, gas_usd)) < gas_usd


def test_most_profitable__of_a_debt_that_must_be_cleared__clears_it() -> None:
    whole = into_a_pool()
    found = most_profitable(lambda size: whole(size) if size == 900 else REFUSED, 900, 500, 25)
    assert found == 900
