"""The executed crash: what the projection is judged by must itself be beyond doubt."""

from fractions import Fraction

import pytest
from devnet import (
    USD,
    Executed,
    RevertError,
    Sale,
    WideWorld,
    World,
    account,
    crash,
    open_wide_world,
    oracle_prices,
    shock,
    slide,
)
from devnet.aave_visits import borrowers
from devnet.lending import lending_markets
from devnet.market import CORRELATED
from devnet.morpho_visits import pair_borrowers
from devnet.pool_prices import market_paths, market_usd, mids
from devnet.staging import CRASH, DEMO_TERMS, SLIDE, SLIP

ALICE, BOB, CAROL, LENDER = (account(name) for name in ("alice", "bob", "carol", "lender"))
DEVIATION = Fraction(5, 1000)
TEN_PERCENT = {"WETH": Fraction(-10, 100)}
# A few seconds of interest, which accrue between a view and the next block.
DRIFT = Fraction(1, 10**7)


@pytest.fixture
async def lent(world: World) -> World:
    amounts = {"USDC": 50_000_000, "DAI": 50_000_000, "WETH": 10_000}
    await world.fund(LENDER, **{asset: world.raw(asset, some) for asset, some in amounts.items()})
    await world.block(
        *(world.supply(LENDER, asset, world.raw(asset, some)) for asset, some in amounts.items())
    )
    return world


async def borrow(world: World, *positions: tuple[str, int, dict[str, int]]) -> None:
    """(account, WETH supplied, tokens borrowed); all in one block, so that equals stay equal."""
    for who, supplied, _ in positions:
        await world.fund(who, WETH=world.raw("WETH", supplied))
    txs = []
    for who, supplied, borrowed in positions:
        txs.append(world.supply(who, "WETH", world.raw("WETH", supplied)))
        txs += [world.borrow(who, asset, world.raw(asset, n)) for asset, n in borrowed.items()]
    await world.block(*txs)


async def debts_raw(world: World, asset: str, *accounts: str) -> int:
    token = world.addresses.debt_tokens[asset]
    return sum((await world.balances_of([token], accounts)).values())


def repaid_by(executed: Executed, who: str) -> list[int]:
    return [
        each.repaid_raw
        for played in executed.played
        for each in played.liquidations
        if each.account == who
    ]


async def test_shock__of_weth__moves_its_pools_and_feeds_by_the_factor(world: World) -> None:
    before, prices = await mids(world), await oracle_prices(world)
    await shock(world, TEN_PERCENT)
    after, reported = await mids(world), await oracle_prices(world)
    ratios = {name: float(after[name] / before[name]) for name in after}
    assert ratios == pytest.approx(
        {"WETH/USDC": 0.9, "wstETH/WETH": 1.0, "WBTC/WETH": 1 / 0.9, "DAI/USDC": 1.0}
    )
    moved = {symbol: Fraction(reported[symbol], prices[symbol]) for symbol in prices}
    nine_tenths = Fraction(9, 10)
    assert moved == {"WETH": nine_tenths, "wstETH": nine_tenths, "WBTC": 1, "USDC": 1, "DAI": 1}


async def test_shock__of_a_follower__is_its_own(world: World) -> None:
    assert "wstETH" in CORRELATED["WETH"]
    before = await mids(world)
    await shock(world, {"WETH": Fraction(-20, 100), "wstETH": Fraction(-24, 100)})
    after = await mids(world)
    assert float(after["wstETH/WETH"] / before["wstETH/WETH"]) == pytest.approx(0.95)
    assert (await oracle_prices(world))["wstETH"] == 1_824 * USD


async def test_crash__of_healthy_accounts__is_a_round_without_a_block(lent: World) -> None:
    await borrow(lent, (ALICE, 10, {"USDC": 10_000}))
    head = await lent.head()
    executed = await crash(lent, {})
    assert await lent.head() == head
    assert executed.converged
    assert executed.rounds == executed.liquidated_usd == 0
    assert executed.amplification == executed.price_amplification == 1
    assert executed.first_liquidation_block is None


async def test_crash__three_accounts__conserves_their_debt(lent: World) -> None:
    people = (ALICE, BOB, CAROL)
    await borrow(
        lent,
        (ALICE, 100, {"USDC": 150_000}),
        (BOB, 50, {"USDC": 60_000}),
        (CAROL, 80, {"USDC": 125_000}),
    )
    before = await debts_raw(lent, "USDC", *people)
    executed = await crash(lent, {"WETH": Fraction(-50, 100)})
    done = [each for played in executed.played for each in played.liquidations]
    repaid = sum(each.repaid_raw for each in done)
    lost = sum(each.deficit_raw.get("USDC", 0) for each in done)
    left = await debts_raw(lent, "USDC", *people)
    assert repaid > 0
    assert lost > 0
    assert before <= repaid + lost + left <= before * (1 + DRIFT)
    # A dollar is a dollar throughout: the sums in USD are those of the tokens.
    assert executed.liquidated_usd == Fraction(repaid, 10**6)
    assert executed.bad_debt_realised_usd == Fraction(lost, 10**6)
    assert executed.bad_debt_usd == executed.bad_debt_realised_usd


