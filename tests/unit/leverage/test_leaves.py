from builders import USDC, WETH, a_price, an_address

from monitor.core.prices import Edge, Price, PriceKind
from monitor.core.units import AssetId
from monitor.leverage.leaves import Leaf, Quoted, Reach

WSTETH, WEETH = an_address("wstETH"), an_address("weETH")
NOTHING: dict[AssetId, frozenset[AssetId]] = {}


def feed(asset: AssetId | None, quote: AssetId | None = None, exponent: int = 1) -> Edge:
    name = f"{asset}/{quote}"
    return Edge(an_address(name), PriceKind.MARKET, name, (), exponent, asset, quote)


def quoted(asset: AssetId, *path: Edge, numeraire: AssetId | None = None) -> Quoted:
    price = a_price()
    return Quoted(asset, numeraire, Price(price.value, path=path))


ETHER = quoted(WETH, feed(WETH))
STAKED = quoted(WSTETH, feed(WSTETH, WETH), feed(WETH))


def test_leaves__of_a_rate_and_what_it_multiplies__are_the_feed_alone() -> None:
    rate = Edge(an_address("rate"), PriceKind.EXCHANGE_RATE, "rate", (feed(WETH).source,))
    assert list(quoted(WSTETH, rate, feed(WETH)).leaves()) == [Leaf(WETH, None, 1)]


def test_leaves__of_what_only_moves_a_cap__are_none() -> None:
    assert list(quoted(WETH, feed(WETH, exponent=0)).leaves()) == []


def test_leaves__of_an_unrecognised_oracle__follow_the_side_they_stand_on() -> None:
    unknown = Edge(an_address("odd"), None, "odd")
    assert list(quoted(WSTETH, unknown, numeraire=WETH).leaves()) == [Leaf(WSTETH, WETH, 1)]


def test_leaves__without_a_price__are_none_and_without_a_way_its_own() -> None:
    assert list(Quoted(USDC, USDC, None).leaves()) == []
    assert list(quoted(WETH).leaves()) == [Leaf(WETH, None, 1)]


def test_power__of_a_price_in_another__cancels_where_both_move() -> None:
    assert STAKED.power({WETH}) == 0
    assert STAKED.power({WETH, WSTETH}) == 1
    assert STAKED.power({WSTETH}) == 1
    assert quoted(WETH, feed(WETH), feed(USDC, exponent=-1), numeraire=USDC).power({USDC}) == -1


def test_reach__of_a_price__is_what_rests_on_it_and_what_follows_it() -> None:
    reach = Reach([ETHER, STAKED], {WETH: frozenset({WEETH})})
    assert reach.of_price(WETH) == {WETH, WSTETH, WEETH}
    assert reach.of_price(WSTETH) == {WSTETH}


def test_reach__of_a_peg__leaves_out_what_only_follows() -> None:
    assert Reach([ETHER], {WETH: frozenset({WEETH})}).of_peg(WETH) == {WETH}


def test_reach__by_a_price_in_another__counts_where_there_is_none_in_usd() -> None:
    in_usdc = quoted(WEETH, feed(WETH, USDC), numeraire=USDC)
    assert Reach([in_usdc], NOTHING).of_price(WETH) == {WETH, WEETH}
    own = quoted(WEETH, feed(WEETH))
    assert Reach([own, in_usdc], NOTHING).of_price(WETH) == {WETH}
