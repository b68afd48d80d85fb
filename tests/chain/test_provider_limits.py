"""Ranges of logs from providers that serve less than is asked: all of it comes, once, in order."""

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from bare_chain import OTHER_REGISTER, REGISTER, BareChain
from builders import an_address
from devnet import Anvil
from feed_listener import listening

from monitor.chain.block_logs import BlockLogs
from monitor.chain.endpoints import Endpoints
from monitor.chain.node import Node, NodeSettings
from monitor.core.blocks import BlockAdded
from monitor.library import abi_library

BLOCKS = 120
BOTH = frozenset({REGISTER, OTHER_REGISTER})
Json = dict[str, Any]


@dataclass
class Asked:
    """One eth_getLogs of a range, and how the node itself answers."""

    first: int
    last: int
    addresses: list[str]
    logs: list[Json]
    is_range: bool

    @property
    def blocks(self) -> int:
        return self.last - self.first + 1


Limit = Callable[[Asked], Json | web.Response | None]
"""An error, or a whole response, for what is too much; None: it is served."""


@dataclass
class Provider:
    """A node behind a limit on logs. `asked` are the spans of the ranges asked for."""

    upstream: str
    limit: Limit
    asked: list[int] = field(default_factory=list)
    refused: int = 0
    _runner: web.AppRunner | None = None
    _session: aiohttp.ClientSession | None = None
    url: str = ""

    async def __aenter__(self) -> "Provider":
        app = web.Application(client_max_size=2**26)
        app.router.add_post("/", self._post)
        self._session = aiohttp.ClientSession()
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{site.port}/"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        assert self._session is not None
        await self._runner.cleanup()
        await self._session.close()

    async def _post(self, request: web.Request) -> web.StreamResponse:
        assert self._session is not None
        asked = await request.json()
        async with self._session.post(self.upstream, json=asked) as answer:
            found = await answer.json()
        if isinstance(asked, list) or asked["method"] != "eth_getLogs":
            return web.json_response(found)
        wanted = asked["params"][0]
        is_range = "fromBlock" in wanted
        first, last = (int(wanted.get(key, "0x0"), 16) for key in ("fromBlock", "toBlock"))
        question = Asked(first, last, wanted.get("address", []), found["result"], is_range)
        if is_range:
            self.asked.append(question.blocks)
        refusal = self.limit(question)
        if refusal is None:
            return web.json_response(found)
        self.refused += 1
        if isinstance(refusal, web.Response):
            return refusal
        return web.json_response({"jsonrpc": "2.0", "id": asked["id"], "error": refusal})


@pytest.fixture
async def chain() -> AsyncIterator[BareChain]:
    """Some blocks with no log, some with one, and ten dense ones."""
    async with Anvil(slots_in_an_epoch=1) as anvil:
        chain = BareChain(anvil)
        await chain.put_contracts()
        for number in range(BLOCKS):
            for _ in range(9 if 60 <= number < 70 else number % 3):
                await chain.write(number, to=[REGISTER, OTHER_REGISTER][number % 2])
            await chain.mine()
        yield chain


async def truth(chain: BareChain, last: int) -> list[tuple[int, int, int]]:
    """(block, index, value) of every log, from the receipts: no range is asked for."""
    found = []
    for number in range(1, last + 1):
        for receipt in await chain.anvil.rpc("eth_getBlockReceipts", hex(number)):
            found += [
                (number, int(log["logIndex"], 16), int(log["data"], 16)) for log in receipt["logs"]
            ]
    return found


def span(most: int, code: int, message: str) -> Limit:
    error = {"code": code, "message": message}
    return lambda asked: error if asked.is_range and asked.blocks > most else None


def alchemy(asked: Asked) -> Json | None:
    """Names a range that works, in a long message."""
    if not asked.is_range or asked.blocks <= 10:
        return None
    return {
        "code": -32600,
        "message": "Under the Free tier plan, you can make eth_getLogs requests with up to a 10 "
        "block range. Based on your parameters, this block range should work: "
        f"[{hex(asked.first)}, {hex(asked.first + 9)}]. Upgrade to PAYG for expanded block range.",
    }


def infura(asked: Asked) -> Json | None:
    """By count, with the range that holds just as many."""
    if len(asked.logs) <= 20:
        return None
    last = int(asked.logs[19]["blockNumber"], 16) - 1
    return {
        "code": -32005,
        "message": "query returned more than 20 results. Try with this block range "
        f"[{hex(asked.first)}, {hex(last)}].",
        "data": {"from": hex(asked.first), "limit": 20, "to": hex(last)},
    }


def size_said(asked: Asked) -> Json | None:
    if len(json.dumps(asked.logs)) <= 6_000:
        return None
    return {"code": -32008, "message": "Response is too big: exceeded max limit of 6000"}


