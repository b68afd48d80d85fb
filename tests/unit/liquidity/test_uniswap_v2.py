"""Sync events into reserves; the bootstrap against scripted views."""

from collections.abc import Sequence

import pytest

from monitor.core.blocks import BlockRef, RawLog
from monitor.core.curves import ConstantProductCurve
from monitor.core.events import PoolMoved
from monitor.core.keys import Kind, pool_key
from monitor.core.ledger import Ledger
from monitor.core.pools import ProductPool
from monitor.core.ports import ViewCall, ViewFailed, ViewResult
from monitor.core.units import Address, AssetId, BlockHash
from monitor.errors import ConfigError, LedgerCorrupt, UndecodableLog
from monitor.library import abi_library
from monitor.liquidity.uniswap_v2 import UniswapV2Pair

ABI = abi_library("uniswap_v2/UniswapV2Pair")
POOL = Address("0x" + "1" * 40)
TOKEN0, TOKEN1 = AssetId(Address("0x" + "a" * 40)), AssetId(Address("0x" + "b" * 40))
BLOCK = BlockRef(7, BlockHash("0x07"), BlockHash("0x06"), 1_700_000_000)
HEAD = BlockRef(9, BlockHash("0x09"), BlockHash("0x08"), 1_700_000_024)
PAIR, KEY = UniswapV2Pair(POOL, ABI), pool_key(POOL, Kind.PRODUCT_POOL)
STATE = ProductPool(TOKEN0, TOKEN1, 5_000, 7_000)


def sync(*reserves: int) -> RawLog:
    data = "".join(f"{reserve:064x}" for reserve in reserves)
    return RawLog(POOL, (ABI.event("Sync").topic0,), data, BLOCK.hash, 0, "0x")


class ScriptedReader:
    """Answers as a pair in `STATE` would, from `deployed_at` on."""

    def __init__(self, deployed_at: int = 0) -> None:
        self.deployed_at = deployed_at

    async def read(self, at: BlockRef, calls: Sequence[ViewCall]) -> list[ViewResult]:
        if not await self.has_code(at, POOL):
            return [ViewFailed("no contract code") for _ in calls]
        told: dict[str, ViewResult] = {
            "token0": (TOKEN0,),
            "token1": (TOKEN1,),
            "getReserves": (STATE.reserve0, STATE.reserve1, 1),
        }
        return [told[call.function.name] for call in calls]

    async def has_code(self, at: BlockRef, contract: Address) -> bool:
        return at.number >= self.deployed_at

    async def past_logs(self, *_: object) -> list[RawLog]:
        raise AssertionError("a pair's past is not asked for")


def test_decode__sync__sets_both_reserves() -> None:
    (event,) = PAIR.decode(sync(6_000, 2**112 - 1), Ledger({KEY: STATE}))
    assert event == PoolMoved(POOL, ProductPool(TOKEN0, TOKEN1, 6_000, 2**112 - 1))


@pytest.mark.parametrize("topics", [(), ("0x" + "9" * 64,)])
def test_decode__other_topics__change_nothing(topics: tuple[str, ...]) -> None:
    entry = RawLog(POOL, topics, "", BLOCK.hash, 0, "0x")
    assert PAIR.decode(entry, Ledger({KEY: STATE})) == ()


def test_decode__sync_of_one_reserve__is_undecodable() -> None:
    with pytest.raises(UndecodableLog):
        PAIR.decode(sync(6_000), Ledger({KEY: STATE}))


def test_decode__pair_the_ledger_does_not_hold__is_corruption() -> None:
    with pytest.raises(LedgerCorrupt, match="store rebuild"):
        PAIR.decode(sync(1, 2), Ledger())


async def test_bootstrap__a_pair__is_its_tokens_and_reserves() -> None:
    assert await PAIR.bootstrap(ScriptedReader(), BLOCK, HEAD) == (PoolMoved(POOL, STATE),)


async def test_bootstrap__before_the_pair_exists__has_its_tokens_and_nothing_in_it() -> None:
    (event,) = await PAIR.bootstrap(ScriptedReader(deployed_at=8), BLOCK, HEAD)
    assert event == PoolMoved(POOL, ProductPool(TOKEN0, TOKEN1, 0, 0))


async def test_bootstrap__no_pair_at_the_address__is_a_config_error() -> None:
    with pytest.raises(ConfigError, match=r"does not answer token0.*Expected a Uniswap V2 pair"):
        await PAIR.bootstrap(ScriptedReader(deployed_at=10), BLOCK, HEAD)


def test_curve__of_a_pair__has_its_reserves_and_the_configured_fee() -> None:
    copy = UniswapV2Pair(POOL, ABI, fee_ppm=2_500)
    found = copy.curve(Ledger({KEY: STATE}))
    assert found == ConstantProductCurve(POOL, TOKEN0, TOKEN1, 5_000, 7_000, 2_500)
    assert copy.curve(Ledger()) is None
