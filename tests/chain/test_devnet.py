"""The local chain does what the other chain tests rely on."""

from dataclasses import replace

import pytest
from devnet import (
    ADMIN,
    MAX,
    USD,
    AccountData,
    Deployer,
    Loop,
    RevertError,
    World,
    WorldTerms,
    account,
    event_topic,
    loop,
    make_borrowers,
    new_world,
    open_world,
)
from devnet.abi import function
from devnet.world import LIQUIDATE

ALICE, BOB, LENDER = account("alice"), account("bob"), account("lender")
ANSWER_UPDATED = event_topic("AnswerUpdated(int256,uint256,uint256)")
LIQUIDATION_CALL = event_topic(
    "LiquidationCall(address,address,address,uint256,uint256,address,bool)"
)
SLOT0 = "slot0()(uint160,int24,uint16,uint16,uint16,uint8,bool)"
LATEST_ROUND = "latestRoundData()(uint80,int256,uint256,uint256,uint80)"
NO_DEBT = 2**256 - 1


async def lend(world: World, asset: str, amount: int) -> None:
    await world.fund(LENDER, **{asset: world.raw(asset, amount)})
    await world.supply(LENDER, asset, world.raw(asset, amount))


async def open_position(world: World, weth: int = 10, usdc: int = 12_000) -> None:
    await lend(world, "USDC", 1_000_000)
    await world.fund(ALICE, WETH=world.raw("WETH", weth))
    await world.block(
        world.supply(ALICE, "WETH", world.raw("WETH", weth)),
        world.borrow(ALICE, "USDC", world.raw("USDC", usdc)),
    )


async def test_the_recorded_figures_of_a_market() -> None:
    terms = WorldTerms()
    weth = replace(terms.asset("WETH"), ltv_bps=8000, threshold_bps=8250)
    async with new_world(replace(terms, assets=(weth, *terms.assets[1:]))) as world:
        await open_position(world)
        opened = await world.user_account_data(ALICE)
        assert opened == AccountData(
            *(2_000_000_000_000, 1_200_000_000_000, 400_000_000_000),
            *(8250, 8000, 1_375_000_000_000_000_000),
        )
        await world.withdraw(ALICE, "WETH", world.raw("WETH", 1))
        await world.repay(ALICE, "USDC", world.raw("USDC", 1_000))
        await world.move_feed("WETH", 1_350 * USD)
        fallen = await world.user_account_data(ALICE)
        assert fallen.health_factor_wad // 10**14 == 9112


async def test_a_position_opened_and_closed(world: World) -> None:
    await open_position(world)
    await world.fund(ALICE, USDC=world.raw("USDC", 100))
    await world.block(world.repay(ALICE, "USDC", MAX), world.withdraw(ALICE, "WETH", MAX))
    assert await world.user_account_data(ALICE) == AccountData(0, 0, 0, 0, 0, NO_DEBT)
    assert await world.balance_of(world.token("WETH"), ALICE) == world.raw("WETH", 10)


async def test_one_block_holds_exactly_its_transactions_in_order(world: World) -> None:
    await world.fund(ALICE, WETH=10**18)
    parent = await world.head()
    receipts = await world.block(
        world.supply(ALICE, "WETH", 10**18),
        world.move_feed("WETH", 1_900 * USD),
        world.move_feed("WETH", 1_800 * USD),
        world.transfer_atoken(ALICE, "WETH", BOB, 10**17),
        timestamp=parent.timestamp + 5,
    )
    head = await world.head()
    assert (head.parent_hash, head.timestamp) == (parent.hash, parent.timestamp + 5)
    assert {receipt.block_hash for receipt in receipts} == {head.hash}
    block = await world.anvil.rpc("eth_getBlockByHash", head.hash, False)
    assert block["transactions"] == [receipt.transaction_hash for receipt in receipts]


async def test_a_refused_action_says_why(world: World) -> None:
    await open_position(world)
    with pytest.raises(RevertError, match=r"borrow: CollateralCannotCoverNewBorrow\(\)"):
        await world.borrow(ALICE, "USDC", world.raw("USDC", 4_300))
    refused = await world.send(world.supply(BOB, "WETH", 1), check=False)
    assert not refused.succeeded