async def test_crash__collateral__goes_to_liquidator_and_treasury(lent: World) -> None:
    await borrow(lent, (ALICE, 100, {"USDC": 155_000}))
    atoken = lent.addresses.atokens["WETH"]
    before = await lent.balance_of(atoken, ALICE)
    held = await lent.balance_of(lent.token("WETH"), lent.addresses.liquidator)
    executed = await crash(lent, TEN_PERCENT, max_rounds=1)
    ((liquidation,),) = (played.liquidations for played in executed.played)
    assert await lent.balance_of(atoken, ALICE) == pytest.approx(
        before - liquidation.received_raw - liquidation.fee_raw, abs=2
    )
    # Sold at once: the liquidator holds what it held.
    assert await lent.balance_of(lent.token("WETH"), lent.addresses.liquidator) == held
    # 5 % bonus on what was repaid, of which the protocol keeps a tenth.
    assert float(executed.seized_usd / executed.liquidated_usd) == pytest.approx(1.045)
    assert float(executed.fees_usd / executed.liquidated_usd) == pytest.approx(0.005)


async def test_crash__liquidatable_accounts__are_visited_by_health_then_address(
    lent: World,
) -> None:
    alike = sorted([BOB, CAROL])
    await borrow(
        lent,
        (BOB, 10, {"USDC": 15_500}),
        (CAROL, 10, {"USDC": 15_500}),
        (ALICE, 10, {"USDC": 16_000}),
    )
    executed = await crash(lent, TEN_PERCENT)
    first = executed.played[0]
    assert first.visited == (ALICE, *alike)
    assert tuple(each.account for each in first.liquidations) == first.visited
    assert first.block_number == executed.first_liquidation_block


async def ladder(world: World, who: str) -> list[Sale]:
    """What each size would do in the second after the head, when the first round comes."""
    snapshot = await world.snapshot()
    await world.mine(timestamp=(await world.head()).timestamp + 1)
    whole = await world.preview_liquidation(who, "WETH", "USDC")
    sizes = [whole.repaid_raw >> rung for rung in (1, 2, 3)]
    parts = [await world.preview_liquidation(who, "WETH", "USDC", size) for size in sizes]
    await world.revert(snapshot)
    return [whole, *parts]


@pytest.mark.parametrize(
    ("weth", "usdc", "rung"),
    [(1_000, 1_560_000, 0), (5_000, 7_800_000, 1), (8_000, 12_480_000, 2), (18_000, 28_500_000, 4)],
)
async def test_crash__large_account__takes_the_first_size_that_pays(
    lent: World, weth: int, usdc: int, rung: int
) -> None:
    await borrow(lent, (ALICE, weth, {"USDC": usdc}))
    await shock(lent, TEN_PERCENT)
    sales = await ladder(lent, ALICE)
    pays = [sale.proceeds_raw - sale.repaid_raw > 50 * 10**6 for sale in sales]
    assert [*pays, True].index(True) == rung

    executed = await crash(lent, {}, max_rounds=1)
    done = [(each.repaid_raw, each.received_raw) for each in executed.played[0].liquidations]
    assert done == [(sale.repaid_raw, sale.received_raw) for sale in sales[rung : rung + 1]]
    assert executed.played[0].visited == (ALICE,)


async def test_crash__close_factor_against_dust_rule__takes_what_leaves_no_dust(
    lent: World,
) -> None:
    # Half of 3,500 would leave 250 of 2,000: the pool refuses less than 1,000 but not zero.
    await lent.fund(ALICE, WETH=lent.raw("WETH", "2.27"))
    await lent.supply(ALICE, "WETH", lent.raw("WETH", "2.27"))
    await lent.block(
        lent.borrow(ALICE, "USDC", lent.raw("USDC", 2_000)),
        lent.borrow(ALICE, "DAI", lent.raw("DAI", 1_500)),
    )
    await shock(lent, TEN_PERCENT)
    with pytest.raises(RevertError, match="MustNotLeaveDust"):
        await lent.preview_liquidation(ALICE, "WETH", "USDC")
    executed = await crash(lent, {}, gas_usd=10, max_rounds=1)
    assert repaid_by(executed, ALICE) == [pytest.approx(lent.raw("USDC", 1_000), abs=2)]
    assert await debts_raw(lent, "USDC", ALICE) >= lent.raw("USDC", 1_000)


