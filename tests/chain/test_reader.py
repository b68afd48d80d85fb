"""Contract views and past logs, read from a real chain and from a node with limits."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from bare_chain import (
    BROKEN,
    MULTICALL3,
    NOBODY,
    OTHER_REGISTER,
    REFUSING,
    REGISTER,
    SHORT,
    WORDLESS,
    BareChain,
)
from builders import an_address
from devnet import Anvil
from fake_node import FakeNode

from monitor.chain.node import Node, NodeSettings
from monitor.core.abi import FunctionAbi, parse_abi
from monitor.core.ports import ViewCall, ViewFailed
from monitor.core.units import Address
from monitor.errors import RpcUnavailable, StateUnavailable

ABI = Path(__file__).parents[2] / "contracts_abi" / "multicall3" / "Multicall3.json"
AGGREGATE3 = parse_abi(json.loads(ABI.read_text()), json.dumps).functions["aggregate3"]
TOPIC_1, TOPIC_2 = (f"0x{topic:064x}" for topic in (1, 2))
POOL = an_address("pool")


def a_view(output: str, *inputs: str) -> FunctionAbi:
    entry = {
        "type": "function",
        "name": "get",
        "inputs": [{"name": "", "type": kind} for kind in inputs],
        "outputs": [{"name": "", "type": output}] if output else [],
    }
    return parse_abi([entry], json.dumps).functions["get"]


GET = a_view("uint256")


def a_reader(url: str, chain_id: int, seen: list[str] | None = None) -> Node:
    def observe(_: int, method: str, outcome: str) -> None:
        if seen is not None:
            seen.append(method)

    return Node(NodeSettings([url], chain_id, timeout_seconds=10), AGGREGATE3, observe)


@pytest.fixture
async def chain() -> AsyncIterator[BareChain]:
    async with Anvil() as anvil:
        chain = BareChain(anvil)
        await chain.put_contracts()
        yield chain


@pytest.fixture
def seen() -> list[str]:
    return []


@pytest.fixture
async def node(chain: BareChain, seen: list[str]) -> AsyncIterator[Node]:
    node = a_reader(chain.anvil.http_url, 31337, seen)
    yield node
    await node.close()


@pytest.fixture(params=["batches", "multicall"])
async def either(chain: BareChain, node: Node, request: pytest.FixtureRequest) -> Node:
    """The reader over a chain without and with Multicall3."""
    if request.param == "multicall":
        await chain.put_multicall3()
    return node


def views(*targets: Address, function: FunctionAbi = GET) -> list[ViewCall]:
    return [ViewCall(target, function) for target in targets]


async def test_read__of_an_older_block__is_that_block_s_value(
    chain: BareChain, either: Node
) -> None:
    await chain.write(7)
    older = await chain.mine()
    await chain.write(8)
    newer = await chain.mine()
    calls = views(REGISTER, OTHER_REGISTER)
    assert await either.reader.read(older, calls) == [(7,), (0,)]
    assert await either.reader.read(newer, calls) == [(8,), (0,)]


async def test_read__with_calls_that_fail__fails_those_only(chain: BareChain, either: Node) -> None:
    await chain.write(7)
    block = await chain.mine()
    calls = views(REGISTER, REFUSING, WORDLESS, BROKEN, SHORT, NOBODY, REGISTER)
    assert await either.reader.read(block, calls) == [
        (7,),
        ViewFailed("reverted: nope"),
        ViewFailed("execution reverted"),
        ViewFailed("EVM error InvalidFEOpcode"),
        ViewFailed("get() returned 5 bytes: Tried to read 32 bytes, only got 5 bytes."),
        ViewFailed("no contract code"),
        (7,),
    ]


async def test_read__more_calls_than_fit_one_request__are_answered_in_order(
    chain: BareChain, either: Node
) -> None:
    await chain.write(7)
    await chain.write(9, to=OTHER_REGISTER)
    block = await chain.mine()
    answers = await either.reader.read(block, views(REGISTER, OTHER_REGISTER, NOBODY) * 300)
    assert answers == [(7,), (9,), ViewFailed("no contract code")] * 300


async def test_read__with_multicall3__makes_one_request(
    chain: BareChain, node: Node, seen: list[str]
) -> None:
    await chain.put_multicall3()
    block = await chain.newest()
    await node.reader.has_code(block, REGISTER)
    seen.clear()
    await node.reader.read(block, views(REGISTER) * 400)
    assert seen == ["eth_call"]


async def test_read__an_empty_answer_of_a_contract__is_not_called_missing(
    chain: BareChain, either: Node
) -> None:
    await chain.anvil.rpc("anvil_setCode", NOBODY, "0x00")
    block = await chain.mine()
    [failed, _] = await either.reader.read(block, views(NOBODY, REGISTER))
    assert isinstance(failed, ViewFailed)
    assert failed.reason.startswith("get() returned 0 bytes")


async def test_read__a_view_without_outputs__is_an_empty_tuple(
    chain: BareChain, either: Node
) -> None:
    await chain.anvil.rpc("anvil_setCode", NOBODY, "0x00")
    block = await chain.mine()
    calls = views(NOBODY, NOBODY, function=a_view(""))
    assert await either.reader.read(block, calls) == [(), ()]


async def test_read__a_value_outside_its_type__is_a_failure(chain: BareChain, either: Node) -> None:
    await chain.write(2**255 + 7)
    block = await chain.mine()
    calls = views(REGISTER, REGISTER, function=a_view("address"))
    assert all(isinstance(answer, ViewFailed) for answer in await either.reader.read(block, calls))


async def test_read__an_address__is_lower_case(chain: BareChain, node: Node) -> None:
    await chain.write(int(an_address("Anyone"), 16))
    block = await chain.mine()
    [answer] = await node.reader.read(block, views(REGISTER, function=a_view("address")))
    assert answer == (an_address("Anyone"),)


async def test_read__bytes32__stay_bytes(chain: BareChain, node: Node) -> None:
    await chain.write(5)
    block = await chain.mine()
    [answer] = await node.reader.read(block, views(REGISTER, function=a_view("bytes32")))
    assert answer == ((5).to_bytes(32),)


async def test_read__structs__are_tuples(chain: BareChain, node: Node) -> None:
    await chain.put_multicall3()
    block = await chain.newest()
    inner = (REGISTER, True, b"\x01\x02\x03\x04")
    [answer] = await node.reader.read(block, [ViewCall(MULTICALL3, AGGREGATE3, ((inner,),))])
    assert answer == (((True, bytes(32)),),)


async def test_read__at_an_orphan__is_unavailable(chain: BareChain, either: Node) -> None:
    block = await chain.mine()
    await chain.anvil.rpc("anvil_reorg", 1, [])
    with pytest.raises(StateUnavailable):
        await either.reader.read(block, views(REGISTER, REFUSING))


async def test_read__nothing__asks_nothing(chain: BareChain, node: Node, seen: list[str]) -> None:
    assert await node.reader.read(await chain.newest(), []) == []
    assert seen == []


async def test_read__before_multicall3_was_deployed__still_answers(
    chain: BareChain, node: Node
) -> None:
    await chain.write(7)
    block = await chain.mine()
    await chain.put_multicall3()
    assert await node.reader.read(block, views(REGISTER) * 2) == [(7,), (7,)]


async def test_read__too_little_gas_for_many_calls__reads_them_in_parts(
    chain: BareChain, node: Node, seen: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A node that caps gas lowers what was asked for; anvil has no cap, and grants it.
    monkeypatch.setattr("monitor.chain.reader.GAS_TOGETHER", 300_000)
    await chain.put_multicall3()
    await chain.write(7)
    block = await chain.mine()
    assert await node.reader.read(block, views(REGISTER) * 200) == [(7,)] * 200
    assert seen.count("eth_call") > 1


async def test_has_code__of_a_contract_and_of_nobody__tells_them_apart(
    chain: BareChain, node: Node
) -> None:
    block = await chain.newest()
    assert await node.reader.has_code(block, REGISTER)
    assert not await node.reader.has_code(block, NOBODY)


async def test_has_code__before_the_contract_was_there__is_false(
    chain: BareChain, node: Node
) -> None:
    before = await chain.newest()
    await chain.put_multicall3()
    after = await chain.newest()
    assert not await node.reader.has_code(before, MULTICALL3)
    assert await node.reader.has_code(after, MULTICALL3)


async def test_past_logs__by_address_and_topic__are_in_order(chain: BareChain, node: Node) -> None:
    first = await chain.newest()
    for value in range(6):
        await chain.write(value, topic=1 + value % 3)
        await chain.write(value, to=OTHER_REGISTER)
        await chain.mine()
    logs = await node.reader.past_logs(
        [REGISTER], [TOPIC_1, TOPIC_2], first.number, first.number + 5
    )
    assert [int(log.data, 16) for log in logs] == [0, 1, 3, 4]


@pytest.mark.parametrize(("addresses", "topics"), [([], [TOPIC_1]), ([REGISTER], [])])
async def test_past_logs__of_nobody_or_nothing__is_nothing(
    chain: BareChain, node: Node, addresses: list[Address], topics: list[str]
) -> None:
    await chain.write(1)
    block = await chain.mine()
    assert await node.reader.past_logs(addresses, topics, 0, block.number) == []


@pytest.mark.parametrize("widest", [1, 7, 100])
async def test_past_logs__over_a_provider_s_limit__are_all_there(widest: int) -> None:
    async with FakeNode(widest_range=widest) as fake:
        for _ in range(50):
            fake.add(POOL)
        node = a_reader(fake.http_url, 1)
        logs = await node.reader.past_logs([POOL], ["0x" + "11" * 32], 0, 50)
        await node.close()
    assert [log.block_hash for log in logs] == [block.ref.hash for block in fake.blocks[1:]]


async def test_past_logs__refused_even_for_one_block__says_so() -> None:
    async with FakeNode(widest_range=0) as fake:
        node = a_reader(fake.http_url, 1)
        with pytest.raises(RpcUnavailable, match="too wide"):
            await node.reader.past_logs([POOL], ["0x" + "11" * 32], 0, 0)
        await node.close()


WRONG_CODES: list[Any] = [None, "0xz", 5]


@pytest.mark.parametrize("wrong", WRONG_CODES)
async def test_has_code__an_answer_of_another_shape__is_not_believed(wrong: Any) -> None:
    async with FakeNode(results={"eth_getCode": wrong}) as fake:
        node = a_reader(fake.http_url, 1)
        with pytest.raises(RpcUnavailable):
            await node.reader.has_code(fake.blocks[0].ref, POOL)
        await node.close()
