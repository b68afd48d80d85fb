"""All that the page shows, asked once for everybody who looks."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from monitor.core.ports import Answers, LoopFilter, PositionFilter, Probe
from monitor.errors import QuestionError, TransientError
from monitor.web.stream import Stream

FRESH_SECONDS = 1.0
"""How long a sheet serves while no other block is judged: what no block tells may change too."""
MOST_POSITIONS = 12
MOST_LOOPS = 100
"""They are drawn as streams too: of twenty little would be seen."""
MOST_ALERTS = 12
Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sheet:
    """`fault`: why there is nothing to show yet; then all the rest is empty, but `scenarios`.

    `scenarios`: as `Answers.judged` has them. `alerts` is None where they cannot be read now.
    """

    made_unix: float
    ready: Probe
    fault: str = ""
    status: Document = field(default_factory=dict)
    positions: Sequence[Document] = ()
    loops: Sequence[Document] = ()
    has_more_loops: bool = False
    watches: Sequence[Document] = ()
    scenarios: Sequence[Document] = ()
    alerts: Sequence[Document] | None = ()

    @property
    def block(self) -> Document | None:
        """Of which positions, loops and markets are; a projection may be of the one before."""
        block: Document | None = self.status.get("block")
        return block

    def scenario(self, name: str) -> Document | None:
        """A row of `scenarios`."""
        return next((row for row in self.scenarios if row["name"] == name), None)


class Sheets:
    """The newest sheet. Who asks while one is made waits for that one."""

    def __init__(self, answers: Answers, stream: Stream) -> None:
        self._answers = answers
        self._stream = stream
        self._turn = asyncio.Lock()
        self._newest: Sheet | None = None
        self._newest_of = b""

    async def current(self) -> Sheet:
        """Never raises for what is not there yet: the sheet says so."""
        async with self._turn:
            judged = self._stream.newest_block
            newest = self._newest
            is_fresh = newest is not None and time.time() - newest.made_unix < FRESH_SECONDS
            if newest is None or not is_fresh or judged != self._newest_of:
                newest = self._newest = await self._made()
                self._newest_of = judged
            return newest

    async def _made(self) -> Sheet:
        answers, ready = self._answers, self._answers.ready()
        try:
            status = await answers.status()
            positions = await answers.positions(PositionFilter(limit=MOST_POSITIONS))
            loops = await answers.loops(LoopFilter(limit=MOST_LOOPS))
            watches = (await answers.breakers())["watches"]
        except (QuestionError, TransientError) as error:
            fault = str(error) or "no answer yet"
            return Sheet(time.time(), ready, fault, scenarios=await answers.judged())
        return Sheet(
            made_unix=time.time(),
            ready=ready,
            status=status,
            positions=positions["positions"],
            loops=loops["loops"],
            has_more_loops=loops["next"] is not None,
            watches=watches,
            scenarios=await answers.judged(),
            alerts=await self._alerts(),
        )

    async def _alerts(self) -> Sequence[Document] | None:
        try:
            alerts: list[Document] = (await self._answers.alerts(MOST_ALERTS))["alerts"]
        except (QuestionError, TransientError):
            return None
        return alerts
