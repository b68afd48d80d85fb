"""What a receiver got of the monitor's own blindness: no block owes it, so it has laws of its own.

What the store remembers of it is owed to everybody. It is never taken back; one that began comes
before its end, and by turns; an id has one body, whoever reads it.
"""

from collections.abc import Mapping, Sequence

from torture.letters import Arrival, Interruption, Owed
from torture.verdict import Verdict, judge_repeats

PREFIX = "monitor."
BLIND = "monitor.blind"
UNWRITTEN_SECONDS = 60.0
"""What went out past the store is written down when the store is back, if the daemon lives."""


def judge_conditions(
    by_receiver: Mapping[str, Sequence[Arrival]],
    said: Mapping[str, Owed],
    troubles: Sequence[Interruption],
    *,
    is_whole: bool = True,
) -> Verdict:
    """`said`: what the store remembers, in order. `troubles`: all that was ended or cut off.

    `is_whole`: whether that is all there ever was; a store forgets what is old.
    """
    verdict = Verdict()
    bodies: dict[str, str] = {alert_id: owed.raw for alert_id, owed in said.items()}
    for name, arrivals in by_receiver.items():
        found = Verdict()
        told = [arrival for arrival in arrivals if arrival.breaker.startswith(PREFIX)]
        for arrival in told:
            if arrival.retracts is not None:
                found.diverged.append(f"{arrival.id} takes {arrival.breaker} back")
            if bodies.setdefault(arrival.id, arrival.raw) != arrival.raw:
                found.duplicated.append(f"{arrival.breaker} {arrival.id}: another body")
        _judge_written(_remembered(told, said, is_whole), said, troubles, found)
        _judge_turns([arrival for arrival in told if arrival.id in said], found, is_whole)
        for alert_id in dict.fromkeys(arrival.id for arrival in told):
            same = [arrival for arrival in told if arrival.id == alert_id]
            judge_repeats(same, troubles, found)
        verdict.add(name, found)
    return verdict


def _remembered(
    told: Sequence[Arrival], said: Mapping[str, Owed], is_whole: bool
) -> Sequence[Arrival]:
    """Those since the oldest one that the store remembers."""
    if is_whole:
        return told
    known = [number for number, arrival in enumerate(told) if arrival.id in said]
    return told[known[0] :] if known else ()


def _judge_written(
    told: Sequence[Arrival],
    said: Mapping[str, Owed],
    troubles: Sequence[Interruption],
    verdict: Verdict,
) -> None:
    taken = {arrival.id for arrival in told if arrival.acknowledged}
    for owed in said.values():
        if owed.id not in taken:
            verdict.lost.append(f"{owed.type} {owed.id} of {owed.breaker}: never acknowledged")
    for arrival in told:
        until = arrival.at_monotonic + UNWRITTEN_SECONDS
        is_excused = any(
            cut.begun_monotonic <= until and cut.ended_monotonic >= arrival.at_monotonic
            for cut in troubles
        )
        if arrival.id not in said and not is_excused:
            verdict.diverged.append(f"{arrival.breaker} {arrival.id} came and is written nowhere")


def _judge_turns(told: Sequence[Arrival], verdict: Verdict, is_whole: bool) -> None:
    """Blind, recovered, blind, recovered; and at the end, when all is well, recovered.

    Of what came before the store's memory, nothing is known.
    """
    first = {arrival.id: arrival for arrival in reversed(told)}
    was_blind: dict[str, bool] = {}
    for arrival in sorted(first.values(), key=lambda each: each.at_monotonic):
        is_blind = arrival.type == BLIND
        is_known = is_whole or arrival.breaker in was_blind
        if is_known and was_blind.get(arrival.breaker, False) == is_blind:
            verdict.diverged.append(
                f"{arrival.breaker} {arrival.id} is {arrival.type}, as the one before it was"
            )
        was_blind[arrival.breaker] = is_blind
    verdict.diverged += [
        f"{name} is still blind, though all is well" for name, is_so in was_blind.items() if is_so
    ]
