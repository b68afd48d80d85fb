"""Loops as people really build and move them, and as somebody would who wants them overlooked."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from devnet import WideWorld, account, open_wide_world
from devnet.deployer import Deployer
from devnet.desks import AaveDesk, MorphoDesk
from devnet.flash_actor import FlashActor
from devnet.levering import Way, prepare, turns, walk
from devnet.wallets import Wallets, open_wallets
from looped_life import LoopedLife, looped_life

from monitor.core.loops import Built, Loop, LoopKind

WAD, USDC = 10**18, 10**6
ALICE, BOB, LENDER, MALLORY = (account(name) for name in ("alice", "bob", "lender", "mallory"))
ENDLESS = 2**256 - 1
APPROVE = "approve(address,uint256)"


@pytest.fixture
async def wide() -> AsyncIterator[WideWorld]:
    """With somebody who lends what is borrowed here."""
    async with open_wide_world() as world:
        lent = {"USDC": 500_000 * USDC, "WETH": 500 * WAD, "DAI": 500_000 * WAD}
        await world.fund(LENDER, **{symbol: 2 * raw for symbol, raw in lent.items()})
        await world.block(*(world.supply(LENDER, *each) for each in lent.items()))
        await world.block(world.morpho.supply(LENDER, "WETH/USDC", 500_000 * USDC))
        yield world


@pytest.fixture
async def wallets(wide: WideWorld) -> Wallets:
    return await open_wallets(wide)


@pytest.fixture
async def life(wide: WideWorld, tmp_path: Path) -> AsyncIterator[LoopedLife]:
    async with looped_life(wide, tmp_path) as beside:
        yield beside


@pytest.fixture
async def knowing(wide: WideWorld, wallets: Wallets, tmp_path: Path) -> AsyncIterator[LoopedLife]:
    """The same, to whom the proxies' code is vouched for."""
    vouched = "".join(
        f'[[account_code]]\nhash = "{code_hash}"\nkind = "{kind}"\n'
        for code_hash, kind in wallets.account_code.items()
    )
    async with looped_life(wide, tmp_path, vouched) as beside:
        yield beside


@pytest.fixture
async def router(wide: WideWorld) -> FlashActor:
    """Nobody's contract, which does what it is told and may keep money in between."""
    router = FlashActor(wide, await Deployer(wide).deploy("FlashActor"))
    spenders = (*wide.spenders, wide.morpho.addresses.morpho)
    await router.bundle(
        MALLORY,
        *(
            wide.approve(router.address, symbol, to)
            for symbol in ("WETH", "USDC", "DAI")
            for to in dict.fromkeys(spenders)
        ),
    )
    return router


async def levered(wide: WideWorld, who: str, turns_taken: int = 2) -> None:
    """Ether against USDC on Aave, with a little room left."""
    way = Way(who, 10 * WAD, turns(AaveDesk(wide, "WETH", "USDC"), turns_taken), 6_000)
    await prepare(wide, way)
    await walk(wide, way)


async def lends_credit(wide: WideWorld, who: str, symbol: str, to: str) -> None:
    token = wide.addresses.debt_tokens[symbol]
    await wide.tx(who, token, "approveDelegation(address,uint256)", to, ENDLESS)


def told(loops: Sequence[Loop]) -> list[tuple[LoopKind, Built, int | None]]:
    return [(loop.kind, loop.built, loop.hops) for loop in loops]


def symbols(wide: WideWorld, loop: Loop) -> list[tuple[str, str, str]]:
    names = {token: symbol for symbol, token in wide.addresses.tokens.items()}
    return [(leg.market, names[leg.collateral], names[leg.debt or ""]) for leg in loop.path]


