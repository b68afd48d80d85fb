"""Where a loop is said to break, executed: a hair before it the contracts let nobody be
liquidated, a hair beyond it they do."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from deep_world import LENDER, deep_world
from devnet import WideWorld, account
from devnet.desks import AaveDesk, Desk, MorphoDesk
from devnet.levering import Way, prepare, turns, walk
from looped_life import LoopedLife, looped_life

from monitor.core.ports import LoopFilter
from monitor.engine.books import Books
from monitor.engine.loop_book import LoopBook

WAD = 10**18
OWNER = account("leveraged")
DAY_SECONDS = 24 * 3600
HAIR = 10**6
"""Prices have eight decimals, and a second's interest is far less than a millionth."""


@pytest.fixture
async def wide() -> AsyncIterator[WideWorld]:
    async with deep_world() as world:
        yield world


@pytest.fixture
async def life(wide: WideWorld, tmp_path: Path) -> AsyncIterator[LoopedLife]:
    async with looped_life(wide, tmp_path) as beside:
        yield beside


async def book_of(life: LoopedLife) -> LoopBook:
    await life.follow()
    books = Books(life.parts.markets, str, life.parts.pools, life.parts.named, life.recursion.owner)
    return books.loops_at(life.kept, life.tail[-1])


async def built(wide: WideWorld, life: LoopedLife, desk: Desk, equity_raw: int) -> dict[str, Any]:
    """The row of a loop of three hops over one desk."""
    way = Way(OWNER, equity_raw, turns(desk, 3), 7_000)
    await prepare(wide, way)
    await walk(wide, way)
    (row,) = (await book_of(life)).page(LoopFilter(owner=OWNER))["loops"]
    return dict(row)


async def is_safe(wide: WideWorld, desk: Desk) -> bool:
    """By the contract's own word."""
    if isinstance(desk, MorphoDesk):
        return (await wide.morpho.healthy(desk.market, [OWNER]))[0]
    assert isinstance(desk, AaveDesk)
    return (await desk.world.user_account_data(OWNER)).health_factor_wad >= WAD


async def told_e8(wide: WideWorld, symbol: str) -> int:
    """What the feed of an asset's market says now."""
    return int(await wide.call(wide.addresses.feeds[symbol], "latestAnswer()(int256)"))


DESKS = [
    pytest.param("aave", "WETH", "USDC", 0, "WETH", "WETH", id="fall of the collateral, Aave 3.6"),
    pytest.param("aave", "USDC", "WETH", 0, "WETH", "WETH", id="rise of the debt, Aave 3.6"),
    pytest.param("old", "WBTC", "USDC", 0, "WBTC", "WBTC", id="fall of the collateral, Aave 3.0.2"),
    pytest.param(
        *("old", "wstETH", "WETH", 1, "peg:wstETH/WETH", "wstETH"),
        id="a depeg, in an e-mode, by a feed of the market",
    ),
    pytest.param("morpho", "WETH", "USDC", 0, "WETH", "WETH", id="by an oracle of Morpho's own"),
]


def desk_of(wide: WideWorld, place: str, collateral: str, debt: str, e_mode: int = 0) -> Desk:
    if place == "morpho":
        return MorphoDesk(wide, f"{collateral}/{debt}")
    return AaveDesk(wide.aave_3_0 if place == "old" else wide, collateral, debt, e_mode)


