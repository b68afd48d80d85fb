"""SIGTERM ends the daemon within five seconds, whoever listens, asks, fails or hangs meanwhile."""

import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from asking import Wire, wired
from daemon_process import DaemonProcess, daemon_process
from devnet import make_borrowers, open_world
from devnet.receiver import HANG_UP, Letter, Receiver
from receiving import eventually, hang, receiving
from stage import Stage, slide

from monitor.web.stream import MOST_LISTENERS

MOST_SECONDS = 5.0
STREAM = b"GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n"
PROJECT = (
    b"POST /api/v1/project HTTP/1.1\r\nHost: localhost\r\nContent-Length: 26\r\n\r\n"
    b'{"shocks": {"WETH": -0.5}}'
)
HALF_A_QUESTION = b"GET /api/v1/status HTTP/1.1\r\nHost: loc"
RECEIVER = """
[[webhooks]]
name = "{name}"
url = "{url}"
secret_file = "{secret}"
allow_private = true
"""


@asynccontextmanager
async def troubled(folder: Path) -> AsyncIterator[tuple[DaemonProcess, int]]:
    """A daemon, and its port, whose receivers fail, hang up and hang, while alerts wait for each.

    A chat that hangs keeps a process of its own busy.
    """
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(open_world())
        refusing = await stack.enter_async_context(Receiver())
        hanging = await stack.enter_async_context(receiving(*[hang] * 20))
        chat = await stack.enter_async_context(receiving(*[hang] * 20))
        reset = await stack.enter_async_context(Receiver(secret=refusing.secret))
        refusing.answer, reset.answer = (lambda _: 500), hung_up
        await make_borrowers(world, 20, 7)
        stage, secret = Stage(world, refusing, folder), folder / "secret"
        found = [("hangs", hanging.url), ("hangs-up", reset.url), ("chats", chat.url)]
        more = "".join(RECEIVER.format(name=name, url=url, secret=secret) for name, url in found)
        more = more.replace(
            f'url = "{chat.url}"\nsecret_file = "{secret}"',
            f'format = "apprise"\nurl = "{chat.url.replace("http://", "json://")}"',
        )
        config, port = stage.config(more=more)
        daemon = await stack.enter_async_context(daemon_process(config, port))
        await daemon.reached(await stage.head())
        await slide(world, 1600)
        await daemon.says("/api/v1/alerts", "breaker.tripped")
        await eventually(lambda: bool(hanging.got and chat.got), 20)
        yield daemon, port


def hung_up(_letter: Letter) -> int:
    return HANG_UP


async def company(stack: AsyncExitStack, port: int) -> list[Wire]:
    """As many as may listen, every other of whom never reads; one who asks, and one who is slow."""
    wires = []
    for number in range(MOST_LISTENERS):
        wire = await stack.enter_async_context(wired(port))
        await wire.say(STREAM)
        if number % 2:
            assert (await wire.answer())[0] == 200
        wires.append(wire)
    for words in (HALF_A_QUESTION, PROJECT):
        wire = await stack.enter_async_context(wired(port))
        await wire.say(words)
        wires.append(wire)
    return wires


async def seconds_to_end(daemon: DaemonProcess) -> float:
    started = time.monotonic()
    daemon.send(signal.SIGTERM)
    assert await daemon.ended() == 0, daemon.log.read_text()[-3000:]
    return time.monotonic() - started


async def test_sigterm__receivers_hang_and_50_listen__exits_0_in_5_seconds(
    tmp_path: Path,
) -> None:
    async with AsyncExitStack() as stack:
        daemon, port = await stack.enter_async_context(troubled(tmp_path))
        wires = await company(stack, port)
        daemon.send(signal.SIGTERM)  # told twice, by somebody impatient
        assert await seconds_to_end(daemon) < MOST_SECONDS
        for wire in wires:
            assert await wire.is_ended(1)
    assert "Traceback" not in daemon.log.read_text()
