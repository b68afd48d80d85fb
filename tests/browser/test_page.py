"""The first page, as people with other eyes, hands and windows meet it."""

import re
from typing import Any

import pytest
from browsing import DESK, Tab, Tabs
from playwright.async_api import expect
from shown_world import Show

from monitor.core.words import money

QUESTIONS = [
    "How bad would it get?",
    "Who is it?",
    "Breakers",
    "Is the monitor itself well?",
    "Newest alerts",
]
NOBODY = "0x00000000000000000000000000000000000000AA"
PAGES = ("/", f"/account/{NOBODY}", "/account?address=0x12")


async def projected(shown: Show) -> dict[str, Any]:
    _, answer = await shown.daemon.get("/api/v1/cascade/eth-crash")
    found: dict[str, Any] = answer["result"]
    return found


async def test_page__first_screen__says_the_state_and_how_bad_it_would_get(
    shown: Show, tabs: Tabs
) -> None:
    tab = await tabs.open(shown.url)
    page, result = tab.page, await projected(shown)
    assert await page.locator("h2:not(.panel h2)").all_inner_texts() == QUESTIONS
    await expect(page.locator("h1")).to_have_text("Warned: eth-distance")
    await expect(page).to_have_title(re.compile("^Warned: eth-distance"))
    assert await page.locator(".verdict").get_attribute("data-mood") == "warned"
    hero = page.locator(".hero")
    await expect(hero).to_have_text(f"{money(result['liquidated_usd'])} would be liquidated")
    await expect(page.locator(".lead .limits")).to_contain_text("trips at $4.2M")
    tiles = page.locator(".lead .tiles")
    await expect(tiles).to_contain_text(money(result["bad_debt_usd"]))
    await expect(tiles).to_contain_text(f"{result['amplification']:.2f}x")
    await expect(tiles).to_contain_text("WETH falls 12 %")
    for seen in (page.locator("h1"), hero, tiles, page.locator("[data-kind=curve]")):
        box = await seen.bounding_box()
        assert box is not None
        assert box["y"] + min(box["height"], 300) < DESK["height"]


async def test_page__without_a_script__has_every_number(shown: Show, tabs: Tabs) -> None:
    tab = await tabs.open(shown.url, script=False)
    page, result = tab.page, await projected(shown)
    await expect(page.locator(".hero")).to_contain_text(money(result["liquidated_usd"]))
    _, positions = await shown.daemon.get("/api/v1/positions?limit=12")
    for row in positions["positions"]:
        line = page.locator(f"tr[data-key$='{row['account']}']").first
        await expect(line).to_contain_text(money(row["debt"][0]["value_usd"]))
    _, breakers = await shown.daemon.get("/api/v1/breakers")
    for row in breakers["breakers"]:
        await expect(page.get_by_role("region", name="Breakers and their")).to_contain_text(
            row["name"]
        )
    await expect(page.locator("time").first).to_have_text(re.compile(r"\d{4}-\d\d-\d\d .* UTC"))
    tables = page.locator("figure details")
    assert await tables.count() >= 2
    await tables.first.locator("summary").click()
    await expect(tables.first.locator("table")).to_be_visible()
    # Exact where one looks closer.
    exact = f"${float(result['liquidated_usd']):,.2f}"
    assert await page.locator(".hero data").get_attribute("title") == exact
    await tab.picture("without-script")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_page__in_each_scheme__axe_finds_nothing_grave(
    shown: Show, tabs: Tabs, scheme: str
) -> None:
    for path in PAGES:
        tab = await tabs.open(scheme=scheme)
        tab.forgiven.append("status of 400")
        await tab.page.goto(shown.url + path)
        await tab.unroll()
        assert not await tab.violations(), path
        if path == "/":
            await tab.picture(f"state-{scheme}")
            await tab.picture(f"first-screen-{scheme}", whole=False)


async def test_page__on_a_phone__fits_and_stays_readable(shown: Show, tabs: Tabs) -> None:
    for path in PAGES:
        tab = await tabs.open(phone=True)
        tab.forgiven.append("status of 400")
        await tab.page.goto(shown.url + path)
        await tab.unroll()
        assert await tab.overflow() == 0, path
        assert not await tab.violations(), path
        if path == "/":
            await tab.picture("phone")
            await tab.picture("phone-first-screen", whole=False)


async def test_page__by_keyboard__is_all_within_reach(shown: Show, tabs: Tabs) -> None:
    tab = await tabs.open(shown.url)
    page = tab.page
    await page.keyboard.press("Tab")
    await expect(page.locator(".skip")).to_be_focused()
    await expect(page.locator(".skip")).to_be_in_viewport()
    await page.keyboard.press("Enter")
    await expect(page.locator("#main")).to_be_focused()
    stops = page.locator("main a, main summary, main .scroll, footer summary")
    wanted = await stops.filter(visible=True).count()
    reached = await walk(tab, wanted + 10)
    assert len(reached) >= wanted
    assert all(outline != "none" for outline in reached)


async def walk(tab: Tab, steps: int) -> list[str]:
    """How the outline looks of everything that Tab reaches from here to the end of the page."""
    outlines = []
    for _ in range(steps):
        await tab.page.keyboard.press("Tab")
        found = await tab.page.evaluate(
            "() => document.activeElement === document.body ? null"
            " : getComputedStyle(document.activeElement).outlineStyle"
        )
        if found is None:
            break
        outlines.append(found)
    return outlines


async def test_page__for_a_screen_reader__has_landmarks_and_names(shown: Show, tabs: Tabs) -> None:
    page = (await tabs.open(shown.url)).page
    for role in ("banner", "main", "contentinfo", "search"):
        await expect(page.get_by_role(role)).to_have_count(1)
    for question in QUESTIONS:
        await expect(page.get_by_role("region", name=question, exact=True)).to_be_attached()
    assert await page.locator("table:not(:has(caption))").count() == 0
    assert await page.locator("th:not([scope])").count() == 0
    assert await page.locator("[aria-live]").count() == 1
    for figure in await page.locator("[data-figure]").all():
        name = await figure.get_attribute("aria-labelledby")
        assert await page.locator(f"#{name}").inner_text()


async def test_page__light_or_dark__is_chosen_and_remembered(shown: Show, tabs: Tabs) -> None:
    tab = await tabs.open(shown.url, scheme="light")
    paper = "() => getComputedStyle(document.body).backgroundColor"
    light = await tab.page.evaluate(paper)
    await tab.page.get_by_role("button", name="Switch to dark").click()
    dark = await tab.page.evaluate(paper)
    assert dark != light
    await tab.page.reload()
    assert await tab.page.evaluate(paper) == dark
    await tab.page.get_by_role("button", name="Switch to light").click()
    assert await tab.page.evaluate(paper) == light


async def test_page__in_print__leaves_out_what_is_pressed(shown: Show, tabs: Tabs) -> None:
    tab = await tabs.open(shown.url)
    await tab.page.emulate_media(media="print")
    await expect(tab.page.locator(".search")).to_be_hidden()
    await expect(tab.page.locator("h1")).to_be_visible()
