"""The login: the token once, then a cookie that opens the page and nothing of another's."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from browsing import Tabs
from daemon_process import DaemonProcess, daemon_process
from devnet import World, new_world
from devnet.configuration import Wiring, configuration
from playwright.async_api import expect
from shown_world import says
from stage import free_port

TOKEN = "correct-horse-battery-staple"
COOKIE = "cascade_monitor_session"


@dataclass
class Locked:
    url: str
    daemon: DaemonProcess


def written(world: World, folder: Path, port: int) -> Path:
    config = folder / "locked.toml"
    text = configuration(world, Wiring(state_dir=folder / "state", port=port))
    config.write_text(f'{text}token_file = "{folder / "token"}"\n')
    return config


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def locked(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Locked]:
    folder, port = tmp_path_factory.mktemp("locked"), free_port()
    (folder / "token").write_text(TOKEN)
    async with new_world() as world:
        config = written(world, folder, port)
        async with daemon_process(config, port) as daemon:
            await says(daemon, "/readyz", '"ok": true')
            yield Locked(f"http://127.0.0.1:{port}", daemon)


async def test_login__with_the_token__opens_the_page_until_logged_out(
    locked: Locked, tabs: Tabs
) -> None:
    tab = await tabs.open(locked.url)
    page = tab.page
    await expect(page).to_have_url(f"{locked.url}/login?next=%2F")
    await expect(page.get_by_label("Token")).to_be_focused()
    assert not await tab.violations()
    await tab.picture("login", whole=False)
    await page.get_by_label("Token").fill(TOKEN)
    await page.keyboard.press("Enter")
    await expect(page.locator(".verdict h1")).to_be_visible()
    (cookie,) = await tab.context.cookies()
    assert cookie["name"] == COOKIE
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", "/")
    assert TOKEN not in cookie["value"]
    # The page lives: updates and the stream go by the cookie too.
    await expect(page.locator(".at .age")).to_contain_text("ago")
    status = await page.evaluate("async () => (await fetch('/api/v1/status')).status")
    assert status == 200
    await page.get_by_role("button", name="Log out").click()
    await expect(page).to_have_url(f"{locked.url}/login")
    await page.goto(locked.url)
    await expect(page.get_by_label("Token")).to_be_visible()
    assert TOKEN not in locked.daemon.log.read_text()
    assert cookie["value"] not in locked.daemon.log.read_text()


async def test_login__with_a_wrong_token__says_so_and_lets_nobody_in(
    locked: Locked, tabs: Tabs
) -> None:
    tab = await tabs.open(f"{locked.url}/account/0x00000000000000000000000000000000000000aa")
    tab.forgiven.append("status of 403")
    page = tab.page
    await page.get_by_label("Token").fill("guessed")
    await page.get_by_role("button", name="Log in").click()
    await expect(page.get_by_role("alert")).to_contain_text("not the token")
    assert await tab.context.cookies() == []
    assert not await tab.violations()
    # The right one leads where one wanted to go.
    await page.get_by_label("Token").fill(TOKEN)
    await page.get_by_role("button", name="Log in").click()
    await expect(page.locator("main")).to_contain_text("holds nothing")


async def test_login__without_a_script__works(locked: Locked, tabs: Tabs) -> None:
    tab = await tabs.open(locked.url, script=False)
    await tab.page.get_by_label("Token").fill(TOKEN)
    await tab.page.get_by_role("button", name="Log in").click()
    await expect(tab.page.locator(".verdict h1")).to_be_visible()
