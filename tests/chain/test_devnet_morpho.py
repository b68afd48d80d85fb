"""Morpho Blue on the local chain, against figures computed beside it."""

from dataclasses import replace

import morpho_figures as figures
import pytest
from devnet import (
    USD,
    ZERO_ADDRESS,
    Address,
    Deployer,
    MarketParams,
    MarketState,
    Position,
    RevertError,
    WideWorld,
    account,
    event_topic,
)
from devnet.abi import function
from devnet.chain import BLOCK_SECONDS
from devnet.morpho import callback
from devnet.morpho_deployment import MORPHO_FEE_RECIPIENT

ALICE, BOB, CAROL, LENDER = (account(name) for name in ("alice", "bob", "carol", "lender"))
DEPOSITOR = account("vault depositor 1")
WETH_USDC, WBTC_USDC, WSTETH_WETH, WETH_DAI = "WETH/USDC", "WBTC/USDC", "wstETH/WETH", "WETH/DAI"
NOBODY = Position(0, 0, 0)
ACCRUED = event_topic("AccrueInterest(bytes32,uint256,uint256,uint256)")
LIQUIDATED = event_topic(
    "Liquidate(bytes32,address,address,uint256,uint256,uint256,uint256,uint256)"
)


async def rate_at_target(wide: WideWorld, market: str) -> int:
    model, key = wide.addresses.morpho.rate_model, wide.morpho.params(market).id
    rate: int = await wide.call(model, "rateAtTarget(bytes32)(int256)", key)
    return rate


async def pledge(wide: WideWorld, who: Address, market: str, collateral: int, debt: int) -> None:
    """Opens a position, in raw units, in two blocks."""
    name = market.split("/")[0]
    await wide.fund(who, **{name: collateral})
    await wide.block(
        wide.morpho.supply_collateral(who, market, collateral),
        wide.morpho.borrow(who, market, debt),
    )


async def at_next_block(wide: WideWorld, market: str) -> MarketState:
    """By figures alone: the stored market with interest up to the second of the next block."""
    state, target = await wide.morpho.market(market), await rate_at_target(wide, market)
    now = (await wide.head()).timestamp + BLOCK_SECONDS
    rate, _ = figures.borrow_rate(state, target, now - state.updated_unix)
    return figures.accrued(state, rate, now)[0]


