"""Leverage built on the local chain: what the builders say is what the contracts have."""

from collections.abc import AsyncIterator

import pytest
from deep_world import LENDER, deep_world
from devnet import Deployer, WideWorld, account
from devnet.desks import AaveDesk, Desk, MorphoDesk
from devnet.flash_building import Flash, FlashBuilt, flash_build, prepare_flash
from devnet.levering import Way, prepare, turns, walk
from devnet.share_market import open_share_market

WAD = 10**18
OWNER = account("leveraged")


@pytest.fixture
async def wide() -> AsyncIterator[WideWorld]:
    async with deep_world() as world:
        yield world


async def pledged_and_owed(world: WideWorld, desk: Desk) -> tuple[int, int]:
    """What the contracts say of the owner."""
    if isinstance(desk, MorphoDesk):
        now = await world.morpho.accrued(desk.market, [OWNER])
        place = now.positions[0]
        return place.collateral_raw, now.state.owed_raw(place.borrow_shares)
    assert isinstance(desk, AaveDesk)
    book = desk.world.addresses
    tokens = (book.atokens[desk.collateral], book.debt_tokens[desk.debt])
    held = await world.balances_of(tokens, [OWNER])
    return held[tokens[0], OWNER], held[tokens[1], OWNER]


async def test_walk__one_desk__pledges_all_it_borrows(wide: WideWorld) -> None:
    desk = AaveDesk(wide, "WETH", "USDC")
    way = Way(OWNER, 10 * WAD, turns(desk, 3), 7_000)
    await prepare(wide, way)
    [walked] = await walk(wide, way)
    assert (walked.hops, len(walked.pledged_raw), len(walked.borrowed_raw)) == (3, 4, 3)
    pledged, owed = await pledged_and_owed(wide, desk)
    assert pledged == pytest.approx(sum(walked.pledged_raw), rel=1e-6)
    assert owed == pytest.approx(sum(walked.borrowed_raw), rel=1e-6)
    assert await wide.balance_of(wide.token("WETH"), OWNER) == 0
    assert len(walked.transactions) == 4 + 3 + 3


async def test_walk__three_protocols__each_pledges_what_the_one_before_lent(
    wide: WideWorld,
) -> None:
    stops = (
        AaveDesk(wide, "WBTC", "WETH"),
        AaveDesk(wide.aave_3_0, "WETH", "USDC"),
        MorphoDesk(wide, "WETH/USDC"),
        AaveDesk(wide, "WBTC", "WETH"),
    )
    way = Way(OWNER, 10 * 10**8, stops, 6_000)
    await prepare(wide, way)
    [walked] = await walk(wide, way)
    assert walked.pledged_raw[1] == walked.borrowed_raw[0]
    for stop in (1, 2):
        pledged, owed = await pledged_and_owed(wide, stops[stop])
        assert pledged == pytest.approx(walked.pledged_raw[stop], rel=1e-6)
        assert owed == pytest.approx(walked.borrowed_raw[stop], rel=1e-6)
    pledged, _ = await pledged_and_owed(wide, stops[0])
    assert pledged == pytest.approx(walked.pledged_raw[0] + walked.pledged_raw[3], rel=1e-6)


async def test_walk__shares_of_a_vault__are_pledged_for_what_it_lends(wide: WideWorld) -> None:
    name, lent = wide.terms.vaults[0].name, {LENDER: wide.raw("USDC", 1_000_000)}
    market = await open_share_market(wide, name, "USDC", 860_000_000_000_000_000, lent)
    desk = MorphoDesk(wide, market)
    way = Way(OWNER, 10_000 * WAD, turns(desk, 2), 8_000)
    await prepare(wide, way)
    [walked] = await walk(wide, way)
    pledged, owed = await pledged_and_owed(wide, desk)
    assert pledged == sum(walked.pledged_raw)
    assert owed == pytest.approx(sum(walked.borrowed_raw), rel=1e-6)
    assert await desk.worth(10**18) == await wide.vault.assets_of(10**18)


async def built(wide: WideWorld, desk: AaveDesk | MorphoDesk) -> FlashBuilt:
    actor = wide.morpho.actor
    if isinstance(desk, AaveDesk):
        actor = await Deployer(wide).deploy("FlashActor")
    flash = Flash(OWNER, desk, 10 * WAD, 60 * WAD)
    await prepare_flash(wide, flash, actor)
    built = await flash_build(wide, flash, actor)
    for symbol in (desk.collateral, desk.debt):
        assert await wide.balance_of(wide.token(symbol), actor) <= 1
    return built


@pytest.mark.parametrize("old", [False, True], ids=["3.6", "3.0.2"])
@pytest.mark.parametrize("collateral", ["wstETH", "WETH"])
async def test_flash_build__on_aave__is_the_owners_in_one_transaction(
    wide: WideWorld, old: bool, collateral: str
) -> None:
    desk = AaveDesk(wide.aave_3_0 if old else wide, collateral, "WETH", e_mode=1)
    made = await built(wide, desk)
    pledged, owed = await pledged_and_owed(wide, desk)
    # Old Aave shares the flash loan's premium out among suppliers, of whom the owner is one.
    assert made.pledged_raw <= pledged < made.pledged_raw * (1 + 1e-5)
    assert owed == pytest.approx(made.borrowed_raw, rel=1e-6)


async def test_flash_build__in_morphos_callback__is_the_owners_in_one_transaction(
    wide: WideWorld,
) -> None:
    desk = MorphoDesk(wide, "wstETH/WETH")
    made = await built(wide, desk)
    pledged, owed = await pledged_and_owed(wide, desk)
    assert (pledged, made.pledged_raw) == (70 * WAD, 70 * WAD)
    assert owed == pytest.approx(made.borrowed_raw, rel=1e-6)
