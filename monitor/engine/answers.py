"""Answers to what HTTP and the command line ask, from one state of the ledger."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from monitor.core.alerts import ConditionState, Silence
from monitor.core.blocks import BlockRef
from monitor.core.keys import owner_key
from monitor.core.ledger import Ledger, find
from monitor.core.owners import Ownership
from monitor.core.ports import ClaimFilter, LoopFilter, PositionFilter, Probe, StateStore
from monitor.core.sources import RiskRules
from monitor.core.units import AssetId
from monitor.engine.books import Books
from monitor.engine.breaker_rows import Surroundings, breaker_row
from monitor.engine.cascade_runner import CascadeRunner, CurvePlan, Plan
from monitor.engine.claim_book import ClaimBook
from monitor.engine.conditions import blind_json
from monitor.engine.holders import HolderBook, with_holders
from monitor.engine.judge import Judge
from monitor.engine.judged import judged_rows
from monitor.engine.loop_book import LoopBook
from monitor.engine.net_value import together
from monitor.engine.ownership import ownership_json
from monitor.engine.paging import asked_address, block_json, every_page
from monitor.engine.positions import PositionBook
from monitor.engine.receipts import accounts_of, as_json
from monitor.engine.totals import faults, market_totals, unknown_prices, unpriced_pairs
from monitor.errors import QuestionError, TransientError
from monitor.simulation.options import Options
from monitor.simulation.report import document_of

MOST_WAITING = 8
"""Questions that may wait for their projection."""


class Present(Protocol):
    """The state that is asked about: a daemon's, or a store's beside no daemon."""

    @property
    def ledger(self) -> Ledger: ...

    @property
    def applied(self) -> BlockRef | None: ...

    @property
    def evaluated(self) -> BlockRef | None: ...

    @property
    def leader(self) -> str:
        """The name of the daemon that leads; empty where none does, or none is known."""
        ...

    @property
    def blind(self) -> Mapping[str, ConditionState]:
        """The ways in which the monitor is blind now."""
        ...

    def alive(self) -> Probe: ...

    def ready(self) -> Probe: ...


@dataclass(frozen=True, slots=True)
class Nameplate:
    """Which daemon answers."""

    version: str
    chain_id: int
    namespace: str


class Known(Protocol):
    """The pure parts of a configuration that answers are made with."""

    @property
    def markets(self) -> Sequence[RiskRules]: ...

    @property
    def runner(self) -> CascadeRunner: ...

    @property
    def defaults(self) -> Options: ...


class EngineAnswers:
    """The `Answers` port over a ledger, a judge and a store."""

    def __init__(
        self,
        nameplate: Nameplate,
        present: Present,
        known: Known,
        judge: Judge,
        store: StateStore,
        books: Books,
    ) -> None:
        self._nameplate = nameplate
        self._present = present
        self._rules = tuple(known.markets)
        self._runner = known.runner
        self._defaults = known.defaults
        self._judge = judge
        self._store = store
        self._checksum = books.checksum
        self._books = books
        self._holders = HolderBook(books.owner)
        self._turn = asyncio.Semaphore(1)
        self._waiting = 0

    def alive(self) -> Probe:
        return self._present.alive()

    def ready(self) -> Probe:
        return self._present.ready()

    async def status(self) -> dict[str, Any]:
        book = await self._book()
        block, ready = self._block(), self._present.ready()
        evaluated = self._present.evaluated
        worth = self._books.net_values_at(self._present.ledger, block)
        return {
            "block": block_json(block),
            "version": self._nameplate.version,
            "chain_id": self._nameplate.chain_id,
            "namespace": self._nameplate.namespace,
            "leader": self._present.leader or None,
            "ready": ready.ok,
            "reasons": list(ready.reasons),
            "evaluated": block_json(evaluated) if evaluated else None,
            "blind": blind_json(self._present.blind),
            "markets": [market_totals(book, worth, rule).as_json() for rule in self._rules],
            "totals": together(worth.values()).as_json(),
            "breakers": await self._breakers(),
            "receipts": await self._receipts(block, book.symbols),
            "unknown": [
                *faults(self._present.ledger),
                *unknown_prices(self._present.ledger, self._rules),
                *unpriced_pairs(self._present.ledger, self._rules),
            ],
        }

    async def positions(self, wanted: PositionFilter) -> dict[str, Any]:
        self._known_market(wanted.market)
        book = await self._book()
        ownership = {} if wanted.account is None else self._ownership(wanted.account)
        return await asyncio.to_thread(book.page, wanted) | ownership

    async def loops(self, wanted: LoopFilter) -> dict[str, Any]:
        return await asyncio.to_thread((await self._loop_book(wanted)).page, wanted)

    async def position_pages(self, wanted: PositionFilter) -> AsyncIterator[dict[str, Any]]:
        self._known_market(wanted.market)
        async for page in every_page((await self._book()).page, wanted):
            yield page

    async def loop_pages(self, wanted: LoopFilter) -> AsyncIterator[dict[str, Any]]:
        async for page in every_page((await self._loop_book(wanted)).page, wanted):
            yield page

    async def claims(self, wanted: ClaimFilter) -> dict[str, Any]:
        book = await self._book()
        return await asyncio.to_thread(lambda: ClaimBook(book).page(wanted))

    async def prices(self, market: str | None) -> dict[str, Any]:
        self._known_market(market)
        await self._books.made()
        block = self._block()
        book = self._books.prices_at(self._present.ledger, block)
        return {"block": block_json(block), "prices": book.as_json(self._checksum, market)}

    async def cascade(self, scenario: str) -> dict[str, Any]:
        block = self._block()
        plan = next((plan for plan in self._runner.plans if plan.name == scenario), None)
        if plan is None:
            known = ", ".join(plan.name for plan in self._runner.plans) or "none is configured"
            raise QuestionError(f"there is no scenario {scenario!r}: expected one of {known}", 404)
        answer = self._judge.answers.get(scenario)
        if answer is not None and answer.block == block and answer.result is not None:
            return document_of(answer.result, block_json(block), self._checksum, answer.snapshot)
        return await self._ask(plan)

    async def judged(self) -> list[dict[str, Any]]:
        plans, answers = self._runner.plans, dict(self._judge.answers)
        return await asyncio.to_thread(judged_rows, plans, answers, self._checksum)

    async def project(
        self, shocks: Mapping[str, Any], options: Mapping[str, Any]
    ) -> dict[str, Any]:
        return await self._ask(Plan("", shocks, None, self._defaults.updated(options)))

    async def curve(self, asset: str, to: str, steps: int) -> dict[str, Any]:
        return await self._ask(Plan("", {}, CurvePlan(asset, Decimal(to), steps), self._defaults))

    async def _ask(self, plan: Plan) -> dict[str, Any]:
        """One question at a time: the daemon's own projections come first."""
        if self._waiting >= MOST_WAITING:
            raise QuestionError(f"{self._waiting} projections are waiting: try again later", 503)
        self._waiting += 1
        try:
            async with self._turn:
                block = self._block()
                result = await self._runner.ask(self._present.ledger, block, plan)
                return document_of(result, block_json(block), self._checksum)
        finally:
            self._waiting -= 1

    async def breakers(self) -> dict[str, Any]:
        block = self._block()
        watches = self._judge.watched(self._present.ledger, block)
        return {
            "block": block_json(block),
            "breakers": await self._breakers(),
            "watches": watches,
        }

    async def alerts(self, limit: int) -> dict[str, Any]:
        try:
            found = await self._store.recent_alerts(limit)
        except TransientError as error:
            raise QuestionError(f"the store cannot be read now: {error}", 503) from error
        return {
            "block": block_json(self._block()),
            "alerts": [
                json.loads(stored.alert.body)
                | {
                    "deliveries": dict(stored.deliveries),
                    "silenced": stored.alert.silenced or None,
                }
                for stored in found
            ],
        }

    def _block(self) -> BlockRef:
        block = self._present.applied
        if block is None:
            reasons = "; ".join(self._present.ready().reasons)
            raise QuestionError(f"no block has been applied yet: {reasons}", 503)
        return block

    def _known_market(self, market: str | None) -> None:
        known = [rule.market for rule in self._rules]
        if market is not None and market not in known:
            raise QuestionError(
                f"there is no market {market!r}: expected one of {', '.join(known)}", 404
            )

    def _ownership(self, text: str) -> dict[str, Any]:
        account = asked_address(text)
        told = find(self._present.ledger, owner_key(account), Ownership)
        owner = self._books.owner(account)
        return {"ownership": ownership_json(told, account, owner, self._checksum)}

    async def _receipts(
        self, block: BlockRef, names: Mapping[AssetId, str]
    ) -> list[dict[str, Any]]:
        ledger = self._present.ledger
        accounts = accounts_of(ledger, block, self._rules)
        held = await self._holders.of(ledger, block, [account.token for account in accounts])
        return [
            with_holders(as_json(account, names, self._checksum), account, holders, self._checksum)
            for account, holders in zip(accounts, held, strict=True)
        ]

    async def _loop_book(self, wanted: LoopFilter) -> LoopBook:
        self._known_market(wanted.market)
        await self._books.made()
        return self._books.loops_at(self._present.ledger, self._block())

    async def _book(self) -> PositionBook:
        await self._books.made()
        return self._books.at(self._present.ledger, self._block())

    async def _breakers(self) -> list[dict[str, Any]]:
        silences: Mapping[str, Silence] | None = None
        with suppress(TransientError):
            silences = await self._store.silences()
        judge = self._judge
        around = Surroundings(self._present.ledger, self._block(), judge.answers, silences)
        return [breaker_row(rule, judge.states[rule.name], around) for rule in judge.rules]