@pytest.mark.parametrize("market", [WETH_USDC, WBTC_USDC])
@pytest.mark.parametrize("usage_percent", [30, 90, 99])
async def test_debt__a_year_passes__grows_by_the_rate_model(
    wide: WideWorld, market: str, usage_percent: int
) -> None:
    lendable = (await wide.morpho.market(market)).supply_raw
    await pledge(wide, ALICE, market, wide.raw(market[:4], 5_000), lendable * usage_percent // 100)
    before, target = await wide.morpho.market(market), await rate_at_target(wide, market)
    head = await wide.jump(figures.YEAR_SECONDS)

    seconds = head.timestamp - before.updated_unix
    rate, new_target = figures.borrow_rate(before, target, seconds)
    expected, fee_shares = figures.accrued(before, rate, head.timestamp)
    accrued = await wide.morpho.accrued(market, [ALICE, MORPHO_FEE_RECIPIENT])
    assert accrued.state == expected
    assert accrued.positions[1] == Position(fee_shares, 0, 0)
    assert (fee_shares > 0) == (before.fee_wad > 0)
    debt = expected.owed_raw(accrued.positions[0].borrow_shares)
    assert debt == figures.assets_up(
        before.borrow_shares, expected.borrow_raw, expected.borrow_shares
    )
    assert await wide.morpho.market(market) == before  # a view accrued it, nobody else

    receipt = (
        await wide.block(wide.morpho.accrue_interest(BOB, market), timestamp=head.timestamp + 1)
    )[0]
    (log,) = receipt.logs_of(wide.addresses.morpho.morpho, ACCRUED)
    rate, new_target = figures.borrow_rate(before, target, seconds + 1)
    expected, fee_shares = figures.accrued(before, rate, head.timestamp + 1)
    interest = expected.borrow_raw - before.borrow_raw
    assert function("_()(uint256,uint256,uint256)").decode(log.data) == (rate, interest, fee_shares)
    assert await wide.morpho.market(market) == expected
    assert await rate_at_target(wide, market) == new_target


async def test_lending__by_assets_and_by_shares__counts_as_computed(wide: WideWorld) -> None:
    await pledge(wide, ALICE, WETH_USDC, wide.raw("WETH", 2_000), wide.raw("USDC", 2_000_000))
    await wide.fund(LENDER, USDC=wide.raw("USDC", 1_000_000))
    await wide.jump(30 * 86_400)
    amount, state = wide.raw("USDC", 100_000), await at_next_block(wide, WETH_USDC)
    await wide.morpho.supply(LENDER, WETH_USDC, amount)
    shares = figures.shares_down(amount, state.supply_raw, state.supply_shares)
    assert await wide.morpho.position(WETH_USDC, LENDER) == Position(shares, 0, 0)
    assert await wide.morpho.market(WETH_USDC) == replace(
        state, supply_raw=state.supply_raw + amount, supply_shares=state.supply_shares + shares
    )

    await wide.jump(86_400)
    half, state = shares // 2, await at_next_block(wide, WETH_USDC)
    await wide.morpho.withdraw(LENDER, WETH_USDC, shares=half)
    fetched = await wide.balance_of(wide.token("USDC"), LENDER) - wide.raw("USDC", 900_000)
    assert fetched == figures.assets_down(half, state.supply_raw, state.supply_shares)
    assert fetched > amount // 2
    assert await wide.morpho.position(WETH_USDC, LENDER) == Position(shares - half, 0, 0)


async def test_repaying__all_shares__leaves_the_collateral_free(wide: WideWorld) -> None:
    debt = wide.raw("USDC", 10_000)
    await pledge(wide, ALICE, WETH_USDC, wide.raw("WETH", 10), debt)
    await wide.fund(ALICE, USDC=debt)
    await wide.fund(BOB, USDC=debt)
    await wide.jump(86_400)
    shares = (await wide.morpho.position(WETH_USDC, ALICE)).borrow_shares
    with pytest.raises(RevertError, match="insufficient collateral"):
        await wide.morpho.withdraw_collateral(ALICE, WETH_USDC, wide.raw("WETH", 6))
    amount, state = wide.raw("USDC", 4_000), await at_next_block(wide, WETH_USDC)
    await wide.morpho.repay(BOB, WETH_USDC, amount, on_behalf_of=ALICE)
    left = shares - figures.shares_down(amount, state.borrow_raw, state.borrow_shares)
    assert (await wide.morpho.position(WETH_USDC, ALICE)).borrow_shares == left
    await wide.morpho.repay(ALICE, WETH_USDC, shares=left)
    await wide.morpho.withdraw_collateral(ALICE, WETH_USDC, wide.raw("WETH", 10))
    assert await wide.morpho.position(WETH_USDC, ALICE) == NOBODY


async def test_debt__under_a_foreign_rate_model__grows_by_that(wide: WideWorld) -> None:
    rate = figures.WAD // 10 // figures.YEAR_SECONDS
    model = await Deployer(wide).deploy("RateModel", rate)
    params = replace(wide.morpho.params(WETH_USDC), rate_model=model)
    wide.addresses.morpho.markets["foreign"] = params
    await wide.block(wide.morpho.enable_rate_model(model), wide.morpho.create_market(BOB, params))
    await wide.fund(LENDER, USDC=wide.raw("USDC", 20_000))
    await wide.morpho.supply(LENDER, "foreign", wide.raw("USDC", 20_000))
    await wide.fund(ALICE, WETH=wide.raw("WETH", 10))
    await wide.morpho.supply_collateral(ALICE, "foreign", wide.raw("WETH", 10))
    await wide.morpho.borrow(ALICE, "foreign", wide.raw("USDC", 10_000))
    before, head = await wide.morpho.market("foreign"), await wide.jump(30 * 86_400)
    expected, _ = figures.accrued(before, rate, head.timestamp)
    assert (await wide.morpho.accrued("foreign")).state == expected
    await wide.tx(BOB, model, "setBroken(bool)", True)
    with pytest.raises(RevertError, match="RateModelBroken"):
        await wide.morpho.accrued("foreign")
    assert await wide.morpho.market("foreign") == before


async def test_health__the_price_falls__turns_in_the_unit_computed(wide: WideWorld) -> None:
    await wide.fund(LENDER, DAI=wide.raw("DAI", 100_000))
    await wide.morpho.supply(LENDER, WETH_DAI, wide.raw("DAI", 100_000))
    await pledge(wide, ALICE, WETH_DAI, wide.raw("WETH", 10), wide.raw("DAI", 15_000))
    debt = (await wide.morpho.accrued(WETH_DAI, [ALICE])).state.borrow_raw
    lltv = wide.morpho.params(WETH_DAI).lltv_wad
    least_value = figures.up(debt * figures.WAD, lltv)
    least_price = figures.up(least_value * figures.PRICE_SCALE, wide.raw("WETH", 10))
    for price, verdict in ((least_price, True), (least_price - 1, False), (0, False)):
        await wide.morpho.set_price(WETH_DAI, price)
        assert await wide.morpho.healthy(WETH_DAI, [ALICE, BOB]) == [verdict, True]


async def test_health__the_oracle_reverts__is_not_told(wide: WideWorld) -> None:
    broken = await Deployer(wide).deploy("RevertingSource")
    params = replace(wide.morpho.params(WETH_USDC), oracle=broken)
    wide.addresses.morpho.markets["broken"] = params
    await wide.morpho.create_market(BOB, params)
    with pytest.raises(RevertError):
        await wide.morpho.healthy("broken", [ALICE])


async def test_debt__without_a_rate_model__never_grows(wide: WideWorld) -> None:
    await wide.fund(LENDER, DAI=wide.raw("DAI", 100_000))
    await wide.morpho.supply(LENDER, WETH_DAI, wide.raw("DAI", 100_000))
    await pledge(wide, ALICE, WETH_DAI, wide.raw("WETH", 10), wide.raw("DAI", 15_000))
    before = await wide.morpho.market(WETH_DAI)
    head = await wide.jump(figures.YEAR_SECONDS)
    await wide.morpho.accrue_interest(BOB, WETH_DAI)
    after = await wide.morpho.market(WETH_DAI)
    assert after == replace(before, updated_unix=after.updated_unix)
    assert after.updated_unix > head.timestamp


async def test_a_fee__another_recipient__takes_what_was_not_accrued_yet(wide: WideWorld) -> None:
    await pledge(wide, ALICE, WBTC_USDC, wide.raw("WBTC", 10), wide.raw("USDC", 400_000))
    await wide.jump(30 * 86_400)
    await wide.morpho.set_fee_recipient(CAROL)
    await wide.morpho.accrue_interest(BOB, WBTC_USDC)
    old, new = await wide.morpho.positions(WBTC_USDC, [MORPHO_FEE_RECIPIENT, CAROL])
    assert (old, new.supply_shares > 0) == (NOBODY, True)

    await wide.jump(30 * 86_400)
    state = await at_next_block(wide, WBTC_USDC)
    await wide.morpho.set_fee(WBTC_USDC, 0)  # accrues first, unlike the recipient's change
    assert await wide.morpho.market(WBTC_USDC) == replace(state, fee_wad=0)


async def test_an_authorized_account__acts_for_the_owner__until_it_is_not(
    wide: WideWorld,
) -> None:
    await pledge(wide, ALICE, WETH_USDC, wide.raw("WETH", 10), wide.raw("USDC", 1_000))
    amount = wide.raw("USDC", 500)
    with pytest.raises(RevertError, match="unauthorized"):
        await wide.morpho.borrow(BOB, WETH_USDC, amount, on_behalf_of=ALICE)
    await wide.morpho.set_authorization(ALICE, BOB)
    await wide.morpho.borrow(BOB, WETH_USDC, amount, on_behalf_of=ALICE)
    await wide.morpho.withdraw_collateral(BOB, WETH_USDC, 10**18, on_behalf_of=ALICE)
    assert await wide.balances_of([wide.token("USDC"), wide.token("WETH")], [BOB]) == {
        (wide.token("USDC"), BOB): amount,
        (wide.token("WETH"), BOB): 10**18,
    }
    await wide.morpho.set_authorization(ALICE, BOB, on=False)
    with pytest.raises(RevertError, match="unauthorized"):
        await wide.morpho.withdraw_collateral(BOB, WETH_USDC, 1, on_behalf_of=ALICE)


async def test_a_flash_loan__with_a_loop_inside__is_paid_back(wide: WideWorld) -> None:
    morpho, usdc, weth = wide.morpho, wide.token("USDC"), wide.token("WETH")
    collateral, loan = wide.raw("WETH", 10), wide.raw("USDC", 17_000)
    spend = wide.tx(morpho.actor, usdc, "transfer(address,uint256)", CAROL, loan)
    pay_back = wide.approve(morpho.actor, "USDC", wide.addresses.morpho.morpho)
    loop = morpho.flash_loan(
        *(usdc, loan),
        spend,
        wide.mint(morpho.actor, "WETH", collateral),
        wide.approve(morpho.actor, "WETH", wide.addresses.morpho.morpho),
        morpho.supply_collateral(morpho.actor, WETH_USDC, collateral),
        morpho.borrow(morpho.actor, WETH_USDC, loan),
        pay_back,
    )
    await morpho.bundle(BOB, loop)
    assert (await morpho.position(WETH_USDC, morpho.actor)).collateral_raw == collateral
    assert await wide.balances_of([usdc, weth], [morpho.actor, CAROL]) == {
        (usdc, morpho.actor): 0,
        (weth, morpho.actor): 0,
        (usdc, CAROL): loan,
        (weth, CAROL): 0,
    }
    with pytest.raises(RevertError, match="transferFrom reverted"):
        await morpho.bundle(BOB, morpho.flash_loan(usdc, loan, spend, pay_back))


async def test_callbacks__one_in_another__are_in_the_books_in_the_order_of_the_logs(
    wide: WideWorld,
) -> None:
    morpho, at = wide.morpho, wide.addresses.morpho.morpho
    collateral, loan = wide.raw("WETH", 10), wide.raw("USDC", 10_000)
    receipt = await morpho.bundle(
        BOB,
        wide.approve(morpho.actor, "WETH", at),
        wide.approve(morpho.actor, "USDC", at),
        morpho.supply_collateral(  # of what it does not have before it borrows
            *(morpho.actor, WETH_USDC, collateral),
            data=callback(
                morpho.borrow(morpho.actor, WETH_USDC, loan),
                wide.mint(morpho.actor, "WETH", collateral),
                morpho.supply(
                    *(morpho.actor, WETH_USDC, loan),
                    data=callback(morpho.withdraw(morpho.actor, WETH_USDC, loan // 2)),
                ),
            ),
        ),
        morpho.repay(morpho.actor, WETH_USDC, loan // 2),
    )
    names = {
        event_topic(f"{name}(bytes32,address,address{types})"): name
        for name, types in (
            ("SupplyCollateral", ",uint256"),
            ("Borrow", ",address,uint256,uint256"),
            ("Supply", ",uint256,uint256"),
            ("Withdraw", ",address,uint256,uint256"),
            ("Repay", ",uint256,uint256"),
        )
    }
    logged = [
        names[log.topics[0]] for log in receipt.logs if log.address == at and log.topics[0] in names
    ]
    assert logged == ["SupplyCollateral", "Borrow", "Supply", "Withdraw", "Repay"]
    accrued = await morpho.accrued(WETH_USDC, [morpho.actor])
    (position,) = accrued.positions
    assert position.collateral_raw == collateral
    assert accrued.state.owed_raw(position.borrow_shares) == loan // 2


async def test_a_market__made_on_the_way__is_used_at_once(wide: WideWorld) -> None:
    mock = await Deployer(wide).deploy("OracleMock")
    params = MarketParams(
        wide.token("DAI"), wide.token("WBTC"), mock, wide.addresses.morpho.rate_model, 9 * 10**17
    )
    with pytest.raises(RevertError, match="LLTV not enabled"):
        await wide.morpho.create_market(BOB, params)
    wide.addresses.morpho.markets["WBTC/DAI"] = params
    await wide.fund(LENDER, DAI=wide.raw("DAI", 1_000))
    await wide.block(
        wide.morpho.enable_lltv(params.lltv_wad),
        wide.morpho.create_market(BOB, params),
        wide.morpho.set_price("WBTC/DAI", 60_000 * 10**46),
        wide.morpho.supply(LENDER, "WBTC/DAI", wide.raw("DAI", 1_000)),
    )
    head = await wide.head()
    assert await rate_at_target(wide, "WBTC/DAI") == figures.FIRST_RATE
    assert await wide.morpho.market("WBTC/DAI") == MarketState(
        *(10**21, 10**27, 0, 0, head.timestamp, 0)
    )


async def test_a_market__of_nothing_but_a_loan_asset__just_keeps_it(wide: WideWorld) -> None:
    idle = MarketParams(wide.token("USDC"), ZERO_ADDRESS, ZERO_ADDRESS, ZERO_ADDRESS, 0)
    wide.addresses.morpho.markets["idle"] = idle
    await wide.fund(LENDER, USDC=1_000)
    await wide.block(
        wide.morpho.enable_lltv(0),
        wide.morpho.create_market(BOB, idle),
        wide.morpho.supply(LENDER, "idle", 1_000),
    )
    await wide.jump(figures.YEAR_SECONDS)
    assert (await wide.morpho.accrued("idle")).state.supply_raw == 1_000


async def test_liquidation__part_by_shares__takes_what_was_computed(wide: WideWorld) -> None:
    await pledge(wide, ALICE, WETH_USDC, wide.raw("WETH", 10), wide.raw("USDC", 17_000))
    await wide.fund(BOB, USDC=wide.raw("USDC", 20_000))
    with pytest.raises(RevertError, match="position is healthy"):
        await wide.morpho.liquidate(BOB, WETH_USDC, ALICE, repaid_shares=1)
    await wide.move_feed("WETH", 1_950 * USD)
    position = await wide.morpho.position(WETH_USDC, ALICE)
    shares = position.borrow_shares // 3
    state = await at_next_block(wide, WETH_USDC)
    price, lltv = await wide.morpho.price_e36(WETH_USDC), wide.morpho.params(WETH_USDC).lltv_wad
    assert price == 1_950 * 10**24
    seized = figures.seized_for(shares, price, lltv, state)
    repaid = figures.assets_up(shares, state.borrow_raw, state.borrow_shares)

    receipt = await wide.morpho.liquidate(BOB, WETH_USDC, ALICE, repaid_shares=shares)
    (log,) = receipt.logs_of(wide.addresses.morpho.morpho, LIQUIDATED)
    assert function("_()(uint256,uint256,uint256,uint256,uint256)").decode(log.data) == (
        *(repaid, shares, seized),
        *(0, 0),
    )
    assert await wide.balance_of(wide.token("WETH"), BOB) == seized
    assert await wide.morpho.position(WETH_USDC, ALICE) == Position(
        0, position.borrow_shares - shares, position.collateral_raw - seized
    )
    assert await wide.morpho.market(WETH_USDC) == replace(
        state, borrow_raw=state.borrow_raw - repaid, borrow_shares=state.borrow_shares - shares
    )


async def test_liquidation__of_all_collateral__leaves_the_rest_to_lenders(wide: WideWorld) -> None:
    collateral = wide.raw("WETH", 1_000)
    await pledge(wide, ALICE, WETH_USDC, collateral, wide.raw("USDC", 1_600_000))
    await wide.fund(BOB, USDC=wide.raw("USDC", 2_000_000))
    await wide.move_feed("WETH", 1_200 * USD)
    position = await wide.morpho.position(WETH_USDC, ALICE)
    claim = await wide.vault.assets_of(await wide.vault.shares_of(DEPOSITOR))
    state = await at_next_block(wide, WETH_USDC)
    repaid, shares = figures.repaid_for(
        collateral, 1_200 * 10**24, wide.morpho.params(WETH_USDC).lltv_wad, state
    )
    lost_shares = position.borrow_shares - shares
    rest, rest_shares = state.borrow_raw - repaid, state.borrow_shares - shares
    lost = min(rest, figures.assets_up(lost_shares, rest, rest_shares))

    receipt = await wide.morpho.liquidate(BOB, WETH_USDC, ALICE, seized_raw=collateral)
    (log,) = receipt.logs_of(wide.addresses.morpho.morpho, LIQUIDATED)
    assert function("_()(uint256,uint256,uint256,uint256,uint256)").decode(log.data) == (
        *(repaid, shares, collateral),
        *(lost, lost_shares),
    )
    assert lost > wide.raw("USDC", 400_000)
    assert await wide.morpho.position(WETH_USDC, ALICE) == NOBODY
    assert await wide.morpho.market(WETH_USDC) == replace(
        state,
        supply_raw=state.supply_raw - lost,
        borrow_raw=rest - lost,
        borrow_shares=rest_shares - lost_shares,
    )
    fallen = await wide.vault.assets_of(await wide.vault.shares_of(DEPOSITOR))
    assert claim - fallen > lost // 2
