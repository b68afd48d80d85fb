"""The HTTP face over a real socket, with answers that a test can set, and those who ask it."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import aiohttp
from prometheus_client import CollectorRegistry

from monitor.core.ports import ClaimFilter, LoopFilter, PositionFilter, Probe
from monitor.metrics import Labels, Metrics
from monitor.web.server import WebServer
from monitor.web.stream import Stream

ACCOUNT = "0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045"
BLOCK = {"number": 7, "hash": "0x" + "07" * 32, "timestamp": 1_700_000_000}
EMPTY_WORLD: dict[str, dict[str, Any]] = {
    "status": {
        "block": BLOCK,
        "evaluated": BLOCK,
        "leader": "one",
        "blind": {},
        "markets": [],
        "breakers": [],
        "unknown": [],
    },
    "positions": {
        "block": BLOCK,
        "next": None,
        "positions": [],
        "ownership": {"account": ACCOUNT, "owner": ACCOUNT, "kind": None, "unknown": ["not asked"]},
    },
    "loops": {"block": BLOCK, "next": None, "loops": []},
    "breakers": {"block": BLOCK, "breakers": [], "watches": []},
    "alerts": {"block": BLOCK, "alerts": []},
}
"""What a daemon says of markets in which nobody is: enough for the page."""


@dataclass
class FakeAnswers:
    """Echoes what it was asked."""

    fault: Exception | None = None
    large: str = ""
    """Said with every answer."""
    probe: Probe = field(default_factory=lambda: Probe(ok=True))
    told: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    """Answers by question, in place of echoes."""
    pages: list[dict[str, Any]] = field(default_factory=list)
    """Of a list in pages, said as they are."""

    async def status(self) -> dict[str, Any]:
        return self._answer("status", "status")

    async def positions(self, wanted: PositionFilter) -> dict[str, Any]:
        fields = ("market", "account", "owner", "min_debt_usd", "liquidatable", "cursor", "limit")
        return self._answer({name: getattr(wanted, name) for name in fields}, "positions")

    async def loops(self, wanted: LoopFilter) -> dict[str, Any]:
        return self._answer(asdict(wanted), "loops")

    async def position_pages(self, wanted: PositionFilter) -> AsyncIterator[dict[str, Any]]:
        for page in self.pages or [self._answer(asdict(wanted))]:
            yield page

    async def loop_pages(self, wanted: LoopFilter) -> AsyncIterator[dict[str, Any]]:
        for page in self.pages or [self._answer(asdict(wanted))]:
            yield page

    async def claims(self, wanted: ClaimFilter) -> dict[str, Any]:
        return self._answer(asdict(wanted))

    async def prices(self, market: str | None) -> dict[str, Any]:
        return self._answer(market)

    async def cascade(self, scenario: str) -> dict[str, Any]:
        return self._answer(scenario)

    async def judged(self) -> list[dict[str, Any]]:
        return []

    async def project(
        self, shocks: Mapping[str, Any], options: Mapping[str, Any]
    ) -> dict[str, Any]:
        return self._answer([dict(shocks), dict(options)])

    async def breakers(self) -> dict[str, Any]:
        return self._answer("breakers", "breakers")

    async def alerts(self, limit: int) -> dict[str, Any]:
        return self._answer(limit, "alerts")

    def alive(self) -> Probe:
        return self.probe

    def ready(self) -> Probe:
        return self.probe

    def _answer(self, asked: Any, question: str = "") -> dict[str, Any]:
        if self.fault is not None:
            raise self.fault
        if question in self.told:
            return self.told[question]
        return {"asked": asked} | ({"large": self.large} if self.large else {})


@dataclass
class Client:
    session: aiohttp.ClientSession
    answers: FakeAnswers
    port: int
    server: WebServer
    stream: Stream

    async def get(self, path: str, **headers: str) -> tuple[int, Any]:
        return await self.ask("GET", path, headers)

    async def ask(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> tuple[int, Any]:
        """(status, JSON)."""
        url = f"http://127.0.0.1:{self.port}{path}"
        async with self.session.request(method, url, headers=headers, data=body) as response:
            return response.status, json.loads(await response.read() or b"null")


@contextlib.asynccontextmanager
async def serving(token: str | None = None) -> AsyncIterator[Client]:
    answers = FakeAnswers()
    metrics = Metrics(CollectorRegistry(), Labels(markets=("aave-core",)), version="0.1.0")
    stream = Stream()
    server = WebServer(answers, metrics, stream, version="0.1.0", token=token)
    port = await server.start("127.0.0.1", 0)
    try:
        async with aiohttp.ClientSession() as session:
            yield Client(session, answers, port, server, stream)
    finally:
        await server.stop()


class Wire:
    """A connection on which anything can be said."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self._writer = writer

    async def say(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        """Status, headers by lower-case name, and what follows them: the body, where one comes."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.strip().split("\r\n")
        headers = {
            name.lower(): value.strip()
            for name, _, value in (each.partition(":") for each in lines)
        }
        length = int(headers.get("content-length", "0"))
        return int(first.split()[1]), headers, await self.reader.readexactly(length)

    async def is_ended(self, seconds: float = 10.0) -> bool:
        """Whether the other side ends it, in that time; what it still says is passed over."""
        try:
            async with asyncio.timeout(seconds):
                while await self.reader.read(65_536):
                    pass
        except ConnectionError:
            return True
        except TimeoutError:
            return False
        return True

    def close(self) -> None:
        self._writer.close()


@contextlib.asynccontextmanager
async def wired(port: int) -> AsyncIterator[Wire]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
    wire = Wire(reader, writer)
    try:
        yield wire
    finally:
        wire.close()
