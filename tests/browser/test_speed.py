"""The page over 10,000 positions: how soon its numbers are there, and what a block moves."""

import asyncio
import logging
import statistics
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import pytest
import pytest_asyncio
from browsing import Tab, Tabs
from large_page import LargePage, large_page
from playwright.async_api import expect

POSITIONS = 10_000
MOST_SECONDS = 1.0
MOST_BYTES = 50_000
OPENED = 5
FIGURES = 3
PATIENCE = 30_000
# Two frames after the document is whole, what it says is on the screen.
PAINTED = """
document.addEventListener("readystatechange", () => {
  if (document.readyState !== "interactive") return;
  const numbers = document.querySelectorAll("data.n").length;
  requestAnimationFrame(() => requestAnimationFrame(() => {
    window.painted = { numbers, milliseconds: performance.now() };
  }));
});
"""
TIMES = """() => {
  const began = performance.getEntriesByType("resource").find(each => each.name.includes("plotly"));
  const [first] = performance.getEntriesByName("first-contentful-paint");
  return { painted: window.painted ?? null, first: first?.startTime, plotly: began?.startTime };
}"""
ADDRESSES = "found => found.map(each => each.dataset.figure)"
log = logging.getLogger(__name__)


@dataclass
class Traffic:
    """What comes over the wire, headers and all, by request."""

    urls: dict[str, str] = field(default_factory=dict)
    _came: Counter[str] = field(default_factory=Counter)
    _whole: dict[str, int] = field(default_factory=dict)

    async def listen(self, tab: Tab) -> None:
        session = await tab.context.new_cdp_session(tab.page)
        session.on("Network.requestWillBeSent", self._asked)
        session.on("Network.responseReceived", self._answered)
        session.on("Network.dataReceived", self._received)
        session.on("Network.loadingFinished", self._finished)
        await session.send("Network.enable")

    @property
    def received(self) -> dict[str, int]:
        """Bytes by address. Of what has not ended, a stream, the bytes of its data."""
        found = Counter[str]()
        for request, count in (self._came | self._whole).items():
            found[self.urls.get(request, "before we listened")] += count
        return dict(found)

    def _asked(self, event: dict[str, Any]) -> None:
        self.urls[event["requestId"]] = event["request"]["url"]

    def _answered(self, event: dict[str, Any]) -> None:
        self._came[event["requestId"]] += int(event["response"].get("encodedDataLength", 0))

    def _received(self, event: dict[str, Any]) -> None:
        self._came[event["requestId"]] += event["dataLength"]

    def _finished(self, event: dict[str, Any]) -> None:
        self._whole[event["requestId"]] = int(event["encodedDataLength"])


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def large(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LargePage]:
    async with large_page(tmp_path_factory.mktemp("large"), POSITIONS) as page:
        yield page


async def test_page__of_10_000_positions__paints_its_numbers_within_a_second(
    large: LargePage, tabs: Tabs
) -> None:
    status = await large.answers.status()
    assert sum(row["positions"] for row in status["markets"]) == POSITIONS
    seconds = []
    for _ in range(OPENED):
        await large.block()  # of which nobody has asked anything yet
        tab = await tabs.open()
        await tab.page.add_init_script(PAINTED)
        await tab.page.goto(large.url)
        drawn = tab.page.locator(".figure[data-state=drawn]")
        await expect(drawn.first).to_be_visible(timeout=PATIENCE)
        found = await tab.page.evaluate(TIMES)
        assert found["painted"]["numbers"] > 20
        assert found["first"] < found["plotly"]
        seconds.append(found["painted"]["milliseconds"] / 1000)
        await tab.page.close()
    log.info("numbers painted after %s s", ", ".join(f"{each:.2f}" for each in seconds))
    assert statistics.median(seconds) <= MOST_SECONDS


async def test_block__of_10_000_positions__moves_less_than_50_kb(
    large: LargePage, tabs: Tabs
) -> None:
    tab = await tabs.open()
    # So tall that every figure is in view, and each is asked for again.
    await tab.page.set_viewport_size({"width": 1280, "height": 6000})
    await tab.page.goto(large.url)
    drawn = tab.page.locator(".figure[data-state=drawn]")
    await expect(drawn).to_have_count(FIGURES, timeout=PATIENCE)
    figures = await tab.page.locator("[data-figure]").evaluate_all(ADDRESSES)
    traffic = Traffic()
    await traffic.listen(tab)
    asked = [
        asyncio.ensure_future(tab.page.wait_for_event("response", _of(address), timeout=PATIENCE))
        for address in ["/page/update", *figures]
    ]
    block = await large.block()
    for response in await asyncio.gather(*asked):
        if response.status != HTTPStatus.NOT_MODIFIED:  # of which there is nothing to wait for
            await response.finished()
    # Were it still the page of the block before, nothing would have moved.
    await expect(tab.page.locator("main")).to_contain_text(f"{block.number}", timeout=PATIENCE)
    moved = sum(traffic.received.values())
    log.info("a block moved %s bytes: %s", moved, traffic.received)
    assert {"/page/update", *figures} <= {_asked_of(url) for url in traffic.received}
    assert moved < MOST_BYTES


def _of(address: str) -> Any:
    return lambda response: address in response.url


def _asked_of(url: str) -> str:
    """Without the server's name, and without what the browser says it has."""
    return "/" + url.split("/", 3)[-1].partition("?have")[0]
