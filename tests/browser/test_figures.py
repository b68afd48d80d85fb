"""The figures as they are drawn: under the page's policy, in its colours, at any width, and
whatever strangers call their tokens.
"""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from browsing import Tab, Tabs
from large_page import LargePage, large_page
from playwright.async_api import Locator, expect

POSITIONS = 10_000
HOSTILE = "<a href=x>&lt;\N{RIGHT-TO-LEFT OVERRIDE}</a>"
PATIENCE = 30_000
INK = """element => {
  const text = element.querySelector(".xtitle, .node-label");
  return getComputedStyle(text).fill;
}"""
PAGE_INK = "() => getComputedStyle(document.body).color"
WIDTH = "element => element.querySelector('.main-svg').getBoundingClientRect().width"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def large(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LargePage]:
    folder = tmp_path_factory.mktemp("figures")
    async with large_page(folder, POSITIONS, {"wstETH": HOSTILE}) as page:
        yield page


def figure(tab: Tab, kind: str) -> Locator:
    return tab.page.locator(f"[data-kind={kind}]")


async def drawn(tab: Tab, kind: str) -> Locator:
    """A figure, once it is scrolled to and there."""
    found = figure(tab, kind)
    await found.scroll_into_view_if_needed()
    await expect(found).to_have_attribute("data-state", "drawn", timeout=PATIENCE)
    return found


@pytest.mark.parametrize("kind", ["curve", "loops", "contagion"])
async def test_figure__in_view__is_drawn_and_has_its_words(
    large: LargePage, tabs: Tabs, kind: str
) -> None:
    tab = await tabs.open(large.url)
    found = await drawn(tab, kind)
    await expect(found.locator(".main-svg").first).to_be_visible()
    await expect(found).to_have_role("img")
    await expect(found).to_have_accessible_name(re.compile("[a-z]{4}"))
    await expect(found.locator(".modebar")).to_have_count(0)
    panel = tab.page.locator("figure").filter(has=found)
    await expect(panel.locator(".summary")).to_contain_text(re.compile(r"\$[\d.,]+"))
    await panel.locator("summary").first.click()
    assert await panel.locator("tbody tr").count() >= 1


async def test_figure__out_of_view__is_not_asked_for(large: LargePage, tabs: Tabs) -> None:
    tab = await tabs.open()
    await tab.page.set_viewport_size({"width": 1280, "height": 300})
    await tab.page.goto(large.url)
    await drawn(tab, "curve")
    assert not any("/page/figures/contagion" in url for url in tab.requests)
    await drawn(tab, "contagion")
    assert any("/page/figures/contagion" in url for url in tab.requests)


async def test_symbol__that_is_markup__is_text(large: LargePage, tabs: Tabs) -> None:
    tab = await tabs.open(large.url)
    loops = await drawn(tab, "loops")
    await expect(loops).to_contain_text("(a href=x)&lt;")  # as it is written, not as it is read
    await expect(tab.page.locator(".figure a, .figure script, .figure iframe")).to_have_count(0)
    await expect(tab.page.locator("a[href=x]")).to_have_count(0)
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in (await loops.text_content() or "")


async def test_colours__light_then_dark__are_the_page_s(large: LargePage, tabs: Tabs) -> None:
    tab = await tabs.open(large.url)
    curve = await drawn(tab, "curve")
    light = await curve.evaluate(INK)
    assert light == await tab.page.evaluate(PAGE_INK)
    await tab.page.emulate_media(color_scheme="dark")
    dark = await tab.page.evaluate(PAGE_INK)
    assert dark != light
    title = curve.locator(".xtitle")
    await expect(title).to_have_css("fill", dark, timeout=PATIENCE)


async def test_figures__on_a_phone__fit_and_follow_when_it_is_turned(
    large: LargePage, tabs: Tabs
) -> None:
    tab = await tabs.open(large.url, phone=True)
    for kind in ("curve", "loops", "contagion"):
        found = await drawn(tab, kind)
        assert await found.evaluate(WIDTH) <= 360
    assert await tab.overflow() == 0
    await tab.page.set_viewport_size({"width": 780, "height": 360})
    curve = await drawn(tab, "curve")
    width = await curve.evaluate("element => element.clientWidth")
    assert width > 360
    svg = curve.locator(".main-svg").first
    await expect(svg).to_have_attribute("width", str(width), timeout=PATIENCE)


async def test_figure__that_did_not_change__is_not_sent_again(large: LargePage, tabs: Tabs) -> None:
    tab = await tabs.open(large.url)
    await drawn(tab, "curve")
    async with tab.page.expect_response(_of("curve"), timeout=PATIENCE) as asked:
        await tab.page.evaluate("() => document.dispatchEvent(new CustomEvent('cascade:block'))")
    response = await asked.value
    assert response.status == 304
    await expect(figure(tab, "curve")).to_have_attribute("data-state", "drawn")


async def test_library__that_does_not_come__leaves_the_numbers(
    large: LargePage, tabs: Tabs
) -> None:
    tab = await tabs.open()
    tab.forgiven.append("ERR_FAILED")
    await tab.page.route("**/plotly.min.js*", lambda route: route.abort())
    await tab.page.goto(large.url)
    await expect(figure(tab, "curve")).to_have_text(
        "Not drawn: the drawing library did not come.", timeout=PATIENCE
    )
    await expect(tab.page.locator("figure .summary").first).to_contain_text("$")


async def test_page__without_scripts__has_words_and_tables(large: LargePage, tabs: Tabs) -> None:
    tab = await tabs.open(large.url, script=False)
    await expect(tab.page.locator("figure .summary").first).to_contain_text("$")
    assert await tab.page.locator("figure table").count() >= 3


def _of(kind: str) -> Any:
    return lambda response: f"/page/figures/{kind}" in response.url
