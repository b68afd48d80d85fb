"""The page opens in a browser."""

from browsing import Tabs
from shown_world import Show


async def test_page__opened__has_no_fault(shown: Show, tabs: Tabs) -> None:
    tab = await tabs.open(shown.url)
    tab.forgiven.append("favicon")
    assert not await tab.violations()