async def test_debt__swapped_for_another_in_parts__leaves_the_loop_under_the_new_one(
    wide: WideWorld, router: FlashActor, life: LoopedLife
) -> None:
    await levered(wide, ALICE)
    await lends_credit(wide, ALICE, "DAI", router.address)
    [before] = await life.loops(ALICE)
    owed = await wide.balance_of(wide.addresses.debt_tokens["USDC"], ALICE)
    for raw in (owed * 2 // 5, owed * 2 // 5, owed * 1 // 4):
        dai = raw * 10**12 * 103 // 100
        await router.bundle(
            ALICE,
            wide.borrow(router.address, "DAI", dai, ALICE),
            wide.trade(router.address, "DAI", "USDC", dai),
            wide.repay(router.address, "USDC", raw, ALICE),
        )
        await life.follow()
    [loop] = await life.loops(ALICE)
    assert symbols(wide, loop) == [("aave-core", "WETH", "DAI")]
    assert told([loop]) == told([before]) == [(LoopKind.DIRECTIONAL, Built.STEPWISE, 2)]
    assert life.observed() == await life.anew()


async def test_loop__moved_to_another_protocol_in_one_transaction__is_one_there(
    wide: WideWorld, router: FlashActor, life: LoopedLife
) -> None:
    await levered(wide, ALICE)
    supplied = wide.addresses.atokens["WETH"]
    held = await wide.balance_of(supplied, ALICE) * 999 // 1000
    owed = await wide.balance_of(wide.addresses.debt_tokens["USDC"], ALICE) + USDC
    await wide.block(
        wide.tx(ALICE, supplied, APPROVE, router.address, ENDLESS),
        wide.morpho.set_authorization(ALICE, router.address),
    )
    by, pull = router.address, "transferFrom(address,address,uint256)"
    await router.bundle(
        ALICE,
        router.flash_loan(
            "USDC",
            owed,
            wide.repay(by, "USDC", owed, ALICE),
            wide.tx(by, supplied, pull, ALICE, by, held),
            wide.withdraw(by, "WETH", ENDLESS),
            wide.morpho.supply_collateral(by, "WETH/USDC", held - 1, on_behalf_of=ALICE),
            wide.morpho.borrow(by, "WETH/USDC", owed * 1001 // 1000, on_behalf_of=ALICE),
        ),
    )
    [loop] = await life.loops(ALICE)
    assert symbols(wide, loop) == [("morpho", "WETH", "USDC")]
    assert told([loop]) == [(LoopKind.DIRECTIONAL, Built.STEPWISE, 2)]


async def test_bundle__of_two_peoples_loops_and_one_who_only_borrows__tells_them_apart(
    wide: WideWorld, router: FlashActor, life: LoopedLife
) -> None:
    people = (ALICE, BOB, MALLORY)
    for who in people:
        await wide.fund(who, WETH=10 * WAD)
        await wide.supply(who, "WETH", 10 * WAD)
        await lends_credit(wide, who, "USDC", router.address)
    borrowed, by = 4_000 * USDC, router.address
    pledged = borrowed * 10**12 // 2_100
    await router.bundle(
        ALICE,
        *(wide.borrow(by, "USDC", borrowed, who) for who in people),
        wide.trade(by, "USDC", "WETH", 2 * borrowed),
        wide.tx(by, wide.token("USDC"), "transfer(address,uint256)", MALLORY, borrowed),
        *(wide.supply(by, "WETH", pledged, who) for who in (ALICE, BOB)),
    )
    for who in (ALICE, BOB):
        assert told(await life.loops(who)) == [(LoopKind.DIRECTIONAL, Built.STEPWISE, 1)]
    assert await life.loops(MALLORY) == ()


@pytest.mark.parametrize("is_restarted", [True, False])
async def test_loop__of_a_proxy_handed_over_in_the_middle__is_its_new_owners(
    wide: WideWorld, wallets: Wallets, knowing: LoopedLife, is_restarted: bool
) -> None:
    """A start asks everybody who owns him, so the trail is handed over while money moves."""
    proxy = await wallets.ds_proxy(ALICE)
    own, borrowed = proxy.address, 8_000 * USDC
    await wide.mint(own, "WETH", 10 * WAD)
    await proxy.act(
        *(wide.approve(own, symbol, to) for symbol in ("WETH", "USDC") for to in wide.spenders)
    )
    await proxy.act(wide.supply(own, "WETH", 10 * WAD), wide.borrow(own, "USDC", borrowed))
    await knowing.follow()
    await wide.tx(ALICE, own, "setOwner(address)", BOB)
    await knowing.follow()
    if is_restarted:
        knowing.recursion.begin(knowing.kept)
    handed = type(proxy)(proxy.chain, own, (BOB,), proxy.actor)
    await handed.act(wide.trade(own, "USDC", "WETH", borrowed))
    await knowing.follow()
    bought = await wide.balance_of(wide.token("WETH"), own)
    await handed.act(wide.supply(own, "WETH", bought))
    assert told(await knowing.loops(BOB)) == [(LoopKind.DIRECTIONAL, Built.STEPWISE, 1)]
    assert await knowing.loops(own) == await knowing.loops(BOB)
    assert await knowing.loops(ALICE) == ()


async def test_loop__that_strangers_pay_into__stays_one_with_its_hops(
    wide: WideWorld, life: LoopedLife
) -> None:
    """Somebody pledges a little of everything for its owner, and repays a little."""
    await levered(wide, ALICE)
    [before] = await life.loops(ALICE)
    gifts = {"DAI": WAD, "WBTC": 1_000, "wstETH": 10**15, "USDC": 10 * USDC}
    await wide.fund(MALLORY, **{symbol: 2 * raw for symbol, raw in gifts.items()})
    await wide.block(
        *(wide.supply(MALLORY, symbol, raw, ALICE) for symbol, raw in gifts.items()),
        wide.repay(MALLORY, "USDC", USDC, ALICE),
        wide.tx(MALLORY, wide.token("USDC"), "transfer(address,uint256)", ALICE, USDC),
    )
    [after] = await life.loops(ALICE)
    assert (after.id, told([after])) == (before.id, told([before]))
    assert after.evidence == before.evidence
    assert life.observed() == await life.anew()


async def test_loop__of_a_proxy_given_to_somebody__takes_none_of_what_he_has(
    wide: WideWorld, wallets: Wallets, knowing: LoopedLife
) -> None:
    """Bob owes and has spent it. Mallory borrows a little in a proxy, pledges that for Bob, and
    gives him the proxy: it obeys him from now on, without his having asked for it."""
    for who in (BOB, LENDER):
        await wide.fund(who, WETH=100 * WAD)
    await wide.supply(BOB, "WETH", 100 * WAD)
    await wide.block(
        wide.borrow(BOB, "USDC", 100_000 * USDC),
        wide.tx(BOB, wide.token("USDC"), "transfer(address,uint256)", LENDER, 100_000 * USDC),
    )
    there = wide.aave_3_0
    await wide.block(there.supply(LENDER, "WETH", 50 * WAD))
    proxy = await wallets.ds_proxy(MALLORY)
    own = proxy.address
    await wide.mint(own, "USDC", 100 * USDC)
    await proxy.act(
        wide.approve(own, "USDC", there.addresses.pool),
        wide.approve(own, "WETH", wide.addresses.pool),
        there.supply(own, "USDC", 100 * USDC),
    )
    little = WAD // 100
    # Owners are known as of the end of a block.
    await wide.block(
        proxy.act(there.borrow(own, "WETH", little), wide.supply(own, "WETH", little, BOB)),
        wide.tx(MALLORY, own, "setOwner(address)", BOB),
    )
    assert await knowing.loops(BOB) == await knowing.loops(own) == ()


async def test_loop__built_on_a_debt_repaid_but_for_a_rounding__is_seen_whole(
    wide: WideWorld, life: LoopedLife
) -> None:
    desk = MorphoDesk(wide, "WETH/USDC")
    way = Way(ALICE, 10 * WAD, turns(desk, 2), 6_000)
    await prepare(wide, way)
    await wide.mint(ALICE, "WETH", WAD)
    await wide.block(
        desk.pledge(ALICE, WAD),
        desk.borrow(ALICE, 1_000 * USDC),
    )
    await life.follow()
    owed = await wide.morpho.position("WETH/USDC", ALICE)
    await wide.mint(ALICE, "USDC", USDC)
    await wide.tx(ALICE, wide.token("USDC"), APPROVE, wide.morpho.addresses.morpho, ENDLESS)
    await wide.block(wide.morpho.repay(ALICE, "WETH/USDC", shares=owed.borrow_shares - 10**6))
    await life.follow()
    await walk(wide, way)
    assert told(await life.loops(ALICE)) == [(LoopKind.DIRECTIONAL, Built.STEPWISE, 2)]


@pytest.mark.parametrize("is_spent", [True, False])
async def test_loop__whose_middle_was_reorganised__is_what_the_new_chain_says(
    wide: WideWorld, life: LoopedLife, is_spent: bool
) -> None:
    """The borrow stays; the swap and the pledge behind it happen otherwise, or not at all."""
    borrowed, pledged = 8_000 * USDC, 3 * WAD
    await wide.fund(ALICE, WETH=10 * WAD)
    await wide.block(wide.supply(ALICE, "WETH", 10 * WAD), wide.borrow(ALICE, "USDC", borrowed))
    spend = wide.tx(ALICE, wide.token("USDC"), "transfer(address,uint256)", LENDER, borrowed)
    swap, own = wide.trade(ALICE, "USDC", "WETH", borrowed), wide.mint(ALICE, "WETH", pledged)
    await wide.block(swap if is_spent else spend, own)
    await wide.block(wide.supply(ALICE, "WETH", pledged))
    assert len(await life.loops(ALICE)) == is_spent
    life.recursion.begin(life.kept)
    await wide.rollback(2)
    await wide.block(spend if is_spent else swap, own)
    await wide.block(wide.supply(ALICE, "WETH", pledged))
    await wide.mine(2)
    assert len(await life.loops(ALICE)) == (not is_spent)
    assert life.observed() == await life.anew()
