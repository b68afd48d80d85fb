"""Pool events into pool state; the bootstrap against scripted views."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from monitor.core.abi import Abi, parse_abi
from monitor.core.blocks import BlockRef, RawLog
from monitor.core.curves import TickCurve
from monitor.core.events import PoolMoved
from monitor.core.keys import pool_key
from monitor.core.ledger import Ledger
from monitor.core.pools import TickPool
from monitor.core.ports import ViewCall, ViewFailed, ViewResult
from monitor.core.units import Address, AssetId, BlockHash
from monitor.errors import ConfigError, LedgerCorrupt, UndecodableLog
from monitor.liquidity.uniswap_v3 import UniswapV3Pool, curve_of

ROOT = Path(__file__).resolve().parents[3]
ENTRIES = json.loads((ROOT / "contracts_abi/uniswap_v3/UniswapV3Pool.json").read_text())
ABI: Abi = parse_abi(ENTRIES, json.dumps)
POOL, OWNER = Address("0x" + "1" * 40), Address("0x" + "2" * 40)
TOKEN0, TOKEN1 = AssetId(Address("0x" + "a" * 40)), AssetId(Address("0x" + "b" * 40))
BLOCK = BlockRef(7, BlockHash("0x07"), BlockHash("0x06"), 1_700_000_000)
HEAD = BlockRef(9, BlockHash("0x09"), BlockHash("0x08"), 1_700_000_024)
SOURCE = UniswapV3Pool(POOL, ABI)
STATE = TickPool(
    TOKEN0, TOKEN1, 3000, 60, 2**96, 0, 500, ((-120, 300), (-60, 200), (60, -200), (120, -300))
)


def words(*values: int | str) -> str:
    numbers = [int(value, 16) if isinstance(value, str) else value for value in values]
    return "".join(f"{number % 2**256:064x}" for number in numbers)


def log(name: str, indexed: Sequence[int | str], *data: int | str) -> RawLog:
    topics = (ABI.event(name).topic0, *("0x" + words(value) for value in indexed))
    return RawLog(POOL, topics, words(*data), BLOCK.hash, 0, "0x")


def after(entry: RawLog, state: TickPool = STATE) -> TickPool:
    (event,) = SOURCE.decode(entry, Ledger({pool_key(POOL): state}))
    assert isinstance(event, PoolMoved)
    assert event.pool == POOL
    assert isinstance(event.state, TickPool)
    return event.state


def test_decode__initialize__sets_price_and_tick() -> None:
    blank = TickPool(TOKEN0, TOKEN1, 3000, 60, 0, 0, 0, ())
    found = after(log("Initialize", [], 3 * 2**96, -5), blank)
    assert (found.sqrt_price_x96, found.tick, found.liquidity) == (3 * 2**96, -5, 0)


def test_decode__swap__sets_price_liquidity_and_tick() -> None:
    found = after(log("Swap", [OWNER, OWNER], 10, -9, 2**97, 300, 70))
    assert (found.sqrt_price_x96, found.liquidity, found.tick) == (2**97, 300, 70)
    assert found.ticks == STATE.ticks


def test_decode__mint_around_the_price__adds_active_liquidity_and_both_ends() -> None:
    found = after(log("Mint", [OWNER, -60, 180], OWNER, 50, 1, 1))
    assert found.liquidity == 550
    assert found.ticks == ((-120, 300), (-60, 250), (60, -200), (120, -300), (180, -50))


@pytest.mark.parametrize(
    ("lower", "upper", "active"), [(0, 60, 550), (60, 120, 500), (-60, 0, 500)]
)
def test_decode__mint_at_the_edge_of_the_price__is_active_from_its_lower_tick(
    lower: int, upper: int, active: int
) -> None:
    assert after(log("Mint", [OWNER, lower, upper], OWNER, 50, 1, 1)).liquidity == active


def test_decode__burn_of_all_between_two_ticks__removes_them() -> None:
    found = after(log("Burn", [OWNER, -60, 60], 200, 1, 1))
    assert found.liquidity == 300
    assert found.ticks == ((-120, 300), (120, -300))


def test_decode__ends_that_cancel_out__leave_no_tick() -> None:
    found = after(log("Mint", [OWNER, 60, 180], OWNER, 200, 1, 1))
    assert found.ticks == ((-120, 300), (-60, 200), (120, -300), (180, -200))


def test_decode__burn_of_nothing__changes_nothing() -> None:
    """A poke: how fees are collected."""
    assert after(log("Burn", [OWNER, -60, 60], 0, 0, 0)) == STATE


@pytest.mark.parametrize("topics", [(), ("0x" + "9" * 64,)])
def test_decode__other_topics__change_nothing(topics: tuple[str, ...]) -> None:
    entry = RawLog(POOL, topics, "", BLOCK.hash, 0, "0x")
    assert SOURCE.decode(entry, Ledger({pool_key(POOL): STATE})) == ()


def test_decode__known_topic_that_does_not_fit__is_undecodable() -> None:
    with pytest.raises(UndecodableLog):
        after(log("Swap", [OWNER, OWNER], 10, -9))


def test_decode__pool_the_ledger_does_not_hold__is_corruption() -> None:
    with pytest.raises(LedgerCorrupt, match="bootstrap"):
        SOURCE.decode(log("Swap", [OWNER, OWNER], 10, -9, 2**97, 300, 70), Ledger())


def test_curve_of__a_pool__is_the_same_numbers() -> None:
    assert curve_of(POOL, STATE) == TickCurve(
        POOL, TOKEN0, TOKEN1, 3000, 2**96, 0, 500, STATE.ticks
    )


class ScriptedReader:
    """Answers as a pool in `STATE` would, from `deployed_at` on."""

    def __init__(self, deployed_at: int = 0) -> None:
        self.deployed_at = deployed_at

    async def read(self, at: BlockRef, calls: Sequence[ViewCall]) -> list[ViewResult]:
        if not await self.has_code(at, POOL):
            return [ViewFailed("no contract code") for _ in calls]
        return [self._answer(call.function.name, call.args) for call in calls]

    async def has_code(self, at: BlockRef, contract: Address) -> bool:
        return at.number >= self.deployed_at

    async def past_logs(self, *_: Any) -> list[RawLog]:
        raise AssertionError("a pool's past is not asked for")

    def _answer(self, name: str, args: tuple[Any, ...]) -> tuple[Any, ...]:
        match name:
            case "slot0":
                return (STATE.sqrt_price_x96, STATE.tick, 0, 1, 1, 0, True)
            case "tickBitmap":
                # 600 is initialized, but its ends cancel out.
                ticks = [tick for tick, _ in STATE.ticks] + [600]
                return (sum(1 << t // 60 % 256 for t in ticks if t // 60 // 256 == args[0]),)
            case "ticks":
                return (1, dict(STATE.ticks).get(args[0], 0), 0, 0, 0, 0, 0, True)
        immutable = {"token0": TOKEN0, "token1": TOKEN1, "fee": 3000, "tickSpacing": 60}
        return ({**immutable, "liquidity": STATE.liquidity}[name],)


async def test_bootstrap__a_pool__is_read_through_its_bitmap() -> None:
    assert await SOURCE.bootstrap(ScriptedReader(), BLOCK, HEAD) == (PoolMoved(POOL, STATE),)


async def test_bootstrap__before_the_pool_exists__keeps_what_never_changes() -> None:
    (event,) = await SOURCE.bootstrap(ScriptedReader(deployed_at=8), BLOCK, HEAD)
    blank = TickPool(TOKEN0, TOKEN1, 3000, 60, 0, 0, 0, ())
    assert event == PoolMoved(POOL, blank)


async def test_bootstrap__no_pool_at_the_address__is_a_config_error() -> None:
    with pytest.raises(ConfigError, match="Expected a Uniswap V3 pool"):
        await SOURCE.bootstrap(ScriptedReader(deployed_at=10), BLOCK, HEAD)


def test_addresses__of_a_pool__is_the_pool() -> None:
    assert SOURCE.addresses(Ledger()) == {POOL}
