"""What a person sees when there is nothing to see: nobody there, not yet, not now, not any more."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from browsing import Tab, Tabs
from daemon_process import DaemonProcess
from devnet import World, new_world
from devnet.configuration import OWN_TIME, Wiring, configuration
from fault_proxy import Fault as NodeFault
from fault_proxy import FaultProxy, Json
from playwright.async_api import Locator, expect
from shown_world import says
from stage import free_port

HEAD_AGE_SECONDS = 4
READ = ("eth_call", "eth_getLogs", "eth_getCode")


async def _unread(_proxy: FaultProxy, request: Json, answer: Json) -> Json | None:
    return None if request["method"] in READ else answer


UNREAD = NodeFault("nothing can be read", edit=_unread)
SLOW = NodeFault("slow", delay_seconds=0.15)


class Bare:
    """A daemon over a node that can be made to fail, on a world where nobody borrowed."""

    def __init__(self, world: World, proxy: FaultProxy, folder: Path) -> None:
        self.world = world
        self.proxy = proxy
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        wiring = Wiring(
            state_dir=folder / "state",
            port=self.port,
            endpoints=(proxy.http_url,),
            blindness={
                **OWN_TIME,
                "hold_seconds": 2,
                "head_age_seconds": 2 * HEAD_AGE_SECONDS,
                "lag_blocks": 10**6,
            },
        )
        text = configuration(world, wiring)
        age = f"max_head_age_seconds = {HEAD_AGE_SECONDS}\npoll_seconds"
        config = folder / "bare.toml"
        config.write_text(text.replace("poll_seconds", age))
        self.daemon = DaemonProcess(config, self.port)

    async def begin(self, words: str = "") -> None:
        await self.daemon.start()
        await says(self.daemon, "/", words or "cascade-monitor")

    @asynccontextmanager
    async def mining(self) -> AsyncIterator[None]:
        """A block a second, as of a chain that is well."""

        async def mine() -> None:
            while True:
                await self.mine()
                await asyncio.sleep(1)

        task = asyncio.create_task(mine())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def mine(self, blocks: int = 1) -> str:
        """A second apart, the last of them of this second, or as soon after as can be."""
        for _ in range(blocks - 1):
            await self.world.jump(1)
        past = int(time.time()) - (await self.world.head()).timestamp
        return (await self.world.jump(max(1, past))).hash


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def bare(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bare]:
    """Its chain is as old as the clock says."""
    birth = int(time.time()) - 7200
    async with (
        new_world(genesis_timestamp=birth) as world,
        FaultProxy(world.anvil.http_url, world.anvil.ws_url) as proxy,
    ):
        made = Bare(world, proxy, tmp_path_factory.mktemp("bare"))
        try:
            yield made
        finally:
            proxy.heal()
            await made.daemon.stop()


async def look(tab: Tab, mood: str, words: str, name: str) -> None:
    """Wait for the state, see that nobody is kept from reading it, and take a picture."""
    verdict = tab.page.locator(".verdict")
    await expect(verdict).to_have_attribute("data-mood", mood, timeout=30_000)
    await expect(tab.page.locator("h1")).to_contain_text(words)
    await expect(verdict.locator("> .icon use")).to_have_attribute("href", f"#icon-{mood}")
    await tab.picture(name, whole=False)
    assert not await tab.violations()


async def test_state__before_anything_is_read__is_starting(bare: Bare, tabs: Tabs) -> None:
    bare.proxy.inject(UNREAD)
    await bare.begin("Starting")
    tab = await tabs.open(bare.url)
    await look(tab, "busy", "Starting", "starting")
    await expect(tab.page.locator("main")).to_contain_text("Nothing is projected yet")
    bare.proxy.heal()
    async with bare.mining():
        # The same page, without being loaded anew.
        await look(tab, "empty", "No positions yet", "empty")
        await expect(tab.page.locator(".stale")).to_be_hidden()
        await expect(tab.page.locator("main")).to_contain_text("Nobody holds anything")


async def test_state__while_no_block_comes__is_stale_then_blind_then_well(
    bare: Bare, tabs: Tabs
) -> None:
    stale = await calm(bare, tabs)
    page = stale.page
    await expect(stale).to_be_visible(timeout=HEAD_AGE_SECONDS * 1000 + 3000)
    await expect(stale).to_contain_text("The newest block is")
    tab = tabs.newest
    await tab.picture("stale", whole=False)
    await look(tab, "blind", "Blind", "blind")
    await expect(page.locator(".verdict")).to_contain_text("no new blocks")
    async with bare.mining():
        await expect(stale).to_be_hidden()
        await look(tab, "empty", "No positions yet", "sees-again")


async def test_state__behind_the_head__is_catching_up(bare: Bare, tabs: Tabs) -> None:
    await bare.daemon.stop()
    await bare.mine(30)
    bare.proxy.inject(SLOW)
    async with bare.mining():
        await bare.begin("Catching up")
        tab = await tabs.open(bare.url)
        await look(tab, "busy", "Catching up", "catching-up")
        bare.proxy.heal()
        await look(tab, "empty", "No positions yet", "caught-up")


async def test_state__when_the_monitor_is_gone__is_stale_until_it_is_back(
    bare: Bare, tabs: Tabs
) -> None:
    stale = await calm(bare, tabs)
    tab = tabs.newest
    tab.forgiven.append("net::ERR_")
    await bare.daemon.kill()
    await expect(stale).to_contain_text("has not answered for", timeout=5000)
    await expect(tab.page.locator("body.is-lost")).to_be_visible()
    await tab.picture("lost", whole=False)
    assert not await tab.violations()
    async with bare.mining():
        await bare.begin()
        await expect(stale).to_be_hidden(timeout=30_000)


async def calm(bare: Bare, tabs: Tabs) -> Locator:
    """A page of a monitor that is well, whose chain stands still from now on; where it says so."""
    async with bare.mining():
        tab = await tabs.open(bare.url)
        await look(tab, "empty", "No positions yet", "before")
        await expect(tab.page.locator(".stale")).to_be_hidden()
    return tab.page.locator(".stale")
