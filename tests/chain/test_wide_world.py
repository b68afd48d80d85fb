"""The wide world: one asset with three prices, and one market beside another."""

import tomllib
from dataclasses import replace
from pathlib import Path

from devnet import (
    USD,
    WideTerms,
    WideWorld,
    account,
    new_wide_world,
    open_wide_world,
    oracle_prices,
)
from devnet.configuration import Wiring, configuration

ALICE, LENDER = account("alice"), account("lender")
WAD = 10**18
CAPPED = "isCapped()(bool)"


async def test_a_wide_world__saved__is_the_same_every_time(wide: WideWorld) -> None:
    async with open_wide_world() as again:
        assert again.addresses == wide.addresses
        assert (await again.head()).hash == (await wide.head()).hash


async def test_a_wide_world__built_on_the_spot__has_its_history() -> None:
    async with new_wide_world(replace(WideTerms(), vaults=())) as world:
        assert world.vaults == {}
        early = (await world.block_at((await world.head()).number // 2)).hash
        assert await world.balance_of(world.token("WETH"), ALICE, early) == 0


async def wsteth(wide: WideWorld) -> tuple[int, int, int]:
    """As Aave 3.6, Aave 3.0.2 and Morpho (in ether, 36 decimals) have it."""
    core, old = await oracle_prices(wide), await oracle_prices(wide.aave_3_0)
    return core["wstETH"], old["wstETH"], await wide.morpho.price_e36("wstETH/WETH")


async def test_wsteth__the_market_depegs__only_the_market_feed_follows(wide: WideWorld) -> None:
    await wide.set_staking_rate(12 * WAD // 10)
    assert await wsteth(wide) == (2_400 * USD, 2_400 * USD, 12 * 10**35)
    await wide.block(
        wide.move_feed("wstETH", 1_900 * USD), wide.move_pool_to("wstETH/WETH", "0.95")
    )
    assert await wsteth(wide) == (2_400 * USD, 1_900 * USD, 12 * 10**35)


async def test_wsteth__its_rate_leaps__the_cap_holds_where_its_own_view_says(
    wide: WideWorld,
) -> None:
    adapter = wide.addresses.capped_wsteth
    assert not await wide.call(adapter, CAPPED)
    await wide.set_staking_rate(13 * WAD // 10)
    assert await wide.call(adapter, CAPPED)
    head = (await wide.head()).timestamp
    taken = await wide.call(adapter, "getSnapshotTimestamp()(uint256)")
    ratio = await wide.call(adapter, "getSnapshotRatio()(uint256)")
    growth = ratio * 968 * 10**6 // 10**4 // (365 * 86_400)
    highest = ratio + growth * (head - taken) // 10**6
    assert await wsteth(wide) == (2_000 * USD * highest // WAD, 2_400 * USD, 13 * 10**35)
    await wide.set_staking_rate(11 * WAD // 10)
    assert await wsteth(wide) == (2_200 * USD, 2_400 * USD, 11 * 10**35)


async def test_wsteth__time_passes__its_rate_grows_by_the_second(wide: WideWorld) -> None:
    _, _, before = await wsteth(wide)
    then = (await wide.head()).timestamp
    head = await wide.jump(86_400)
    grown = wide.terms.staking.growth_per_second_wad * (head.timestamp - then)
    assert (await wsteth(wide))[2] == before + grown * WAD


async def test_two_aave_markets__one_position_each__are_apart(wide: WideWorld) -> None:
    amount, loan = wide.raw("WETH", 10), wide.raw("USDC", 10_000)
    await wide.fund(LENDER, USDC=3 * loan)
    await wide.fund(ALICE, WETH=3 * amount)
    old = wide.aave_3_0
    await wide.block(
        wide.supply(LENDER, "USDC", loan),
        old.supply(LENDER, "USDC", loan),
        wide.supply(ALICE, "WETH", amount),
        old.supply(ALICE, "WETH", 2 * amount),
        old.borrow(ALICE, "USDC", loan),
    )
    here, there = await wide.user_account_data(ALICE), await old.user_account_data(ALICE)
    assert (here.collateral_e8, here.debt_e8) == (20_000 * USD, 0)
    assert (there.collateral_e8, there.debt_e8) == (40_000 * USD, 10_000 * USD)


async def test_borrowers_of_the_wide_world__at_first__are_in_every_market_and_healthy() -> None:
    async with open_wide_world(WideTerms(borrowers=40, seed=3)) as world:
        for seed, market in ((3, world), (4, world.aave_3_0)):
            people = [account(f"borrower {seed}-{number}") for number in range(40)]
            data = await market.all_account_data(people)
            assert all(each.debt_e8 > 0 and each.health_factor_wad > WAD for each in data)
        for place, pair in enumerate(world.terms.pairs):
            people = [account(f"borrower 3-{number}") for number in range(place, 40, 4)]
            positions = await world.morpho.positions(pair.name, people)
            assert all(each.borrow_shares > 0 for each in positions)
            assert all(await world.morpho.healthy(pair.name, people))


async def test_a_configuration__of_the_wide_world__names_its_markets(
    wide: WideWorld, tmp_path: Path
) -> None:
    text = configuration(wide, Wiring(tmp_path))
    read = tomllib.loads(text)
    assert [(each["name"], each["protocol"], each["address"]) for each in read["markets"]] == [
        ("aave-core", "aave_v3", wide.addresses.addresses_provider),
        ("aave-3-0-2", "aave_v3", wide.addresses.aave_3_0.addresses_provider),
        ("morpho", "morpho_blue", wide.addresses.morpho.morpho),
    ]
    assert [each["token"] for each in read["receipts"]] == [
        wide.vault.address,
        wide.token("wstETH"),
    ]
