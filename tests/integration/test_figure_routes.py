"""Figures over HTTP: made once a sheet, sent once a change, and plotly.js beside them."""

import gzip
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from figure_rows import a_crash, a_curve, a_loop

from monitor.core.ports import Probe
from monitor.web.answer import errors_as_json
from monitor.web.figures.routes import Figures
from monitor.web.page.assets import Assets
from monitor.web.page.sheet import Sheet

AMOUNTS = ("1.00", "2.00", "3.00")
Client = TestClient[web.Request, web.Application]
CURVE = "/page/figures/curve?scenario=eth-curve"


def a_sheet(**more: Any) -> Sheet:
    told = {
        "status": {"breakers": []},
        "loops": [a_loop()],
        "scenarios": [a_curve(AMOUNTS), a_crash()],
    }
    return Sheet(0.0, Probe(ok=True), **(told | more))


@dataclass
class Pinned:
    """Sheets that stand still until a test changes them."""

    sheet: Sheet = field(default_factory=a_sheet)

    async def current(self) -> Sheet:
        return self.sheet


@pytest.fixture
def sheets() -> Pinned:
    return Pinned()


@pytest.fixture
async def client(sheets: Pinned) -> AsyncIterator[Client]:
    assets = Assets()
    app = web.Application(middlewares=[errors_as_json])
    app.add_routes([*Figures(sheets, assets).routes(), *assets.routes()])
    async with TestClient(TestServer(app), auto_decompress=False) as found:
        yield found


@pytest.mark.parametrize(
    "path",
    [
        CURVE,
        "/page/figures/loops",
        "/page/figures/contagion?scenario=eth-crash",
        "/page/figures/rounds?scenario=eth-crash",
    ],
)
async def test_figure__asked_for__is_a_plot_or_a_note(client: Client, path: str) -> None:
    async with client.get(path, headers={"Accept-Encoding": "identity"}) as response:
        assert response.status == 200
        answer = await response.json()
    assert set(answer) == {"plot", "note"}
    assert answer["plot"] or answer["note"]


async def test_figure__unchanged__is_not_sent_again(client: Client, sheets: Pinned) -> None:
    async with client.get(CURVE) as response:
        tag = response.headers["ETag"]
    sheets.sheet = replace(sheets.sheet, made_unix=1.0)
    async with client.get(CURVE, headers={"If-None-Match": tag}) as response:
        assert (response.status, await response.read()) == (304, b"")
    sheets.sheet = a_sheet(scenarios=[a_curve(("9.00", *AMOUNTS))])
    async with client.get(CURVE, headers={"If-None-Match": tag}) as response:
        assert response.status == 200
        assert response.headers["ETag"] != tag


async def test_figure__of_a_browser_that_unpacks__is_packed(client: Client) -> None:
    async with client.get(CURVE, headers={"Accept-Encoding": "gzip"}) as response:
        assert response.headers["Content-Encoding"] == "gzip"
        packed = await response.read()
    async with client.get(CURVE, headers={"Accept-Encoding": "identity"}) as response:
        plain = await response.read()
    assert gzip.decompress(packed) == plain
    assert len(packed) < len(plain)


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/page/figures/pie", 404, "no figure 'pie': expected one of curve, loops"),
        ("/page/figures/curve", 404, "no scenario '': expected one of eth-curve, eth-crash"),
        ("/page/figures/curve?scenario=x", 404, "no scenario 'x'"),
    ],
)
async def test_figure__that_is_none__says_which_there_are(
    client: Client, path: str, status: int, said: str
) -> None:
    async with client.get(path) as response:
        assert response.status == status
        assert said in (await response.json())["error"]


async def test_figure__before_the_first_block__is_not_there_yet(
    client: Client, sheets: Pinned
) -> None:
    sheets.sheet = Sheet(0.0, Probe(ok=False), "no block has been applied yet")
    async with client.get(CURVE) as response:
        assert response.status == 503
        assert "no block has been applied yet" in (await response.json())["error"]


async def test_plotly__is_the_installed_one_and_packed(client: Client) -> None:
    headers = {"Accept-Encoding": "gzip"}
    async with client.get("/assets/plotly.min.js", headers=headers) as response:
        packed = await response.read()
    assert len(packed) < 1_600_000
    assert b"plotly.js v" in gzip.decompress(packed)[:100]


async def test_figure__in_json__has_no_number_that_is_none(client: Client) -> None:
    """NaN and Infinity are no JSON."""
    async with client.get(CURVE, headers={"Accept-Encoding": "identity"}) as response:
        text = (await response.read()).decode()

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} in a figure: expected null for what is unknown")

    json.loads(text, parse_constant=refuse)
