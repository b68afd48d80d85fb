"""A node that misbehaves on demand: a scripted chain behind real HTTP and WebSocket."""

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self

import rlp
from aiohttp import WSMsgType, web
from builders import a_block
from eth_utils.crypto import keccak

from monitor.chain.bloom import bits_of
from monitor.core.blocks import BlockRef
from monitor.core.units import Address, BlockHash

FAULTS = ("hang", "429", "500", "garbage", "wrong_id", "302", "truncated", "nothing", "silence")
"""What `FakeNode.fault` may be. "silence" is for WebSocket: requests are read, never answered."""

TOPIC = "0x" + "11" * 32


USUAL = {
    "parentHash": "",
    "sha3Uncles": "0x" + "31" * 32,
    "miner": "0x" + "32" * 20,
    "stateRoot": "0x" + "33" * 32,
    "transactionsRoot": "0x" + "34" * 32,
    "receiptsRoot": "0x" + "35" * 32,
    "logsBloom": "",
    "difficulty": "0x0",
    "number": "",
    "gasLimit": "0x1c9c380",
    "gasUsed": "",
    "timestamp": "",
    "extraData": "",
    "mixHash": "0x" + "36" * 32,
    "nonce": "0x" + "00" * 8,
    "baseFeePerGas": "0x7",
    "withdrawalsRoot": "0x" + "37" * 32,
    "blobGasUsed": "0x0",
    "excessBlobGas": "0x20000",
    "parentBeaconBlockRoot": "0x" + "38" * 32,
    "requestsHash": "0x" + "39" * 32,
}
"""A header's fields, in the order they are hashed in; what is empty here a block says itself."""
NUMBERS = {"difficulty", "number", "gasLimit", "gasUsed", "timestamp", "baseFeePerGas"}
NUMBERS |= {"blobGasUsed", "excessBlobGas"}
Json = dict[str, Any]


def sealed(header: Json) -> Json:
    """The header with the hash that its fields have, as an Ethereum node computes it."""
    items = [
        int(header[name], 16) if name in NUMBERS else bytes.fromhex(header[name][2:])
        for name in USUAL
        if name in header
    ]
    return header | {"hash": "0x" + keccak(rlp.encode(items)).hex()}


@dataclass
class FakeBlock:
    """A block and the addresses that logged once each in it.

    `named` says where it stands; its hash is only what makes it another than its siblings.
    `changed` are fields of its header that are other than usual, before it is hashed; with a
    "hash" among them it is of a chain that hashes in its own way.
    """

    named: BlockRef
    emitters: tuple[Address, ...] = ()
    changed: Json = field(default_factory=dict)

    @cached_property
    def ref(self) -> BlockRef:
        return replace(self.named, hash=BlockHash(self.header()["hash"]))

    def header(self) -> Json:
        return dict(self._header)

    @cached_property
    def _header(self) -> Json:
        bloom = 0
        for emitter in self.emitters:
            bloom |= bits_of(emitter) | bits_of(Address(TOPIC))
        own = {
            "number": hex(self.named.number),
            "parentHash": self.named.parent_hash,
            "timestamp": hex(self.named.timestamp),
            "logsBloom": f"0x{bloom:0512x}",
            "gasUsed": hex(21_000 * len(self.emitters)),
            "extraData": self.named.hash,
        }
        beside = {"size": "0x27c", "transactions": [], "uncles": [], "withdrawals": []}
        return sealed(USUAL | own | beside | self.changed) | self.changed

    def logs(self) -> list[dict[str, Any]]:
        return [
            {
                "address": emitter,
                "topics": [TOPIC],
                "data": "0x",
                "blockHash": self.ref.hash,
                "blockNumber": hex(self.ref.number),
                "transactionHash": "0x" + "22" * 32,
                "logIndex": hex(index),
                "removed": False,
            }
            for index, emitter in enumerate(self.emitters)
        ]


