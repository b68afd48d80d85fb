"""The pool in the ledger and the float model, beside the real contracts."""

import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from devnet import ADMIN, MAX, Receipt, Tx, World
from devnet.uniswap_deployment import MINT_INPUT

from monitor.chain.node import Node, NodeSettings
from monitor.core.abi import Abi, parse_abi
from monitor.core.blocks import BlockRef, RawLog
from monitor.core.events import PoolMoved
from monitor.core.keys import pool_key
from monitor.core.ledger import Ledger, find
from monitor.core.pools import TickPool
from monitor.core.units import Address, BlockHash
from monitor.liquidity.uniswap_v3 import UniswapV3Pool, curve_of
from monitor.simulation.ticks import depth_of, moved, sold

FOLDER = Path(__file__).parents[2] / "contracts_abi"
QUOTE = (
    "quoteExactInputSingle((address,address,uint256,uint24,uint160))"
    "(uint256,uint160,uint32,uint256)"
)
WETH_USDC = "WETH/USDC"


def abi(name: str) -> Abi:
    return parse_abi(json.loads((FOLDER / name).read_text()), json.dumps)


@pytest.fixture
async def node(world: World) -> AsyncIterator[Node]:
    settings = NodeSettings([world.anvil.http_url], 31337, timeout_seconds=10)
    aggregate3 = abi("multicall3/Multicall3.json").functions["aggregate3"]
    node = Node(settings, aggregate3, lambda *_: None)
    yield node
    await node.close()


def source(world: World, name: str = WETH_USDC) -> UniswapV3Pool:
    address = Address(world.addresses.pools[name].lower())
    return UniswapV3Pool(address, abi("uniswap_v3/UniswapV3Pool.json"))


async def read(world: World, node: Node, pool: UniswapV3Pool) -> TickPool:
    """The pool as the contract has it at the head."""
    head = await world.head()
    at = BlockRef(head.number, BlockHash(head.hash), BlockHash(head.parent_hash), head.timestamp)
    (event,) = await pool.bootstrap(node.reader, at)
    assert isinstance(event, PoolMoved)
    assert isinstance(event.state, TickPool)
    return event.state


def follow(ledger: Ledger, pool: UniswapV3Pool, receipts: Sequence[Receipt]) -> list[str]:
    """Apply the pool's logs; returns the names of its events that were decoded."""
    names = []
    for receipt in receipts:
        for entry in receipt.logs:
            if entry.address.lower() != pool.address:
                continue
            log = RawLog(
                pool.address,
                entry.topics,
                entry.data.hex(),
                BlockHash(receipt.block_hash),
                entry.log_index,
                receipt.transaction_hash,
            )
            for event in pool.decode(log, ledger):
                assert isinstance(event, PoolMoved)
                ledger.put(pool_key(event.pool), event.state)
                names.append(pool.abi.events[log.topics[0]].name)
    return names


def deposit(world: World, lower: int, upper: int) -> Tx:
    """At most 1,000 WETH and 2,000,000 USDC between two ticks."""
    terms = world.terms.pool(WETH_USDC)
    most = {
        world.token("WETH"): world.raw("WETH", 1000),
        world.token("USDC"): world.raw("USDC", 2_000_000),
    }
    pair = sorted(most, key=lambda token: int(token, 16))
    amounts = (most[token] for token in pair)
    position = (*pair, terms.fee_ppm, lower, upper, *amounts, 0, 0, ADMIN, MAX)
    return world.tx(ADMIN, world.addresses.position_manager, f"mint({MINT_INPUT})", position)


def withdraw(world: World, token_id: int, liquidity: int) -> Tx:
    signature = "decreaseLiquidity((uint256,uint128,uint256,uint256,uint256))"
    manager = world.addresses.position_manager
    return world.tx(ADMIN, manager, signature, (token_id, liquidity, 0, 0, MAX))


