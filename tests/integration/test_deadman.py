"""Pings while all is well, to a real server; none otherwise."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from monitor.alerts.deadman import Deadman
from monitor.alerts.post import Destination, Post
from monitor.metrics import PingOutcome


class Snitch:
    """A service that counts pings."""

    def __init__(self) -> None:
        self.pings: list[str] = []
        self.status = 200
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        self.pings.append(request.method)
        return web.Response(status=self.status)


@pytest.fixture
async def snitch() -> AsyncIterator[Snitch]:
    made = Snitch()
    app = web.Application()
    app.add_routes([web.route("*", "/ping/secret-key", made.take)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/ping/secret-key"
    yield made
    await runner.cleanup()


def a_post(snitch: Snitch) -> Post:
    return Post(Destination("the URL of deadman", snitch.url, allow_private=True), lambda: True)


async def test_ping__all_well__is_a_get(snitch: Snitch) -> None:
    async with a_post(snitch) as post:
        assert await Deadman(post, 1, lambda: True, lambda _: None).ping() is PingOutcome.OK
    assert snitch.pings == ["GET"]


async def test_ping__not_all_well__is_withheld(snitch: Snitch) -> None:
    async with a_post(snitch) as post:
        assert await Deadman(post, 1, lambda: False, lambda _: None).ping() is PingOutcome.WITHHELD
    assert snitch.pings == []


async def test_ping__refused__is_logged_without_its_url(
    snitch: Snitch, caplog: pytest.LogCaptureFixture
) -> None:
    snitch.status = 500
    async with a_post(snitch) as post:
        assert await Deadman(post, 1, lambda: True, lambda _: None).ping() is PingOutcome.FAILED
    assert "the URL of deadman answered 500" in caplog.text
    assert "secret-key" not in caplog.text


async def test_run__again_and_again__tells_each_outcome(snitch: Snitch) -> None:
    wells = iter([True, False, True])
    outcomes: list[PingOutcome] = []
    enough = asyncio.Event()

    def observe(outcome: PingOutcome) -> None:
        outcomes.append(outcome)
        if len(outcomes) == 3:
            enough.set()

    async with a_post(snitch) as post:
        task = asyncio.create_task(Deadman(post, 0, lambda: next(wells), observe).run())
        async with asyncio.timeout(5):
            await enough.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert outcomes == [PingOutcome.OK, PingOutcome.WITHHELD, PingOutcome.OK]
    assert len(snitch.pings) == 2