async def test_a_feed_moves_as_chainlink_does(world: World) -> None:
    receipt = await world.move_feed("WETH", 1_234 * USD)
    (log,) = receipt.logs_of(world.addresses.aggregators["WETH"], ANSWER_UPDATED)
    assert int(log.topics[1], 16) == 1_234 * USD
    feed = world.addresses.feeds["WETH"]
    assert (await world.call(feed, LATEST_ROUND))[1] == 1_234 * USD
    assert await world.call(feed, "description()(string)") == "WETH / USD"
    price = "getAssetPrice(address)(uint256)"
    assert await world.call(world.addresses.oracle, price, world.token("WETH")) == 1_234 * USD


async def test_price_sources_fail_on_demand(world: World) -> None:
    await open_position(world)
    await world.replace_source("WETH", await Deployer(world).deploy("RevertingSource"))
    with pytest.raises(RevertError, match="SourceBroken"):
        await world.user_account_data(ALICE)
    fixed = await Deployer(world).deploy("FixedSource", 1_500 * USD)
    await world.replace_source("WETH", fixed)
    assert (await world.user_account_data(ALICE)).collateral_e8 == 15_000 * USD
    await world.tx(ADMIN, fixed, "set(int256)", -1)
    with pytest.raises(RevertError):
        await world.user_account_data(ALICE)
    await world.replace_source("WETH", world.addresses.feeds["WETH"])
    assert (await world.user_account_data(ALICE)).collateral_e8 == 20_000 * USD