async def test_crash__too_little_cash_in_the_reserve__takes_a_smaller_size(lent: World) -> None:
    await borrow(lent, (ALICE, 100, {"USDC": 155_000}))
    await lent.fund(BOB, DAI=lent.raw("DAI", 40_000_000))
    await lent.supply(BOB, "DAI", lent.raw("DAI", 40_000_000))
    await lent.borrow(BOB, "WETH", lent.raw("WETH", 10_070))  # of 10,100
    executed = await crash(lent, TEN_PERCENT, max_rounds=1)
    # Half of the debt would take 45 WETH.
    assert repaid_by(executed, ALICE) == [pytest.approx(lent.raw("USDC", 38_750), rel=1e-6)]


async def test_crash__account_not_worth_the_gas__is_left(lent: World) -> None:
    await borrow(lent, (ALICE, 1, {"USDC": 1_100}), (BOB, 10, {"USDC": 15_900}))
    executed = await crash(lent, {"WETH": Fraction(-40, 100)})
    assert repaid_by(executed, BOB)
    assert not repaid_by(executed, ALICE)
    assert executed.converged
    (left,) = executed.left
    assert left.account == ALICE
    assert executed.unliquidated_usd == left.debt_usd
    assert float(executed.unliquidated_usd) == pytest.approx(1_100)


async def test_crash__debt_beyond_collateral__is_bad_though_unrealised(lent: World) -> None:
    await borrow(lent, (ALICE, 1, {"USDC": 1_100}))
    executed = await crash(lent, {"WETH": Fraction(-60, 100)})
    assert executed.liquidations == 0
    assert executed.bad_debt_realised_usd == 0
    assert float(executed.bad_debt_usd) == pytest.approx(1_100 - 800)


async def test_crash__at_its_end__every_feed_is_near_its_pools(lent: World) -> None:
    await borrow(lent, (ALICE, 3_000, {"USDC": 4_700_000}), (BOB, 2_000, {"USDC": 2_700_000}))
    executed = await crash(lent, TEN_PERCENT)
    assert executed.converged
    assert any(played.updates for played in executed.played)
    assert not executed.played[-1].liquidations
    assert not executed.played[-1].updates
    prices_e8 = await oracle_prices(lent)
    market = await market_usd(lent, market_paths(lent, prices_e8))
    for symbol, price_e8 in prices_e8.items():
        assert abs(market[symbol] * USD / price_e8 - 1) <= DEVIATION
    assert executed.prices_usd == market
    assert executed.price_amplification > 1


async def test_crash__stopped_by_max_rounds__has_not_converged(lent: World) -> None:
    await borrow(lent, (ALICE, 3_000, {"USDC": 4_700_000}))
    executed = await crash(lent, TEN_PERCENT, max_rounds=1)
    assert len(executed.played) == 1
    assert executed.liquidations == 1
    assert not executed.converged


async def test_staging__to_the_end_of_the_slide__nobody_is_liquidatable() -> None:
    async with open_wide_world(DEMO_TERMS) as staged:
        assert await loans_of(staged) >= 300
        await shock(staged, {"wstETH": SLIP})
        for change in SLIDE:
            await slide(staged, change)
        for market in await lending_markets(staged):
            assert await market.left() == []


async def loans_of(wide: WideWorld) -> int:
    """Accounts in debt, market by market."""
    people = [await borrowers(wide), await borrowers(wide.aave_3_0)]
    pairs = await pair_borrowers(wide)
    return sum(map(len, people)) + sum(map(len, pairs.values()))


async def test_staging__its_crash__amplifies_over_rounds_and_ends() -> None:
    async with open_wide_world(DEMO_TERMS) as staged:
        await shock(staged, {"wstETH": SLIP})
        for change in SLIDE:
            await slide(staged, change)
        executed = await crash(staged, {"WETH": CRASH})
    assert executed.converged
    assert executed.liquidations > 50
    assert executed.rounds >= 3
    assert executed.amplification > 2
    assert executed.price_amplification > Fraction(12, 10)


async def test_crash__told_by_round__and_laid_out_like_a_projection(lent: World) -> None:
    await borrow(lent, (ALICE, 100, {"USDC": 155_000}))
    told: list[str] = []
    executed = await crash(lent, TEN_PERCENT, progress=told.append)
    assert len(told) == len(executed.played)
    assert told[0].startswith("round 1: 1 liquidations among 1 accounts, $77,500 repaid")
    result = executed.as_dict()
    assert result["first_round_usd"] == "77500.00"
    assert result["by_market"]["aave-core"]["liquidated_usd"] == result["liquidated_usd"]
    assert result["prices"]["WETH"]["shocked"] == "1800.00"
    assert [entry["round"] for entry in result["round_log"]] == [1]
