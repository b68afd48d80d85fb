"""Loops by hand through native coins, of which no log tells: WETH9, Aave's gateway and a staking
pool on the local chain."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from devnet import MAX, Tx, account, open_wide_world
from devnet.native import WRAPPED, Native, open_native
from looped_life import LoopedLife, looped_life

from monitor.core.keys import Kind
from monitor.core.ledger import each
from monitor.core.loops import Built
from monitor.core.trails import Trail
from monitor.core.units import MarketId

WAD = 10**18
ALICE, LENDER, SHOP = (account(name) for name in ("alice", "lender", "shop"))
DEAR_GAS = hex(90 * 10**9)
"""90 gwei: a step costs a few thousandths of a coin."""


@pytest.fixture
async def native(tmp_path: Path) -> AsyncIterator[Native]:
    """Somebody lends coins, and Alice has pledged 10 wstETH."""
    async with open_wide_world() as wide:
        native = await open_native(wide)
        await wide.fund(ALICE, wstETH=10 * WAD)
        await wide.block(
            native.pledge(LENDER, 1_000 * WAD),
            native.lets_borrow(ALICE),
            native.lets_withdraw(ALICE),
            wide.approve(ALICE, WRAPPED, wide.addresses.pool),
            wide.supply(ALICE, "wstETH", 10 * WAD),
        )
        yield native


@pytest.fixture
async def life(native: Native, tmp_path: Path) -> AsyncIterator[LoopedLife]:
    more = f'[loops]\nwrapped_native = "{native.wrapped}"\n'
    async with looped_life(native.world, tmp_path, more) as beside:
        yield beside


async def dearly(native: Native, *txs: Tx) -> None:
    """In a block where gas is not for nothing."""
    await native.world.anvil.rpc("anvil_setNextBlockBaseFeePerGas", DEAR_GAS)
    await native.world.block(*txs)


async def staked(native: Native, by: str) -> int:
    return await native.world.balance_of(native.world.token("wstETH"), by)


async def pledge_all(native: Native, by: str) -> None:
    await dearly(native, native.world.supply(by, "wstETH", await staked(native, by)))


def trail(life: LoopedLife) -> Trail:
    [found] = [told for _, told in each(life.kept, Kind.TRAIL, MarketId(""), Trail)]
    return found


@pytest.mark.parametrize("way", ["gateway", "unwrap", "one block"])
async def test_loop__by_hand_over_native_coins__is_found_with_its_hops(
    native: Native, life: LoopedLife, way: str
) -> None:
    wide = native.world
    for raw in (8 * WAD, 5 * WAD, 3 * WAD):
        if way == "gateway":
            await dearly(native, native.borrow(ALICE, raw))
            await dearly(native, native.stake(ALICE, raw))
        elif way == "unwrap":
            await dearly(native, wide.borrow(ALICE, WRAPPED, raw))
            await dearly(native, native.unwrap(ALICE, raw))
            await dearly(native, native.stake(ALICE, raw))
        else:
            await dearly(native, native.borrow(ALICE, raw), native.stake(ALICE, raw))
        await pledge_all(native, ALICE)
    [loop] = await life.loops(ALICE)
    assert (loop.hops, loop.built) == (3, Built.STEPWISE)
    assert sum(hop.borrowed_raw for hop in trail(life).hops) == pytest.approx(16 * WAD, rel=1e-3)
    assert life.observed() == await life.anew()


async def test_pledge__paid_in_native_coins_and_taken_back_as_such__is_followed(
    native: Native, life: LoopedLife
) -> None:
    """Through the gateway, there and back; then the coins are staked."""
    wide = native.world
    await dearly(native, native.borrow(ALICE, 8 * WAD))
    await dearly(native, native.pledge(ALICE, 8 * WAD))
    [loop] = await life.loops(ALICE)
    assert loop.hops == 1
    await dearly(native, native.withdraw(ALICE, MAX))
    assert await life.loops(ALICE) == ()
    await dearly(native, native.stake(ALICE, 8 * WAD))
    await pledge_all(native, ALICE)
    [loop] = await life.loops(ALICE)
    assert {leg.collateral for leg in loop.path} == {wide.token("wstETH")}


async def test_native_coins__paid_to_a_shop__are_spent(native: Native, life: LoopedLife) -> None:
    wide = native.world
    await dearly(native, native.borrow(ALICE, 8 * WAD))
    assert (await life.loops(ALICE), len(trail(life).lots)) == ((), 1)
    await dearly(native, native.pay(ALICE, SHOP, 8 * WAD))
    await wide.block(wide.mint(ALICE, "wstETH", 4 * WAD), native.wrap(ALICE, 4 * WAD))
    await wide.block(wide.supply(ALICE, "wstETH", 4 * WAD), wide.supply(ALICE, WRAPPED, 4 * WAD))
    assert await life.loops(ALICE) == ()
    assert not trail(life).lots


async def test_native_coins__of_one_s_own_that_are_staked__are_no_loop(
    native: Native, life: LoopedLife
) -> None:
    wide = native.world
    await dearly(native, native.stake(ALICE, 8 * WAD))
    await pledge_all(native, ALICE)
    await dearly(native, native.wrap(ALICE, WAD))
    await dearly(native, wide.supply(ALICE, WRAPPED, WAD))
    assert await life.loops(ALICE) == ()
    assert not list(life.kept.keys(Kind.TRAIL, MarketId("")))


async def test_lot__wrapped_and_unwrapped__stays_what_it_is(
    native: Native, life: LoopedLife
) -> None:
    """And gas alone wears nothing down, though it is dear."""
    await dearly(native, native.borrow(ALICE, WAD))
    await life.follow()
    before = trail(life)
    for _ in range(2):
        await dearly(native, native.wrap(ALICE, WAD))
        await dearly(native, native.unwrap(ALICE, WAD))
    await dearly(native, native.world.mint(ALICE, "DAI", WAD))
    await life.follow()
    assert trail(life) == before
    [lot] = before.lots
    assert (lot.asset, lot.raw) == (native.wrapped, WAD)


async def test_loop__whose_steps_were_reorganised_away__is_found_where_they_are_now(
    native: Native, life: LoopedLife
) -> None:
    wide = native.world
    await dearly(native, native.borrow(ALICE, 8 * WAD))
    await life.follow()
    before = life.observed()
    await dearly(native, native.stake(ALICE, 8 * WAD))
    await pledge_all(native, ALICE)
    assert await life.loops(ALICE)
    await wide.rollback(2)
    await wide.mine(3)
    await life.follow()
    assert life.observed() == before
    await dearly(native, native.pay(ALICE, SHOP, 8 * WAD))
    assert (await life.loops(ALICE), trail(life).lots) == ((), ())
    await wide.rollback(1)
    await dearly(native, native.stake(ALICE, 8 * WAD))
    await pledge_all(native, ALICE)
    [loop] = await life.loops(ALICE)
    assert loop.hops == 1
