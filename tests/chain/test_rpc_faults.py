"""Named faults of nodes, each through the real daemon: what it says, what it never believes.

Twice each: before a healthy second node, where the daemon has to keep up while the fault is on; and
of the only node there is, where it has to say so, to believe nothing, and to catch up afterwards.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path

import pytest
import pytest_asyncio
import rpc_faults
from daemon_process import DaemonProcess, daemon_process
from devnet import USD, World, WorldTerms, account, open_world
from devnet.receiver import Receiver
from fault_proxy import Fault, FaultProxy
from stage import Stage

pytestmark = pytest.mark.asyncio(loop_scope="module")
BORROWERS = 12
ACTORS = count(1)


@dataclass(frozen=True, slots=True)
class Case:
    """A fault; what /readyz says of it where it is the only node's; what requests come to.

    `reason` None: the fault lets the truth through, and the daemon follows it all the same.
    """

    fault: Fault
    reason: str | None
    outcome: str = "error"

    @property
    def is_of_connections(self) -> bool:
        """Whether it shows on a new connection only."""
        return self.fault is rpc_faults.WRONG_CHAIN


CASES = [
    Case(rpc_faults.HANG, "no answer in 1 s", "timeout"),
    Case(rpc_faults.SLOW, None, "ok"),
    Case(rpc_faults.TOO_MANY_WITH_RETRY_AFTER, "limits our rate"),
    Case(rpc_faults.TOO_MANY, "limits our rate"),
    Case(rpc_faults.RATE_ERROR, "limits our rate"),
    Case(rpc_faults.SERVER_ERROR, "answered HTTP 500"),
    Case(rpc_faults.REDIRECT, "answered HTTP 302: it redirects"),
    Case(rpc_faults.HTML, "that are not JSON-RPC"),
    Case(rpc_faults.TRUNCATED, "failed: ClientPayloadError"),
    Case(rpc_faults.EMPTY, "sent 0 bytes that are not JSON-RPC"),
    Case(rpc_faults.WRONG_ID, "mixes up answers"),
    Case(rpc_faults.WRONG_CHAIN, "serves chain 5, expected 31337"),
    Case(rpc_faults.FLAPPING_HEAD, None),
    Case(rpc_faults.WRONG_BLOCKS_LOGS, "got another's"),
    Case(rpc_faults.MISSING_LOGS, "are missing: its bloom tells of more"),
    Case(rpc_faults.ONE_LOG_MISSING, "are missing: its bloom tells of more"),
    Case(rpc_faults.DUPLICATED_LOGS, "comes after"),
    Case(rpc_faults.UNORDERED_LOGS, "comes after"),
    Case(rpc_faults.OVERSIZED, "the answer exceeds"),
    Case(rpc_faults.DROPPED, "ServerDisconnectedError"),
    Case(rpc_faults.SILENT, "no answer in 1 s", "timeout"),
    Case(rpc_faults.GARBAGE_FRAME, "that are not JSON-RPC"),
]
SOCKET_CASES = [
    Case(rpc_faults.HANG, "no answer in 1 s", "timeout"),
    Case(rpc_faults.WRONG_ID, "no answer in 1 s", "timeout"),
    Case(rpc_faults.DROPPED, "the connection was closed"),
    Case(rpc_faults.SILENT, "no answer in 1 s", "timeout"),
    Case(rpc_faults.GARBAGE_FRAME, "the connection was dropped because"),
]
"""What shows otherwise where there is a WebSocket and nothing else."""
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.fault.name)


@dataclass(frozen=True, slots=True)
class Scene:
    """A daemon before a proxy before a world; perhaps with a second, healthy way to the world."""

    world: World
    proxy: FaultProxy
    daemon: DaemonProcess

    async def settle(self) -> None:
        """Heal, and wait until the daemon is ready and asks the proxy first again."""
        self.proxy.heal()
        await until(self.is_asked_first, "the proxy is asked for a block's logs again", 60)
        await until(self.is_ready, "the daemon is ready")

    async def is_asked_first(self) -> bool:
        asked = self.proxy.asked["eth_getLogs"]
        await self.daemon.reached(await self.move(), 30)
        return self.proxy.asked["eth_getLogs"] > asked

    async def move(self) -> str:
        """A block with a price in it; its hash."""
        return (await self.world.move_feed("WETH", (1990 + next(ACTORS) % 20) * USD)).block_hash

    async def is_ready(self) -> bool:
        code, _ = await self.daemon.get("/readyz")
        return code == 200

    async def reasons(self) -> str:
        """What /readyz says; empty when it is ready."""
        code, answer = await self.daemon.get("/readyz")
        return "" if code == 200 else str(answer)

    async def act(self) -> str:
        """Blocks with logs of every kind of source; the last one's hash."""
        world, who = self.world, account(f"actor {next(ACTORS)}")
        await world.fund(who, WETH=world.raw("WETH", 5))
        await world.supply(who, "WETH", world.raw("WETH", 5))
        await world.borrow(who, "USDC", world.raw("USDC", 3000))
        return await self.move()

    async def inject(self, case: Case) -> None:
        self.proxy.inject(case.fault)
        if case.is_of_connections:
            self.proxy.drop_connections()

    async def assert_truth(self) -> int:
        """What is held is what the contracts say at the block it is said of; that block."""
        _, page = await self.daemon.get("/api/v1/positions?limit=1000")
        rows = {row["account"].lower(): row for row in page["positions"]}
        assert len(rows) >= BORROWERS
        known = self.world.addresses
        sides = {"collateral": known.atokens, "debt": known.debt_tokens}
        symbols = {token: symbol for symbol, token in known.tokens.items()}
        told = {
            (tokens[symbols[line["asset"].lower()]], who): int(line["amount"])
            for who, row in rows.items()
            for side, tokens in sides.items()
            for line in row[side]
        }
        tokens = [token for side in sides.values() for token in side.values()]
        held = await self.world.balances_of(tokens, sorted(rows), page["block"]["hash"])
        assert told == {key: amount for key, amount in held.items() if amount}
        return int(page["block"]["number"])

    async def counted(self, case: Case) -> float:
        """Requests to the proxy that came to what is expected of the fault."""
        _, metrics = await self.daemon.get("/metrics")
        return total(metrics, case.outcome)

    def assert_calm(self, since: int) -> None:
        """No traceback, no secret, nothing but JSON lines in the log; no redirect followed."""
        assert self.proxy.paths == {"/secret-key"}
        text = self.daemon.log.read_text()[since:]
        for line in text.splitlines():
            json.loads(line)
        assert "Traceback" not in text
        assert "secret-key" not in text
        assert "never retrieved" not in text


