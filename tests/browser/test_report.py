"""A replay's report, opened from a disk: one file, nothing else asked for, for everybody."""

from pathlib import Path

import pytest
from browsing import Tabs
from playwright.async_api import expect

from monitor.incidents.book_run import not_replayed
from monitor.incidents.incident_file import load_incident
from monitor.incidents.incident_report import reported
from monitor.incidents.page import html_of
from monitor.incidents.sessions import from_recording

INCIDENTS = Path(__file__).resolve().parents[2] / "deploy" / "incidents"


def written(path: Path, document: dict[str, object]) -> str:
    path.write_text(html_of(reported(document)))
    return path.as_uri()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_report__of_a_recorded_crash__opens_alone_and_is_accessible(
    tabs: Tabs, tmp_path: Path, scheme: str
) -> None:
    recording = INCIDENTS / "recordings" / "crash.json.gz"
    document = await from_recording(recording, None, None, lambda done, of: None)
    url = written(tmp_path / "crash.html", document)
    tab = await tabs.open(url, scheme=scheme)
    assert tab.requests == [url]
    await expect(tab.page.get_by_role("heading", level=1)).to_be_visible()
    assert await tab.page.get_by_role("img").count() == 3
    await tab.page.get_by_text("The 37 blocks as a table").click()
    await tab.picture(f"report-{scheme}")
    assert await tab.violations() == []


async def test_report__on_a_phone__is_no_wider_than_its_window(tabs: Tabs, tmp_path: Path) -> None:
    recording = INCIDENTS / "recordings" / "flash-crash.json.gz"
    document = await from_recording(recording, None, None, lambda done, of: None)
    tab = await tabs.open(written(tmp_path / "flash.html", document), phone=True)
    assert await tab.overflow() == 0
    await expect(tab.page.locator("td.false")).to_have_text("false")
    await tab.picture("report-phone")


async def test_report__of_an_incident_that_was_not_replayed__says_so_first(
    tabs: Tabs, tmp_path: Path
) -> None:
    found = load_incident(INCIDENTS / "2026-03-10-capo.toml")
    document = not_replayed(found, "it needs an archive node.", "cascade-monitor replay …")
    tab = await tabs.open(written(tmp_path / "capo.html", document), script=False)
    await expect(tab.page.locator(".note")).to_have_text("Not replayed: it needs an archive node.")
    await tab.picture("report-not-replayed")
