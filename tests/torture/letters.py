"""What came, what was due, and what was ended meanwhile: what the verdict is about."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Arrival:
    """One signed body the receiver has read. `acknowledged`: its 2xx went out.

    `doubtful`: it was on its way out, but perhaps the sender did not hear it: the receiver was
    killed in that moment, or so late that the sender may have given up.
    `stale`: the sender had left before it was read. `by`: which daemon sent it.
    """

    id: str
    type: str
    breaker: str
    block_hash: str
    retracts: str | None
    raw: str
    at_monotonic: float
    acknowledged: bool
    answered_monotonic: float | None = None
    doubtful: bool = False
    stale: bool = False
    by: str = ""


@dataclass(frozen=True, slots=True)
class Owed:
    """An event of the final chain, as an undisturbed daemon words it."""

    id: str
    type: str
    breaker: str
    block_number: int
    block_hash: str
    raw: str


@dataclass(frozen=True, slots=True)
class Interruption:
    """From when till when something was ended or frozen."""

    what: str
    begun_monotonic: float
    ended_monotonic: float


@dataclass(frozen=True, slots=True)
class Resumed:
    """A daemon that was frozen until another led, from its going on to its end."""

    daemon: str
    resumed_monotonic: float
    ended_monotonic: float