def total(metrics: str, outcome: str) -> float:
    """Requests to the proxy, by either transport, that came to this."""
    return sum(
        float(line.rsplit(" ", 1)[1])
        for line in metrics.splitlines()
        if line.startswith("cascade_monitor_rpc_requests_total")
        and f'outcome="{outcome}"' in line
        and ('endpoint="0"' in line or 'endpoint="1"' in line)
    )


async def until(
    condition: Callable[[], bool | Awaitable[bool]], what: str, seconds: float = 30.0
) -> None:
    try:
        async with asyncio.timeout(seconds):
            while True:
                holds = condition()
                if holds if isinstance(holds, bool) else await holds:
                    return
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"never came true in {seconds} s: {what}") from None


@asynccontextmanager
async def scene(
    folder: Path,
    *,
    has_second: bool,
    ways: Sequence[str] = ("http_url", "ws_url"),
    max_head_age_seconds: int = 10**9,
) -> AsyncIterator[Scene]:
    """`ways`: by what the nodes are reached."""
    async with (
        open_world(WorldTerms(borrowers=BORROWERS, seed=7)) as world,
        Receiver() as receiver,
        FaultProxy(world.anvil.http_url, world.anvil.ws_url) as proxy,
    ):
        nodes = (proxy, world.anvil) if has_second else (proxy,)
        urls = [[getattr(node, way) for way in ways] for node in nodes]
        stage = Stage(world, receiver, folder)
        config, port = stage.config(endpoints=tuple(chain.from_iterable(urls)))
        keys = f"timeout_seconds = 1\nmax_head_age_seconds = {max_head_age_seconds}\n"
        config.write_text(config.read_text().replace("poll_seconds", f"{keys}poll_seconds"))
        async with daemon_process(config, port) as daemon:
            made = Scene(world, proxy, daemon)
            await daemon.reached((await world.head()).hash, 40)
            yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pair(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    async with scene(tmp_path_factory.mktemp("pair"), has_second=True) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def alone(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    async with scene(tmp_path_factory.mktemp("alone"), has_second=False) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def socket(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    folder = tmp_path_factory.mktemp("socket")
    async with scene(folder, has_second=False, ways=["ws_url"]) as made:
        yield made


@every_case
async def test_fault__of_the_first_of_two_nodes__the_daemon_keeps_up(
    pair: Scene, case: Case
) -> None:
    await pair.settle()
    since, before = pair.daemon.log.stat().st_size, await pair.counted(case)
    await pair.inject(case)
    block = await pair.act()
    await pair.daemon.reached(block)
    await until(lambda: pair.proxy.hits > 0, "the fault happened")
    await pair.assert_truth()

    async def is_counted() -> bool:
        return await pair.counted(case) > before

    await until(is_counted, f"requests are counted as {case.outcome}")
    pair.assert_calm(since)


@every_case
async def test_fault__of_the_only_node__is_said_and_survived(alone: Scene, case: Case) -> None:
    await assert_said_and_survived(alone, case)


@pytest.mark.parametrize("case", SOCKET_CASES, ids=lambda case: case.fault.name)
async def test_fault__of_the_only_socket__is_said_and_survived(socket: Scene, case: Case) -> None:
    await assert_said_and_survived(socket, case)


async def assert_said_and_survived(alone: Scene, case: Case) -> None:
    await alone.settle()
    since, before = alone.daemon.log.stat().st_size, await alone.counted(case)
    await alone.inject(case)
    block = await alone.act()
    if case.reason is None:
        await alone.daemon.reached(block, 40)
    else:
        reason = case.reason

        async def is_said() -> bool:
            return reason in await alone.reasons()

        await until(is_said, f"/readyz says {reason!r}", 40)
        assert await alone.assert_truth() < (await alone.world.head()).number
    assert alone.proxy.hits > 0
    assert await alone.counted(case) > before
    alone.proxy.heal()
    await alone.daemon.reached(block, 40)
    await alone.assert_truth()
    alone.assert_calm(since)


async def test_stale_head__of_the_first_of_two_nodes__is_noticed_and_passed_over(
    tmp_path: Path,
) -> None:
    async with scene(tmp_path, has_second=True, ways=["http_url"]) as made:
        made.proxy.inject(rpc_faults.STALE_HEAD)
        await until(lambda: "stopped" in made.proxy.memory, "the node has stopped")
        await made.daemon.reached(await made.act(), 40)
        await made.daemon.reached(await made.act(), 5)  # from now on the other is asked first
        assert made.proxy.hits > 0
        assert "endpoint 0 lags" in made.daemon.log.read_text()
        await made.assert_truth()
        await made.settle()  # and now the first again
        made.assert_calm(0)


async def test_stale_head__of_the_only_node__is_said_where_an_age_is_set(tmp_path: Path) -> None:
    async with scene(tmp_path, has_second=False, max_head_age_seconds=3) as made:
        await made.world.mine(timestamp=int(time.time()))
        await made.daemon.reached((await made.world.head()).hash)
        await until(made.is_ready, "the daemon is ready")
        made.proxy.inject(rpc_faults.STALE_HEAD)
        await until(lambda: "stopped" in made.proxy.memory, "the node has stopped")

        async def says_so() -> bool:
            await made.world.mine(timestamp=int(time.time()) + 1)
            return "expected at most 3 s" in await made.reasons()

        await until(says_so, "/readyz says that the newest block is old")
        assert made.proxy.hits > 0
        made.proxy.heal()
        await made.world.mine(timestamp=int(time.time()) + 2)
        await made.daemon.reached((await made.world.head()).hash)
        await until(made.is_ready, "the daemon is ready again")
        await made.assert_truth()
