"""The HTTP questions of contract section 3, put to the `Answers` port."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from aiohttp import web

from monitor.core.loops import LoopKind
from monitor.core.ports import Answers, ClaimFilter, LoopFilter, PositionFilter
from monitor.core.units import address
from monitor.errors import QuestionError
from monitor.web.answer import body_of, json_answer
from monitor.web.openapi import document
from monitor.web.stream import TEXT as STREAM_TEXT
from monitor.web.stream import Stream

PREFIX = "/api/v1"
MOST_ROWS = 1000
_USD = re.compile(r"\d{1,30}(\.\d{1,18})?")
STATUS_TEXT = (
    "`leader`: the name of the daemon that leads. "
    "`collateral_net_usd`: collateral in use without `claimed_usd`, the part that is a claim on "
    "money lent in a followed market (what secures that is collateral there), or on nothing but "
    "itself, and without `looped_usd`, what was pledged with money borrowed from followed markets "
    "in loops that are known. `unseen_claims_usd`: what is pledged of claims that do not show what "
    "stands behind them; so much of the net value may be counted elsewhere too. `multiplier`: "
    "gross by net. `totals`: all markets. `concentration`: by owner; `top1`, `top5`: parts of the "
    "largest, `hhi`: the sum of squared parts; by value in USD, of one collateral by amount."
)
OWNERSHIP_TEXT = (
    "`ownership`, where one account is asked for: whose it is, and by what evidence. "
    "`controllers`: whom its code obeys, `threshold` of them together, as that code told; "
    "`unknown`: why it counts as its own."
)
LOOPS_TEXT = (
    "`collateral_usd`, `debt_usd`: each side of the path once, with all that is there now. "
    "`breaks_at`: what makes one of its positions liquidatable, in the grammar of shocks: a price "
    "(`WETH`) or peg (`peg:wstETH/WETH`) by its move, up or down; and for "
    "`rate:market/asset`, `utilisation@days`: after so many days at the present rates, those of "
    "that utilisation, the debt outgrows what secures it. It is not there where no move does it, "
    "or where interest takes more than ten years; null where an earlier break may be unknown. "
    "`liquidation_order`: the same of each indebted position, the first to break first. "
    "`carry`: a year's rates, not compounded, by value; `net` is on the equity. "
    "`because`: why it is taken for a loop."
)
CLAIMS_TEXT = (
    "All that is pledged, and all that is a claim. `rests_on`: what it finally comes down to, and "
    "where that is lent (`market` null: it is held), in shares of 1 with `circular`, the part that "
    "claims nothing but itself, and `unseen`, of which nobody tells what stands behind it. "
    "`claims_on`: the share of it that is lent in a market, itself or by what it holds. "
    "`shared_by`: where it is pledged, itself or as something of which `share` rests on it; `top1` "
    "is the largest owner's part. `markets`: how much of a market's collateral is a claim on money "
    "lent in another, or in itself, of the markets where something shown is pledged."
)
PROJECTION_TEXT = (
    "`by_loop_kind`: the sums by the kind of loop that a debt is part of, `none` for debts in no "
    "loop that counts. `contagion`: what was liquidated in `to` because of what liquidations in "
    "`from` sold or wrote off, and what `share` that is of all that was liquidated there; the "
    "largest 100, largest first; the rest of a market's liquidated debt the shock did itself. "
    "`branching_ratio`: 1 - first round / all; 0 where nothing is liquidated. "
    "`unliquidated_because`: what kept liquidators from debt that is liquidatable at the end. "
    "`largest`: accounts by debt repaid (`debt_usd`), `largest_unliquidated`: by debt left; "
    "`largest_share`: the first one's part of all debt repaid, null where nothing is. In "
    "`round_log`, `ratio` is the round's liquidated debt to that of the round before; `lending`: "
    "how what was repaid or taken out is borrowed afterwards, the rate a year. `unwinding`: loops "
    "closed before the first round, where the option `unwind` asked for it. Where prices are "
    "`unknown` no sum is told: null; `left_out` changes none."
)
Scalar = float | int | str | bool | None
Ask = Callable[[web.Request, Mapping[str, str]], Awaitable[dict[str, Any] | web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One question: `query` maps its parameters to what each means, `text` tells of the answer."""

    method: str
    path: str
    summary: str
    query: Mapping[str, str]
    ask: Ask
    text: str = ""
    media: str = "application/json"


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of `POST /project`.

    Typed to the leaves: brackets nested without end would overflow the decoder's stack.
    """

    shocks: dict[str, Scalar]
    options: dict[str, Scalar] = {}


class Api:
    """Checks what was asked; the answers come from the port."""

    def __init__(self, answers: Answers, version: str, stream: Stream) -> None:
        self._answers = answers
        self._version = version
        self._stream = stream
        self.endpoints = self._table()

    def routes(self) -> list[web.RouteDef]:
        return [web.route(one.method, one.path, _handler(one)) for one in self.endpoints]

    def _table(self) -> tuple[Endpoint, ...]:
        limit = {"limit": f"rows, 1 to {MOST_ROWS}"}
        market = {"market": "name of a configured market"}
        wanted = {
            **market,
            "account": "address of the account",
            "owner": "address of who is behind it",
            "min_debt_usd": "decimal number",
            "liquidatable": "true or false",
            "cursor": "the `next` of the page before",
            **limit,
        }
        looped = {
            "owner": "address of who is behind it",
            "market": "name of a configured market it runs through",
            "kind": " | ".join(LoopKind),
            "min_leverage": "decimal number; a loop whose leverage is unknown is never left out",
            "cursor": "the `next` of the page before",
            **limit,
        }
        claimed = {
            "asset": "address or symbol",
            "cursor": "the `next` of the page before",
            **limit,
        }
        return (
            Endpoint(
                "GET", f"{PREFIX}/status", "How the daemon fares", {}, self._status, STATUS_TEXT
            ),
            Endpoint(
                *("GET", f"{PREFIX}/positions", "Positions by debt", wanted, self._positions),
                OWNERSHIP_TEXT,
            ),
            Endpoint(
                *("GET", f"{PREFIX}/positions/{{account}}", "Of one account", {}, self._account),
                OWNERSHIP_TEXT,
            ),
            Endpoint("GET", f"{PREFIX}/loops", "Loops by debt", looped, self._loops, LOOPS_TEXT),
            Endpoint(
                "GET", f"{PREFIX}/claims", "What rests on what", claimed, self._claims, CLAIMS_TEXT
            ),
            Endpoint("GET", f"{PREFIX}/prices", "Prices and their ways", market, self._prices),
            Endpoint(
                *("GET", f"{PREFIX}/cascade/{{scenario}}", "Newest projection", {}, self._cascade),
                PROJECTION_TEXT,
            ),
            Endpoint(
                *("POST", f"{PREFIX}/project", "A projection of your own", {}, self._project),
                PROJECTION_TEXT,
            ),
            Endpoint("GET", f"{PREFIX}/breakers", "Breakers and their states", {}, self._breakers),
            Endpoint("GET", f"{PREFIX}/alerts", "Newest alerts", limit, self._alerts),
            Endpoint(
                *("GET", f"{PREFIX}/stream", "Blocks and alerts as they come", {}, self._listen),
                STREAM_TEXT,
                "text/event-stream",
            ),
            Endpoint("GET", f"{PREFIX}/openapi.json", "This description", {}, self._openapi),
        )

    async def _status(self, _request: web.Request, _query: Mapping[str, str]) -> dict[str, Any]:
        return await self._answers.status()

    async def _positions(self, _request: web.Request, query: Mapping[str, str]) -> dict[str, Any]:
        return await self._answers.positions(_position_filter(query))

    async def _account(self, request: web.Request, _query: Mapping[str, str]) -> dict[str, Any]:
        account = _address("account", request.match_info["account"])
        return await self._answers.positions(PositionFilter(account=account, limit=MOST_ROWS))

    async def _loops(self, _request: web.Request, query: Mapping[str, str]) -> dict[str, Any]:
        return await self._answers.loops(_loop_filter(query))

    async def _claims(self, _request: web.Request, query: Mapping[str, str]) -> dict[str, Any]:
        wanted = ClaimFilter(query.get("asset"), query.get("cursor"), _limit(query))
        return await self._answers.claims(wanted)

    async def _prices(self, _request: web.Request, query: Mapping[str, str]) -> dict[str, Any]:
        return await self._answers.prices(query.get("market"))

    async def _cascade(self, request: web.Request, _query: Mapping[str, str]) -> dict[str, Any]:
        return await self._answers.cascade(request.match_info["scenario"])

    async def _project(self, request: web.Request, _query: Mapping[str, str]) -> dict[str, Any]:
        question = _projection(await body_of(request))
        return await self._answers.project(question.shocks, question.options)

    async def _breakers(self, _request: web.Request, _query: Mapping[str, str]) -> dict[str, Any]:
        return await self._answers.breakers()

    async def _alerts(self, _request: web.Request, query: Mapping[str, str]) -> dict[str, Any]:
        return await self._answers.alerts(_limit(query))

    async def _listen(self, request: web.Request, _query: Mapping[str, str]) -> web.StreamResponse:
        return await self._stream.handle(request)

    async def _openapi(self, _request: web.Request, _query: Mapping[str, str]) -> dict[str, Any]:
        return document(self.endpoints, self._version)


def _handler(endpoint: Endpoint) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        answer = await endpoint.ask(request, _known_query(request, endpoint.query))
        return answer if isinstance(answer, web.StreamResponse) else json_answer(answer)

    return handle


def _known_query(request: web.Request, known: Mapping[str, str]) -> dict[str, str]:
    """The query, if each parameter is known and given once."""
    for name in request.query:
        if name not in known:
            expected = ", ".join(known) if known else "none"
            raise QuestionError(f"unknown parameter {name!r}: expected {expected}")
        if len(request.query.getall(name)) > 1:
            raise QuestionError(f"{name} is given more than once: expected it once")
    return dict(request.query)


def _position_filter(query: Mapping[str, str]) -> PositionFilter:
    min_debt_usd, liquidatable = query.get("min_debt_usd"), query.get("liquidatable")
    if min_debt_usd is not None and not _USD.fullmatch(min_debt_usd):
        raise _wrong("min_debt_usd", min_debt_usd, "a number such as 1000.00")
    if liquidatable not in (None, "true", "false"):
        raise _wrong("liquidatable", liquidatable, "true or false")
    return PositionFilter(
        market=query.get("market"),
        account=_address("account", query["account"]) if "account" in query else None,
        owner=_address("owner", query["owner"]) if "owner" in query else None,
        min_debt_usd=min_debt_usd,
        liquidatable=None if liquidatable is None else liquidatable == "true",
        cursor=query.get("cursor"),
        limit=_limit(query),
    )


def _loop_filter(query: Mapping[str, str]) -> LoopFilter:
    kind, least = query.get("kind"), query.get("min_leverage")
    if kind is not None and kind not in set(LoopKind):
        raise _wrong("kind", kind, f"one of {', '.join(LoopKind)}")
    if least is not None and not _USD.fullmatch(least):
        raise _wrong("min_leverage", least, "a number such as 2.5")
    return LoopFilter(
        owner=_address("owner", query["owner"]) if "owner" in query else None,
        market=query.get("market"),
        kind=kind,
        min_leverage=least,
        cursor=query.get("cursor"),
        limit=_limit(query),
    )


def _limit(query: Mapping[str, str]) -> int:
    text = query.get("limit", "100")
    if not re.fullmatch(r"[0-9]{1,4}", text) or not 1 <= int(text) <= MOST_ROWS:
        raise _wrong("limit", text, f"an integer from 1 to {MOST_ROWS}")
    return int(text)


def _address(name: str, text: str) -> str:
    try:
        return address(text)
    except ValueError as error:
        raise QuestionError(f"{name}: {error}") from error


def _projection(body: bytes) -> Question:
    try:
        question = msgspec.json.decode(body, type=Question)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise QuestionError(
            f'the body: {error}: expected {{"shocks": {{"WETH": -0.3}}}}'
        ) from error
    if not question.shocks:
        raise QuestionError('shocks is empty: expected an object such as {"WETH": -0.3}')
    return question


def _wrong(name: str, value: str | None, expected: str) -> QuestionError:
    return QuestionError(f"{name} = {value!r}: expected {expected}")
