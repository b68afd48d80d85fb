"""Nodes that answer, and mislead: nothing they say is believed, ends the daemon or makes it ask
without end."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from builders import an_address
from fake_node import FakeNode
from feed_listener import listening
from quick_node import genesis, quick_node, until

from monitor.chain.follower import SPAN_BLOCKS
from monitor.chain.heads import MOST_UNPUSHED
from monitor.core.blocks import BlockAdded, BlocksReverted
from monitor.core.units import Address

POOL = an_address("pool")


def pool() -> frozenset[Address]:
    return frozenset({POOL})


# Errors that make no sense as an answer.


@pytest.mark.parametrize(
    "method", ["eth_chainId", "eth_getBlockByNumber", "eth_getLogs", "eth_subscribe"]
)
@pytest.mark.parametrize(
    ("code", "message"),
    [
        (3, "execution reverted"),
        (-32000, "stack limit reached"),
        (-32000, "missing trie node 12ab"),
        (4444, "pruned history unavailable"),
        (-32001, "resource not found"),
        (-32601, "method not found"),
    ],
)
async def test_error__that_fits_no_question__is_waited_out(
    fake: FakeNode, method: str, code: int, message: str
) -> None:
    fake.errors[method] = {"code": code, "message": message}
    url = fake.ws_url if method == "eth_subscribe" else fake.http_url
    async with (
        quick_node(url) as node,
        listening(node.follower, genesis(fake), pool) as feed,
    ):
        asked = len(fake.asked)
        block = fake.add(POOL)
        if method != "eth_subscribe":  # without it heads are polled
            await until(lambda: message in node.follower.waiting_for + node.clock.waiting_for)
            assert feed.events.empty()
            fake.errors.clear()
        [event] = await feed.take(1)
        assert len(fake.asked) - asked < 40
    assert isinstance(event, BlockAdded)
    assert event.block == block
    assert len(event.logs) == 1


@pytest.mark.parametrize("transport", ["http_url", "ws_url"])
async def test_error__that_quotes_the_key__hides_it(fake: FakeNode, transport: str) -> None:
    fake.errors["eth_getLogs"] = {"code": -32099, "message": "key secret-key is used up"}
    fake.errors["eth_subscribe"] = {"code": -32099, "message": "secret-key has no subscriptions"}
    fake.add(POOL)
    async with (
        quick_node(getattr(fake, transport)) as node,
        listening(node.follower, genesis(fake), pool),
    ):
        await until(lambda: "is used up" in node.follower.waiting_for)
        assert "key <key> is used up" in node.follower.waiting_for


# How much is asked.


@asynccontextmanager
async def without_keep_alive(fake: FakeNode) -> AsyncIterator[str]:
    """The URL of a proxy before the node that closes each connection after one answer."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        [length] = [line for line in head.lower().split(b"\r\n") if b"content-length" in line]
        body = await reader.readexactly(int(length.partition(b":")[2]))
        from_node, to_node = await asyncio.open_connection("127.0.0.1", fake.port)
        to_node.write(head[:-2] + b"Connection: close\r\n\r\n" + body)
        writer.write(await from_node.read())
        await writer.drain()
        for stream in (writer, to_node):
            stream.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}/secret-key"
    finally:
        server.close()


async def test_requests__to_a_node_without_keep_alive__are_hardly_more(fake: FakeNode) -> None:
    async with (
        without_keep_alive(fake) as url,
        quick_node(url) as node,
        listening(node.follower, genesis(fake), pool) as feed,
    ):
        for _ in range(10):
            fake.add(POOL)
            await feed.take(1)
    assert fake.asked.count("eth_getLogs") == 10
    assert fake.asked.count("eth_chainId") <= 3  # once in five seconds, not at each connection


async def test_requests__to_a_node_that_now_serves_another_chain__are_not_believed_for_long(
    fake: FakeNode,
) -> None:
    async with (
        without_keep_alive(fake) as url,
        quick_node(url) as node,
        listening(node.follower, genesis(fake), pool) as feed,
    ):
        fake.add(POOL)
        await feed.take(1)
        fake.chain_id = 5
        await until(lambda: "serves chain 5" in node.clock.waiting_for)


# Far behind.


async def test_catch_up__in_its_midst__knows_the_head_of_now(fake: FakeNode) -> None:
    for _ in range(3 * SPAN_BLOCKS):
        fake.add()
    fake.finalized = 3 * SPAN_BLOCKS
    heads = {}
    async with quick_node(fake.http_url) as node:
        async for event in node.follower.follow(genesis(fake), pool):
            if isinstance(event, BlockAdded):
                number, newest = event.block.number, node.follower.newest_head
                heads[number] = None if newest is None else newest.number
                if number == SPAN_BLOCKS // 2:
                    fake.add()
                if number > 3 * SPAN_BLOCKS:
                    break
    assert heads[SPAN_BLOCKS] == 3 * SPAN_BLOCKS
    assert heads[2 * SPAN_BLOCKS] == 3 * SPAN_BLOCKS + 1


# Chains that differ, and nodes that take turns.


