"""The executed crash over several protocols: whom it visits, in which order, and what it leaves."""

from fractions import Fraction

import pytest
from devnet import (
    USD,
    Executed,
    View,
    WideWorld,
    World,
    account,
    crash,
    oracle_prices,
    shock,
)
from devnet.claims import NO_REDEMPTION, REDEMPTION
from devnet.morpho_visits import MorphoMarket, label_of, pair_borrowers
from morpho_figures import assets_up, repaid_for, seized_for

ALICE, BOB, CAROL, LENDER = (account(name) for name in ("alice", "bob", "carol", "lender"))
WETH_USDC, WBTC_USDC, BY_RATE, MOCK = "WETH/USDC", "WBTC/USDC", "wstETH/WETH", "WETH/DAI"
LLTV_WAD = 860_000_000_000_000_000
TEN_PERCENT = {"WETH": Fraction(-10, 100)}
# A second of interest, which accrues between a view and the next block.
DRIFT = 1e-7
MARGIN = 50 * 10**6
PAYS = (
    "liquidateMorphoIfItPays((address,(address,address,address,address,uint256),address,bytes,"
    f"address,{REDEMPTION}),uint256,uint256,uint256)"
)


@pytest.fixture
async def lent(wide: WideWorld) -> WideWorld:
    """Every market has money to lend."""
    usdc, dai = wide.raw("USDC", 50_000_000), wide.raw("DAI", 50_000_000)
    weth = wide.raw("WETH", 10_000)
    await wide.fund(LENDER, USDC=4 * usdc, DAI=3 * dai, WETH=3 * weth)
    await wide.block(
        *(
            view.supply(LENDER, asset, amount)
            for view in (wide, wide.aave_3_0)
            for asset, amount in (("USDC", usdc), ("DAI", dai), ("WETH", weth))
        ),
        wide.morpho.supply(LENDER, WETH_USDC, usdc),
        wide.morpho.supply(LENDER, WBTC_USDC, usdc),
        wide.morpho.supply(LENDER, BY_RATE, weth),
        wide.morpho.supply(LENDER, MOCK, dai),
    )
    return wide


async def owe(wide: WideWorld, market: str, who: str, collateral: int, debt: int) -> None:
    """Whole tokens in a market of Morpho."""
    pair = wide.terms.pair(market)
    await wide.fund(who, **{pair.collateral: wide.raw(pair.collateral, collateral)})
    await wide.block(
        wide.morpho.supply_collateral(who, market, wide.raw(pair.collateral, collateral)),
        wide.morpho.borrow(who, market, wide.raw(pair.loan, debt)),
    )


async def owe_on_aave(view: World, who: str, weth: int, **borrowed: int) -> None:
    await view.fund(who, WETH=view.raw("WETH", weth))
    await view.block(
        view.supply(who, "WETH", view.raw("WETH", weth)),
        *(view.borrow(who, asset, view.raw(asset, amount)) for asset, amount in borrowed.items()),
    )


def at(wide: WideWorld, market: str) -> str:
    return label_of("morpho", wide, market)


def places(executed: Executed) -> list[tuple[str, str]]:
    return [(each.market, each.account) for each in executed.played[0].liquidations]


async def test_crash__of_every_market__goes_by_configuration_then_health(lent: WideWorld) -> None:
    await owe(lent, WETH_USDC, ALICE, 10, 16_000)
    await owe(lent, MOCK, BOB, 10, 15_000)
    await owe(lent, WETH_USDC, CAROL, 10, 16_900)
    await owe_on_aave(lent.aave_3_0, ALICE, 10, USDC=15_500)
    await owe_on_aave(lent, BOB, 10, USDC=15_500)
    executed = await crash(lent, TEN_PERCENT)
    # Healths of Morpho's three: 0.9675, 0.924, 0.916.
    assert places(executed) == [
        ("aave-core", BOB),
        ("aave-3-0-2", ALICE),
        (at(lent, WETH_USDC), CAROL),
        (at(lent, MOCK), BOB),
        (at(lent, WETH_USDC), ALICE),
    ]
    assert executed.markets[:2] == ("aave-core", "aave-3-0-2")
    assert set(executed.markets[2:]) == {at(lent, pair.name) for pair in lent.terms.pairs}


