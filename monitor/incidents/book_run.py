"""What an incident's breakers would have said about positions that are at hand, as one document."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from eth_utils.address import to_checksum_address

from monitor import __version__
from monitor.core.alerts import Judgement
from monitor.core.blocks import BlockRef
from monitor.core.ledger import Ledger, LedgerView
from monitor.core.risk import WorldSheet
from monitor.core.units import AssetId
from monitor.engine.cascade_runner import Answer, CascadeRunner, Plan
from monitor.engine.judge import Judge
from monitor.incidents.books import Course, Point, moment, read_course
from monitor.incidents.incident_file import Incident
from monitor.incidents.replaying import Progress
from monitor.incidents.witness import shown_of, standing_of, told_of, wards_of
from monitor.parts import parts_of, watchers_of
from monitor.settings import Settings

Document = dict[str, Any]
BLOCK_SECONDS = 12


class Shelf(CascadeRunner):
    """Answers for the world of one point, whatever ledger it is asked with."""

    def __init__(self, named: Mapping[str, AssetId], plans: Sequence[Plan]) -> None:
        super().__init__((), (), named, {}, plans)
        self._point: Point | None = None
        self._known: dict[str, Answer] = {}

    def put(self, point: Point) -> None:
        self._point, self._known = point, {}

    def world(self, view: LedgerView, block: BlockRef) -> WorldSheet:
        if self._point is None:
            raise LookupError("no point was put there")
        return self._point.world(block)

    async def run(
        self, view: LedgerView, block: BlockRef
    ) -> tuple[dict[str, Answer], WorldSheet | None]:
        """Asked once of each point: the blocks of a hold have the same world."""
        if not self._known:
            self._known, _ = await super().run(view, block)
        return {name: replace(each, block=block) for name, each in self._known.items()}, None


async def asked_of_book(
    incident: Incident, settings: Settings, data: Path, progress: Progress
) -> Document:
    """The set's points one after the other, each as many blocks as a hold may need.

    `settings`: of the incident's file, around nothing. Raises QuestionError as `read_course`.
    """
    if incident.book is None:
        raise ValueError("the incident has no book")
    begins, ends = incident.span
    course = read_course(incident.book.set, data, begins, ends)
    shelf = Shelf(course.named, parts_of(settings).runner.plans)
    judge = Judge(shelf, watchers_of(settings, incident.book.set), (), to_checksum_address)
    holds = max(breaker.hold_blocks for breaker in settings.breakers)
    rows, alerts = [], []
    for number, point in enumerate(course.points):
        shelf.put(point)
        following = course.points[number + 1].unix if course.points[number + 1 :] else None
        for judgement in await _judged(judge, point, holds, following):
            alerts += [told | {"unix": judgement.block.timestamp} for told in _told(judgement)]
        rows.append(_row(point, judge))
        progress(number + 1, len(course.points))
    return _document(incident, course, judge, (rows, alerts))


async def _judged(judge: Judge, point: Point, holds: int, following: int | None) -> list[Judgement]:
    """Between two points the prices stand: blocks that no hold asks for say nothing."""
    found = []
    for number in range(holds):
        unix = point.unix + number * BLOCK_SECONDS
        if following is not None and unix >= following:
            break
        judgement, _ = await judge.judge(Ledger(), moment(unix))
        judge.settle(judgement)
        found.append(judgement)
    return found


def _told(judgement: Judgement) -> list[Document]:
    """Without ids: there is no chain whose genesis they could hold."""
    return [
        {"type": told.type, "breaker": told.breaker, "value": told.value}
        for told in map(told_of, judgement.alerts)
    ]


def _row(point: Point, judge: Judge) -> Document:
    states = {name: standing_of(state) for name, state in judge.states.items()}
    return {
        "unix": point.unix,
        "quotes": {name: f"{value:f}" for name, value in point.quotes.items()},
        "scenarios": {name: _answer(each) for name, each in judge.answers.items()},
        "breakers": {
            name: {"phase": each.phase, "value": each.value} for name, each in states.items()
        },
    }


def _answer(answer: Answer) -> Document:
    shown = shown_of(answer)
    return {
        "value": None if shown.value is None else f"{shown.value:f}",
        "is_known": shown.is_known,
    }


def _document(
    incident: Incident, course: Course, judge: Judge, said: tuple[list[Document], list[Document]]
) -> Document:
    rows, alerts = said
    return {
        "version": __version__,
        "incident": incident.incident.model_dump(mode="json"),
        "scenarios": {
            name: each.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
            for name, each in incident.scenarios.items()
        },
        "replayed": "a book",
        "book": {
            "set": None if incident.book is None else incident.book.set,
            "of_the_day": incident.book is not None and incident.book.of_the_day,
            "limits": list(course.limits),
            "files": dict(course.files),
        },
        "breakers": [
            {
                "name": ward.name,
                "scenario": ward.scenario,
                "measure": str(ward.measure),
                "warn": str(ward.warn),
                "trip": str(ward.trip),
                "clear": str(ward.clear),
                "tripped": [
                    alert["unix"]
                    for alert in alerts
                    if alert["breaker"] == ward.name and alert["type"] == "breaker.tripped"
                ],
            }
            for ward in wards_of(judge)
        ],
        "alerts": alerts,
        "timeline": rows,
    }


def not_replayed(incident: Incident, why: str, command: str) -> Document:
    """An incident without positions at hand: what happened, and how to replay it."""
    return {
        "version": __version__,
        "incident": incident.incident.model_dump(mode="json"),
        "scenarios": {
            name: each.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
            for name, each in incident.scenarios.items()
        },
        "replayed": None,
        "not_replayed": why,
        "command": command,
        "breakers": [
            {
                "name": each.name,
                "scenario": each.scenario,
                "measure": str(each.measure),
                "warn": str(each.warn),
                "trip": str(each.trip),
                "clear": str(each.clear),
            }
            for each in incident.breakers
        ],
    }
