"""Loops whose legs lie in several accounts of one owner: his key's, and a wallet that obeys it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from devnet import Tx, WideWorld, account, open_wide_world
from devnet.wallets import Wallet, Wallets, open_wallets
from looped_life import LoopedLife, looped_life

from monitor.core.keys import Kind
from monitor.core.loops import LoopKind
from monitor.core.units import Address, MarketId

WAD, USDC = 10**18, 10**6
ALICE, BOB, LENDER = (account(name) for name in ("alice", "bob", "lender"))


@pytest.fixture
async def wide() -> AsyncIterator[WideWorld]:
    """With somebody who lends what is borrowed here."""
    async with open_wide_world() as world:
        await world.fund(LENDER, USDC=1_000_000 * USDC, WETH=1_000 * WAD)
        for market in (world, world.aave_3_0):
            await world.block(
                market.supply(LENDER, "USDC", 500_000 * USDC),
                market.supply(LENDER, "WETH", 500 * WAD),
            )
        yield world


@pytest.fixture
async def wallets(wide: WideWorld) -> Wallets:
    return await open_wallets(wide)


@pytest.fixture
async def life(wide: WideWorld, wallets: Wallets, tmp_path: Path) -> AsyncIterator[LoopedLife]:
    """Started where everybody has wallets but nobody a position."""
    vouched = "".join(
        f'[[account_code]]\nhash = "{code_hash}"\nkind = "{kind}"\n'
        for code_hash, kind in wallets.account_code.items()
    )
    async with looped_life(wide, tmp_path, vouched) as beside:
        yield beside


BORROWED = 9_000 * USDC


async def lever(wide: WideWorld, wallet: Wallet, *, is_known: bool) -> None:
    """Alice pledges ether and borrows; the wallet gets the money, buys ether and pledges that
    on another market. `is_known`: it had something there before."""
    await wide.fund(ALICE, WETH=10 * WAD)
    await allow(wide, wallet)
    if is_known:
        await wide.mint(wallet.address, "USDC", USDC)
        await wallet.act(wide.aave_3_0.supply(wallet.address, "USDC", USDC))
    await wide.supply(ALICE, "WETH", 10 * WAD)
    await wide.block(wide.borrow(ALICE, "USDC", BORROWED), paid(wide, ALICE, wallet.address))
    await pledge_again(wide, wallet)


def paid(wide: WideWorld, by: str, to: str) -> Tx:
    return wide.tx(by, wide.token("USDC"), "transfer(address,uint256)", to, BORROWED)


async def allow(wide: WideWorld, wallet: Wallet) -> None:
    spenders = (wide.addresses.router, wide.addresses.pool, wide.aave_3_0.addresses.pool)
    await wallet.act(
        *(wide.approve(wallet.address, asset, to) for asset in ("WETH", "USDC") for to in spenders)
    )


async def pledge_again(wide: WideWorld, wallet: Wallet) -> None:
    own, there, borrowed = wallet.address, wide.aave_3_0, BORROWED
    await wallet.act(wide.trade(own, "USDC", "WETH", borrowed))
    bought = await wide.balance_of(wide.token("WETH"), own)
    await wallet.act(there.supply(own, "WETH", bought))


@pytest.mark.parametrize("kind", ["safe", "ds_proxy", "clone", "smart_account"])
@pytest.mark.parametrize("is_known", [True, False])
async def test_loop__through_a_wallet_of_the_owner_s__is_the_owner_s(
    wide: WideWorld, wallets: Wallets, life: LoopedLife, kind: str, is_known: bool
) -> None:
    wallet: Wallet = await getattr(wallets, kind)(ALICE)
    await lever(wide, wallet, is_known=is_known)
    [loop] = await life.loops(wallet.address)
    assert (loop.kind, loop.hops) == (LoopKind.CROSS_PROTOCOL, 1)
    assert {leg.account for leg in loop.path} == {ALICE, wallet.address}
    assert await life.loops(ALICE) == (loop,)
    assert life.observed() == await life.anew()


async def test_loop__through_wallets_nobody_knew_one_after_the_other__is_the_owner_s(
    wide: WideWorld, wallets: Wallets, life: LoopedLife
) -> None:
    """All in one block: the second wallet is only heard of once the first is known."""
    first, second = await wallets.ds_proxy(ALICE), await wallets.safe(ALICE)
    await wide.fund(ALICE, WETH=10 * WAD)
    await allow(wide, second)
    await wide.supply(ALICE, "WETH", 10 * WAD)
    await wide.block(
        wide.borrow(ALICE, "USDC", BORROWED),
        paid(wide, ALICE, first.address),
        first.act(paid(wide, first.address, second.address)),
    )
    await pledge_again(wide, second)
    [loop] = await life.loops(ALICE)
    assert {leg.account for leg in loop.path} == {ALICE, second.address}


async def test_loop__made_in_the_block_a_wallet_is_first_heard_of__is_its_owner_s_alone(
    wide: WideWorld, wallets: Wallets, life: LoopedLife
) -> None:
    wallet = await wallets.safe(ALICE)
    own = wallet.address
    await allow(wide, wallet)
    await wide.mint(own, "WETH", 10 * WAD)
    await wallet.act(
        wide.supply(own, "WETH", 10 * WAD),
        wide.borrow(own, "WETH", 5 * WAD),
        wide.supply(own, "WETH", 5 * WAD),
    )
    [loop] = await life.loops(ALICE)
    assert (loop.kind, loop.hops) == (LoopKind.SAME_ASSET, 1)
    assert [key.subject for key in life.kept.keys(Kind.LOOPS, MarketId(""))] == [ALICE]


async def test_loop__through_a_safe_of_the_same_people__is_one_owner_s(
    wide: WideWorld, wallets: Wallets, life: LoopedLife
) -> None:
    """Whichever of the two has the smaller address, and so the name."""
    one, two = await wallets.safe(ALICE, BOB), await wallets.safe(BOB, ALICE)
    for safe in (one, two):
        await allow(wide, safe)
    for giver, taker in ((one, two), (two, one)):
        before = await wide.snapshot()
        await wide.mint(giver.address, "WETH", 10 * WAD)
        await giver.act(
            wide.supply(giver.address, "WETH", 10 * WAD),
            wide.borrow(giver.address, "USDC", BORROWED),
        )
        await giver.act(paid(wide, giver.address, taker.address))
        await pledge_again(wide, taker)
        [loop] = await life.loops(giver.address)
        assert life.recursion.owner(Address(taker.address)) == min(one.address, two.address)
        assert {leg.account for leg in loop.path} == {one.address, two.address}
        assert life.observed() == await life.anew()
        await wide.revert(before)
        await wide.mine(8)
        assert await life.loops(giver.address) == ()


@pytest.mark.parametrize("is_known", [True, False])
async def test_loop__through_somebody_else_s_wallet__is_none(
    wide: WideWorld, wallets: Wallets, life: LoopedLife, is_known: bool
) -> None:
    wallet = await wallets.ds_proxy(BOB)
    await lever(wide, wallet, is_known=is_known)
    assert await life.loops(ALICE) == ()
    assert await life.loops(wallet.address) == ()


async def test_loop__through_a_wallet_that_is_only_signed_with__is_none(
    wide: WideWorld, wallets: Wallets, life: LoopedLife
) -> None:
    wallet = await wallets.safe(ALICE, BOB)
    await lever(wide, wallet, is_known=True)
    assert await life.loops(ALICE) == ()
    assert await life.loops(wallet.address) == ()
