"""What the ledger says of a position, entry by entry, so that it can be held against the contracts.

Nothing here asks: a protocol says what would have to be asked, and how an answer is read.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from monitor.core.events import Place
from monitor.core.ledger import LedgerView
from monitor.core.ports import ViewCall

Told = int | str | None
"""An amount, a list in words, or that there is none (a health factor without debt)."""
Answers = Sequence[tuple[Any, ...]]
"""Of each call its return values."""


def only(answers: Answers) -> Told:
    """The one value of the one call."""
    told: Told = answers[0][0]
    return told


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that the ledger says of a position.

    `read` makes of the answers to `calls` what is to equal `ours`. `unknown`: why the ledger does
    not know it itself; then nothing is asked.
    """

    what: str
    ours: Told = None
    calls: tuple[ViewCall, ...] = ()
    read: Callable[[Answers], Told] = only
    unknown: str = ""


class Inspection(Protocol):
    """A protocol's knowledge of how its contracts tell what the ledger tells. Pure."""

    def entries(self, view: LedgerView, place: Place, at_unix: int) -> tuple[Entry, ...]:
        """All of one position, as at that time; also of one that the ledger does not hold.

        They hold nothing of the view, which may move on. None where the market itself is unknown.
        """
        ...
