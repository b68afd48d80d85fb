"""The follower where heads lie, chains turn as deep as they may, and nothing new is mined."""

from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from bare_chain import REGISTER, BareChain
from builders import a_block, an_address
from devnet import Anvil
from fake_node import FakeBlock, FakeNode
from feed_listener import listening
from quick_node import genesis, quick_node, until

from monitor.chain.follower import SPAN_BLOCKS
from monitor.chain.node import Node
from monitor.core.blocks import BlockAdded, BlockRef, BlocksReverted
from monitor.core.units import Address
from monitor.errors import DeepReorg

POOL = an_address("pool")
WINDOW = 5


def pool() -> frozenset[Address]:
    return frozenset({POOL})


def register() -> frozenset[Address]:
    return frozenset({REGISTER})


def a_node(*urls: str, **settings: Any) -> AbstractAsyncContextManager[Node]:
    return quick_node(*urls, **{"reorg_window": WINDOW, **settings})


def fork(node: FakeNode, since: int, name: str = "b") -> list[BlockRef]:
    """Give a node other blocks from a height on, and one more."""
    count = len(node.blocks) - since
    del node.blocks[since:]
    return [node.add(fork=name) for _ in range(count + 1)]


async def waits_for(node: Node, words: str) -> str:
    """What the follower says it waits for, once the words are in it."""
    await until(lambda: words in node.follower.waiting_for)
    return node.follower.waiting_for


# Turns of the chain.


@pytest.mark.parametrize("transport", ["http_url", "ws_url"])
@pytest.mark.parametrize("mined_at_once", [0, 1])
async def test_reorg__of_the_same_height__the_next_block_follows_the_new_one(
    transport: str, mined_at_once: int
) -> None:
    async with Anvil() as anvil:
        chain = BareChain(anvil)
        await chain.put_contracts()
        url = getattr(anvil, transport)
        async with (
            a_node(url, chain_id=31337, timeout_seconds=10) as node,
            listening(node.follower, [await chain.newest()], register) as feed,
        ):
            await chain.mine(2)
            [below, old] = await feed.blocks(2)
            await anvil.rpc("anvil_reorg", 1, [])
            await chain.mine(mined_at_once)
            [reverted] = await feed.take(1)
            new = await feed.blocks(1 + mined_at_once)
            await chain.write(7)
            newest = await chain.mine()
            [last] = await feed.take(1)
    assert reverted == BlocksReverted((old,), below)
    assert new[0].number == old.number
    assert new[0].hash != old.hash
    assert isinstance(last, BlockAdded)
    assert last.block == newest
    assert last.block.parent_hash == new[-1].hash
    assert [int(log.data, 16) for log in last.logs] == [7]


async def test_reorg__as_deep_as_the_window__is_followed(fake: FakeNode) -> None:
    old = [fake.add() for _ in range(8)]
    async with (
        a_node(fake.http_url) as node,
        listening(node.follower, genesis(fake), pool) as feed,
    ):
        await feed.blocks(8)
        new = fork(fake, since=9 - WINDOW)
        [reverted] = await feed.take(1)
        added = await feed.blocks(WINDOW + 1)
    assert reverted == BlocksReverted(tuple(reversed(old[-WINDOW:])), old[-WINDOW - 1])
    assert added == new


async def test_reorg__one_deeper_than_the_window__stops_and_says_what_to_do(
    fake: FakeNode,
) -> None:
    old = [fake.add() for _ in range(8)]
    async with (
        a_node(fake.http_url) as node,
        listening(node.follower, genesis(fake), pool) as feed,
    ):
        await feed.blocks(8)
        fork(fake, since=8 - WINDOW)
        with pytest.raises(DeepReorg) as caught:
            await feed.take(1)
    oldest = old[-WINDOW - 1]
    assert f"block {oldest.number} {oldest.hash} is no longer in the chain" in str(caught.value)
    assert "check the node" in str(caught.value)


