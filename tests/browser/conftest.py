"""One Chromium, one world; no page may end with a fault that its test did not forgive."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from browsing import CHROMIUM, Tabs, chromium
from playwright.async_api import Browser
from shown_world import Show, show

FOLDER = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser and daemons live in one event loop: so do the tests that use them."""
    for item in items:
        if FOLDER in item.path.parents:
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
            if not Path(CHROMIUM).exists():
                item.add_marker(pytest.mark.skip(reason="the page in a browser: no Chromium here"))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def tabs(browser: Browser) -> AsyncIterator[Tabs]:
    """Opens pages. The test fails if one of them said an error, broke its policy, or asked
    anything of another machine.
    """
    made = Tabs(browser)
    yield made
    assert not await made.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shown(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Show]:
    """A daemon on a world with many borrowers, at rest until `test_trips`, which runs last."""
    async with show(tmp_path_factory.mktemp("shown")) as made:
        yield made