def collect_fees(world: World, token_id: int) -> Tx:
    """Burns nothing, which the pool says in a Burn event."""
    signature = "collect((uint256,address,uint128,uint128))"
    manager = world.addresses.position_manager
    return world.tx(ADMIN, manager, signature, (token_id, ADMIN, 2**128 - 1, 2**128 - 1))


async def test_events__of_deposits_trades_and_withdrawals__give_what_the_contract_holds(
    world: World, node: Node
) -> None:
    pool = source(world)
    state = await read(world, node, pool)
    ledger = Ledger({pool_key(pool.address): state})
    here = state.tick // state.tick_spacing * state.tick_spacing
    await world.fund(ADMIN, WETH=world.raw("WETH", 100_000), USDC=world.raw("USDC", 10**9))
    steps = [
        deposit(world, here - 200, here + 200),
        deposit(world, here + 10, here + 500),
        deposit(world, here - 500, here - 10),
        world.trade(ADMIN, "WETH", "USDC", world.raw("WETH", 3000)),
        withdraw(world, 1, 10**12),
        world.trade(ADMIN, "USDC", "WETH", world.raw("USDC", 15_000_000)),
        world.move_pool_to(WETH_USDC, 1500),
        collect_fees(world, 2),
        world.trade(ADMIN, "WETH", "USDC", 1),
    ]
    names: list[str] = []
    for step in steps:
        names += follow(ledger, pool, await world.block(step))
        held = find(ledger, pool_key(pool.address), TickPool)
        assert held == await read(world, node, pool), step.label
    assert names.count("Mint") == 3
    assert names.count("Swap") == 4
    assert names.count("Burn") == 2


@pytest.mark.parametrize("name", [WETH_USDC, "wstETH/WETH", "WBTC/WETH", "DAI/USDC"])
async def test_sold__of_a_real_pool__is_what_the_quoter_says(
    world: World, node: Node, name: str
) -> None:
    """From a thousandth of a percent of the depth to more than all of its inner ranges."""
    pool = source(world, name)
    state = await read(world, node, pool)
    depth, mark = depth_of(curve_of(pool.address, state))
    most_ticks = 0
    for zero_for_one in (True, False):
        inward, outward = (
            (state.token0, state.token1) if zero_for_one else (state.token1, state.token0)
        )
        virtual = state.liquidity / mark.sqrt if zero_for_one else state.liquidity * mark.sqrt
        for share in (1e-5, 1e-3, 0.01, 0.1, 0.5, 2):
            amount = int(virtual * share)
            asked = (inward, outward, amount, state.fee_ppm, 0)
            given, sqrt_after, ticks, _ = await world.call(world.addresses.quoter, QUOTE, asked)
            proceeds, after = sold(depth, mark, float(amount), zero_for_one)
            # The contract rounds each step to whole units, of WBTC as of WETH.
            unit = mark.sqrt**2 if zero_for_one else mark.sqrt**-2
            assert proceeds == pytest.approx(given, rel=1e-9, abs=(ticks + 2) * (1 + unit))
            assert after.sqrt == pytest.approx(sqrt_after / 2**96, rel=1e-9)
            most_ticks = max(most_ticks, ticks)
    assert most_ticks >= 2


async def test_moved__to_a_mid__stands_where_arbitrage_brings_the_real_pool(
    world: World, node: Node
) -> None:
    pool = source(world)
    before = await read(world, node, pool)
    depth, mark = depth_of(curve_of(pool.address, before))
    await world.move_pool_to(WETH_USDC, 1400)
    after = await read(world, node, pool)
    down = after.sqrt_price_x96 < before.sqrt_price_x96
    target = moved(depth, mark, 0.7 if down else 1 / 0.7)
    assert target.sqrt == pytest.approx(after.sqrt_price_x96 / 2**96, rel=1e-9)
    assert depth.liquidity[target.segment] == pytest.approx(after.liquidity, rel=1e-15)
