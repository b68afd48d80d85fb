"""Loops over real contracts, kept block by block: what is kept is what is found anew, and a
reorganisation takes back what the blocks had shown."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from deep_world import deep_world
from devnet import WideWorld, account
from devnet.desks import AaveDesk, MorphoDesk
from devnet.levering import Way, prepare, turns, walk
from looped_life import LoopedLife, looped_life

from monitor.core.loops import Built, LoopKind

WAD = 10**18
OWNER, FRIEND = account("leveraged"), account("friend")


@pytest.fixture
async def wide() -> AsyncIterator[WideWorld]:
    async with deep_world() as world:
        yield world


@pytest.fixture
async def life(wide: WideWorld, tmp_path: Path) -> AsyncIterator[LoopedLife]:
    async with looped_life(wide, tmp_path) as beside:
        yield beside


async def test_loop__by_hand__is_found_with_its_hops(wide: WideWorld, life: LoopedLife) -> None:
    way = Way(OWNER, 10 * WAD, turns(AaveDesk(wide, "WETH", "USDC"), 3), 7_000)
    await prepare(wide, way)
    [walked] = await walk(wide, way)
    [loop] = await life.loops(OWNER)
    assert (loop.kind, loop.hops, loop.built) == (LoopKind.DIRECTIONAL, 3, Built.STEPWISE)
    assert set(loop.evidence) <= set(walked.transactions)
    assert life.observed() == await life.anew()


async def test_loop__across_three_protocols__is_one_path(wide: WideWorld, life: LoopedLife) -> None:
    stops = (
        AaveDesk(wide, "WBTC", "WETH"),
        AaveDesk(wide.aave_3_0, "WETH", "USDC"),
        MorphoDesk(wide, "WETH/USDC"),
    )
    way = Way(OWNER, 10 * 10**8, stops, 6_000)
    await prepare(wide, way)
    [walked] = await walk(wide, way)
    [loop] = await life.loops(OWNER)
    assert (loop.kind, loop.hops) == (LoopKind.CROSS_PROTOCOL, walked.hops)
    assert [leg.collateral for leg in loop.path] == [
        wide.token(symbol) for symbol in ("WBTC", "WETH", "WETH")
    ]
    assert len({leg.market for leg in loop.path}) == 3
    assert life.observed() == await life.anew()


async def test_borrowed__and_paid_away__is_no_loop(wide: WideWorld, life: LoopedLife) -> None:
    """Though the state looks like one: staked ether is pledged, and ether owed."""
    desk = AaveDesk(wide, "wstETH", "WETH", e_mode=1)
    way = Way(OWNER, 10 * WAD, turns(desk, 0), 0)
    await prepare(wide, way)
    owed = 5 * WAD
    await wide.block(desk.pledge(OWNER, 10 * WAD), desk.borrow(OWNER, owed))
    await wide.block(wide.tx(OWNER, wide.token("WETH"), "transfer(address,uint256)", FRIEND, owed))
    assert await life.loops(OWNER) == ()


async def test_loops__of_a_chain_that_turned__are_gone(wide: WideWorld, life: LoopedLife) -> None:
    way = Way(OWNER, 10 * WAD, turns(AaveDesk(wide, "WETH", "USDC"), 2), 7_000)
    await prepare(wide, way)
    await life.follow()
    before, depth = life.observed(), (await wide.head()).number
    await walk(wide, way)
    assert await life.loops(OWNER)
    await wide.rollback((await wide.head()).number - depth)
    await wide.mine(4)
    assert await life.loops(OWNER) == ()
    assert life.observed() == before
    [walked] = await walk(wide, way)
    [loop] = await life.loops(OWNER)
    assert loop.hops == walked.hops
    assert life.observed() == await life.anew()