async def test_reorg__too_deep_while_an_endpoint_is_silent__waits_for_its_word(
    fake: FakeNode, other: FakeNode
) -> None:
    for _ in range(8):
        fake.add()
    other.blocks = list(fake.blocks)
    async with (
        a_node(fake.http_url, other.http_url) as node,
        listening(node.follower, genesis(fake), pool) as feed,
    ):
        await feed.blocks(8)
        other.fault = "500"
        fork(fake, since=1)
        said = await waits_for(node, "is no longer in an endpoint's chain")
        assert "endpoints 1 do not say" in said
        other.blocks, other.fault = list(fake.blocks), None
        with pytest.raises(DeepReorg):
            await feed.take(1)


async def test_reorg__a_balancer_that_serves_another_chain_for_a_while__is_none(
    fake: FakeNode,
) -> None:
    for _ in range(8):
        fake.add()
    async with (
        a_node(fake.http_url) as node,
        listening(node.follower, genesis(fake), pool) as feed,
    ):
        await feed.blocks(8)
        right = list(fake.blocks)
        fake.chain_id, fake.blocks = 5, [FakeBlock(a_block(number=0, fork="another"))]
        for _ in range(12):
            fake.add()
        await waits_for(node, "serves chain 5, expected 1")
        fake.chain_id, fake.blocks = 1, right
        block = fake.add(POOL)
        assert await feed.blocks(1) == [block]
        await until(lambda: not node.follower.waiting_for)


# Heads that mislead.


async def test_head__pushed_late__changes_nothing(fake: FakeNode) -> None:
    async with (
        a_node(fake.ws_url, poll_seconds=0.5) as node,
        listening(node.follower, genesis(fake), pool) as feed,
    ):
        await fake.subscribed.wait()
        blocks = [fake.add() for _ in range(3)]
        await fake.announce()
        assert await feed.blocks(3) == blocks
        await fake.announce(fake.blocks[1].header())
        assert await feed.quiet(0.3)
        assert node.follower.newest_head == blocks[-1]


async def test_head__that_skips_some__brings_all_of_them(fake: FakeNode) -> None:
    async with (
        a_node(fake.ws_url, poll_seconds=60) as node,
        listening(node.follower, genesis(fake), pool) as feed,
    ):
        await fake.subscribed.wait()
        blocks = [fake.add(POOL) for _ in range(5)]
        await fake.announce()
        assert await feed.blocks(5) == blocks


@pytest.mark.parametrize("ahead", [1, 3, 1000])
async def test_head__of_a_block_nobody_serves__holds_nothing_up_and_finalises_nothing(
    fake: FakeNode, ahead: int
) -> None:
    for _ in range(30):
        fake.add()
    async with (
        a_node(fake.ws_url, poll_seconds=0.3) as node,
        listening(node.follower, genesis(fake), pool) as feed,
    ):
        await feed.blocks(30)
        phantom = FakeBlock(a_block(number=30 + ahead, fork="phantom"))
        await fake.announce(phantom.header())
        block = fake.add(POOL)
        assert await feed.blocks(1) == [block]
        await until(lambda: node.follower.newest_head == block)
        await until(lambda: not node.follower.waiting_for)
    assert max(feed.finalized) <= block.number - WINDOW


async def test_head__far_too_high_while_much_is_due__makes_nothing_final_too_soon(
    fake: FakeNode,
) -> None:
    async with (
        a_node(fake.ws_url, poll_seconds=5) as node,
        listening(node.follower, genesis(fake), pool) as feed,
    ):
        await fake.subscribed.wait()
        blocks = [fake.add() for _ in range(SPAN_BLOCKS + 2)]
        await fake.announce(FakeBlock(a_block(number=10_000, fork="phantom")).header())
        assert await feed.blocks(len(blocks)) == blocks
        await until(lambda: bool(feed.finalized))
    assert max(feed.finalized) <= blocks[-1].number - WINDOW


