"""Reserves that come and go in a running market, and tokens that tell little of themselves."""

from pathlib import Path

import pytest
from devnet import (
    ADMIN,
    USD,
    AssetTerms,
    Tx,
    World,
    account,
    find_tokens,
    list_reserve,
    listing,
    prepare_reserve,
)
from devnet.terms import VOLATILE_RATES
from following import followed, following
from fuzz.monitored import MARKET, Records

from monitor.core.keys import category_key, reserve_key
from monitor.core.ledger import Ledger, find
from monitor.core.reserves import Category, Reserve
from monitor.core.units import Address, AssetId

ALICE, BOB = account("alice"), account("bob")
LINK = AssetTerms("LINK", 18, 15 * USD, 6000, 6500, 10700, 2000, VOLATILE_RATES)
UNI = AssetTerms("UNI", 18, 7 * USD, 6000, 6500, 10700, 2000, VOLATILE_RATES)
E_MODE = 1
DAY_SECONDS = 86_400
SYMBOL_SELECTOR = "95d89b41"


def reserve_of(records: Records, world: World, symbol: str) -> Reserve | None:
    key = reserve_key(MARKET, AssetId(Address(world.token(symbol))))
    return find(Ledger(records), key, Reserve)


def category_of(records: Records) -> Category:
    found = find(Ledger(records), category_key(MARKET, E_MODE), Category)
    assert found is not None
    return found


def drop(world: World, symbol: str) -> Tx:
    configurator, asset = world.addresses.configurator, world.token(symbol)
    return world.tx(ADMIN, configurator, "dropReserve(address)", asset)


def in_e_mode(world: World, symbol: str) -> Tx:
    signature = "setAssetCollateralInEMode(address,uint8,bool)"
    configurator, asset = world.addresses.configurator, world.token(symbol)
    return world.tx(ADMIN, configurator, signature, asset, E_MODE, True)


async def trade(world: World, symbol: str) -> None:
    """Supplied, borrowed by the supplier and accrued."""
    unit = world.raw(symbol, 1)
    await world.fund(ALICE, **{symbol: 100 * unit})
    await world.supply(ALICE, symbol, 90 * unit)
    await world.borrow(ALICE, symbol, 10 * unit)
    await world.jump(DAY_SECONDS)
    await world.repay(ALICE, symbol, unit)


async def test_listing__in_a_running_market__is_followed_from_its_first_block(
    world: World, tmp_path: Path
) -> None:
    async with following(world, tmp_path) as monitored:
        await list_reserve(world, LINK)
        records = await followed(world, monitored)
        reserve = reserve_of(records, world, "LINK")
        assert reserve is not None
        assert (reserve.ordinal, reserve.symbol, reserve.supply_scaled) == (5, "LINK", 0)
        await trade(world, "LINK")
        await followed(world, monitored)


async def test_listing__supplied_and_borrowed_in_its_own_block__nothing_is_missed(
    world: World, tmp_path: Path
) -> None:
    async with following(world, tmp_path) as monitored:
        await prepare_reserve(world, LINK)
        await world.fund(ALICE, LINK=10**20)
        await world.block(
            *await listing(world, "LINK"),
            world.supply(ALICE, "LINK", 10**20),
            world.borrow(ALICE, "LINK", 10**18),
        )
        reserve = reserve_of(await followed(world, monitored), world, "LINK")
        assert reserve is not None
        assert (reserve.supply_scaled, reserve.debt_scaled) == (10**20, 10**18)


async def test_drop__another_asset_listed_after__takes_its_id_and_its_e_mode(
    world: World, tmp_path: Path
) -> None:
    async with following(world, tmp_path) as monitored:
        await world.block(in_e_mode(world, "DAI"))
        listed = reserve_of(await followed(world, monitored), world, "WBTC")
        await world.block(in_e_mode(world, "WBTC"))
        await world.block(drop(world, "WBTC"))
        records = await followed(world, monitored)
        assert reserve_of(records, world, "WBTC") is None
        assert listed is not None
        assert category_of(records).vacant == (("collateral", listed.ordinal),)

        await list_reserve(world, LINK)
        records = await followed(world, monitored)
        reserve = reserve_of(records, world, "LINK")
        assert reserve is not None
        assert reserve.ordinal == listed.ordinal
        assert category_of(records).vacant == ()
        assert reserve.asset in category_of(records).collateral
        await trade(world, "LINK")
        await followed(world, monitored)


