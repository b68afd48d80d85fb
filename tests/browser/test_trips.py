"""The page as blocks come: last of all, for it moves the world that the others look at."""

import logging
import time
from fractions import Fraction

from browsing import Tab, Tabs
from playwright.async_api import expect
from shown_world import Show

SHOWN_SECONDS = 2.0
"""From the block to the screen."""
TRIALS = 3
"""Whatever else keeps the machine busy: one of them has to make it."""
FALLEN = Fraction(92, 100)
log = logging.getLogger(__name__)


async def block_shown(tab: Tab) -> int:
    return int((await tab.page.locator(".at .block").inner_text()).replace(",", ""))


async def next_block(tab: Tab, before: int) -> None:
    """Wait until the page shows a newer block."""
    shown = tab.page.locator(".at .block")
    await expect(shown).not_to_have_text(f"{before:,}", timeout=20_000)


async def test_page__as_blocks_come__keeps_focus_scroll_and_what_is_open(
    shown: Show, tabs: Tabs
) -> None:
    tab = await tabs.open(shown.url)
    page = tab.page
    await tab.unroll()
    details = page.locator("figure details").first
    await details.locator("summary").click()
    link = page.locator("[data-section=positions] a").nth(3)
    await link.focus()
    target = await link.get_attribute("href")
    await page.evaluate("() => scrollTo(0, 700)")
    drawn = await page.locator("[data-kind=loops] .main-svg").first.element_handle()
    before = await block_shown(tab)
    await shown.fall(1)
    await next_block(tab, before)
    assert await page.evaluate("() => document.activeElement.getAttribute('href')") == target
    assert await page.evaluate("() => scrollY") == 700
    await expect(details).to_have_attribute("open", "")
    assert drawn is not None
    assert await drawn.evaluate("(figure) => figure.isConnected")


async def test_update__of_a_block__is_small(shown: Show, tabs: Tabs) -> None:
    tab = await tabs.open(shown.url)
    async with tab.page.expect_response("**/page/update?*") as caught:
        await shown.fall(1)
    response = await caught.value
    assert len(await response.body()) < 50_000
    assert int((await response.all_headers())["content-length"]) < 15_000


async def test_page__that_nobody_looks_at__asks_nothing_until_somebody_does(
    shown: Show, tabs: Tabs
) -> None:
    tab = await tabs.open()
    await tab.page.add_init_script(
        "window.isAway = false;"
        " Object.defineProperty(document, 'hidden', {get: () => window.isAway});"
    )
    await tab.page.goto(shown.url)
    await tab.page.evaluate("() => { window.isAway = true; }")
    before, asked = await block_shown(tab), len(tab.requests)
    watching = await tabs.open(shown.url)
    await shown.mine()
    await next_block(watching, before)
    assert [url for url in tab.requests[asked:] if "/page/update" in url] == []
    await tab.page.evaluate(
        "() => { window.isAway = false; document.dispatchEvent(new Event('visibilitychange')); }"
    )
    await next_block(tab, before)


async def test_page__in_a_browser_without_streams__asks_by_itself(shown: Show, tabs: Tabs) -> None:
    tab = await tabs.open()
    await tab.page.add_init_script("delete window.EventSource")
    await tab.page.goto(shown.url)
    before = await block_shown(tab)
    await shown.mine()
    await next_block(tab, before)
    assert not [url for url in tab.requests if url.endswith("/stream")]


async def test_breaker__that_trips__is_on_the_screen_within_two_seconds(
    shown: Show, tabs: Tabs
) -> None:
    tab = await tabs.open(shown.url)
    page = tab.page
    seconds = [await trip(shown, tab)]
    while seconds[-1] > SHOWN_SECONDS and len(seconds) < TRIALS:
        await shown.move(1 / FALLEN - 1)
        verdict = page.locator(".verdict")
        await expect(verdict).to_have_attribute("data-mood", "warned", timeout=20_000)
        seconds.append(await trip(shown, tab))
    await expect(page.locator("h1")).to_contain_text("TRIPPED")
    await expect(page.locator("h1")).to_contain_text("eth-cascade")
    await expect(page.get_by_role("status")).to_contain_text("TRIPPED")
    await expect(page.locator(".alerts .title").first).to_contain_text("TRIPPED")
    assert "TRIPPED" in await page.title()
    await tab.unroll()
    assert not await tab.violations()
    await tab.picture("tripped")
    await tab.picture("tripped-first-screen", whole=False)
    dark = await tabs.open(shown.url, scheme="dark")
    await dark.unroll()
    await dark.picture("tripped-dark-first-screen", whole=False)
    assert not await dark.violations()
    log.info("on the screen after %s s", ", ".join(f"{each:.2f}" for each in seconds))
    assert min(seconds) <= SHOWN_SECONDS, seconds


async def trip(shown: Show, tab: Tab) -> float:
    """How long it takes from a block that trips the breaker to the word on the screen."""
    verdict = tab.page.locator(".verdict")
    await expect(verdict).to_have_attribute("data-mood", "warned")
    await shown.move(FALLEN - 1)
    mined = time.monotonic()
    await expect(verdict).to_have_attribute("data-mood", "tripped", timeout=20_000)
    return time.monotonic() - mined