async def test_crash__its_sums_by_market__are_the_whole(lent: WideWorld) -> None:
    await owe(lent, WETH_USDC, ALICE, 10, 16_000)
    await owe(lent, MOCK, BOB, 10, 15_000)
    await owe_on_aave(lent.aave_3_0, ALICE, 10, USDC=15_500)
    result = (await crash(lent, {"WETH": Fraction(-40, 100)})).as_dict()
    for name in ("liquidated_usd", "seized_usd", "bad_debt_usd", "unliquidated_usd"):
        parts = [Fraction(figures[name]) for figures in result["by_market"].values()]
        assert Fraction(result[name]) == pytest.approx(sum(parts), abs=0.05)
        assert sum(1 for part in parts if part) >= 1


async def test_crash__collateral_suffices__clears_a_debt_of_morpho(lent: WideWorld) -> None:
    await owe(lent, WETH_USDC, ALICE, 100, 165_000)
    executed = await crash(lent, TEN_PERCENT, max_rounds=1)
    (done,) = executed.played[0].liquidations
    assert done.repaid_raw == pytest.approx(lent.raw("USDC", 165_000), rel=DRIFT)
    price = 1_800 * 10**24
    state = await lent.morpho.market(WETH_USDC)
    expected = seized_for(done.repaid_raw * 10**6, price, LLTV_WAD, state)
    assert done.received_raw == pytest.approx(expected, rel=1e-6)
    assert done.fee_raw == 0
    assert done.deficit_raw == {}
    held = await lent.morpho.position(WETH_USDC, ALICE)
    assert held.borrow_shares == 0
    assert held.collateral_raw == lent.raw("WETH", 100) - done.received_raw


async def test_crash__collateral_does_not_suffice__suppliers_bear_the_rest(
    lent: WideWorld,
) -> None:
    await owe(lent, WETH_USDC, ALICE, 100, 165_000)
    before = await lent.morpho.market(WETH_USDC)
    executed = await crash(lent, {"WETH": Fraction(-30, 100)}, max_rounds=1)
    (done,) = executed.played[0].liquidations
    collateral, price = lent.raw("WETH", 100), 1_400 * 10**24
    expected, _ = repaid_for(collateral, price, LLTV_WAD, before)
    assert done.received_raw == collateral
    assert done.repaid_raw == pytest.approx(expected, rel=DRIFT)
    lost = done.deficit_raw["USDC"]
    assert done.repaid_raw + lost == pytest.approx(lent.raw("USDC", 165_000), rel=DRIFT)
    after = await lent.morpho.market(WETH_USDC)
    assert before.supply_raw - after.supply_raw == pytest.approx(lost, rel=1e-4)
    assert executed.bad_debt_usd == executed.bad_debt_realised_usd == Fraction(lost, 10**6)


@pytest.mark.parametrize(
    ("weth", "usdc", "rung"),
    [(1_000, 1_700_000, 0), (2_500, 4_250_000, 1), (8_000, 13_600_000, 3)],
)
async def test_crash__large_account_of_morpho__takes_the_first_size_that_pays(
    lent: WideWorld, weth: int, usdc: int, rung: int
) -> None:
    await owe(lent, WETH_USDC, ALICE, weth, usdc)
    await shock(lent, TEN_PERCENT)
    whole = (await lent.morpho.position(WETH_USDC, ALICE)).borrow_shares
    market = lent.addresses.morpho
    path = lent.path("WETH", "USDC")
    sale = (path, lent.addresses.router, NO_REDEMPTION)
    target = (market.morpho, lent.morpho.params(WETH_USDC).encoded, ALICE, *sale)
    visits = [
        View(lent.addresses.liquidator, PAYS, (target, 0, size, MARGIN))
        for size in (whole, whole >> 1, whole >> 2, whole >> 3)
    ]
    answers = [str(answer).split()[-1] for answer in await lent.attempt(visits)]
    assert answers[: rung + 1] == ["DoesNotPay()"] * rung + ["()"]
    executed = await crash(lent, {}, max_rounds=1)
    (done,) = executed.played[0].liquidations
    state = (await lent.morpho.accrued(WETH_USDC)).state
    owed = assets_up(whole >> rung, state.borrow_raw, state.borrow_shares)
    assert done.repaid_raw == pytest.approx(owed, rel=1e-6)