async def test_drop__listed_again_in_the_same_block__has_new_tokens_and_is_followed(
    world: World, tmp_path: Path
) -> None:
    async with following(world, tmp_path) as monitored:
        before = reserve_of(await followed(world, monitored), world, "DAI")
        await world.block(drop(world, "DAI"), *await listing(world, "DAI"))
        await find_tokens(world, "DAI")
        after = reserve_of(await followed(world, monitored), world, "DAI")
        assert before is not None
        assert after is not None
        assert after.supply_token != before.supply_token
        await trade(world, "DAI")
        await followed(world, monitored)


async def test_drop__two_in_a_row__the_lowest_free_id_is_taken_first(
    world: World, tmp_path: Path
) -> None:
    async with following(world, tmp_path) as monitored:
        await world.block(drop(world, "DAI"), drop(world, "wstETH"))
        for terms, ordinal in ((LINK, 1), (UNI, 4)):
            await list_reserve(world, terms)
            reserve = reserve_of(await followed(world, monitored), world, terms.symbol)
            assert reserve is not None
            assert reserve.ordinal == ordinal


async def test_drop__reorganised_away__reserve_is_back(world: World, tmp_path: Path) -> None:
    async with following(world, tmp_path) as monitored:
        await world.mine()
        before = reserve_of(await followed(world, monitored), world, "DAI")
        await world.block(drop(world, "DAI"))
        assert reserve_of(await followed(world, monitored), world, "DAI") is None
        await world.rollback(1)
        await world.mine()
        assert reserve_of(await followed(world, monitored), world, "DAI") == before


def code_telling(symbol: bytes, decimals: int) -> str:
    """A contract that answers `symbol()` with these bytes, and anything else with a number."""
    answer = f"60{decimals:02x}5f5260205ff3"
    head = f"5f3560e01c63{SYMBOL_SELECTOR}1460{{jump:02x}}57{answer}"
    jump = len(head.format(jump=0)) // 2
    start = jump + len("5b60LL60OO5f3960LL5ff3") // 2
    tail = f"5b60{len(symbol):02x}60{start:02x}5f3960{len(symbol):02x}5ff3"
    return "0x" + head.format(jump=jump) + tail + symbol.hex()


def as_string(text: bytes) -> bytes:
    return (32).to_bytes(32) + len(text).to_bytes(32) + text.ljust(-(-len(text) // 32) * 32, b"\0")


@pytest.mark.parametrize(
    ("answer", "symbol"),
    [
        pytest.param(b"MKR".ljust(32, b"\0"), "MKR", id="bytes32"),
        pytest.param(as_string(b""), None, id="empty"),
        pytest.param(as_string(b"\xff\xfe"), None, id="not UTF-8"),
        pytest.param(as_string(b"A\nB"), None, id="two lines"),
        pytest.param(as_string(b"A" * 200), None, id="endless"),
        pytest.param(b"", None, id="none"),
        pytest.param(as_string("₮".encode()), "₮", id="beyond ASCII"),
    ],
)
async def test_listing__token_with_an_odd_symbol__goes_by_what_can_be_read(
    world: World, tmp_path: Path, answer: bytes, symbol: str | None
) -> None:
    async with following(world, tmp_path) as monitored:
        await prepare_reserve(world, LINK)
        token = world.token("LINK")
        await world.anvil.rpc("anvil_setCode", token, code_telling(answer, 18))
        await world.block(*await listing(world, "LINK"))
        reserve = reserve_of(await followed(world, monitored), world, "LINK")
        assert reserve is not None
        assert reserve.symbol == (symbol or token)


async def test_listing__token_of_77_decimals__is_kept_and_can_be_valued(
    world: World, tmp_path: Path
) -> None:
    async with following(world, tmp_path) as monitored:
        await prepare_reserve(world, LINK)
        code = code_telling(as_string(b"BIG"), 77)
        await world.anvil.rpc("anvil_setCode", world.token("LINK"), code)
        await world.block(*await listing(world, "LINK"))
        reserve = reserve_of(await followed(world, monitored), world, "LINK")
        assert reserve is not None
        assert (reserve.symbol, reserve.decimals) == ("BIG", 77)
