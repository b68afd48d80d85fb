"""The two transports by themselves, against nodes that mean harm."""

import asyncio
import gzip
import json
import tracemalloc
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import msgspec
import pytest
from aiohttp import web
from fake_node import FakeNode
from fault_proxy import Fault, FaultProxy, Json

from monitor.chain.faults import RateLimited, RpcRefused, RpcTimeout
from monitor.chain.rpc import Call, HttpTransport, Reply, retry_after_seconds
from monitor.chain.websocket import WebSocketTransport
from monitor.errors import RpcUnavailable

CHAIN_ID = [Call("eth_chainId")]
NESTED = '{"id":1,"result":' + "[" * 200_000
BOTH = pytest.mark.parametrize("kind", [HttpTransport, WebSocketTransport])
Transport = HttpTransport | WebSocketTransport


@pytest.fixture
async def node() -> AsyncIterator[FakeNode]:
    async with FakeNode() as node:
        yield node


@pytest.fixture
async def proxy(node: FakeNode) -> AsyncIterator[FaultProxy]:
    async with FaultProxy(node.http_url, node.ws_url) as proxy:
        yield proxy


@asynccontextmanager
async def transport(
    kind: type[Transport], at: FakeNode | FaultProxy, **limits: Any
) -> AsyncIterator[Transport]:
    url = at.http_url if kind is HttpTransport else at.ws_url
    made = kind("endpoint 0", url, **({"timeout_seconds": 2.0} | limits))
    try:
        yield made
    finally:
        await made.drop("the test is over")


@asynccontextmanager
async def socket(at: FakeNode | FaultProxy, **limits: Any) -> AsyncIterator[WebSocketTransport]:
    async with transport(WebSocketTransport, at, **limits) as made:
        assert isinstance(made, WebSocketTransport)
        yield made


def results(replies: Sequence[Reply]) -> list[Any]:
    return [msgspec.json.decode(reply.result) for reply in replies]


def head(number: int, subscription: object = "0x1", padding: str = "") -> str:
    params = {"subscription": subscription, "result": {"number": number, "padding": padding}}
    return json.dumps({"jsonrpc": "2.0", "method": "eth_subscription", "params": params})


async def number_of(raw: msgspec.Raw) -> int:
    found: int = msgspec.json.decode(raw)["number"]
    return found


@BOTH
@pytest.mark.parametrize(
    ("header", "seconds"), [(None, None), ("7", 7.0), ("soon", None), ("-1", None), ("1e9", None)]
)
async def test_429__with_a_retry_after__says_how_long(
    proxy: FaultProxy, kind: type[Transport], header: str | None, seconds: float | None
) -> None:
    headers = () if header is None else (("Retry-After", header),)
    proxy.inject(Fault("429", status=429, headers=headers, text="slow down"))
    async with transport(kind, proxy) as made:
        with pytest.raises(RateLimited) as caught:
            await made.exchange(CHAIN_ID)
    assert caught.value.retry_after_seconds == seconds
    assert proxy.hits == 1


def test_retry_after__a_date__is_the_time_until_then() -> None:
    now = datetime(2026, 11, 21, 12, tzinfo=UTC)
    later = format_datetime(now + timedelta(seconds=90), usegmt=True)
    assert retry_after_seconds(later, now.timestamp()) == 90
    assert retry_after_seconds(later, now.timestamp() + 100) == 0


@BOTH
async def test_exchange__bottomless_nesting__is_no_answer_and_the_next_is_taken(
    proxy: FaultProxy, kind: type[Transport]
) -> None:
    async with transport(kind, proxy) as made:
        proxy.inject(Fault("nested", text=NESTED), count=1)
        with pytest.raises(RpcUnavailable, match="not JSON-RPC"):
            await made.exchange(CHAIN_ID)
        assert results(await made.exchange(CHAIN_ID)) == ["0x1"]


@BOTH
async def test_exchange__an_answer_above_the_limit__is_refused_and_the_next_is_taken(
    node: FakeNode, kind: type[Transport]
) -> None:
    node.results["eth_call"] = "0x" + "ab" * 2000
    async with transport(kind, node, max_answer_bytes=2000) as made:
        with pytest.raises(RpcUnavailable, match="exceeds"):
            await made.exchange([Call("eth_call")])
        assert results(await made.exchange(CHAIN_ID)) == ["0x1"]


async def test_http__a_small_body_that_unpacks_to_much__is_refused() -> None:
    bomb = gzip.compress(b" " * 50_000_000)

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=bomb, headers={"Content-Encoding": "gzip"})

    app = web.Application()
    app.router.add_post("/", answer)
    async with AsyncExitStack() as stack:
        runner = web.AppRunner(app)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        made = HttpTransport("endpoint 0", f"http://127.0.0.1:{site.port}/", 5.0, 1_000_000)
        stack.push_async_callback(made.drop, "the test is over")
        assert len(bomb) < 100_000
        with pytest.raises(RpcRefused, match="exceeds 1000000 bytes"):
            await made.exchange(CHAIN_ID)


