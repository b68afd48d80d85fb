"""Whose market price a feed is taken to report, also where strangers make pairs of their own."""

import pytest
from builders import USDC, WETH, an_address

from monitor.core.prices import Edge, PriceKind
from monitor.core.units import Address, AssetId
from monitor.oracles.leaf_assets import Report, Way, reported

FEED, ROOT, RATE = an_address("feed"), an_address("root"), an_address("rate")
STAKED, WBTC, CBBTC, FAKE = (an_address(name) for name in ("wstETH", "WBTC", "cbBTC", "fake"))
SYMBOLS = {WETH: "WETH", USDC: "USDC", STAKED: "wstETH", WBTC: "WBTC", CBBTC: "cbBTC"}


def feed(text: str, exponent: int = 1, source: Address = FEED) -> Edge:
    return Edge(source, PriceKind.MARKET, text, exponent=exponent)


def rated(text: str) -> tuple[Edge, ...]:
    """A rate times a feed."""
    rate = Edge(RATE, PriceKind.EXCHANGE_RATE, "rate provider")
    return (Edge(ROOT, PriceKind.MARKET, "composed", (FEED, RATE)), feed(text), rate)


def report(*ways: Way, symbols: dict[AssetId, str] | None = None) -> Report:
    return reported(ways, {}, symbols or SYMBOLS)[FEED]


def test_feed__that_prices_one_asset_alone__reports_it_whatever_it_is_called() -> None:
    ways = Way(STAKED, None, (feed("ETH / USD"),)), Way(WETH, USDC, rated("ETH / USD"))
    assert report(*ways) == Report(STAKED, None)


@pytest.mark.parametrize(("text", "asset"), [("BTC / USD", WBTC), ("GOLD / USD", None)])
def test_feed__that_prices_several__reports_the_one_of_them_it_is_called_by(
    text: str, asset: AssetId | None
) -> None:
    ways = [Way(one, None, (feed(text),)) for one in (WBTC, CBBTC)]
    assert report(*ways) == Report(asset, None)


def test_feed__under_a_rate__reports_what_it_is_called_by() -> None:
    assert report(Way(STAKED, None, rated("ETH / USD"))) == Report(WETH, None)


def test_feed__counted_in_an_asset__says_in_which() -> None:
    way = Way(STAKED, None, (feed("STETH / ETH"),))
    assert report(way) == Report(STAKED, WETH)


def test_pair__of_a_stranger__takes_no_feed_from_what_it_is_called_by() -> None:
    honest = Way(STAKED, USDC, rated("ETH / USD"))
    strangers = Way(FAKE, USDC, (feed("ETH / USD"),))
    assert report(honest, strangers) == Report(WETH, None)


@pytest.mark.parametrize("name", ["ETH", "WETH", "weth"])
def test_token__that_bears_anothers_name__makes_a_feed_nobodys_and_not_its_own(name: str) -> None:
    told = report(Way(STAKED, USDC, rated("ETH / USD")), symbols={**SYMBOLS, FAKE: name})
    assert told == Report(None, None)


def test_pair__over_a_feed_without_a_name__is_what_it_reports_as_long_as_it_is_the_only_one() -> (
    None
):
    only = Way(STAKED, WETH, (feed("price"),))
    assert report(only) == Report(STAKED, WETH)
    assert report(only, Way(WBTC, USDC, (feed("price"),))) == Report(None, None)
