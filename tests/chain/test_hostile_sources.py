"""A contract that means harm spoils its own answer, not those asked for beside it."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from devnet import ADMIN, USD, Deployer, World
from devnet.abi import Address as Hex
from devnet.oracle_deployment import BEHAVE, Mode

from monitor.chain.node import Node, NodeSettings
from monitor.core.abi import Abi, parse_abi
from monitor.core.blocks import BlockRef
from monitor.core.ports import ViewCall, ViewFailed
from monitor.core.units import Address, BlockHash

FOLDER = Path(__file__).parents[2] / "contracts_abi"


def abi(name: str) -> Abi:
    return parse_abi(json.loads((FOLDER / name).read_text()), json.dumps)


LATEST_ANSWER = parse_abi(
    [
        {
            "type": "function",
            "name": "latestAnswer",
            "inputs": [],
            "outputs": [{"name": "", "type": "int256"}],
        }
    ],
    json.dumps,
).functions["latestAnswer"]


@pytest.fixture
async def node(world: World) -> AsyncIterator[Node]:
    settings = NodeSettings([world.anvil.http_url], 31337, timeout_seconds=10)
    aggregate3 = abi("multicall3/Multicall3.json").functions["aggregate3"]
    node = Node(settings, aggregate3, lambda *_: None)
    yield node
    await node.close()


def answer_of(source: Hex) -> ViewCall:
    return ViewCall(Address(source.lower()), LATEST_ANSWER)


@pytest.mark.parametrize("mode", [mode for mode in Mode if mode is not Mode.ANSWERS])
async def test_read__one_source_is_hostile__the_others_answer(
    world: World, node: Node, mode: Mode
) -> None:
    hostile = await Deployer(world).deploy("HostileSource", 1)
    await world.tx(ADMIN, hostile, BEHAVE, mode, 1_234 * USD)
    head = await world.head()
    at = BlockRef(head.number, BlockHash(head.hash), BlockHash(head.parent_hash), head.timestamp)
    healthy = [answer_of(feed) for feed in world.addresses.feeds.values()]

    told, *prices = await node.reader.read(at, [answer_of(hostile), *healthy])

    assert prices == [(asset.price_e8,) for asset in world.terms.assets]
    if mode is Mode.NAMES_ITSELF:
        assert told == (int(hostile, 16),)
    elif mode is Mode.ANSWERS_LONG:
        assert told == (1_234 * USD,)
    else:
        assert isinstance(told, ViewFailed)


async def test_read__one_source_burns_all_gas_and_is_asked_thrice__costs_no_timeout(
    world: World, node: Node
) -> None:
    """Without a limit of ours, each call would burn the node's, which may be the block's."""
    hostile = await Deployer(world).deploy("HostileSource", 1)
    await world.tx(ADMIN, hostile, BEHAVE, Mode.BURNS_GAS, 0)
    head = await world.head()
    at = BlockRef(head.number, BlockHash(head.hash), BlockHash(head.parent_hash), head.timestamp)
    feed = world.addresses.feeds["WETH"]
    answers = await node.reader.read(at, [answer_of(hostile)] * 3 + [answer_of(feed)])
    assert answers[3] == (world.terms.asset("WETH").price_e8,)
    assert all(isinstance(answer, ViewFailed) for answer in answers[:3])


@pytest.mark.parametrize(("asked", "each"), [(2, 10_000_000), (20, 5_000_000), (300, 2_000_000)])
async def test_read__many_fail_in_a_crowd__share_the_gas_when_asked_alone(
    world: World, node: Node, asked: int, each: int
) -> None:
    """However many contracts burn all they get, a read burns little more than its two shares."""
    deployer = Deployer(world)
    meters = [await deployer.deploy("GasMeter") for _ in range(2)]
    head = await world.head()
    at = BlockRef(head.number, BlockHash(head.hash), BlockHash(head.parent_hash), head.timestamp)
    answers = await node.reader.read(at, [answer_of(meters[n % 2]) for n in range(asked)])
    assert len(answers) == asked
    for answer in answers:
        assert not isinstance(answer, ViewFailed)
        assert each - 50_000 < answer[0] < each
