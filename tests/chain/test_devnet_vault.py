"""A MetaMorpho vault on the local chain, against figures computed beside it."""

from dataclasses import replace

import morpho_figures as figures
import pytest
from devnet import MAX, USD, RevertError, VaultTotals, WideWorld, account
from devnet.chain import BLOCK_SECONDS
from devnet.morpho_deployment import TIMELOCK_SECONDS, VAULT_FEE_RECIPIENT

ALICE, BOB = account("alice"), account("bob")
DEPOSITOR, OTHER = account("vault depositor 1"), account("vault depositor 2")
WETH_USDC, WBTC_USDC = "WETH/USDC", "WBTC/USDC"
# A vault has 18 decimals over an asset of 6, and as many virtual shares as make one raw unit.
VIRTUAL_SHARES = 10**12


async def borrow(wide: WideWorld, market: str, usage_percent: int) -> None:
    """Alice takes that much of what the market has to lend."""
    collateral = market.split("/")[0]
    pledged = wide.raw(collateral, 10_000)
    await wide.fund(ALICE, **{collateral: pledged})
    lendable = (await wide.morpho.market(market)).supply_raw
    await wide.block(
        wide.morpho.supply_collateral(ALICE, market, pledged),
        wide.morpho.borrow(ALICE, market, lendable * usage_percent // 100),
    )


async def holdings(wide: WideWorld, now_unix: int) -> dict[str, int]:
    """What the vault's shares in each market claim at that second, by figures alone."""
    claims = {}
    for market in (WETH_USDC, WBTC_USDC):
        state = await wide.morpho.market(market)
        model, key = wide.addresses.morpho.rate_model, wide.morpho.params(market).id
        target = await wide.call(model, "rateAtTarget(bytes32)(int256)", key)
        rate, _ = figures.borrow_rate(state, target, now_unix - state.updated_unix)
        state, _ = figures.accrued(state, rate, now_unix)
        shares = (await wide.morpho.position(market, wide.vault.address)).supply_shares
        claims[market] = figures.assets_down(shares, state.supply_raw, state.supply_shares)
    return claims


def with_fee(totals: VaultTotals) -> VaultTotals:
    """As the vault stands once it has minted the fee on its gains."""
    fee_shares = figures.vault_fee_shares(totals, VIRTUAL_SHARES)
    return replace(totals, shares=totals.shares + fee_shares, last_assets_raw=totals.assets_raw)


async def test_a_vault__a_year_of_interest__is_worth_what_its_markets_owe_it(
    wide: WideWorld,
) -> None:
    shares = await wide.vault.shares_of(DEPOSITOR)
    assert shares == wide.raw("USDC", 2_500_000) * VIRTUAL_SHARES
    await borrow(wide, WETH_USDC, 80)
    await borrow(wide, WBTC_USDC, 95)
    head = await wide.jump(figures.YEAR_SECONDS)

    totals = await wide.vault.totals()
    assert totals.assets_raw == sum((await holdings(wide, head.timestamp)).values())
    assert totals.last_assets_raw == wide.raw("USDC", 4_000_000) < totals.assets_raw
    settled = with_fee(totals)
    claim = shares * (totals.assets_raw + 1) // (settled.shares + VIRTUAL_SHARES)
    assert await wide.vault.assets_of(shares) == claim > wide.raw("USDC", 2_500_000)


async def test_a_deposit__into_gains__buys_shares_after_the_fee(wide: WideWorld) -> None:
    await borrow(wide, WETH_USDC, 90)
    await wide.jump(30 * 86_400)
    amount = wide.raw("USDC", 10_000)
    await wide.fund(BOB, USDC=amount)
    before = await wide.vault.totals()
    now = (await wide.head()).timestamp + BLOCK_SECONDS
    settled = with_fee(replace(before, assets_raw=sum((await holdings(wide, now)).values())))
    await wide.vault.deposit(BOB, amount)

    shares = amount * (settled.shares + VIRTUAL_SHARES) // (settled.assets_raw + 1)
    assert await wide.vault.shares_of(BOB) == shares
    assert await wide.vault.shares_of(VAULT_FEE_RECIPIENT) == settled.shares - before.shares > 0
    after = await wide.vault.totals()
    assert after.shares == settled.shares + shares
    assert after.last_assets_raw == settled.assets_raw + amount


async def test_a_withdrawal__beyond_what_is_not_lent_out__is_refused(wide: WideWorld) -> None:
    await borrow(wide, WETH_USDC, 100)
    await borrow(wide, WBTC_USDC, 60)
    head = await wide.jump(86_400)
    claims = await holdings(wide, head.timestamp)
    lent = (await wide.morpho.accrued(WBTC_USDC)).state
    liquid = min(claims[WBTC_USDC], lent.supply_raw - lent.borrow_raw)
    owned = await wide.vault.assets_of(await wide.vault.shares_of(DEPOSITOR))
    assert await wide.vault.max_withdraw(DEPOSITOR) == liquid < owned

    with pytest.raises(RevertError, match="NotEnoughLiquidity"):
        await wide.vault.withdraw(DEPOSITOR, liquid + 1)
    await wide.vault.withdraw(DEPOSITOR, liquid)
    assert await wide.balance_of(wide.token("USDC"), DEPOSITOR) == liquid
    assert await wide.vault.max_withdraw(OTHER) == 0


async def test_a_redemption__of_all_shares__empties_the_queue_in_order(wide: WideWorld) -> None:
    queue = [wide.morpho.params(market).id for market in (WETH_USDC, WBTC_USDC)]
    assert await wide.vault.withdraw_queue() == queue
    await wide.vault.redeem(DEPOSITOR, await wide.vault.shares_of(DEPOSITOR))
    assert await holdings(wide, (await wide.head()).timestamp) == {
        WETH_USDC: wide.raw("USDC", 500_000),
        WBTC_USDC: wide.raw("USDC", 1_000_000),
    }


async def test_a_reallocation__between_markets__moves_what_was_told(wide: WideWorld) -> None:
    kept = wide.raw("USDC", 2_200_000)
    with pytest.raises(RevertError, match="SupplyCapExceeded"):
        await wide.vault.reallocate((WETH_USDC, wide.raw("USDC", 1_900_000)), (WBTC_USDC, MAX))
    await wide.vault.reallocate((WETH_USDC, kept), (WBTC_USDC, MAX))
    assert await holdings(wide, (await wide.head()).timestamp) == {
        WETH_USDC: kept,
        WBTC_USDC: wide.raw("USDC", 1_800_000),
    }


async def test_a_cap__raised__holds_after_the_timelock(wide: WideWorld) -> None:
    cap = wide.raw("USDC", 3_000_000)
    await wide.vault.submit_cap(WBTC_USDC, cap)
    with pytest.raises(RevertError, match="TimelockNotElapsed"):
        await wide.vault.accept_cap(WBTC_USDC)
    await wide.jump(TIMELOCK_SECONDS)
    await wide.vault.accept_cap(WBTC_USDC)
    await wide.vault.reallocate((WETH_USDC, wide.raw("USDC", 1_000_000)), (WBTC_USDC, MAX))
    claims = await holdings(wide, (await wide.head()).timestamp)
    assert claims[WBTC_USDC] == cap


async def test_bad_debt__in_one_market__falls_on_all_depositors(wide: WideWorld) -> None:
    await wide.fund(ALICE, WETH=wide.raw("WETH", 1_000))
    await wide.fund(BOB, USDC=wide.raw("USDC", 2_000_000))
    await wide.block(
        wide.morpho.supply_collateral(ALICE, WETH_USDC, wide.raw("WETH", 1_000)),
        wide.morpho.borrow(ALICE, WETH_USDC, wide.raw("USDC", 1_600_000)),
    )
    await wide.move_feed("WETH", 1_200 * USD)
    before = await wide.vault.totals()
    await wide.morpho.liquidate(BOB, WETH_USDC, ALICE, seized_raw=wide.raw("WETH", 1_000))
    after, now = await wide.vault.totals(), (await wide.head()).timestamp
    assert after.assets_raw == sum((await holdings(wide, now)).values())
    assert before.assets_raw - after.assets_raw > wide.raw("USDC", 400_000)
    assert after.shares == before.shares
    mine = await wide.vault.shares_of(DEPOSITOR)
    claim = mine * (after.assets_raw + 1) // (after.shares + VIRTUAL_SHARES)
    assert await wide.vault.assets_of(mine) == claim < wide.raw("USDC", 2_300_000)
