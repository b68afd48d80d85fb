"""What collateral is worth once: by hand, in small worlds of a few pledges."""

from collections.abc import Mapping
from fractions import Fraction

import pytest
from builders import USDC, WETH, an_address

from monitor.core.loops import Leg, Loop, LoopKind
from monitor.core.receipts import ReceiptKind
from monitor.core.trails import Side
from monitor.core.units import AssetId, MarketId, RawAmount
from monitor.engine.loop_rows import LoopRow
from monitor.engine.net_value import NetValue, net_values, together
from monitor.leverage.claims import Claim, Claims, Part

AAVE, MORPHO = MarketId("aave"), MarketId("morpho")
OWNER = an_address("owner")
SHARE, WSTETH, DARK = (AssetId(an_address(name)) for name in ("share", "wstETH", "dark"))
FIRST = "0x1"
Pledged = Mapping[MarketId, Mapping[AssetId, int]]


def usd(asset: AssetId) -> Fraction | None:
    """Everything is worth a dollar, but for what nobody knows the price of."""
    return None if asset == DARK else Fraction(1)


def a_share(*parts: Part, total: int | None = None) -> Claims:
    whole = sum(part.raw for part in parts) if total is None else total
    return Claims({SHARE: Claim(ReceiptKind.ERC4626, USDC, parts, RawAmount(whole))})


def a_leg(
    market: MarketId, collateral: AssetId, debt: AssetId | None = None, sub_market: str = ""
) -> Leg:
    return Leg(market, sub_market, OWNER, collateral, debt)


def a_loop(path: tuple[Leg, ...], pledged: tuple[int, ...], owed: tuple[int, ...]) -> LoopRow:
    """Amounts of each leg's sides, in the order of the path."""
    pledges = {
        Side(leg.market, leg.sub_market, OWNER, leg.collateral): raw
        for leg, raw in zip(path, pledged, strict=True)
    }
    debts = {
        Side(leg.market, leg.sub_market, OWNER, leg.debt): raw
        for leg, raw in zip(path, owed, strict=True)
        if leg.debt is not None
    }
    loop = Loop("id", LoopKind.CORRELATED, path)
    return LoopRow(OWNER, loop, pledges, debts, None, None, None, None)


def told(value: NetValue) -> tuple[object, ...]:
    return value.gross, value.claimed, value.looped, value.net


def test_plain_collateral__without_loops__is_worth_what_it_is() -> None:
    found = net_values({AAVE: {WETH: 100}}, (), Claims({}), usd)
    assert told(found[AAVE]) == (100, 0, 0, 100)
    assert found[AAVE].multiplier == 1


def test_claim__on_money_lent_in_a_followed_market__is_counted_there_alone() -> None:
    claims = a_share(Part(USDC, (MORPHO, FIRST), 75), Part(USDC, None, 25))
    found = net_values({AAVE: {WETH: 100}, MORPHO: {SHARE: 40}}, (), claims, usd)
    assert told(found[AAVE]) == (100, 0, 0, 100)
    assert told(found[MORPHO]) == (40, 30, 0, 10)
    assert told(together(found.values())) == (140, 30, 0, 110)


def test_claim__that_claims_nothing_but_itself__is_worth_nothing_once() -> None:
    circle = Claims(
        {SHARE: Claim(ReceiptKind.ERC4626, None, (Part(SHARE, None, 1),), RawAmount(1))}
    )
    assert told(net_values({AAVE: {SHARE: 40}}, (), circle, usd)[AAVE]) == (40, 40, 0, 0)


def test_claim__on_what_nobody_shows__is_told_beside_as_a_bound() -> None:
    claims = a_share(Part(USDC, (MORPHO, FIRST), 60), total=100)
    found = net_values({MORPHO: {SHARE: 50}}, (), claims, usd)[MORPHO]
    assert told(found) == (50, 30, 0, 20)
    assert found.unseen == 20


def test_loop__in_one_market__its_debt_is_not_of_value() -> None:
    loop = a_loop((a_leg(AAVE, WSTETH, WETH),), (1000,), (900,))
    found = net_values({AAVE: {WSTETH: 1000, WETH: 50}}, [loop], Claims({}), usd)
    assert told(found[AAVE]) == (1050, 0, 900, 150)
    assert found[AAVE].multiplier == 7


def test_loop__across_two_markets__counts_less_where_its_money_was_pledged() -> None:
    path = (a_leg(AAVE, WETH, USDC), a_leg(MORPHO, WSTETH, None, FIRST))
    loop = a_loop(path, (100, 60), (60, 0))
    found = net_values({AAVE: {WETH: 100}, MORPHO: {WSTETH: 70}}, [loop], Claims({}), usd)
    assert told(found[AAVE]) == (100, 0, 0, 100)
    assert told(found[MORPHO]) == (70, 0, 60, 10)


def test_loop__round_two_markets__each_debt_counts_where_it_went() -> None:
    path = (a_leg(AAVE, WETH, USDC), a_leg(MORPHO, WSTETH, WETH, FIRST))
    loop = a_loop(path, (100, 60), (60, 50))
    found = net_values({AAVE: {WETH: 100}, MORPHO: {WSTETH: 60}}, [loop], Claims({}), usd)
    assert told(found[AAVE]) == (100, 0, 50, 50)
    assert told(found[MORPHO]) == (60, 0, 60, 0)


def test_loop__that_comes_back_to_a_position__counts_its_debt_once() -> None:
    path = (a_leg(AAVE, WETH, USDC), a_leg(MORPHO, WSTETH, WETH, FIRST), a_leg(AAVE, WSTETH, USDC))
    loop = a_loop(path, (100, 60, 50), (60, 50, 60))
    pledged = {AAVE: {WETH: 100, WSTETH: 50}, MORPHO: {WSTETH: 60}}
    found = net_values(pledged, [loop], Claims({}), usd)
    assert told(found[AAVE]) == (150, 0, 50, 100)
    assert told(found[MORPHO]) == (60, 0, 60, 0)


def test_loop__over_claims__takes_nothing_off_twice() -> None:
    """Three quarters of the share are claimed, so only a quarter of the debt is taken off too."""
    claims = a_share(Part(USDC, (MORPHO, FIRST), 75), Part(USDC, None, 25))
    loop = a_loop((a_leg(MORPHO, SHARE, USDC, FIRST),), (100,), (80,))
    found = net_values({MORPHO: {SHARE: 100}}, [loop], claims, usd)[MORPHO]
    assert told(found) == (100, 75, 20, 5)


def test_loop__that_owes_more_than_it_has__takes_off_what_is_there() -> None:
    loop = a_loop((a_leg(AAVE, WSTETH, WETH),), (80,), (100,))
    assert told(net_values({AAVE: {WSTETH: 80}}, [loop], Claims({}), usd)[AAVE]) == (80, 0, 80, 0)


@pytest.mark.parametrize("asset", [WETH, DARK])
def test_price__unknown_of_the_debt__net_is_unknown_and_says_so(asset: AssetId) -> None:
    loop = a_loop((a_leg(AAVE, WSTETH, asset),), (100,), (50,))
    found = net_values({AAVE: {WSTETH: 100}}, [loop], Claims({}), usd)[AAVE]
    is_known = asset != DARK
    assert found.net == (50 if is_known else None)
    assert bool(list(found.unknown())) == (not is_known)


def test_price__unknown_of_collateral__everything_is() -> None:
    found = net_values({AAVE: {DARK: 100}}, (), Claims({}), usd)[AAVE]
    assert (found.gross, found.claimed, found.net, found.unseen) == (None, None, None, None)
    assert together([found]).net is None
