"""Figures over HTTP: `/page/figures/{kind}`, as JSON for plotly.js, and plotly.js itself."""

import asyncio
import gzip
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files
from typing import Protocol

import msgspec
from aiohttp import web

from monitor.errors import QuestionError
from monitor.web.figures import contagion, curve, loops, rounds
from monitor.web.figures.drawing import Document, Drawn
from monitor.web.figures.kinds import sub_market_names
from monitor.web.figures.thresholds import thresholds_of
from monitor.web.page.assets import Asset, Assets
from monitor.web.page.sheet import Sheet

PATH = "/page/figures"
SCRIPT = "plotly.min.js"
STYLE_ID = "plotly.js-style-global"
"""Where an element of this id has a style sheet, plotly.js inserts its rules into that by CSSOM."""
MAP_STYLE_ID = "9f215cf04c5486422605d13261cb87401f4e7763b6296af81e98efbc0130da53"
"""The map library in plotly.js 4.1 adds a style element unless there is an element of this id."""
_SHOWN_OF_DIGEST = 16
_LEAST_PACKED_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Made:
    """A figure as it is sent, of one sheet. `tag` changes only when the figure does."""

    sheet: Sheet
    tag: str
    plain: bytes
    packed: bytes


class Newest(Protocol):
    """Where the newest sheet comes from."""

    async def current(self) -> Sheet: ...


class Figures:
    """Each is made in a thread, once for everybody who looks at the same sheet."""

    def __init__(self, sheets: Newest, assets: Assets) -> None:
        self._sheets = sheets
        self._made: dict[tuple[str, str], Made] = {}
        self._turn = asyncio.Lock()
        assets.add(SCRIPT, Asset("text/javascript", version("plotly"), _script))
        self.head = (
            f'<link id="{STYLE_ID}" rel="stylesheet" href="{assets.url("figures.css")}">'
            f'<template id="{MAP_STYLE_ID}" data-plotly="{assets.url(SCRIPT)}"></template>'
        )
        """For the head of the page: with it plotly.js gets by without styles of its own."""

    def routes(self) -> list[web.RouteDef]:
        return [web.get(f"{PATH}/{{kind}}", self._serve)]

    async def _serve(self, request: web.Request) -> web.Response:
        kind, scenario = request.match_info["kind"], request.query.get("scenario", "")
        made = await self._current(kind, scenario)
        tag = f'"{made.tag}"'
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=304, headers={"ETag": tag})
        response = web.Response(body=made.plain, content_type="application/json")
        if made.packed and "gzip" in request.headers.get("Accept-Encoding", ""):
            response.body = made.packed
            response.headers["Content-Encoding"] = "gzip"
        response.headers.update({"ETag": tag, "Vary": "Accept-Encoding"})
        return response

    async def _current(self, kind: str, scenario: str) -> Made:
        """Raises QuestionError for a figure or a scenario that is none."""
        sheet = await self._sheets.current()
        if kind not in DRAWERS:
            raise QuestionError(f"no figure {kind!r}: expected one of {', '.join(DRAWERS)}", 404)
        if sheet.fault:
            raise QuestionError(f"nothing to draw yet: {sheet.fault}", 503)
        row: Document = {}
        if kind in OF_A_SCENARIO:
            row = sheet.scenario(scenario) or {}
            if not row:
                known = ", ".join(each["name"] for each in sheet.scenarios) or "none"
                raise QuestionError(f"no scenario {scenario!r}: expected one of {known}", 404)
        key = (kind, scenario if row else "")
        async with self._turn:
            made = self._made.get(key)
            if made is None or made.sheet is not sheet:
                made = await asyncio.to_thread(_make, kind, sheet, row)
                self._made[key] = made
            return made


def _make(kind: str, sheet: Sheet, row: Document) -> Made:
    drawn = DRAWERS[kind](sheet, row)
    plain = msgspec.json.encode({"note": drawn.note, "plot": drawn.plot})
    tag = hashlib.sha256(plain).hexdigest()[:_SHOWN_OF_DIGEST]
    packed = gzip.compress(plain, mtime=0) if len(plain) >= _LEAST_PACKED_BYTES else b""
    return Made(sheet, tag, plain, packed)


def _curve(sheet: Sheet, row: Document) -> Drawn:
    return curve.draw(row, thresholds_of(row, sheet.status["breakers"], sheet.scenarios))


def _loops(sheet: Sheet, _row: Document) -> Drawn:
    return loops.draw({"loops": sheet.loops, "next": sheet.has_more_loops})


def _contagion(sheet: Sheet, row: Document) -> Drawn:
    return contagion.draw(row, sub_market_names(sheet.positions))


def _rounds(_sheet: Sheet, row: Document) -> Drawn:
    return rounds.draw(row)


DRAWERS: Mapping[str, Callable[[Sheet, Document], Drawn]] = {
    "curve": _curve,
    "loops": _loops,
    "contagion": _contagion,
    "rounds": _rounds,
}
OF_A_SCENARIO = frozenset(DRAWERS) - {"loops"}


def _script() -> bytes:
    return files("plotly").joinpath("package_data", SCRIPT).read_bytes()
