"""What pools say against what oracles say, exactly."""

from fractions import Fraction
from math import isqrt

import pytest
from builders import an_address

from monitor.core.curves import TickCurve
from monitor.core.prices import Price
from monitor.core.sources import Listing
from monitor.core.units import AssetId, BaseValue
from monitor.engine.market_prices import MarketPrices, oracle_price

WETH, WSTETH, USDC, DAI = (an_address(name) for name in ("WETH", "wstETH", "USDC", "DAI"))
DECIMALS = {WETH: 18, WSTETH: 18, USDC: 6, DAI: 18}
USD = 10**8


def listing(asset: AssetId, usd: float | None, *, loan: AssetId | None = None) -> Listing:
    """As a market lists it: in USD of 8 decimals, or in raw units of a loan times 1e36."""
    scale = 10**36 if loan else USD
    value = None if usd is None else BaseValue(int(Fraction(str(usd)) * scale))
    return Listing("", asset, "S", DECIMALS[asset], Price(value), scale, loan)


def pool(token0: AssetId, token1: AssetId, price: Fraction) -> TickCurve:
    """`price`: whole token1 per whole token0."""
    raw = price * 10 ** DECIMALS[token1] / 10 ** DECIMALS[token0]
    root = isqrt(raw.numerator * 2**192 // raw.denominator)
    return TickCurve(an_address("pool"), token0, token1, 500, root, 0, 1, ())


def near(found: Fraction | None, expected: Fraction) -> bool:
    return found is not None and abs(found - expected) < Fraction(1, 10**12)


ETHER_POOL = pool(USDC, WETH, Fraction(1, 1_900))
STAKED_POOL = pool(WSTETH, WETH, Fraction(11, 10))


def test_market_price__by_two_pools__is_the_product_of_their_mids() -> None:
    listings = [listing(WETH, 2_000), listing(WSTETH, 2_400), listing(USDC, 1)]
    prices = MarketPrices([ETHER_POOL, STAKED_POOL], listings)
    assert near(prices.deviation(listings[1]), Fraction(2_400, 2_090) - 1)
    assert near(prices.deviation(listings[0]), Fraction(2_000, 1_900) - 1)


def test_market_price__in_usd__is_counted_by_the_anchors_own_oracle() -> None:
    listings = [listing(WETH, 1_900), listing(USDC, 0.98)]
    prices = MarketPrices([ETHER_POOL], listings)
    assert near(prices.deviation(listings[0]), 1 / Fraction(98, 100) - 1)


def test_dollar__that_trades_below_another__is_off_by_that() -> None:
    listings = [listing(DAI, 1), listing(USDC, 1)]
    prices = MarketPrices([pool(DAI, USDC, Fraction(9, 10))], listings)
    assert near(prices.deviation(listings[0]), Fraction(1, 9))
    assert near(prices.deviation(listings[1]), Fraction(-1, 10))


def test_pair__is_counted_in_its_loan_whatever_that_is_worth() -> None:
    pair = listing(WSTETH, 1.2, loan=WETH)
    prices = MarketPrices([STAKED_POOL], [pair])
    assert near(prices.deviation(pair), Fraction(12, 11) - 1)


@pytest.mark.parametrize(
    ("asset", "curves"),
    [
        (listing(WETH, 2_000), []),
        (listing(WETH, None), [ETHER_POOL]),
        (listing(WSTETH, 1, loan=USDC), [STAKED_POOL]),
        (listing(USDC, 1), [ETHER_POOL]),
        (
            Listing("", WETH, "S", None, Price(BaseValue(USD)), USD),
            [ETHER_POOL],
        ),
    ],
    ids=["no pool", "no oracle", "no pool to the loan", "the only dollar", "no decimals"],
)
def test_deviation__of_what_is_not_known__is_unknown(
    asset: Listing, curves: list[TickCurve]
) -> None:
    assert MarketPrices(curves, [asset, listing(USDC, 1)]).deviation(asset) is None


def test_pool__without_a_price_yet__leads_nowhere() -> None:
    blank = TickCurve(an_address("pool"), USDC, WETH, 500, 0, 0, 0, ())
    listings = [listing(WETH, 2_000), listing(USDC, 1)]
    assert MarketPrices([blank], listings).deviation(listings[0]) is None


def test_oracle_price__of_odd_decimals__is_exact() -> None:
    odd = Listing("", WETH, "S", 77, Price(BaseValue(3)), USD)
    assert oracle_price(odd) == Fraction(3, USD * 10**77)
