"""The follower against a real chain that grows, forks and shrinks, and against faulty nodes."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from bare_chain import OTHER_REGISTER, REGISTER, BareChain
from builders import a_block, an_address
from devnet import Anvil
from fake_node import FakeBlock, FakeNode
from feed_listener import listening
from quick_node import genesis, quick_node

from monitor.chain.bloom import excludes
from monitor.chain.node import Node
from monitor.core.blocks import BlockAdded, BlocksReverted
from monitor.core.units import Address
from monitor.errors import DeepReorg, StateUnavailable

BOTH = frozenset({REGISTER, OTHER_REGISTER})
POOL, OTHER_POOL = an_address("pool"), an_address("other pool")


def a_node(
    urls: Sequence[str], chain_id: int, **settings: Any
) -> AbstractAsyncContextManager[Node]:
    return quick_node(*urls, chain_id=chain_id, **settings)


@pytest.fixture
async def chain() -> AsyncIterator[BareChain]:
    async with Anvil(slots_in_an_epoch=2) as anvil:
        chain = BareChain(anvil)
        await chain.put_contracts()
        yield chain


@pytest.fixture(params=["websocket", "http"])
async def node(chain: BareChain, request: pytest.FixtureRequest) -> AsyncIterator[Node]:
    urls = [chain.anvil.ws_url] if request.param == "websocket" else [chain.anvil.http_url]
    async with a_node(urls, 31337, timeout_seconds=10) as node:
        yield node


def everything() -> frozenset[Address]:
    return BOTH


def values(event: object) -> list[int]:
    assert isinstance(event, BlockAdded)
    return [int(log.data, 16) for log in event.logs]


async def test_follower__a_block_with_logs__comes_whole_and_in_order(
    chain: BareChain, node: Node
) -> None:
    async with listening(node.follower, [await chain.newest()], everything) as feed:
        for value in (7, 8, 9):
            await chain.write(value)
            await chain.write(10 * value, to=OTHER_REGISTER)
        block = await chain.mine()
        [event] = await feed.take(1)
    assert values(event) == [7, 70, 8, 80, 9, 90]
    assert isinstance(event, BlockAdded)
    assert event.block == block
    assert [log.log_index for log in event.logs] == list(range(6))
    assert {log.block_hash for log in event.logs} == {block.hash}


async def test_follower__several_blocks_at_once__come_one_by_one(
    chain: BareChain, node: Node
) -> None:
    start = await chain.newest()
    async with listening(node.follower, [start], everything) as feed:
        await chain.anvil.rpc("anvil_mine", hex(12))
        blocks = await feed.blocks(12)
    assert [block.number for block in blocks] == list(range(start.number + 1, start.number + 13))
    assert blocks[-1] == await chain.newest()


@pytest.mark.parametrize("depth", [1, 3])
async def test_follower__a_reorganisation__reverts_newest_first_and_adds_the_other_branch(
    chain: BareChain, node: Node, depth: int
) -> None:
    start = await chain.newest()
    async with listening(node.follower, [start], everything) as feed:
        await chain.write(1)
        await chain.mine(4)
        old = await feed.blocks(4)
        await chain.anvil.rpc("anvil_reorg", depth, [])
        [reverted] = await feed.take(1)
        new = await feed.blocks(depth)
    line = [start, *old]
    assert reverted == BlocksReverted(tuple(reversed(line[-depth:])), line[-depth - 1])
    assert new == [await chain.block(block.number) for block in old[-depth:]]


async def test_follower__a_rollback__reverts_and_adds_nothing(chain: BareChain, node: Node) -> None:
    start = await chain.newest()
    async with listening(node.follower, [start], everything) as feed:
        snapshot = await chain.anvil.rpc("evm_snapshot")
        await chain.mine(2)
        old = await feed.blocks(2)
        await chain.anvil.rpc("evm_revert", snapshot)
        assert await feed.take(1) == [BlocksReverted((old[1], old[0]), start)]
        assert await feed.quiet(0.5)


async def test_follower__a_rollback_and_a_longer_branch__is_a_reorganisation(
    chain: BareChain, node: Node
) -> None:
    start = await chain.newest()
    async with listening(node.follower, [start], everything) as feed:
        snapshot = await chain.anvil.rpc("evm_snapshot")
        await chain.mine(2)
        old = await feed.blocks(2)
        await chain.anvil.rpc("evm_revert", snapshot)
        await chain.write(5)
        await chain.mine(3)
        [reverted, *added] = await feed.take(4)
    assert reverted == BlocksReverted((old[1], old[0]), start)
    assert [values(event) for event in added] == [[5], [], []]


async def test_follower__a_reorganisation_while_it_was_away__comes_first(
    chain: BareChain, node: Node
) -> None:
    tail = [await chain.newest(), await chain.mine(), await chain.mine()]
    await chain.anvil.rpc("anvil_reorg", 2, [])
    async with listening(node.follower, tail, everything) as feed:
        [reverted, *added] = await feed.take(3)
    assert reverted == BlocksReverted((tail[2], tail[1]), tail[0])
    assert [event.block.number for event in added if isinstance(event, BlockAdded)] == [
        tail[1].number,
        tail[2].number,
    ]


async def test_follower__a_reorganisation_below_the_tail__stops(
    chain: BareChain, node: Node
) -> None:
    tail = [await chain.mine(), await chain.mine()]
    await chain.mine()
    await chain.anvil.rpc("anvil_reorg", 3, [])
    async with listening(node.follower, tail, everything) as feed:
        with pytest.raises(DeepReorg):
            await feed.take(1)


async def test_follower__far_behind_the_final_block__pulls_spans_and_keeps_blocks_apart(
    chain: BareChain, node: Node
) -> None:
    start = await chain.newest()
    for value in range(40):
        await chain.write(value)
        await chain.write(value, to=OTHER_REGISTER)
        await chain.mine()
    async with listening(node.follower, [start], lambda: frozenset({REGISTER})) as feed:
        events = await feed.take(40)
    assert [values(event) for event in events] == [[value] for value in range(40)]
    # anvil with two slots an epoch: final is four blocks below the head.
    assert feed.finalized[0] == start.number + 36


async def test_follower__the_watch_list_grows_within_a_span__is_asked_anew(
    chain: BareChain, node: Node
) -> None:
    start = await chain.newest()
    for value in range(30):
        await chain.write(value, to=OTHER_REGISTER)
        await chain.mine()
    wanted = {REGISTER}
    seen = []
    async for event in node.follower.follow([start], lambda: frozenset(wanted)):
        if isinstance(event, BlockAdded):
            seen.append(values(event))
            if len(seen) == 10:
                wanted.add(OTHER_REGISTER)
            if len(seen) == 30:
                break
    assert seen == [[]] * 10 + [[value] for value in range(10, 30)]


async def test_follower__finality_advances__is_told_once_per_advance(
    chain: BareChain, node: Node
) -> None:
    start = await chain.newest()
    async with listening(node.follower, [start], everything) as feed:
        for _ in range(8):
            await chain.mine()
            await feed.take(1)
        await feed.quiet(0.3)
    assert feed.finalized == list(range(start.number, start.number + 5))


async def test_follower__the_logs_of_a_block_again__are_those_of_other_addresses(
    chain: BareChain, node: Node
) -> None:
    await chain.write(3, to=OTHER_REGISTER)
    block = await chain.mine()
    logs = await node.follower.logs_of(block, frozenset({OTHER_REGISTER}))
    assert [int(log.data, 16) for log in logs] == [3]


async def test_follower__the_logs_of_an_orphan__are_unavailable(
    chain: BareChain, node: Node
) -> None:
    await chain.write(3)
    block = await chain.mine()
    await chain.anvil.rpc("anvil_reorg", 1, [])
    with pytest.raises(StateUnavailable):
        await node.follower.logs_of(block, BOTH)


async def test_follower__an_unlinked_tail__is_refused(chain: BareChain, node: Node) -> None:
    tail = [await chain.newest(), a_block(number=2)]
    with pytest.raises(Exception, match="must be linked"):
        async for _ in node.follower.follow(tail, everything):
            pass


async def test_node__block_by_name__is_the_block(chain: BareChain, node: Node) -> None:
    newest = await chain.mine(6)
    assert await node.block_by("latest") == newest
    assert await node.block_by(newest.hash) == newest
    assert await node.block_by(2) == await chain.block(2)
    assert await node.block_by("finalized") == await chain.block(newest.number - 4)


async def test_node__block_by_an_unknown_hash__is_unavailable(chain: BareChain, node: Node) -> None:
    with pytest.raises(StateUnavailable):
        await node.block_by("0x" + "12" * 32)


async def test_bloom__of_a_real_block__names_who_logged_and_nobody_else(
    chain: BareChain, node: Node
) -> None:
    await chain.write(1)
    block = await chain.mine()
    bloom = (await node.headers.by_number(block.number)).logs_bloom
    assert bloom is not None
    assert not excludes(bloom, [REGISTER])
    assert excludes(bloom, [OTHER_REGISTER])


# From here on: a node that misbehaves.


def pools() -> frozenset[Address]:
    return frozenset({POOL, OTHER_POOL})


async def test_follower__a_dropped_socket__loses_no_block(fake: FakeNode) -> None:
    async with (
        a_node([fake.ws_url], 1, poll_seconds=5) as node,
        listening(node.follower, genesis(fake), pools) as feed,
    ):
        await fake.subscribed.wait()
        fake.subscribed.clear()
        await fake.drop_sockets()
        first = fake.add(POOL)
        async with asyncio.timeout(10):
            await fake.subscribed.wait()
        second = fake.add()
        await fake.announce()
        assert await feed.blocks(2) == [first, second]


async def test_follower__a_pushed_head__is_followed_without_a_poll(fake: FakeNode) -> None:
    async with (
        a_node([fake.ws_url], 1, poll_seconds=60) as node,
        listening(node.follower, genesis(fake), pools) as feed,
    ):
        await fake.subscribed.wait()
        block = fake.add()
        await fake.announce()
        assert await feed.blocks(1) == [block]


async def test_follower__a_node_away_for_a_while__is_followed_when_it_is_back(
    fake: FakeNode,
) -> None:
    async with (
        a_node([fake.ws_url, fake.http_url], 1) as node,
        listening(node.follower, genesis(fake), pools) as feed,
    ):
        before = fake.add()
        assert await feed.blocks(1) == [before]
        await fake.stop()
        await asyncio.sleep(0.5)
        blocks = [fake.add(POOL), fake.add()]
        await fake.start()
        assert await feed.blocks(2) == blocks


async def test_follower__the_same_head_again__brings_nothing(fake: FakeNode) -> None:
    async with (
        a_node([fake.ws_url], 1) as node,
        listening(node.follower, genesis(fake), pools) as feed,
    ):
        await fake.subscribed.wait()
        block = fake.add()
        await fake.announce()
        await fake.announce()
        assert await feed.blocks(1) == [block]
        assert await feed.quiet(0.5)


async def test_follower__a_bloom_that_excludes_us__saves_the_question(fake: FakeNode) -> None:
    async with (
        a_node([fake.http_url], 1) as node,
        listening(node.follower, genesis(fake), pools) as feed,
    ):
        fake.add(an_address("a stranger"))
        await feed.blocks(1)
    assert "eth_getLogs" not in fake.asked


async def test_follower__an_empty_bloom_over_transactions__excludes_nothing(
    fake: FakeNode,
) -> None:
    fake.add(POOL, changed={"logsBloom": "0x" + "0" * 512})
    async with (
        a_node([fake.http_url], 1) as node,
        listening(node.follower, genesis(fake), pools) as feed,
    ):
        [event] = await feed.take(1)
    assert isinstance(event, BlockAdded)
    assert len(event.logs) == 1


async def test_follower__no_logs_under_a_matching_bloom__asks_the_other_endpoint(
    fake: FakeNode, other: FakeNode
) -> None:
    for node_ in (fake, other):
        node_.add(POOL)
    fake.results["eth_getLogs"] = []
    async with (
        a_node([fake.http_url, other.http_url], 1) as node,
        listening(node.follower, genesis(fake), pools) as feed,
    ):
        [event] = await feed.take(1)
    assert isinstance(event, BlockAdded)
    assert len(event.logs) == 1


async def test_follower__no_logs_under_a_bloom_that_tells_of_some__is_never_believed(
    fake: FakeNode,
) -> None:
    fake.add(POOL)
    fake.results["eth_getLogs"] = []
    async with (
        a_node([fake.http_url], 1) as node,
        listening(node.follower, genesis(fake), pools) as feed,
    ):
        assert await feed.quiet(2)
        assert "its bloom tells of more than 0" in node.follower.waiting_for
        del fake.results["eth_getLogs"]
        [event] = await feed.take(1)
    assert isinstance(event, BlockAdded)
    assert len(event.logs) == 1


@pytest.mark.parametrize("left_out", [0, 1, 2])
async def test_follower__one_log_left_out__is_never_believed(fake: FakeNode, left_out: int) -> None:
    fake.add(POOL, OTHER_POOL, an_address("a stranger"))
    logs = fake.blocks[-1].logs()
    fake.results["eth_getLogs"] = logs[:left_out] + logs[left_out + 1 :]
    async with (
        a_node([fake.http_url], 1) as node,
        listening(node.follower, genesis(fake), pools) as feed,
    ):
        assert await feed.quiet(2)
        assert "logs of block 1 are missing" in node.follower.waiting_for
        del fake.results["eth_getLogs"]
        [event] = await feed.take(1)
    assert isinstance(event, BlockAdded)
    assert [log.address for log in event.logs] == [POOL, OTHER_POOL]


async def test_follower__told_not_to_prove_logs__asks_for_its_own_alone(fake: FakeNode) -> None:
    fake.refuses_whole_blocks = True
    fake.add(POOL)
    async with (
        a_node([fake.http_url], 1, prove_logs=False) as node,
        listening(node.follower, genesis(fake), pools) as feed,
    ):
        [event] = await feed.take(1)
    assert isinstance(event, BlockAdded)
    assert len(event.logs) == 1
    assert fake.asked.count("eth_getLogs") == 1


async def test_follower__no_logs_said_twice_where_whole_blocks_are_refused__is_believed(
    fake: FakeNode,
) -> None:
    fake.refuses_whole_blocks = True
    fake.add(POOL)
    fake.add(changed={"logsBloom": fake.blocks[-1].header()["logsBloom"]})
    async with (
        a_node([fake.http_url], 1) as node,
        listening(node.follower, genesis(fake), pools) as feed,
    ):
        with_logs, without = await feed.take(2)
    assert isinstance(with_logs, BlockAdded)
    assert len(with_logs.logs) == 1
    assert without == BlockAdded(fake.blocks[-1].ref, ())
    assert fake.asked.count("eth_getLogs") == 5  # refused, told; refused, told nothing twice


WRONG_LOGS = {
    "of another block": {"blockHash": "0x" + "77" * 32},
    "of another address": {"address": an_address("a stranger")},
    "removed": {"removed": True},
    "in disorder": {"logIndex": "0x9"},
    "without a hash": {"blockHash": None},
}


@pytest.mark.parametrize("wrong", WRONG_LOGS.values(), ids=WRONG_LOGS.keys())
async def test_follower__logs_that_do_not_fit_the_question__are_not_believed(
    fake: FakeNode, wrong: dict[str, Any]
) -> None:
    fake.add(POOL, OTHER_POOL)
    first, second = fake.blocks[-1].logs()
    fake.results["eth_getLogs"] = [first | wrong, second]
    async with (
        a_node([fake.http_url], 1) as node,
        listening(node.follower, genesis(fake), pools) as feed,
    ):
        assert await feed.quiet(0.5)
        del fake.results["eth_getLogs"]
        [event] = await feed.take(1)
    assert isinstance(event, BlockAdded)
    assert len(event.logs) == 2


async def test_follower__failover_to_a_node_that_lags__reverts_nothing(
    fake: FakeNode, other: FakeNode
) -> None:
    for node_ in (fake, other):
        node_.add()
    fake.add()
    fake.add()
    async with (
        a_node([fake.http_url, other.http_url], 1) as node,
        listening(node.follower, genesis(fake), pools) as feed,
    ):
        await feed.blocks(3)
        fake.fault = "500"
        assert await feed.quiet(1.5)
        assert node.follower.newest_head == other.blocks[-1].ref


async def test_follower__a_stale_head_for_a_moment__reverts_nothing(fake: FakeNode) -> None:
    fake.add()
    fake.add()
    async with (
        a_node([fake.http_url], 1) as node,
        listening(node.follower, genesis(fake), pools) as feed,
    ):
        await feed.blocks(2)
        hidden = fake.blocks.pop()
        await asyncio.sleep(0.15)
        fake.blocks.append(hidden)
        assert await feed.quiet(0.5)


async def test_follower__a_node_stuck_at_its_head__is_left_for_another(
    fake: FakeNode, other: FakeNode
) -> None:
    block = other.add()
    async with (
        a_node([fake.ws_url, other.http_url], 1, silence_seconds=0.5) as node,
        listening(node.follower, genesis(fake), pools) as feed,
    ):
        assert await feed.blocks(1) == [block]


async def test_follower__a_node_that_syncs_from_scratch__is_not_a_deep_reorganisation(
    fake: FakeNode,
) -> None:
    tail = [fake.add(), fake.add(), fake.add()]
    del fake.blocks[1:]
    async with (
        a_node([fake.http_url], 1) as node,
        listening(node.follower, tail[1:], pools) as feed,
    ):
        assert await feed.quiet(0.5)


async def test_follower__one_endpoint_on_another_chain_altogether__is_not_a_deep_reorganisation(
    fake: FakeNode, other: FakeNode
) -> None:
    tail = [fake.add(), fake.add()]
    other.blocks = list(fake.blocks)
    del fake.blocks[1:]
    for _ in range(3):
        fake.add(fork="b")
    async with (
        a_node([fake.http_url, other.http_url], 1) as node,
        listening(node.follower, tail, pools) as feed,
    ):
        assert await feed.quiet(0.5)


async def test_follower__no_finality_tag__finalises_below_the_window(fake: FakeNode) -> None:
    async with (
        a_node([fake.http_url], 1, reorg_window=3) as node,
        listening(node.follower, genesis(fake), pools) as feed,
    ):
        for _ in range(5):
            fake.add()
            await feed.blocks(1)
        await feed.quiet(0.3)
    assert feed.finalized == [0, 1, 2]


async def test_follower__a_final_block_above_our_newest__finalises_our_newest_only(
    fake: FakeNode,
) -> None:
    fake.finalized = 5
    fake.headers[5] = FakeBlock(a_block(number=5)).header()
    fake.add()
    async with (
        a_node([fake.http_url], 1) as node,
        listening(node.follower, genesis(fake), pools) as feed,
    ):
        await feed.blocks(1)
        await feed.quiet(0.2)
    assert feed.finalized == [1]


async def test_follower__a_foreign_final_block__finalises_nothing(fake: FakeNode) -> None:
    fake.finalized = 1
    fake.add()
    async with (
        a_node([fake.http_url], 1) as node,
        listening(node.follower, genesis(fake), pools) as feed,
    ):
        await feed.blocks(1)
        fake.finalized, fake.headers[2] = 2, FakeBlock(a_block(number=2, fork="b")).header()
        fake.add()
        await feed.quiet(0.2)
    assert feed.finalized == [1]


async def test_follower__a_range_limit__is_met_by_halving(fake: FakeNode) -> None:
    for index in range(60):
        fake.add(*([POOL] if index % 7 == 0 else []))
    fake.finalized, fake.widest_range = 60, 9
    async with (
        a_node([fake.http_url], 1) as node,
        listening(node.follower, genesis(fake), pools) as feed,
    ):
        events = await feed.take(60)
    logged = [len(event.logs) for event in events if isinstance(event, BlockAdded)]
    assert logged == [1 if index % 7 == 0 else 0 for index in range(60)]


async def test_follower__a_reorganisation_to_a_shorter_branch__is_followed(
    fake: FakeNode,
) -> None:
    old = [fake.add(), fake.add(), fake.add()]
    async with (
        a_node([fake.http_url], 1) as node,
        listening(node.follower, genesis(fake), pools) as feed,
    ):
        await feed.blocks(3)
        del fake.blocks[2:]
        new = fake.add(POOL, fork="b")
        [reverted, added] = await feed.take(2)
    assert reverted == BlocksReverted((old[2], old[1]), old[0])
    assert isinstance(added, BlockAdded)
    assert added.block == new