@pytest.mark.parametrize(("place", "collateral", "debt", "e_mode", "key", "feed"), DESKS)
async def test_break__executed__is_where_the_contract_turns(
    wide: WideWorld,
    life: LoopedLife,
    place: str,
    collateral: str,
    debt: str,
    e_mode: int,
    key: str,
    feed: str,
) -> None:
    desk = desk_of(wide, place, collateral, debt, e_mode)
    row = await built(wide, life, desk, wide.raw(collateral, 10 if collateral != "USDC" else 9_000))
    move = row["breaks_at"][key]
    before_e8 = await told_e8(wide, feed)
    broken_e8 = round(before_e8 * (1 + move))
    towards = -1 if move < 0 else 1
    await wide.block(wide.move_feed(feed, broken_e8 - towards * (broken_e8 // HAIR)))
    assert await is_safe(wide, desk)
    await wide.block(wide.move_feed(feed, broken_e8 + towards * (broken_e8 // HAIR)))
    assert not await is_safe(wide, desk)
    (row,) = (await book_of(life)).page(LoopFilter(owner=OWNER))["loops"]
    assert row["breaks_at"][key] == 0
    assert int(row["health_factor"]) < WAD


@pytest.mark.parametrize("place", ["aave", "morpho"])
async def test_break__by_an_exchange_rate__never_comes(
    wide: WideWorld, life: LoopedLife, place: str
) -> None:
    """Ether loses half, staked ether two thirds in the market: nobody's health moves."""
    desk = desk_of(wide, place, "wstETH", "WETH", int(place == "aave"))
    row = await built(wide, life, desk, 10 * WAD)
    assert not [key for key in row["breaks_at"] if not key.startswith("rate:")]
    for symbol, share in (("WETH", 50), ("wstETH", 33)):
        price_e8 = await told_e8(wide, symbol)
        await wide.block(wide.move_feed(symbol, price_e8 * share // 100))
    assert await is_safe(wide, desk)
    (after,) = (await book_of(life)).page(LoopFilter(owner=OWNER))["loops"]
    assert int(after["health_factor"]) == pytest.approx(int(row["health_factor"]), rel=1e-6)


async def test_order__over_two_protocols__is_that_of_the_contracts(
    wide: WideWorld, life: LoopedLife
) -> None:
    """The first to break breaks alone; then the other, at its own move."""
    stops = (AaveDesk(wide, "WETH", "USDC"), MorphoDesk(wide, "WETH/USDC"))
    way = Way(OWNER, 10 * WAD, (*stops, *stops, stops[0]), 7_500)
    await prepare(wide, way)
    await walk(wide, way)
    (row,) = (await book_of(life)).page(LoopFilter(owner=OWNER))["loops"]
    assert row["kind"] == "cross_protocol"
    assert len(row["liquidation_order"]) == 2
    by_market: dict[str, Desk] = {"aave-core": stops[0], "morpho": stops[1]}
    desks = [by_market[part["market"]] for part in row["liquidation_order"]]
    moves = [part["breaks_at"]["WETH"] for part in row["liquidation_order"]]
    assert row["breaks_at"]["WETH"] == moves[0] > moves[1]
    before_e8 = await told_e8(wide, "WETH")
    safe = []
    for move in moves:
        await wide.block(wide.move_feed("WETH", int(before_e8 * (1 + move) * (1 - 1 / HAIR))))
        safe.append([await is_safe(wide, desk) for desk in desks])
    assert safe == [[False, True], [False, False]]


@pytest.mark.parametrize("place", ["aave", "morpho"])
async def test_carry__of_staked_ether__is_known_a_day_later_and_nets_out(
    wide: WideWorld, life: LoopedLife, place: str
) -> None:
    """It earns 2.6 % a year by its own rate; what that leaves of health is what interest takes."""
    desk = desk_of(wide, place, "wstETH", "WETH", int(place == "aave"))
    row = await built(wide, life, desk, 10 * WAD)
    assert row["carry"]["supply_yield"] is None
    assert any("yield of wstETH" in reason for reason in row["unknown"])
    rate_wad, grows_wad = wide.terms.staking.rate_wad, wide.terms.staking.growth_per_second_wad
    await wide.jump(2 * DAY_SECONDS)
    await life.follow()
    (row,) = (await book_of(life)).page(LoopFilter(owner=OWNER))["loops"]
    carry = row["carry"]
    own = grows_wad * 365 * DAY_SECONDS / rate_wad
    assert carry["supply_yield"] == pytest.approx(own, rel=1e-2)
    built_up = row["leverage"]
    net = built_up * carry["supply_yield"] - (built_up - 1) * carry["borrow_rate"]
    assert carry["net"] == pytest.approx(net, rel=1e-9)
    assert not any("wstETH" in reason for reason in row.get("unknown", []))


async def test_break__by_interest__executed__is_the_day_the_contract_turns(
    wide: WideWorld, life: LoopedLife
) -> None:
    """Nothing moves but time: on the day before the account is safe, on the day it is not."""
    desk = AaveDesk(wide, "WETH", "USDC")
    await built(wide, life, desk, 10 * WAD)
    await wide.block(wide.supply(LENDER, "WETH", 5_000 * WAD))
    whale_raw = await wide.balance_of(wide.token("USDC"), wide.addresses.atokens["USDC"])
    await wide.block(wide.borrow(LENDER, "USDC", whale_raw * 95 // 100))
    free_e8 = (await wide.user_account_data(OWNER)).available_borrows_e8
    await wide.block(desk.borrow(OWNER, free_e8 * 999 // 1000 // 100))
    (row,) = (await book_of(life)).page(LoopFilter(owner=OWNER))["loops"]
    used, _, days = row["breaks_at"]["rate:aave-core/USDC"].removesuffix("d").partition("@")
    assert 0.9 < float(used) < 1
    assert 2 <= int(days) <= 400
    await wide.jump((int(days) - 1) * DAY_SECONDS)
    assert await is_safe(wide, desk)
    await wide.jump(DAY_SECONDS)
    assert not await is_safe(wide, desk)
