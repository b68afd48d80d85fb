"""Accounts that are contracts: each acts as itself, for its owner and for nobody else."""

from dataclasses import replace

import pytest
from devnet import RevertError, World, account
from devnet.wallets import Wallet, Wallets, open_wallets

ALICE, BOB, CAROL, MALLORY = (account(name) for name in ("alice", "bob", "carol", "mallory"))
KINDS = ["safe", "ds_proxy", "clone", "smart_account"]


async def a_wallet(wallets: Wallets, kind: str) -> Wallet:
    made: Wallet = await getattr(wallets, kind)(ALICE)
    return made


@pytest.fixture
async def wallets(world: World) -> Wallets:
    return await open_wallets(world)


@pytest.mark.parametrize("kind", KINDS)
async def test_act__of_every_kind__does_one_thing_and_several_as_the_wallet(
    world: World, wallets: Wallets, kind: str
) -> None:
    wallet, amount = await a_wallet(wallets, kind), world.raw("WETH", 10)
    assert wallet.owners == (ALICE,)
    await world.mint(wallet.address, "WETH", amount)
    await wallet.act(world.approve(wallet.address, "WETH", world.addresses.pool))
    await wallet.act(
        world.supply(wallet.address, "WETH", amount),
        world.set_collateral(wallet.address, "WETH", True),
    )
    assert (await world.user_account_data(wallet.address)).collateral_e8 > 0
    assert (await world.user_account_data(ALICE)).collateral_e8 == 0


@pytest.mark.parametrize("kind", KINDS)
async def test_act__by_somebody_else__reverts(world: World, wallets: Wallets, kind: str) -> None:
    wallet = await a_wallet(wallets, kind)
    action = wallet.act(world.approve(wallet.address, "WETH", MALLORY))
    with pytest.raises(RevertError):
        await replace(action, sender=MALLORY)


@pytest.mark.parametrize("kind", KINDS)
async def test_act__where_one_action_fails__does_none(
    world: World, wallets: Wallets, kind: str
) -> None:
    wallet = await a_wallet(wallets, kind)
    with pytest.raises(RevertError):
        await wallet.act(
            world.mint(wallet.address, "WETH", 5),
            world.transfer_atoken(wallet.address, "DAI", BOB, 1),
        )
    assert await world.balance_of(world.token("WETH"), wallet.address) == 0


async def test_act__of_a_safe_of_several__wants_as_many_as_its_threshold(
    world: World, wallets: Wallets
) -> None:
    safe = await wallets.safe(ALICE, BOB, CAROL, threshold=2)
    minted = world.mint(safe.address, "WETH", 5)
    with pytest.raises(RevertError):
        await safe.act(minted)
    await world.block(*await safe.agree(minted), safe.act(minted))
    assert await world.balance_of(world.token("WETH"), safe.address) == 5


async def test_act__of_a_proxy_that_a_safe_owns__goes_through_both(
    world: World, wallets: Wallets
) -> None:
    safe = await wallets.safe(ALICE)
    proxy = await wallets.ds_proxy(safe.address)
    minted = world.mint(proxy.address, "WETH", 5)
    await safe.act(proxy.act(minted, minted))
    assert await world.balance_of(world.token("WETH"), proxy.address) == 10


async def test_act__built_for_another__is_refused(world: World, wallets: Wallets) -> None:
    safe = await wallets.safe(ALICE)
    with pytest.raises(ValueError, match="built for another sender"):
        safe.act(world.mint(ALICE, "WETH", 5))
