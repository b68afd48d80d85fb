"""A reserve listed in a running market, and contracts upgraded under it."""

import pytest
from devnet import USD, AssetTerms, World, account, list_reserve, upgrade_pool, upgrade_token
from devnet.listing import Side
from devnet.terms import VOLATILE_RATES

ALICE = account("alice")
LINK = AssetTerms("LINK", 18, 15 * USD, 6000, 6500, 10700, 2000, VOLATILE_RATES)
UNIT = 10**18


async def supplied(world: World) -> None:
    await list_reserve(world, LINK)
    await world.fund(ALICE, LINK=100 * UNIT)
    await world.supply(ALICE, "LINK", 100 * UNIT)


async def test_list_reserve__market_runs__asset_is_collateral(world: World) -> None:
    await supplied(world)
    data = await world.user_account_data(ALICE)
    assert (data.collateral_e8, data.liquidation_threshold_bps) == (1_500 * USD, 6500)
    await world.borrow(ALICE, "LINK", UNIT)
    assert await world.balance_of(world.addresses.debt_tokens["LINK"], ALICE) == UNIT


@pytest.mark.parametrize("revision", [5, 6])
@pytest.mark.parametrize("side", ["supply", "debt"])
async def test_upgrade_token__again_and_again__revision_moves_and_balances_stay(
    world: World, side: Side, revision: int
) -> None:
    await supplied(world)
    for _ in range(2):
        await upgrade_token(world, "LINK", side, revision=revision)
    at = world.addresses
    token = (at.atokens if side == "supply" else at.debt_tokens)["LINK"]
    name = "ATOKEN_REVISION" if side == "supply" else "DEBT_TOKEN_REVISION"
    assert await world.call(token, f"{name}()(uint256)") == revision
    assert await world.balance_of(at.atokens["LINK"], ALICE) == 100 * UNIT


async def test_upgrade_pool__another_revision__market_goes_on(world: World) -> None:
    await supplied(world)
    await upgrade_pool(world, revision=11)
    assert await world.call(world.addresses.pool, "POOL_REVISION()(uint256)") == 11
    await world.withdraw(ALICE, "LINK")
