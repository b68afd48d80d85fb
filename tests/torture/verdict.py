"""What a receiver got beside what it was owed: pure, so that it can be shown to see.

Owed is what an undisturbed daemon says about the final chain, block by block. The rules:

- lost: an owed event that was never acknowledged with 2xx, or whose last word is its retraction;
  and an event of a block that is gone, read by the receiver, whose last word is no retraction.
- duplicated: an event of a canonical block that the undisturbed daemon does not know (so the same
  transition under a second id); two bodies under one id; and an id that came again after its 2xx,
  although nothing ended or froze the daemon or its Redis in between, and nothing the receiver as
  it answered.
- diverged: a body that is not the undisturbed daemon's (see `says`), a retraction of what had
  not come, and letters out of order (see `order`).

A receiver that gets only what is final is owed the events up to the final block: nothing else may
come, and never a retraction.

An id that comes again *after its retraction came* is no duplicate: the chain went from A to B and
back to A, so the same event (contract, section 6: same breaker, type, episode and block) holds
again and must be said again, and by the contract it has one id. It is counted as `raised again`.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from torture.letters import Arrival, Interruption, Owed, Resumed
from torture.order import out_of_order

FULL_DISK = "no snapshot: No space left on device"


class GivenUpError(Exception):
    """A daemon cannot be judged any more: it does not come back."""


@dataclass(slots=True)
class Verdict:
    """One line for each fault found."""

    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    diverged: list[str] = field(default_factory=list)
    raised_again: int = 0

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.duplicated or self.diverged)

    def add(self, name: str, other: "Verdict") -> None:
        """Also what another one found, under a name."""
        self.lost += [f"{name}: {fault}" for fault in other.lost]
        self.duplicated += [f"{name}: {fault}" for fault in other.duplicated]
        self.diverged += [f"{name}: {fault}" for fault in other.diverged]
        self.raised_again += other.raised_again


def judge(
    arrivals: Sequence[Arrival],
    owed: Mapping[str, Owed],
    canonical: frozenset[str],
    interruptions: Sequence[Interruption],
) -> Verdict:
    """One receiver that is told at once.

    `owed` by id, in order; `canonical`: the hashes of all blocks the daemon had to judge.
    """
    verdict = Verdict()
    for alert_id, said in _words(arrivals, owed).items():
        if said and said[0].retracts is not None:
            verdict.diverged.append(f"{said[0].id} retracts {alert_id}, which had not come")
        if alert_id in owed:
            _judge_owed(owed[alert_id], said, verdict)
        else:
            _judge_gone(alert_id, said, canonical, verdict)
        judge_repeats(said, interruptions, verdict)
    verdict.diverged += out_of_order(arrivals, tuple(owed))
    return verdict


def judge_final(
    arrivals: Sequence[Arrival],
    owed: Mapping[str, Owed],
    final_block: int,
    interruptions: Sequence[Interruption],
) -> Verdict:
    """One receiver that is told what is final, when it is. `owed`: of the whole final chain."""
    verdict = Verdict()
    due = {event.id: event for event in owed.values() if event.block_number <= final_block}
    for alert_id, said in _words(arrivals, due).items():
        if alert_id in due:
            _judge_owed(due[alert_id], said, verdict)
        else:
            kind = "an event above the final block" if alert_id in owed else "no event of the chain"
            name = f"{said[0].type} {said[0].id} of block {said[0].block_hash}"
            verdict.diverged.append(f"{name}: {kind}, told to whom only final ones are owed")
        if any(arrival.retracts for arrival in said):
            verdict.diverged.append(f"{alert_id}: taken back, though only told when final")
        judge_repeats(said, interruptions, verdict)
    verdict.diverged += out_of_order(arrivals, tuple(due))
    return verdict


def _words(
    arrivals: Sequence[Arrival], owed: Mapping[str, Owed]
) -> Mapping[str, Sequence[Arrival]]:
    """By event what was said of it: itself and its retraction, as they came."""
    words: dict[str, list[Arrival]] = defaultdict(list)
    for arrival in arrivals:
        words[arrival.retracts or arrival.id].append(arrival)
    return {alert_id: words[alert_id] for alert_id in sorted(owed.keys() | words.keys())}


def _judge_owed(owed: Owed, said: Sequence[Arrival], verdict: Verdict) -> None:
    name = f"{owed.type} {owed.id} of block {owed.block_number} {owed.block_hash}"
    taken = [arrival for arrival in said if arrival.acknowledged]
    if not any(arrival.retracts is None for arrival in taken):
        verdict.lost.append(f"{name}: never acknowledged, {len(said)} times read")
    elif taken[-1].retracts is not None:
        verdict.lost.append(f"{name}: its last word is its retraction")
    if not all(says(arrival.raw, owed.raw) for arrival in said if arrival.retracts is None):
        verdict.diverged.append(f"{name}: the body is not the undisturbed daemon's")


def says(raw: str, owed: str) -> bool:
    """Whether a body is what is owed. On a full disk no snapshot can be kept: it must say so, and
    may differ in nothing else.
    """
    if raw == owed or FULL_DISK not in raw:
        return raw == owed
    told, due = json.loads(raw), json.loads(owed)
    if FULL_DISK not in told["data"]["projection"]["unknown"]:
        return False
    told["data"]["projection"]["unknown"].remove(FULL_DISK)
    for body in (told, due):
        del body["data"]["projection"]["snapshot"], body["data"]["reproduce"]
    return bool(told == due)


def _judge_gone(
    alert_id: str, said: Sequence[Arrival], canonical: frozenset[str], verdict: Verdict
) -> None:
    alerts = [arrival for arrival in said if arrival.retracts is None]
    if not alerts:
        return
    name = f"{alerts[0].type} {alert_id} of block {alerts[0].block_hash}"
    if alerts[0].block_hash in canonical:
        verdict.duplicated.append(f"{name}: the undisturbed daemon does not know it")
    elif said[-1].retracts is None or not any(a.acknowledged for a in said if a.retracts):
        verdict.lost.append(f"{name}: the block is gone, its retraction did not come")


def judge_repeats(
    said: Sequence[Arrival], interruptions: Sequence[Interruption], verdict: Verdict
) -> None:
    """`said`: one event and its retraction, as they came."""
    taken: dict[str, Arrival] = {}
    first: dict[str, str] = {}
    for arrival in said:
        if first.setdefault(arrival.id, arrival.raw) != arrival.raw:
            verdict.duplicated.append(f"{arrival.type} {arrival.id}: another body under the id")
        before = None if arrival.stale else taken.pop(arrival.id, None)
        if before is not None and not _interrupted(before, arrival, interruptions):
            seconds = arrival.at_monotonic - before.at_monotonic
            verdict.duplicated.append(
                f"{arrival.type} {arrival.id}: again {seconds:.3f} s after its 2xx, with nothing "
                "in between"
            )
        if arrival.acknowledged:
            # The other word of the pair has the last say no longer: it may be said again.
            verdict.raised_again += arrival.id in first and _spoke_before(said, arrival)
            taken = {arrival.id: arrival}


def judge_resumed(
    arrivals: Sequence[Arrival], resumed: Sequence[Resumed], verdict: Verdict
) -> None:
    """Who wakes up when another leads says nothing, not even that it is blind."""
    verdict.diverged += [
        f"{arrival.type} {arrival.id} was sent by {arrival.by}, which had been frozen until "
        "another led"
        for arrival in arrivals
        for life in resumed
        if arrival.by == life.daemon
        and life.resumed_monotonic <= arrival.at_monotonic <= life.ended_monotonic
    ]


def _spoke_before(said: Sequence[Arrival], arrival: Arrival) -> bool:
    """Whether the event was said, taken back, and is now said again."""
    if arrival.retracts is not None:
        return False
    earlier = [other for other in said if other.at_monotonic < arrival.at_monotonic]
    return bool(earlier) and earlier[-1].retracts is not None


def _interrupted(before: Arrival, after: Arrival, interruptions: Sequence[Interruption]) -> bool:
    return before.doubtful or any(
        cut.begun_monotonic <= after.at_monotonic and cut.ended_monotonic >= before.at_monotonic
        for cut in interruptions
    )