async def test_fork__of_the_second_endpoint_that_stands__is_not_followed_for_a_blink_of_the_first(
    fake: FakeNode, other: FakeNode
) -> None:
    for node_, name in ((fake, "a"), (other, "b")):
        for _ in range(4):
            node_.add(fork=name)
    newest = [fake.blocks[0].ref]
    async with (
        quick_node(fake.http_url, other.http_url) as node,
        listening(node.follower, genesis(fake), pool) as feed,
    ):
        newest += await feed.blocks(4)
        watching = asyncio.create_task(node.agreement.watch(lambda: newest[-1]))
        await until(lambda: node.agreement.standing is not None)
        fake.fault, fake.faults_left = "500", 2
        for node_, name in ((fake, "a"), (other, "b")):
            node_.add(fork=name)
        # Only what the first endpoint has comes, and no reorganisation to and fro.
        assert await feed.blocks(1) == [fake.blocks[-1].ref]
        fake.fault, fake.faults_left = "500", None
        other.add(fork="b")
        await until(lambda: "the endpoints disagree about block" in node.follower.waiting_for)
        assert await feed.quiet(3)  # ten looks, and still nobody's word but that of the other chain
        assert node.agreement.standing is not None
        watching.cancel()


async def test_fork__above_what_the_endpoints_disagree_about__is_followed(
    fake: FakeNode, other: FakeNode
) -> None:
    for node_, name in ((fake, "a"), (other, "b")):
        for _ in range(4):
            node_.add(fork=name)
    async with (
        quick_node(fake.http_url, other.http_url) as node,
        listening(node.follower, genesis(fake), pool) as feed,
    ):
        blocks = await feed.blocks(4)
        watching = asyncio.create_task(node.agreement.watch(lambda: blocks[0]))
        await until(lambda: node.agreement.standing is not None)
        del fake.blocks[-1]
        new = [fake.add(fork="c"), fake.add()]
        [reverted, *added] = await feed.take(3)
        watching.cancel()
    assert reverted == BlocksReverted((blocks[3],), blocks[2])
    assert [event.block for event in added if isinstance(event, BlockAdded)] == new


@pytest.mark.parametrize("turns_behind", [3, 8])
async def test_balancer__whose_lagging_node_answers_some_times_in_a_row__reverts_nothing(
    fake: FakeNode, monkeypatch: pytest.MonkeyPatch, turns_behind: int
) -> None:
    newest = [fake.add() for _ in range(3)][-1]
    whole = fake._block
    turns = 0

    def mixed(name: str) -> dict[str, Any] | None:
        nonlocal turns
        if name == "latest":
            return whole(hex(2 if turns else 3))
        if name == hex(3) and turns:
            turns -= 1
            return None
        return whole(name)

    async with (
        quick_node(fake.http_url) as node,
        listening(node.follower, genesis(fake), pool) as feed,
    ):
        await feed.blocks(3)

        def is_over() -> bool:
            return turns == 0 and node.follower.newest_head == newest

        monkeypatch.setattr(fake, "_block", mixed)
        for _ in range(3):
            turns = turns_behind
            await until(is_over)
        assert await feed.quiet(0.5)


# A socket that answers, and pushes nothing.


async def test_socket__that_pushes_no_head__is_opened_anew_and_polled_faster_meanwhile(
    fake: FakeNode,
) -> None:
    async with (
        quick_node(fake.ws_url, poll_seconds=0.2) as node,
        listening(node.follower, genesis(fake), pool) as feed,
    ):
        await fake.subscribed.wait()
        fake.subscribed.clear()
        for _ in range(MOST_UNPUSHED):
            fake.add(POOL)
            await feed.take(1)
        async with asyncio.timeout(5):
            await fake.subscribed.wait()
        started = time.monotonic()
        for _ in range(6):
            fake.add(POOL)
            await feed.take(1)
        assert time.monotonic() - started < 6 * 2 * 0.2  # a poll each, not three
        block = fake.add(POOL)
        await fake.announce()
        assert await feed.blocks(1) == [block]


# Values beyond all measure.


@pytest.mark.parametrize(
    "wrong",
    [
        {"topics": ["0xzz"]},
        {"topics": ["0x1"]},
        {"topics": ["\u00e9"]},
        {"address": "nobody"},
        {"address": "0x" + "a1" * 21},
        {"data": "0xzz"},
        {"data": "0x123"},
    ],
    ids=str,
)
async def test_logs__that_are_no_hex__are_not_believed(
    fake: FakeNode, wrong: dict[str, Any]
) -> None:
    fake.add(POOL, an_address("a stranger"))
    first, second = fake.blocks[-1].logs()
    fake.results["eth_getLogs"] = [first, second | wrong]
    async with (
        quick_node(fake.http_url) as node,
        listening(node.follower, genesis(fake), pool) as feed,
    ):
        await until(lambda: "endpoint 0" in node.follower.waiting_for)
        assert feed.events.empty()
        fake.results.clear()
        [event] = await feed.take(1)
    assert isinstance(event, BlockAdded)
    assert len(event.logs) == 1


@pytest.mark.parametrize(
    "wrong", [{"number": hex(1 << 2000)}, {"number": hex(1 << 63)}, {"timestamp": hex(1 << 40)}]
)
async def test_head__beyond_all_measure__is_not_believed(
    fake: FakeNode, wrong: dict[str, Any]
) -> None:
    async with (
        quick_node(fake.ws_url) as node,
        listening(node.follower, genesis(fake), pool) as feed,
    ):
        await fake.subscribed.wait()
        fake.results["eth_getBlockByNumber"] = fake.blocks[0].header() | wrong
        await fake.announce(fake.results["eth_getBlockByNumber"])
        await until(lambda: "expected a block header" in node.clock.waiting_for)
        fake.results.clear()
        block = fake.add(POOL)
        assert await feed.blocks(1) == [block]
        assert node.follower.newest_head == block
