"""Search by address: what is found, and what is said of what is none."""

import pytest
from browsing import Tabs
from devnet.demo_loops import ACROSS
from playwright.async_api import expect
from shown_world import Show

from monitor.core.words import money

NOBODY = "0x00000000000000000000000000000000000000aa"


async def test_search__of_an_account__finds_its_positions_and_loops(
    shown: Show, tabs: Tabs
) -> None:
    tab = await tabs.open(shown.url)
    page = tab.page
    await page.get_by_label("Search by address").fill(ACROSS.upper().replace("0X", "0x"))
    await page.keyboard.press("Enter")
    _, told = await shown.daemon.get(f"/api/v1/positions/{ACROSS}")
    account = told["ownership"]["account"]
    await page.wait_for_url(f"{shown.url}/account/{account.lower()}")
    await expect(page.locator("h1")).to_contain_text(account)
    rows = page.get_by_role("region", name="Its positions").locator("tbody tr")
    await expect(rows).to_have_count(len(told["positions"]))
    for row in told["positions"]:
        line = rows.filter(has_text=row["market"]).first
        await expect(line).to_contain_text(money(row["debt"][0]["value_usd"]))
    await expect(page.get_by_role("region", name="Its loops")).to_contain_text("cross protocol")
    assert await tab.overflow() == 0
    assert not await tab.violations()
    await tab.picture("account")
    # Copied, a shortened address is whole.
    await page.goto(shown.url)
    link = page.locator(f"a[href='/account/{account}']").first
    assert await link.inner_text() == account


@pytest.mark.parametrize(
    "asked", ["0x12", "vitalik.eth", "<script>alert(1)</script>", "0x" + "g" * 40]
)
async def test_search__of_what_is_no_address__says_so_and_keeps_it(
    shown: Show, tabs: Tabs, asked: str
) -> None:
    tab = await tabs.open(shown.url)
    tab.forgiven.append("status of 400")
    page = tab.page
    await page.get_by_label("Search by address").fill(asked)
    await page.keyboard.press("Enter")
    await expect(page.locator("h1")).to_have_text("That is no address")
    await expect(page.get_by_role("alert")).to_be_visible()
    await expect(page.get_by_label("Search by address")).to_have_value(asked)
    await expect(page.get_by_label("Search by address")).to_have_attribute("aria-invalid", "true")
    await tab.picture("no-address")


async def test_search__of_who_holds_nothing__says_so(shown: Show, tabs: Tabs) -> None:
    tab = await tabs.open(shown.url)
    await tab.page.get_by_label("Search by address").fill(f"  {NOBODY} ")
    await tab.page.get_by_role("button", name="Search").click()
    await expect(tab.page.locator("main")).to_contain_text("holds nothing in the followed markets")
    assert not await tab.violations()


async def test_search__without_a_script__works(shown: Show, tabs: Tabs) -> None:
    tab = await tabs.open(shown.url, script=False)
    await tab.page.get_by_label("Search by address").fill(ACROSS)
    await tab.page.get_by_role("button", name="Search").click()
    await expect(tab.page.get_by_role("region", name="Its positions")).to_contain_text("aave-core")