@pytest.mark.parametrize(
    ("collateral", "debt", "fallen_usd"), [("WETH", "USDC", 1_350), ("WBTC", "DAI", 40_000)]
)
async def test_a_liquidation_is_worth_its_preview(
    world: World, collateral: str, debt: str, fallen_usd: int
) -> None:
    await lend(world, debt, 1_000_000)
    amount = world.raw(collateral, 10)
    value = world.terms.asset(collateral).price_e8 // USD * 10
    await world.fund(ALICE, **{collateral: amount})
    await world.supply(ALICE, collateral, amount)
    await world.borrow(ALICE, debt, world.raw(debt, value * 6 // 10))
    await world.move_feed(collateral, fallen_usd * USD)

    # Interest accrues by the second: the preview is of the very block that executes.
    snapshot, next_second = await world.snapshot(), (await world.head()).timestamp + 12
    await world.mine(timestamp=next_second)
    preview = await world.preview_liquidation(ALICE, collateral, debt)
    await world.revert(snapshot)
    tx = world.liquidate_and_sell(BOB, ALICE, collateral, debt)
    (receipt,) = await world.block(tx, timestamp=next_second)

    (log,) = receipt.logs_of(world.addresses.pool, LIQUIDATION_CALL)
    repaid, received = function(
        "_(uint256,uint256,address,bool)(uint256,uint256,address,bool)"
    ).decode(log.data)[:2]
    assert (repaid, received) == (preview.repaid_raw, preview.received_raw)
    trace = await world.anvil.rpc(
        "debug_traceTransaction", receipt.transaction_hash, {"tracer": "callTracer"}
    )
    executed = function(LIQUIDATE).decode(bytes.fromhex(trace["output"][2:]))
    assert executed == (preview.repaid_raw, preview.received_raw, preview.proceeds_raw)
    assert preview.proceeds_raw > preview.repaid_raw  # the pool was not told of the fall


async def test_same_asset_liquidation_needs_no_sale(world: World) -> None:
    await lend(world, "USDC", 1_000_000)
    await world.fund(ALICE, USDC=world.raw("USDC", 10_000), WETH=10**17)
    await world.supply(ALICE, "USDC", world.raw("USDC", 10_000))
    await world.supply(ALICE, "WETH", 10**17)
    await world.borrow(ALICE, "USDC", world.raw("USDC", 7_600))
    await world.move_feed("WETH", 1 * USD)
    await world.jump(365 * 86_400 * 60)
    sale = await world.preview_liquidation(ALICE, "USDC", "USDC")
    assert sale.proceeds_raw == sale.received_raw > sale.repaid_raw > 0


@pytest.mark.parametrize("price", ["1500", "2500.5"])
async def test_a_pool_moves_to_its_target(world: World, price: str) -> None:
    await world.move_pool_to("WETH/USDC", price)
    sqrt_price = (await world.call(world.addresses.pools["WETH/USDC"], SLOT0))[0]
    ratio = sqrt_price**2 / 2**192
    weth_first = int(world.token("WETH"), 16) < int(world.token("USDC"), 16)
    mid = (ratio if weth_first else 1 / ratio) * 10**12
    assert mid == pytest.approx(float(price), rel=1e-9)


async def test_a_reorg_replaces_the_block(world: World) -> None:
    await world.move_feed("WETH", 1_900 * USD)
    await world.mine()
    before = await world.head()
    lost = await world.move_feed("WETH", 1_000 * USD)
    await world.mine()
    after = await world.reorg(2, [world.move_feed("WETH", 1_950 * USD)])
    assert after.number == before.number + 2
    replaced = await world.block_at(lost.block_number)
    assert replaced.hash != lost.block_hash
    assert replaced.parent_hash == before.hash
    assert await world.anvil.rpc("eth_getTransactionReceipt", lost.transaction_hash) is None
    assert (await world.call(world.addresses.feeds["WETH"], LATEST_ROUND))[1] == 1_950 * USD


async def test_another_branch_after_a_rollback(world: World) -> None:
    await world.mine(3)
    dropped = await world.head()
    base = await world.rollback(2)
    await world.block(world.move_feed("DAI", USD - 1))
    head = await world.head()
    assert (head.parent_hash, head.number) == (base.hash, dropped.number - 1)


async def test_state_can_be_read_at_a_block_hash(world: World) -> None:
    await open_position(world)
    early = await world.head()
    await world.move_feed("WETH", 1_500 * USD)
    (there,) = await world.all_account_data([ALICE], early.hash)
    assert there == await world.user_account_data(ALICE, early.hash)
    assert there.collateral_e8 == 20_000 * USD
    assert (await world.user_account_data(ALICE)).collateral_e8 == 15_000 * USD
    balances = await world.balances_of(list(world.addresses.atokens.values()), [ALICE, BOB])
    assert balances[world.addresses.atokens["WETH"], ALICE] == world.raw("WETH", 10)


async def test_a_fork_reads_the_same_and_writes_apart(world: World) -> None:
    await open_position(world)
    async with world.fork() as fork:
        assert (await fork.head()).hash == (await world.head()).hash
        assert await fork.user_account_data(ALICE) == await world.user_account_data(ALICE)
        await fork.move_feed("WETH", 1_000 * USD)
        assert (await fork.user_account_data(ALICE)).collateral_e8 == 10_000 * USD
    assert (await world.user_account_data(ALICE)).collateral_e8 == 20_000 * USD


async def test_a_saved_world_is_the_same_every_time(world: World) -> None:
    async with open_world() as again:
        assert again.addresses == world.addresses
        assert (await again.head()).hash == (await world.head()).hash


async def test_leverage_by_hand(world: World) -> None:
    await lend(world, "WETH", 1_000)
    await world.fund(ALICE, wstETH=world.raw("wstETH", 10))
    await world.set_emode(ALICE, 1)
    plan = Loop(ALICE, "wstETH", "WETH", world.raw("wstETH", 10), turns=5, borrow_bps=9000)
    await loop(world, plan, arbitrage=True)
    data = await world.user_account_data(ALICE)
    assert data.collateral_e8 > 4 * 24_000 * USD
    assert data.liquidation_threshold_bps == 9500


async def test_a_population_of_borrowers(world: World) -> None:
    borrowers = await make_borrowers(world, 40, seed=3)
    data = await world.all_account_data([borrower.account for borrower in borrowers])
    assert all(each.health_factor_wad > 10**18 and each.debt_e8 > 0 for each in data)
    sizes = sorted((each.collateral_e8 for each in data), reverse=True)
    assert sum(sizes[:8]) > sum(sizes) // 2  # the largest fifth holds more than half


async def test_crowd__many_senders__one_block_and_nobody_left_out(world: World) -> None:
    people, before = [account(f"one of many {n}") for n in range(30)], await world.head()
    mints = (world.mint(who, "USDC", amount) for who in people for amount in (1, 2, 4))
    await world.crowd(*mints)
    assert (await world.head()).number == before.number + 1
    balances = await world.balances_of([world.token("USDC")], people)
    assert set(balances.values()) == {7}


async def test_crowd__one_reverts__said(world: World) -> None:
    with pytest.raises(RevertError, match="withdraw"):
        await world.crowd(world.mint(ALICE, "USDC", 1), world.withdraw(BOB, "USDC", 1))