@BOTH
async def test_connections__after_a_drop__are_counted_anew(
    proxy: FaultProxy, kind: type[Transport]
) -> None:
    async with transport(kind, proxy) as made:
        for _ in range(3):
            await made.exchange(CHAIN_ID)
        assert made.connections == 1
        proxy.drop_connections()
        await asyncio.sleep(0.05)
        await made.exchange(CHAIN_ID)
        assert made.connections == 2


async def test_socket__a_flood_nobody_reads__takes_no_memory_and_delays_no_answer(
    node: FakeNode,
) -> None:
    async with socket(node) as made:
        waiting = asyncio.create_task(made.next_head())
        await node.subscribed.wait()
        await node.say(head(0))
        await waiting
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        for number in range(1, 3001):
            await node.say(head(number, padding="x" * 10_000))
        assert results(await made.exchange(CHAIN_ID)) == ["0x1"]
        grown = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
        assert await number_of(await made.next_head()) == 3000
    assert grown < 3_000_000  # thirty million came


async def test_next_head__of_another_subscription__is_not_ours(node: FakeNode) -> None:
    async with socket(node) as made:
        waiting = asyncio.create_task(made.next_head())
        await node.subscribed.wait()
        for foreign in ("0x2", None, 7, {"a": 1}):
            await node.say(head(1, subscription=foreign))
        await node.say('{"method":"eth_subscription","params":{}}')
        await made.exchange(CHAIN_ID)  # by now all of them have been read
        assert not waiting.done()
        await node.say(head(2))
        assert await number_of(await waiting) == 2


async def test_next_head__in_a_binary_frame__is_taken(node: FakeNode) -> None:
    async with socket(node) as made:
        waiting = asyncio.create_task(made.next_head())
        await node.subscribed.wait()
        await node.say(head(1).encode())
        assert await number_of(await waiting) == 1


async def test_next_head__after_a_drop__comes_from_a_new_subscription(
    node: FakeNode, proxy: FaultProxy
) -> None:
    async with socket(proxy) as made:
        waiting = asyncio.create_task(made.next_head())
        await node.subscribed.wait()
        node.subscribed.clear()
        proxy.drop_connections()
        with pytest.raises(RpcUnavailable, match="closed"):
            await waiting
        waiting = asyncio.create_task(made.next_head())
        await node.subscribed.wait()
        await node.say(head(6))
        assert await number_of(await waiting) == 6
        assert made.connections == 2


async def test_next_head__refused__says_so_each_time_and_keeps_the_connection(
    node: FakeNode,
) -> None:
    async with socket(node) as made:
        node.errors["eth_subscribe"] = {"code": -32601, "message": "no such method"}
        for _ in range(2):
            with pytest.raises(RpcRefused, match="no such method"):
                await made.next_head()
        del node.errors["eth_subscribe"]
        waiting = asyncio.create_task(made.next_head())
        await node.subscribed.wait()
        await node.say(head(5))
        assert await number_of(await waiting) == 5
        assert made.connections == 1


async def test_next_head__asked_again_before_the_answer__subscribes_once(
    proxy: FaultProxy,
) -> None:
    async def swallow(_: FaultProxy, request: Json, answer: Json) -> Json | None:
        return None if request["method"] == "eth_subscribe" else answer

    proxy.inject(Fault("no answer to eth_subscribe", edit=swallow))
    async with socket(proxy) as made:
        for _ in range(5):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(made.next_head(), 0.1)
    assert proxy.touched == ["eth_subscribe"]


async def test_socket__answers_to_nobody_and_answers_twice__are_ignored(node: FakeNode) -> None:
    async with socket(node) as made:
        await made.exchange(CHAIN_ID)
        await node.drop_sockets()
        await asyncio.sleep(0.05)
        await made.exchange(CHAIN_ID)  # on a new connection
        for id in (1, 1, 2, -5, None, 10**30):
            await node.say(json.dumps({"jsonrpc": "2.0", "id": id, "result": "0x666"}))
        assert results(await made.exchange(CHAIN_ID)) == ["0x1"]
        assert made.connections == 2


async def test_socket__silent_from_its_first_moment__is_dropped_at_the_first_timeout(
    proxy: FaultProxy,
) -> None:
    async def swallow(_: FaultProxy, __: Json, ___: Json) -> Json | None:
        return None

    async with socket(proxy, timeout_seconds=0.3) as made:
        proxy.inject(Fault("silence", edit=swallow))
        with pytest.raises(RpcTimeout):
            await made.exchange(CHAIN_ID)
        proxy.heal()
        assert results(await made.exchange(CHAIN_ID)) == ["0x1"]
        assert made.connections == 2
