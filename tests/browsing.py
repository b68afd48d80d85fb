"""The status page as people see it: in Chromium, which tells of every fault it met."""

import json
import re
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

CHROMIUM = "/usr/bin/chromium"
# Chromium has errands of its own: updates, safe browsing, field trials. None of them here.
FLAGS = (
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-sync",
    "--no-first-run",
    "--no-pings",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
PICTURES = Path(__file__).parent / "browser" / ".pictures"
DESK = {"width": 1280, "height": 900}
PHONE = {"width": 360, "height": 780}
HERE = ("127.0.0.1", "localhost", "[::1]", "")
AXE_FOLDER = Path(__file__).parent / "deploy" / ".cache" / "axe"
AXE_LOCK = Path(__file__).parent / "browser"
GRAVE = {"serious", "critical"}


@dataclass
class Tab:
    """One page, and what went wrong on it. `forgiven`: patterns of faults that a test brings on."""

    page: Page
    context: BrowserContext
    faults: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    forgiven: list[str] = field(default_factory=list)

    def listen(self) -> None:
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.faults.append(f"uncaught: {error}"))
        self.page.on("request", self._asked)

    def _heard(self, message: Any) -> None:
        if message.type == "error" or "Content Security Policy" in message.text:
            where = message.location.get("url", "")
            self.faults.append(f"console: {message.text} ({where})")

    def _asked(self, request: Any) -> None:
        url = urlsplit(request.url)
        self.requests.append(request.url)
        if url.scheme not in ("data", "blob") and (url.hostname or "") not in HERE:
            self.faults.append(f"a request leaves the machine: {request.url}")

    @property
    def unforgiven(self) -> list[str]:
        return [
            fault
            for fault in self.faults
            if not any(re.search(pattern, fault) for pattern in self.forgiven)
        ]

    async def picture(self, name: str, *, whole: bool = True) -> Path:
        """A screenshot that a reviewer can open."""
        PICTURES.mkdir(exist_ok=True)
        path = PICTURES / f"{name}.png"
        await self.page.screenshot(path=path, full_page=whole)
        return path

    async def unroll(self) -> None:
        """Bring every figure into view once, until it is drawn: they are drawn when first seen."""
        for figure in await self.page.locator("[data-figure]").all():
            await figure.scroll_into_view_if_needed()
            await expect(figure).not_to_have_attribute("data-state", "waiting", timeout=30_000)
        await self.page.evaluate("() => scrollTo(0, 0)")

    async def overflow(self) -> int:
        """By how many pixels the page is wider than its window."""
        wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        return int(await self.page.evaluate(f"() => {wide}"))

    async def violations(self) -> list[str]:
        """What axe-core finds that keeps somebody from using the page."""
        await self.page.evaluate(axe_source())
        found = await self.page.evaluate(
            "async () => (await axe.run(document, {resultTypes: ['violations']})).violations"
        )
        return [
            f"{each['impact']} {each['id']}: {each['help']}: "
            + json.dumps([node["target"] for node in each["nodes"]][:3])
            for each in found
            if each["impact"] in GRAVE
        ]


class Tabs:
    """Opens pages in one browser, and knows all of them."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._open: list[Tab] = []

    async def open(
        self,
        url: str | None = None,
        *,
        scheme: str = "light",
        phone: bool = False,
        script: bool = True,
        **context: Any,
    ) -> Tab:
        """A page of its own, with no cookie of another's; at an address, if one is given."""
        made = await self._browser.new_context(
            viewport=PHONE if phone else DESK,
            color_scheme=scheme,
            java_script_enabled=script,
            reduced_motion="reduce",
            locale="en-GB",
            timezone_id="UTC",
            **context,
        )
        page = await made.new_page()
        page.set_default_timeout(10_000)
        tab = Tab(page, made)
        tab.listen()
        self._open.append(tab)
        if url is not None:
            await page.goto(url)
        return tab

    @property
    def newest(self) -> Tab:
        return self._open[-1]

    async def close(self) -> list[str]:
        """All of them; what was wrong on any."""
        faults = []
        for tab in self._open:
            await tab.context.close()
            faults += tab.unforgiven
        self._open = []
        return faults


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        try:
            yield browser
        finally:
            await browser.close()


@cache
def axe_source() -> str:
    """The text of axe-core, from npm by a lock; fetched once."""
    script = AXE_FOLDER / "node_modules" / "axe-core" / "axe.min.js"
    lock = (AXE_LOCK / "package-lock.json").read_text()
    kept = AXE_FOLDER / "package-lock.json"
    if not script.exists() or kept.read_text() != lock:
        AXE_FOLDER.mkdir(parents=True, exist_ok=True)
        (AXE_FOLDER / "package.json").write_text((AXE_LOCK / "package.json").read_text())
        kept.write_text(lock)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        subprocess.run(command, cwd=AXE_FOLDER, check=True, timeout=120)
    return script.read_text()
