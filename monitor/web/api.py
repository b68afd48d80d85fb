"""The HTTP questions of contract section 3, put to the `Answers` port."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from aiohttp import web

from monitor.core.loops import LoopKind
from monitor.core.ports import Answers, ClaimFilter, LoopFilter, PositionFilter
from monitor.core.units import address
from monitor.errors import QuestionError
from monitor.web.answer import body_of, json_answer
from monitor.web.exports import Exports, is_csv
from monitor.web.openapi import document
from monitor.web.parameters import LISTED, MOST_ROWS, NUMBER
from monitor.web.stream import TEXT as STREAM_TEXT
from monitor.web.stream import Stream
from monitor.web.tables import LOOPS, POSITIONS
from monitor.web.texts import (
    CLAIMS_TEXT,
    LOOPS_TEXT,
    OWNERSHIP_TEXT,
    PRICES_TEXT,
    PROJECTION_TEXT,
    STATUS_TEXT,
)

PREFIX = "/api/v1"
_USD = re.compile(NUMBER)
Scalar = float | int | str | bool | None
Answer = dict[str, Any] | web.StreamResponse
Ask = Callable[[web.Request, Mapping[str, str]], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One question. `query`: the parameters it may have (see `parameters`); `text` tells of the
    answer, `answers` which shapes it may have, `faults` how else it may end than all may.
    """

    method: str
    path: str
    summary: str
    ask: Ask
    answers: tuple[str, ...] = ()
    query: tuple[str, ...] = ()
    text: str = ""
    faults: tuple[int, ...] = (503,)
    media: str = "application/json"


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of `POST /project`.

    Typed to the leaves: brackets nested without end would overflow the decoder's stack.
    """

    shocks: dict[str, Scalar]
    options: dict[str, Scalar] = {}


class Api:
    """Checks what was asked; the answers come from the port."""

    def __init__(
        self, answers: Answers, version: str, stream: Stream, *, is_guarded: bool = False
    ) -> None:
        """`is_guarded`: whether a token is asked for."""
        self._is_guarded = is_guarded
        self._answers = answers
        self._version = version
        self._stream = stream
        self._exports = Exports()
        self.endpoints = self._table()

    def routes(self) -> list[web.RouteDef]:
        return [web.route(one.method, one.path, _handler(one)) for one in self.endpoints]

    def _table(self) -> tuple[Endpoint, ...]:
        wanted = ("market", "account", "owner", "min_debt_usd", "liquidatable", *LISTED, "format")
        looped = ("owner", "market", "kind", "min_leverage", *LISTED, "format")
        told = ("Projection", "Curve")
        return (
            Endpoint(
                *("GET", f"{PREFIX}/status", "How the daemon fares", self._status, ("Status",)),
                text=STATUS_TEXT,
            ),
            Endpoint(
                *("GET", f"{PREFIX}/positions", "Positions by debt", self._positions),
                *(("Positions",), wanted, OWNERSHIP_TEXT, (404, 410, 503)),
            ),
            Endpoint(
                *("GET", f"{PREFIX}/positions/{{account}}", "Of one account", self._account),
                *(("Positions",), (), OWNERSHIP_TEXT),
            ),
            Endpoint(
                *("GET", f"{PREFIX}/loops", "Loops by debt", self._loops),
                *(("Loops",), looped, LOOPS_TEXT, (404, 410, 503)),
            ),
            Endpoint(
                *("GET", f"{PREFIX}/claims", "What rests on what", self._claims),
                *(("Claims",), ("asset", *LISTED), CLAIMS_TEXT, (404, 410, 503)),
            ),
            Endpoint(
                *("GET", f"{PREFIX}/prices", "Prices and their ways", self._prices),
                *(("Prices",), ("market",), PRICES_TEXT, (404, 503)),
            ),
            Endpoint(
                *("GET", f"{PREFIX}/cascade/{{scenario}}", "Newest projection", self._cascade),
                *(told, (), PROJECTION_TEXT, (404, 503)),
            ),
            Endpoint(
                *("POST", f"{PREFIX}/project", "A projection of your own", self._project),
                *(told[:1], (), PROJECTION_TEXT, (408, 413, 503)),
            ),
            Endpoint(
                *("GET", f"{PREFIX}/breakers", "Breakers and their states", self._breakers),
                ("Breakers",),
            ),
            Endpoint(
                *("GET", f"{PREFIX}/alerts", "Newest alerts", self._alerts),
                *(("Alerts",), ("limit",)),
            ),
            Endpoint(
                *("GET", f"{PREFIX}/stream", "Blocks and alerts as they come", self._listen),
                text=STREAM_TEXT,
                media="text/event-stream",
            ),
            Endpoint(
                *("GET", f"{PREFIX}/openapi.json", "This description", self._openapi),
                faults=(),
            ),
        )

    async def _status(self, _request: web.Request, _query: Mapping[str, str]) -> dict[str, Any]:
        return await self._answers.status()

    async def _positions(self, request: web.Request, query: Mapping[str, str]) -> Answer:
        wanted = _position_filter(query)
        if is_csv(query):
            pages = self._answers.position_pages(wanted)
            return await self._exports.send(request, POSITIONS, pages)
        return await self._answers.positions(wanted)

    async def _account(self, request: web.Request, _query: Mapping[str, str]) -> dict[str, Any]:
        account = _address("account", request.match_info["account"])
        return await self._answers.positions(PositionFilter(account=account, limit=MOST_ROWS))

    async def _loops(self, request: web.Request, query: Mapping[str, str]) -> Answer:
        wanted = _loop_filter(query)
        if is_csv(query):
            return await self._exports.send(request, LOOPS, self._answers.loop_pages(wanted))
        return await self._answers.loops(wanted)

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
        return document(self.endpoints, self._version, is_guarded=self._is_guarded)


def _handler(endpoint: Endpoint) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        answer = await endpoint.ask(request, _known_query(request, endpoint.query))
        return answer if isinstance(answer, web.StreamResponse) else json_answer(answer)

    return handle


def _known_query(request: web.Request, known: Sequence[str]) -> dict[str, str]:
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
