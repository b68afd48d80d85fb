"""`make pictures`: the status page as it looks while a breaker trips, for the README.

Of the demo's world, in a real browser; written to `deploy/pictures/`. Not a test, but whatever a
test of the page would not let pass ends it.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

from browsing import Tab, Tabs, chromium
from playwright.async_api import expect
from shown_world import Show, show

FOLDER = Path(__file__).resolve().parents[1] / "deploy" / "pictures"
FALL_PERCENT = 8
MOST_BYTES = 300_000
DESK = {"width": 1280, "height": 1000}
PATIENCE = 60_000


async def taken(tab: Tab, name: str) -> None:
    path = FOLDER / f"{name}.png"
    await tab.page.screenshot(path=path)
    size = path.stat().st_size
    sys.stdout.write(f"{path.relative_to(FOLDER.parents[1])} {size:,} bytes\n")
    if size > MOST_BYTES:
        raise AssertionError(f"{path.name} has {size} bytes: expected at most {MOST_BYTES}")


async def opened(tabs: Tabs, url: str, *, scheme: str = "light", phone: bool = False) -> Tab:
    """A page with its figures drawn, at its top."""
    tab = await tabs.open(url, scheme=scheme, phone=phone)
    if not phone:
        await tab.page.set_viewport_size(DESK)
    await tab.unroll()
    return tab


async def tripped(shown: Show, tabs: Tabs) -> None:
    """Wait until it is on the screen."""
    await shown.fall(FALL_PERCENT)
    tab = await tabs.open(shown.url)
    await expect(tab.page.locator(".verdict")).to_have_attribute(
        "data-mood", "tripped", timeout=PATIENCE
    )


async def pictures(shown: Show, tabs: Tabs) -> None:
    await taken(await opened(tabs, shown.url), "warned")
    await tripped(shown, tabs)
    for scheme in ("light", "dark"):
        tab = await opened(tabs, shown.url, scheme=scheme)
        await taken(tab, f"tripped-{scheme}")
        await tab.page.locator("#h-who").scroll_into_view_if_needed()
        await tab.page.locator(".part.who").evaluate("part => part.scrollIntoView()")
        await taken(tab, f"who-{scheme}")
    await taken(await opened(tabs, shown.url, phone=True), "tripped-phone")
    _, positions = await shown.daemon.get("/api/v1/loops?limit=1")
    owner = positions["loops"][0]["owner"]
    await taken(await opened(tabs, f"{shown.url}/account/{owner}"), "account")


async def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        async with show(Path(folder)) as shown, chromium() as browser:
            tabs = Tabs(browser)
            await pictures(shown, tabs)
            if faults := await tabs.close():
                raise AssertionError("; ".join(faults))


if __name__ == "__main__":
    asyncio.run(main())
