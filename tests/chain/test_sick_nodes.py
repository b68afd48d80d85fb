"""Nodes that answer, and mislead: nothing they say is believed, ends the daemon or makes it ask
without end."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from builders import an_address
from fake_node import FakeNode
from feed_listener import listening

from monitor.chain.node import Node, NodeSettings
from monitor.core.blocks import BlockAdded, BlockRef
from monitor.core.units import Address
from monitor.library import abi_library

POOL = an_address("pool")


def pool() -> frozenset[Address]:
    return frozenset({POOL})


@asynccontextmanager
async def a_node(*urls: str, **settings: Any) -> AsyncIterator[Node]:
    quick = {"poll_seconds": 0.1, "timeout_seconds": 0.5, **settings}
    aggregate3 = abi_library("multicall3/Multicall3").functions["aggregate3"]
    node = Node(NodeSettings(urls, 1, **quick), aggregate3, lambda *_: None)
    try:
        yield node
    finally:
        await node.close()


@pytest.fixture
async def fake() -> AsyncIterator[FakeNode]:
    async with FakeNode() as fake:
        yield fake


@pytest.fixture
async def other(fake: FakeNode) -> AsyncIterator[FakeNode]:
    """A second node with the same blocks, until one of them mines."""
    async with FakeNode(blocks=list(fake.blocks)) as other:
        yield other


def genesis(fake: FakeNode) -> list[BlockRef]:
    return [fake.blocks[0].ref]


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(15):
        while True:
            if is_so():
                return
            await asyncio.sleep(0.02)


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
        a_node(url) as node,
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
        a_node(getattr(fake, transport)) as node,
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
        a_node(url) as node,
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
        a_node(url) as node,
        listening(node.follower, genesis(fake), pool) as feed,
    ):
        fake.add(POOL)
        await feed.take(1)
        fake.chain_id = 5
        await until(lambda: "serves chain 5" in node.clock.waiting_for)