def gateway(status: int) -> Limit:
    """What stands before the node gives up on long answers."""

    def limit(asked: Asked) -> web.Response | None:
        if len(json.dumps(asked.logs)) <= 6_000:
            return None
        return web.Response(status=status, text="<html>gateway</html>")

    return limit


def cut(asked: Asked) -> web.Response | None:
    """A body that ends in the middle, as if that were all."""
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "result": asked.logs})
    return web.Response(text=body[:6_000]) if len(body) > 6_000 else None


def some_addresses(asked: Asked) -> Json | None:
    if not asked.is_range or len(asked.addresses) <= 3:
        return None
    return {"code": -32602, "message": "exceed max addresses: expected at most 3"}


LIMITS: dict[str, Limit] = {
    "a span, as QuickNode says it": span(10, -32614, "eth_getLogs is limited to a 10 range"),
    "a span, as dRPC says it": span(17, 35, "ranges over 17 blocks are not supported on freetier"),
    "a span, as publicnode says it": span(33, -32701, "exceed maximum block range: 33"),
    "a span, as Ankr says it": span(30, -32600, "block range is too wide"),
    "a span, as Cloudflare says it": span(8, -32047, "range too large. Max range: 8"),
    "a span of one block": span(1, -32602, "invalid params: exceeds the range of 1"),
    "a span, and an offer by Alchemy": alchemy,
    "a count, and an offer by Infura": infura,
    "a count": lambda asked: (
        {"code": -32005, "message": "query returned more than 20 results"}
        if len(asked.logs) > 20
        else None
    ),
    "a size": size_said,
    "a size, by HTTP 413": gateway(413),
    "a size, by HTTP 502": gateway(502),
    "a size, by HTTP 504": gateway(504),
    "a size, by a body that is cut": cut,
}


def a_node(url: str) -> Node:
    settings = NodeSettings([url], 31337, poll_seconds=0.2, timeout_seconds=10)
    return Node(settings, abi_library("multicall3/Multicall3").functions["aggregate3"], ignore)


def ignore(*_: object) -> None:
    """Nobody counts the requests here."""


@pytest.mark.parametrize("limit", LIMITS.values(), ids=LIMITS.keys())
async def test_follower__a_provider_that_limits_logs__loses_and_doubles_none(
    chain: BareChain, limit: Limit
) -> None:
    last = (await chain.newest()).number
    async with Provider(chain.anvil.http_url, limit) as provider:
        node = a_node(provider.url)
        try:
            async with listening(node.follower, [await chain.block(0)], lambda: BOTH) as feed:
                events = await feed.take(last)
        finally:
            await node.close()
    found = [
        (event.block.number, log.log_index, int(log.data, 16))
        for event in events
        if isinstance(event, BlockAdded)
        for log in event.logs
    ]
    assert found == await truth(chain, last)
    assert provider.refused > 0


@pytest.mark.parametrize(
    "name", ["a span, as QuickNode says it", "a span, and an offer by Alchemy"]
)
async def test_in_range__a_limit_learnt__is_kept_by_the_next_questions(
    chain: BareChain, name: str
) -> None:
    async with Provider(chain.anvil.http_url, LIMITS[name]) as provider:
        endpoints = Endpoints([provider.url], 31337, ignore)
        logs = BlockLogs(endpoints)
        try:
            await logs.in_range(BOTH, 1, 60)
            refused = provider.refused
            for first in (61, 81, 101):
                await logs.in_range(BOTH, first, first + 19)
        finally:
            await endpoints.close()
    assert refused <= 10
    assert provider.refused - refused <= 4
    assert max(provider.asked[-8:]) <= 12


async def test_in_range__an_offer__is_asked_for_next(chain: BareChain) -> None:
    async with Provider(chain.anvil.http_url, alchemy) as provider:
        endpoints = Endpoints([provider.url], 31337, ignore)
        try:
            await BlockLogs(endpoints).in_range(BOTH, 1, 40)
        finally:
            await endpoints.close()
    assert provider.asked[:2] == [40, 10]
    assert provider.refused <= 5


async def test_in_range__too_many_addresses__are_asked_for_in_parts(chain: BareChain) -> None:
    strangers = {an_address(str(number)) for number in range(9)}
    async with Provider(chain.anvil.http_url, some_addresses) as provider:
        endpoints = Endpoints([provider.url], 31337, ignore)
        logs = BlockLogs(endpoints)
        try:
            placed = await logs.in_range(BOTH | strangers, 1, BLOCKS)
            refused = provider.refused
            assert await logs.in_range(BOTH | strangers, 1, BLOCKS) == placed
        finally:
            await endpoints.close()
    found = [(number, log.log_index, int(log.data, 16)) for number, log in placed]
    assert found == await truth(chain, BLOCKS)
    assert 0 < refused < 4
    assert provider.refused == refused
    assert set(provider.asked) == {BLOCKS}