async def test_crash__wsteth_slips_in_the_market__only_its_market_feed_follows(
    lent: WideWorld,
) -> None:
    await owe(lent, BY_RATE, ALICE, 100, 110)
    steth = lent.raw("wstETH", 100)
    for view in (lent, lent.aave_3_0):
        await view.fund(BOB, wstETH=steth)
        await view.block(
            view.set_emode(BOB, 1),
            view.supply(BOB, "wstETH", steth),
            view.borrow(BOB, "WETH", view.raw("WETH", 110)),
        )
    core, by_rate = await oracle_prices(lent), await lent.morpho.price_e36(BY_RATE)
    executed = await crash(lent, {"wstETH": Fraction(-4, 100)})
    assert places(executed) == [("aave-3-0-2", BOB)]
    assert {each.market for each in executed.done} == {"aave-3-0-2"}
    assert {each.market for each in executed.left} <= {"aave-3-0-2"}
    assert (await oracle_prices(lent))["wstETH"] == pytest.approx(core["wstETH"], rel=DRIFT)
    assert await lent.morpho.price_e36(BY_RATE) == pytest.approx(by_rate, rel=DRIFT)
    followed = {update.oracle for played in executed.played for update in played.updates}
    assert followed <= {"wstETH / USD"}
    assert (await oracle_prices(lent.aave_3_0))["wstETH"] <= 2_304 * USD


async def test_crash__a_mock_oracle__is_played_as_a_market_price(lent: WideWorld) -> None:
    await owe(lent, WETH_USDC, ALICE, 2_000, 3_300_000)
    await shock(lent, TEN_PERCENT)
    assert await lent.morpho.price_e36(MOCK) == 1_800 * 10**36
    executed = await crash(lent, {})
    updates = [update for played in executed.played for update in played.updates]
    assert {update.oracle for update in updates} >= {"WETH / USD", at(lent, MOCK)}
    market = executed.prices_usd["WETH"]
    assert await lent.morpho.price_e36(MOCK) == pytest.approx(float(market) * 10**36, rel=0.005)


async def test_crash__half_of_one_debt__is_the_most_on_aave_3_0(lent: WideWorld) -> None:
    old = lent.aave_3_0
    await owe_on_aave(old, ALICE, 100, USDC=90_000, DAI=65_000)
    await owe_on_aave(lent, ALICE, 100, USDC=90_000, DAI=65_000)
    executed = await crash(lent, TEN_PERCENT, max_rounds=1)
    assert places(executed) == [("aave-core", ALICE), ("aave-3-0-2", ALICE)]
    new, former = (each.repaid_raw for each in executed.done)
    # Half of all it owes, at most that debt; half of that debt.
    assert new == pytest.approx(lent.raw("USDC", 77_500), rel=1e-6)
    assert former == pytest.approx(lent.raw("USDC", 45_000), rel=1e-6)


async def test_crash__no_collateral_left__stays_a_debt_on_aave_3_0(lent: WideWorld) -> None:
    await owe_on_aave(lent.aave_3_0, ALICE, 10, USDC=15_500)
    executed = await crash(lent, {"WETH": Fraction(-50, 100)})
    (left,) = executed.left
    assert (left.market, left.account) == ("aave-3-0-2", ALICE)
    assert left.collateral_usd == 0
    repaid = executed.liquidated_usd
    assert float(repaid + left.debt_usd) == pytest.approx(15_500, rel=1e-6)
    assert executed.bad_debt_realised_usd == 0
    assert executed.bad_debt_usd == executed.unliquidated_usd == left.debt_usd


async def test_visits__of_equals__go_by_address(lent: WideWorld) -> None:
    for who in sorted([ALICE, BOB], reverse=True):
        await owe(lent, MOCK, who, 10, 15_000)
    await shock(lent, TEN_PERCENT)
    market = MorphoMarket("morpho", lent, await pair_borrowers(lent))
    visits = await market.visits(Fraction(50))
    assert [visit.account for visit in visits] == sorted([ALICE, BOB])
