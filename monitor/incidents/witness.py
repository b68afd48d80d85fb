"""Watches the pipeline at work, and writes down what it said beside what happened."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import structlog

from monitor.core.alerts import Alert, BreakerPhase, BreakerState, Judgement
from monitor.core.blocks import BlockRef
from monitor.core.events import DeficitMoved, Liquidated
from monitor.core.ledger import Ledger
from monitor.core.ports import LoopFilter
from monitor.core.sources import Listing
from monitor.core.units import AssetId, MarketId
from monitor.engine.books import Books
from monitor.engine.cascade_runner import Answer
from monitor.engine.folding import Folded
from monitor.engine.judge import Judge
from monitor.engine.positions import PositionBook
from monitor.engine.totals import market_totals
from monitor.engine.valuation import Valuation, list_all, total, usd_text
from monitor.errors import TransientError
from monitor.incidents.course import Course, Happened, Moment, Shown, Standing, Told, Ward
from monitor.incidents.overhearing import Overheard
from monitor.parts import Parts
from monitor.simulation.results import CurveProjection, Projection

log = structlog.stdlib.get_logger(__name__)
MOST_TRIES = 8
"""Of a block that is not there: the past has been asked often enough for all else."""
MOST_LOOPS = 20
FIRING = (BreakerPhase.TRIPPED, BreakerPhase.RECOVERING)
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Scene:
    """What is watched. `told(done)` hears of every block."""

    parts: Parts
    judge: Judge
    books: Books
    overheard: Overheard
    ledger: Callable[[], Ledger]
    told: Callable[[int], None]


class Witness:
    """The Observer of a replay."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._moments: list[Moment] = []
        self._loops: list[dict[str, Any]] = []
        self._before: Sequence[dict[str, Any]] = ()
        self._failures = 0

    def applied(self, block: BlockRef, folded: Folded, seconds: float) -> None:
        """The block is judged next."""
        self._failures = 0

    def reverted(self, blocks: Sequence[BlockRef]) -> None:
        """Nothing turns in the past."""

    def retracted(self, alerts: Sequence[Alert]) -> None:
        """As above."""

    def finalized(self, number: int) -> None:
        """As above."""

    def retrying(self, what: str, error: TransientError) -> None:
        self._failures += 1
        if self._failures > MOST_TRIES:
            raise error
        log.warning("retrying", waiting_for=what, error=str(error))

    async def judged(self, judgement: Judgement, seconds: float) -> None:
        block, judge = judgement.block, self._scene.judge
        if not self._moments:
            self._loops = self._loops_at(block)
            self._before = self._markets_at(block)
        states = judge.states | dict(judgement.breakers)
        valuation = Valuation(self._scene.ledger(), self._listings())
        events = list(self._scene.overheard.take(block.hash))
        self._moments.append(
            Moment(
                block=block,
                scenarios={name: shown_of(answer) for name, answer in judge.answers.items()},
                breakers={rule.name: standing_of(states[rule.name]) for rule in judge.rules},
                alerts=tuple(map(told_of, judgement.alerts)),
                liquidations=tuple(
                    Happened(e.place.market, e.place.account, e.debt, _worth(valuation, e))
                    for e in events
                    if not isinstance(e, DeficitMoved)
                ),
                prices=self._prices(valuation),
                written_off_usd=_written_off(valuation, events),
            )
        )
        self._scene.told(len(self._moments) - 1)

    def course(self) -> Course:
        """After the last block."""
        block = self._moments[-1].block
        after = {row["id"]: row for row in self._loops_at(block, whole=True)}
        return Course(
            tuple(self._moments),
            wards_of(self._scene.judge),
            tuple((row, after.get(row["id"])) for row in self._loops),
            (self._before, self._markets_at(block)),
        )

    def _loops_at(self, block: BlockRef, *, whole: bool = False) -> list[dict[str, Any]]:
        """The largest by debt; `whole`: as many as can be asked for."""
        book = self._scene.books.loops_at(self._scene.ledger(), block)
        found = book.page(LoopFilter(limit=1000 if whole else MOST_LOOPS))
        rows: list[dict[str, Any]] = found["loops"]
        return rows

    def _markets_at(self, block: BlockRef) -> list[dict[str, Any]]:
        books, ledger = self._scene.books, self._scene.ledger()
        book, worth = books.at(ledger, block), books.net_values_at(ledger, block)
        rows = []
        for rule in self._scene.parts.markets:
            told = market_totals(book, worth, rule).as_json()
            rows.append(told | {"underwater_usd": usd_text(_underwater(book, rule.market))})
        return rows

    def _listings(self) -> list[Listing]:
        return list_all(self._scene.ledger(), self._scene.parts.markets)

    def _prices(self, valuation: Valuation) -> dict[str, Fraction | None]:
        """USD of a whole token, by its name in the configuration."""
        decimals = {one.asset: one.decimals for one in self._listings()}
        return {
            name: _price(valuation, asset, decimals.get(asset))
            for name, asset in self._scene.parts.named.items()
        }


def wards_of(judge: Judge) -> tuple[Ward, ...]:
    return tuple(
        Ward(rule.name, one.scenario, one.measure, one.warn, one.trip, one.clear)
        for rule in judge.rules
        for one in rule.limits[:1]
    )


def shown_of(answer: Answer) -> Shown:
    """What a scenario said at a block."""
    if answer.unknown:
        return Shown(None, is_known=False)
    match answer.result:
        case Projection() as found:
            return Shown(_cents(found.liquidated_usd), _cents(found.bad_debt_usd))
        case CurveProjection() as found:
            shock = found.critical_shock
            return Shown(None if shock is None else Decimal(str(shock)))
        case _:
            return Shown(None, is_known=False)


def _cents(usd: float) -> Decimal:
    return Decimal(usd).quantize(_CENT)


def standing_of(state: BreakerState) -> Standing:
    phase = BreakerPhase.BLIND if state.blind else state.phase
    return Standing(phase.name.lower(), state.phase in FIRING, state.value)


def told_of(alert: Alert) -> Told:
    value = json.loads(alert.body)["data"].get("value")
    severity = str(alert.severity)
    return Told(alert.id, alert.type.value, alert.breaker, severity, value)


def _worth(valuation: Valuation, event: Liquidated) -> Fraction | None:
    return valuation.usd(event.debt, event.repaid_raw)


def _written_off(
    valuation: Valuation, events: Sequence[Liquidated | DeficitMoved]
) -> Fraction | None:
    """Deficits that a pool booked, and what a liquidation left its lenders with."""
    lost = [
        valuation.usd(e.asset, e.delta_raw)
        if isinstance(e, DeficitMoved)
        else valuation.usd(e.debt, e.lost_raw)
        for e in events
        if not isinstance(e, DeficitMoved) or e.delta_raw > 0
    ]
    return total(lost)


def _underwater(book: PositionBook, market: MarketId) -> Fraction | None:
    """Debt above the collateral that secures it, summed over accounts."""
    gaps: list[Fraction | None] = []
    for row in book.rows:
        if row.market != market or not row.statement.debt:
            continue
        held = total(
            [
                book.usd(each)
                for each in row.statement.collateral
                if each.used_as_collateral is not False
            ]
        )
        if held is None or row.debt_usd is None:
            return None
        gaps.append(max(Fraction(0), row.debt_usd - held))
    return total(gaps)


def _price(valuation: Valuation, asset: AssetId, decimals: int | None) -> Fraction | None:
    return None if decimals is None else valuation.usd(asset, 10**decimals)