async def test_head__of_a_block_nobody_serves__is_forgotten_on_an_idle_chain(
    fake: FakeNode,
) -> None:
    block = fake.add()
    async with (
        a_node(fake.ws_url, poll_seconds=0.3) as node,
        listening(node.follower, genesis(fake), pool) as feed,
    ):
        await feed.blocks(1)
        await fake.subscribed.wait()
        await fake.announce(FakeBlock(a_block(number=2, fork="phantom")).header())
        await waits_for(node, "a block it should have is not there")
        await until(lambda: node.follower.newest_head == block)
        await until(lambda: not node.follower.waiting_for)
        assert feed.events.empty()


# What is final.


async def test_finality__on_a_chain_that_stands_still__is_told(fake: FakeNode) -> None:
    fake.finalized = 1
    for _ in range(4):
        fake.add()
    async with (
        a_node(fake.http_url) as node,
        listening(node.follower, genesis(fake), pool) as feed,
    ):
        await feed.blocks(4)
        await until(lambda: feed.finalized == [1])
        fake.finalized = 3
        await until(lambda: feed.finalized == [1, 3])
        assert feed.events.empty()


async def test_catch_up__endpoints_that_disagree_about_the_final_block__waits_and_says_so(
    fake: FakeNode, other: FakeNode
) -> None:
    for _ in range(40):
        fake.add(POOL)
    other.blocks = list(fake.blocks)
    fork(other, since=20)
    fake.finalized = other.finalized = 30
    async with (
        a_node(fake.http_url, other.http_url) as node,
        listening(node.follower, genesis(fake), pool) as feed,
    ):
        said = await waits_for(node, "the endpoints disagree about block 30")
        assert feed.events.empty()
        assert fake.blocks[30].ref.hash in said
        assert other.blocks[30].ref.hash in said
        other.blocks = list(fake.blocks)
        assert await feed.blocks(40) == [block.ref for block in fake.blocks[1:]]


@pytest.mark.parametrize("fault", ["500", "hang"])
async def test_catch_up__with_one_endpoint_down__goes_on(
    fake: FakeNode, other: FakeNode, fault: str
) -> None:
    for _ in range(40):
        fake.add(POOL)
    fake.finalized, other.fault = 30, fault
    async with (
        a_node(fake.http_url, other.http_url) as node,
        listening(node.follower, genesis(fake), pool) as feed,
    ):
        assert len(await feed.blocks(40)) == 40


async def test_catch_up__a_range_that_leaves_logs_out__is_mended_by_the_other_endpoint(
    fake: FakeNode, other: FakeNode
) -> None:
    for number in range(40):
        fake.add(*([POOL] if number % 3 else []))
    other.blocks = list(fake.blocks)
    fake.finalized = other.finalized = 38
    fake.results["eth_getLogs"] = []
    async with (
        a_node(fake.http_url, other.http_url) as node,
        listening(node.follower, genesis(fake), pool) as feed,
    ):
        events = await feed.take(38)
    logged = [len(event.logs) for event in events if isinstance(event, BlockAdded)]
    assert logged == [1 if number % 3 else 0 for number in range(38)]


async def test_logs__marked_as_removed__are_asked_of_the_other_endpoint(
    fake: FakeNode, other: FakeNode
) -> None:
    fake.add(POOL)
    other.blocks = list(fake.blocks)
    [log] = fake.blocks[-1].logs()
    fake.results["eth_getLogs"] = [log | {"removed": True}]
    async with (
        a_node(fake.http_url, other.http_url) as node,
        listening(node.follower, genesis(fake), pool) as feed,
    ):
        [event] = await feed.take(1)
    assert isinstance(event, BlockAdded)
    assert len(event.logs) == 1
    assert "eth_getLogs" in fake.asked
    assert "eth_getLogs" in other.asked
