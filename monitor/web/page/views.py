"""The pages at `/` and `/account/…`, and the part of them that changes from block to block."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from monitor.core.ports import Answers
from monitor.core.units import address
from monitor.metrics import Metrics
from monitor.web.answer import elsewhere, json_answer
from monitor.web.figures.drawing import Summary
from monitor.web.figures.kinds import summary
from monitor.web.headers import PAGE_HEADERS, choose
from monitor.web.openapi import Described
from monitor.web.page.account_file import account_file
from monitor.web.page.danger import lead_of, threats_of
from monitor.web.page.sheet import Document, Sheet, Sheets
from monitor.web.page.stationery import Stationery, digest_of
from monitor.web.page.verdict import cause, verdict_of
from monitor.web.page.wellbeing import wellbeing_of
from monitor.web.sessions import COOKIE

SECTIONS = (
    *("verdict", "danger", "shape", "loops", "positions", "watches", "contagion"),
    *("markets", "breakers", "monitor", "alerts"),
)
ACCOUNT = "account"
LOOPS_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Said:
    """An alert in words."""

    title: str
    lines: Sequence[str]


Say = Callable[[Document], Said]


def unsaid(alert: Document) -> Said:
    """Where nobody lent us words: its type and its name."""
    return Said(f"{alert['type']} {alert['data']['alert']['breaker']}", ())


@dataclass(frozen=True, slots=True)
class Manners:
    """What the page is told by who knows its daemon. `stale_seconds`: from which age of the newest
    block on nothing is to be trusted. `say`: an alert as its receivers are told it. `questions`:
    what programs can ask.
    """

    version: str = ""
    stale_seconds: float = 180.0
    say: Say = unsaid
    questions: Sequence[Described] = ()


@dataclass(frozen=True, slots=True)
class Leaf:
    """What was written of a sheet: its sections, and what they were told."""

    sheet: Sheet
    context: dict[str, Any]
    sections: dict[str, str]


class Views:
    """Makes each section once for everybody who looks at the same sheet."""

    def __init__(
        self,
        answers: Answers,
        sheets: Sheets,
        metrics: Metrics,
        stationery: Stationery,
        say: Say,
    ) -> None:
        self._answers = answers
        self._sheets = sheets
        self._metrics = metrics
        self._stationery = stationery
        self._say = say
        self._leaf: Leaf | None = None
        self._turn = asyncio.Lock()

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/", self._status),
            web.get("/account", self._search),
            web.get("/account/{account}", self._account),
            web.get("/page/update", self._update),
        ]

    async def _status(self, request: web.Request) -> web.Response:
        leaf = await self._current()
        return self._written("status", request, leaf.context, leaf.sections)

    async def _search(self, request: web.Request) -> web.StreamResponse:
        """Where the search leads: to the account, or back with what is wrong."""
        asked = request.query.get("address", "").strip()
        try:
            account = address(asked)
        except ValueError as error:
            return self._wrong(request, asked, str(error))
        return elsewhere(f"/account/{account}")

    async def _account(self, request: web.Request) -> web.Response:
        asked = request.match_info["account"]
        try:
            account = address(asked)
        except ValueError as error:
            return self._wrong(request, asked, str(error))
        context, sections = await self._filed(account)
        return self._written("account", request, context, sections)

    async def _update(self, request: web.Request) -> web.Response:
        """The sections that differ from those the browser has; `have` names them by digest."""
        if (asked := request.query.get("account")) is not None:
            try:
                context, sections = await self._filed(address(asked))
            except ValueError as error:
                return json_answer({"error": str(error)}, 400)
        else:
            leaf = await self._current()
            context, sections = leaf.context, leaf.sections
        have = set(request.query.get("have", "").split(","))
        changed = {
            name: {"html": html, "digest": digest}
            for name, html in sections.items()
            if (digest := digest_of(html)) not in have
        }
        block = context["block"]
        response = json_answer(
            {
                "now": context["made_unix"],
                "block": block and {"number": block["number"], "timestamp": block["timestamp"]},
                "sections": changed,
            }
        )
        response.enable_compression()
        return response

    async def _current(self) -> Leaf:
        """Made in a thread: the first time templates are compiled, which takes 0.4 s."""
        sheet = await self._sheets.current()
        async with self._turn:
            if self._leaf is None or self._leaf.sheet is not sheet:
                self._leaf = await asyncio.to_thread(self._made, sheet)
            return self._leaf

    def _made(self, sheet: Sheet) -> Leaf:
        self._stationery.open()
        context = self._context_of(sheet)
        sections = {name: self._stationery.section(name, context) for name in SECTIONS}
        return Leaf(sheet, context, sections)

    def _context_of(self, sheet: Sheet) -> dict[str, Any]:
        threats = threats_of(sheet)
        lead = lead_of(threats)
        curve = next((row for row in sheet.scenarios if row["curve"]), None)

        def summed(kind: str) -> Summary | None:
            return _summary(kind, sheet, curve, None if lead is None else sheet.scenario(lead.name))

        return {
            "sheet": sheet,
            "block": sheet.block,
            "made_unix": sheet.made_unix,
            "verdict": verdict_of(sheet),
            "threats": threats,
            "lead": lead,
            "curve": curve and _curve(curve),
            "causes": {row["name"]: cause(row) for row in sheet.scenarios},
            "health": wellbeing_of(self._metrics),
            "summary": summed,
            "loops_shown": LOOPS_SHOWN,
            "say": self._say,
        }

    async def _filed(self, account: str) -> tuple[dict[str, Any], dict[str, str]]:
        sheet = await self._sheets.current()
        file = await account_file(self._answers, account)
        context = {"file": file, "account": file.account or account, "asked": account}
        context |= {"block": file.block or None, "made_unix": sheet.made_unix, "wrong": ""}
        return context, {ACCOUNT: self._stationery.section(ACCOUNT, context)}

    def _wrong(self, request: web.Request, asked: str, why: str) -> web.Response:
        context = {"account": "", "asked": asked, "wrong": why, "made_unix": 0, "block": None}
        response = self._written("account", request, context, {})
        response.set_status(400)
        return response

    def _written(
        self,
        name: str,
        request: web.Request,
        context: Mapping[str, Any],
        sections: Mapping[str, str],
    ) -> web.Response:
        more = {
            "sections": sections,
            "digest": digest_of,
            "has_login": COOKIE in request.cookies,
        }
        text = self._stationery.page(name, {"asked": "", "wrong": "", **context, **more})
        response = web.Response(text=text, content_type="text/html")
        choose(response, PAGE_HEADERS)
        response.enable_compression()
        return response


def _curve(row: Document) -> dict[str, Any]:
    curve = row["curve"]
    return {"name": row["name"], "asset": curve["asset"], "falls": curve["to"].startswith("-")}


def _summary(
    kind: str, sheet: Sheet, curve: Document | None, lead: Document | None
) -> Summary | None:
    """None where there is nothing to sum up."""
    match kind:
        case "loops":
            answer = {"loops": sheet.loops, "next": sheet.has_more_loops}
            return summary("loops", answer) if sheet.loops else None
        case "curve":
            return summary("curve", curve) if curve else None
    return summary(kind, lead, sheet.positions) if lead else None