@dataclass
class FakeNode:
    """Use as `async with FakeNode() as node`.

    `errors` and `results` override a method's answer, `headers` that of a block number.
    """

    chain_id: int = 1
    blocks: list[FakeBlock] = field(default_factory=lambda: [FakeBlock(a_block(number=0))])
    finalized: int | None = None
    fault: str | None = None
    faults_left: int | None = None
    errors: dict[str, dict[str, Any]] = field(default_factory=dict)
    results: dict[str, Any] = field(default_factory=dict)
    headers: dict[int, dict[str, Any]] = field(default_factory=dict)
    widest_range: int | None = None
    refuses_whole_blocks: bool = False
    asked: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    _sockets: list[web.WebSocketResponse] = field(default_factory=list, init=False)
    _runner: web.AppRunner | None = field(default=None, init=False)
    _stopped: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    port: int = field(default=0, init=False)
    subscribed: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    @property
    def http_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/secret-key"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/secret-key"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        app = web.Application()
        app.router.add_post("/{key}", self._post)
        app.router.add_get("/{key}", self._get)
        self._stopped.clear()
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = site.port

    async def stop(self) -> None:
        self._stopped.set()
        await self.drop_sockets()
        if self._runner is not None:
            await self._runner.cleanup()

    async def drop_sockets(self) -> None:
        sockets, self._sockets = self._sockets, []
        for socket in sockets:
            await socket.close()

    def add(self, *emitters: Address, fork: str = "", changed: Json | None = None) -> BlockRef:
        """Mine a block with one log of each emitter; nothing is announced."""
        block = FakeBlock(a_block(self.blocks[-1].ref, fork=fork), emitters, changed or {})
        self.blocks.append(block)
        return block.ref

    async def announce(self, header: dict[str, Any] | None = None) -> None:
        params = {"subscription": "0x1", "result": header or self.blocks[-1].header()}
        message = {"jsonrpc": "2.0", "method": "eth_subscription", "params": params}
        await self.say(json.dumps(message))

    async def say(self, frame: str | bytes) -> None:
        """Any frame, to every socket; who has hung up hears nothing."""
        for socket in self._sockets:
            with suppress(ConnectionError):
                if isinstance(frame, bytes):
                    await socket.send_bytes(frame)
                else:
                    await socket.send_str(frame)

    def _fault_now(self) -> str | None:
        if self.fault is None or self.faults_left == 0:
            return None
        if self.faults_left is not None:
            self.faults_left -= 1
        return self.fault

    async def _post(self, request: web.Request) -> web.StreamResponse:
        self.paths.append(request.path)
        asked = await request.json()
        fault = self._fault_now()
        match fault:
            case "hang":
                await self._stopped.wait()
            case "429" | "500":
                return web.Response(status=int(fault), text="busy")
            case "302":
                raise web.HTTPFound("/elsewhere")
            case "garbage":
                return web.Response(text="<html>hello</html>")
            case "nothing":
                return web.Response(text="")
        body = self._answer_all(asked, fault)
        if fault == "truncated":
            response = web.StreamResponse(headers={"Content-Length": str(len(body))})
            await response.prepare(request)
            await response.write(body[: len(body) // 2].encode())
            if request.transport is not None:
                request.transport.close()
            return response
        return web.Response(text=body, content_type="application/json")

    async def _get(self, request: web.Request) -> web.StreamResponse:
        self.paths.append(request.path)
        if self._fault_now() == "302":
            raise web.HTTPFound("/elsewhere")
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._sockets.append(socket)
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                continue
            fault = self._fault_now()
            if fault == "silence":
                continue
            body = self._answer_all(json.loads(message.data), fault)
            await socket.send_str("not json" if fault == "garbage" else body)
        if socket in self._sockets:
            self._sockets.remove(socket)
        return socket

    def _answer_all(self, asked: Any, fault: str | None) -> str:
        if isinstance(asked, list):
            return json.dumps([self._answer(one, fault) for one in asked])
        return json.dumps(self._answer(asked, fault))

    def _answer(self, asked: dict[str, Any], fault: str | None) -> dict[str, Any]:
        method, params = asked["method"], asked["params"]
        self.asked.append(method)
        id = asked["id"] + 1000 if fault == "wrong_id" else asked["id"]
        try:
            if method in self.errors:
                raise NodeError(**self.errors[method])
            result = self.results[method] if method in self.results else self._run(method, params)
        except NodeError as error:
            return {"jsonrpc": "2.0", "id": id, "error": error.body}
        return {"jsonrpc": "2.0", "id": id, "result": result}

    def _run(self, method: str, params: list[Any]) -> Any:
        match method:
            case "eth_chainId":
                return hex(self.chain_id)
            case "eth_subscribe":
                self.subscribed.set()
                return "0x1"
            case "eth_getBlockByNumber":
                return self._block(params[0])
            case "eth_getBlockByHash":
                return next((b.header() for b in self.blocks if b.ref.hash == params[0]), None)
            case "eth_getLogs":
                return self._logs(params[0])
        raise NodeError(code=-32601, message=f"Method {method} not found")

    def _block(self, name: str) -> dict[str, Any] | None:
        if name == "finalized" and self.finalized is None:
            raise NodeError(code=-32000, message="finalized block not found")
        number = {"latest": len(self.blocks) - 1, "finalized": self.finalized}.get(name)
        number = int(name, 16) if number is None else number
        if number in self.headers:
            return self.headers[number]
        return self.blocks[number].header() if number < len(self.blocks) else None

    def _logs(self, wanted: dict[str, Any]) -> list[dict[str, Any]]:
        if "blockHash" in wanted:
            blocks = [b for b in self.blocks if b.ref.hash == wanted["blockHash"]]
            if not blocks:
                raise NodeError(code=-32000, message="unknown block")
        else:
            first, last = int(wanted["fromBlock"], 16), int(wanted["toBlock"], 16)
            if self.widest_range is not None and last - first >= self.widest_range:
                raise NodeError(code=-32602, message="block range is too wide")
            blocks = self.blocks[first : last + 1]
        logs = [log for b in blocks for log in b.logs()]
        addresses = wanted.get("address")
        if addresses is None and self.refuses_whole_blocks:
            raise NodeError(code=-32602, message="specify an address")
        return [log for log in logs if addresses is None or log["address"] in addresses]


class NodeError(Exception):
    """A JSON-RPC error answer."""

    def __init__(self, **body: Any) -> None:
        super().__init__(body["message"])
        self.body = body
