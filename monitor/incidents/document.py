"""A replay as one JSON document: what `replay --json` prints, and its report is made of."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from monitor import __version__
from monitor.engine.paging import block_json
from monitor.engine.valuation import usd_text
from monitor.incidents.course import Course, Moment, Shown
from monitor.incidents.scoring import Meeting, Score, Trip, Wave, repaid_usd, scores_of, waves_of
from monitor.schema import Scenario

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Provenance:
    """By what a replay was made. `recording`: its id, where it was recorded or played from one."""

    chain_id: int
    genesis: str
    namespace: str
    configuration: str
    recording: str | None
    reproduce: str
    horizon_seconds: int
    scenarios: Mapping[str, Scenario]


def document_of(course: Course, by: Provenance) -> Json:
    """USD as strings with 2 decimals, unknown is null, as everywhere."""
    moments = course.moments
    scores = scores_of(course, by.horizon_seconds)
    waves = waves_of(moments, by.horizon_seconds)
    liquidated = [each for moment in moments for each in moment.liquidations]
    return {
        "block": block_json(moments[-1].block),
        "from": block_json(moments[0].block),
        "version": __version__,
        "chain_id": by.chain_id,
        "genesis": by.genesis,
        "namespace": by.namespace,
        "configuration": by.configuration,
        "recording": by.recording,
        "reproduce": by.reproduce,
        "horizon_seconds": by.horizon_seconds,
        "happened": {
            "liquidations": len(liquidated),
            "accounts": len({(each.market, each.account) for each in liquidated}),
            "liquidated_usd": usd_text(sum(map(repaid_usd, moments), Fraction(0))),
            "written_off_usd": usd_text(_all(moment.written_off_usd for moment in moments)),
            "waves": [_wave(wave) for wave in waves],
        },
        "scenarios": {
            name: each.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
            for name, each in by.scenarios.items()
        },
        "breakers": [
            _breaker(ward, score) for ward, score in zip(_wards(course), scores, strict=True)
        ],
        "alerts": [
            {
                "id": alert.id,
                "type": alert.type,
                "breaker": alert.breaker,
                "severity": alert.severity,
                "value": alert.value,
                "block": block_json(moment.block),
            }
            for moment in moments
            for alert in moment.alerts
        ],
        "markets": {"before": list(course.markets[0]), "after": list(course.markets[1])},
        "loops": list(_loops(course)),
        "timeline": list(_timeline(moments)),
        "unknown": list(_unknown(moments)),
    }


def _wards(course: Course) -> list[Json]:
    return [
        {
            "name": ward.name,
            "scenario": ward.scenario,
            "measure": str(ward.measure),
            "warn": str(ward.warn),
            "trip": str(ward.trip),
            "clear": str(ward.clear),
        }
        for ward in course.wards
    ]


def _breaker(ward: Json, score: Score) -> Json:
    lead = score.lead
    return ward | {
        "trips": [_trip(trip) for trip in score.trips],
        "false_alarms": score.false_alarms,
        "misses": score.misses,
        "lead_seconds": None if lead is None else lead.lead_seconds,
        "lead_blocks": None if lead is None else lead.lead_blocks,
        "lead_to_peak_seconds": None if lead is None else lead.peak_lead_seconds,
        "waves": [_meeting(meeting) for meeting in score.meetings],
    }


def _trip(trip: Trip) -> Json:
    seconds = trip.seconds
    return {"block": block_json(trip.at), "verdict": trip.verdict, "until_seconds": seconds}


def _meeting(meeting: Meeting) -> Json:
    return {
        "first": meeting.wave.first.number,
        "verdict": meeting.verdict,
        "tripped": None if meeting.tripped is None else meeting.tripped.number,
        "lead_seconds": meeting.lead_seconds,
        "lead_blocks": meeting.lead_blocks,
        "lead_to_peak_seconds": meeting.peak_lead_seconds,
    }


def _wave(wave: Wave) -> Json:
    return {
        "first": block_json(wave.first),
        "peak": block_json(wave.peak),
        "last": block_json(wave.last),
        "liquidated_usd": usd_text(wave.repaid_usd),
        "liquidations": wave.count,
    }


def _loops(course: Course) -> Iterator[Json]:
    """The largest at the beginning, what they were at the end, and what was repaid for them."""
    repaid: dict[str, Fraction] = {}
    for moment in course.moments:
        for each in moment.liquidations:
            account = each.account.lower()
            repaid[account] = repaid.get(account, Fraction(0)) + (each.repaid_usd or 0)
    told = ("id", "owner", "kind", "markets", "debt_usd", "collateral_usd", "leverage")
    for before, after in course.loops:
        accounts = {str(account).lower() for account in before["accounts"]}
        taken = sum((repaid.get(account, Fraction(0)) for account in accounts), Fraction(0))
        yield {name: before[name] for name in (*told, "breaks_at")} | {
            "liquidated_usd": usd_text(taken),
            "after": None if after is None else {name: after[name] for name in told[4:]},
        }


def _timeline(moments: Sequence[Moment]) -> Iterator[Json]:
    so_far = Fraction(0)
    for moment in moments:
        repaid = repaid_usd(moment)
        so_far += repaid
        yield {
            "block": block_json(moment.block),
            "scenarios": {name: _shown(each) for name, each in moment.scenarios.items()},
            "breakers": {
                name: {"phase": each.phase, "value": each.value}
                for name, each in moment.breakers.items()
            },
            "liquidations": len(moment.liquidations),
            "liquidated_usd": usd_text(repaid),
            "liquidated_so_far_usd": usd_text(so_far),
            "written_off_usd": usd_text(moment.written_off_usd),
            "prices": {name: usd_text(price) for name, price in moment.prices.items()},
        }


def _shown(shown: Shown) -> Json:
    return {
        "value": _text(shown.value),
        "bad_debt_usd": _text(shown.bad_debt_usd),
        "is_known": shown.is_known,
    }


def _unknown(moments: Sequence[Moment]) -> Iterator[str]:
    """What is missing in the sums above."""
    unpriced = sum(each.repaid_usd is None for moment in moments for each in moment.liquidations)
    if unpriced:
        yield f"{unpriced} liquidations of debt without a price in USD: they are in no sum"
    for name in moments[-1].scenarios:
        blind = sum(not moment.scenarios[name].is_known for moment in moments)
        if blind:
            yield f"scenario {name} could not be projected at {blind} of {len(moments)} blocks"


def _all(values: Iterator[Fraction | None]) -> Fraction | None:
    known = list(values)
    return None if None in known else sum((value or Fraction(0) for value in known), Fraction(0))


def _text(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"
