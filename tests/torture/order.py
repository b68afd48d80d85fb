"""The order of letters at one receiver: none is read before an earlier one is settled."""

from collections.abc import Sequence
from itertools import pairwise

from torture.letters import Arrival


def out_of_order(arrivals: Sequence[Arrival], owed: Sequence[str]) -> list[str]:
    """One line a fault. `owed`: ids of the events of the final chain, in their order."""
    heard = [arrival for arrival in arrivals if not arrival.stale]
    return [*_at_once(heard), *_overtaken(heard), *_against_the_chain(heard, owed)]


def _at_once(arrivals: Sequence[Arrival]) -> list[str]:
    """While one letter is answered, no other is read.

    Unless another daemon leads by now: it sends what the first had begun once more.
    """
    return [
        f"{after.type} {after.id} was read while {before.type} {before.id} was being answered"
        for before, after in pairwise(arrivals)
        if before.answered_monotonic is not None
        and after.at_monotonic < before.answered_monotonic
        and not (after.id == before.id and after.by != before.by)
    ]


def _overtaken(arrivals: Sequence[Arrival]) -> list[str]:
    """A letter that was not taken is the next to come: others wait behind it, also what takes it
    back.
    """
    faults = []
    for number, arrival in enumerate(arrivals[:-1]):
        following = arrivals[number + 1]
        if arrival.acknowledged or following.id == arrival.id:
            continue
        if any(other.id == arrival.id for other in arrivals[number + 1 :]):
            faults.append(
                f"{following.type} {following.id} was read before {arrival.type} {arrival.id}, "
                "which was not yet taken"
            )
    return faults


def _against_the_chain(arrivals: Sequence[Arrival], owed: Sequence[str]) -> list[str]:
    """Events of the final chain come in its order, each when those before it are taken."""
    faults = []
    settled, settled_by = float("-inf"), ""
    for event in owed:
        last = _last_time(arrivals, event)
        if not last:
            continue
        if last[0].at_monotonic < settled:
            faults.append(f"{last[0].type} {event} was read before {settled_by} was taken")
        taken = next((each for each in last if each.acknowledged), None)
        if taken is not None and taken.at_monotonic > settled:
            settled, settled_by = taken.at_monotonic, f"{taken.type} {event}"
    return faults


def _last_time(arrivals: Sequence[Arrival], event: str) -> list[Arrival]:
    """How it came since it was last taken back."""
    found: list[Arrival] = []
    for arrival in arrivals:
        if arrival.retracts == event:
            found = []
        elif arrival.id == event:
            found.append(arrival)
    return found
