"""Whole numbers of one unit say exactly what fractions say."""

from fractions import Fraction

from builders import an_address
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.units import AssetId
from monitor.engine.valuation import total
from monitor.engine.weights import added, weights_of

ASSETS = [AssetId(an_address(f"asset {n}")) for n in range(4)]
prices = st.none() | st.fractions(min_value=0, max_denominator=10**26)
amounts = st.lists(st.tuples(st.sampled_from(ASSETS), st.integers(0, 10**30)), max_size=8)


@given(st.tuples(*[prices] * len(ASSETS)), amounts)
def test_worth__of_any_amounts_at_any_prices__is_that_of_fractions(
    told: tuple[Fraction | None, ...], held: list[tuple[AssetId, int]]
) -> None:
    by_asset = dict(zip(ASSETS, told, strict=True))
    weights = weights_of(ASSETS, by_asset.__getitem__)
    each = [None if (price := by_asset[a]) is None else price * raw for a, raw in held]
    assert [weights.usd(weights.worth(*one)) for one in held] == each
    assert weights.usd(added([weights.worth(*one) for one in held])) == total(each)
