"""When all is well again: what an alert may not wait for, measured.

A receiver that is stopped delays no other; and what a reorganisation takes away is taken back
before another block comes.
"""

from collections import Counter

from torture.actor import Actor
from torture.receivers import Receiver, Standing
from torture.upheavals import Manner, Raised, Upheavals, eventually

PROMPT_SECONDS = 4.0
"""Less than a sick receiver is waited for."""
RECOVERY_SECONDS = 20.0
"""For one that was sick: its letter is sent again when its time-out is over, and a pause."""


class Finale:
    """`counts`: what was measured how often; `faults`: where it was not so."""

    def __init__(self, actor: Actor, upheavals: Upheavals, told: tuple[Receiver, ...]) -> None:
        self.counts: Counter[str] = Counter()
        self.faults: list[str] = []
        self._actor = actor
        self._upheavals = upheavals
        self._told = told

    async def play(self) -> None:
        """Each receiver is the sick one once."""
        for sick in self._told:
            await self._actor.calm_down()
            await self._upheavals.judged()
            raised = await self._beside(sick)
            late = "was not delivered when all was well"
            await self._delivered(raised, self._told, late, RECOVERY_SECONDS)
            await self._upheavals.change(Manner.REMOVED)
            if await self._upheavals.judged():
                await self._taken_back(raised)

    async def _beside(self, sick: Receiver) -> Raised:
        others = tuple(receiver for receiver in self._told if receiver is not sick)
        sick.stop()
        try:
            raised = await self._upheavals.raise_alerts()
            self.counts["alerts beside a sick receiver"] += len(raised.alerts)
            await self._delivered(raised, others, f"waited for {sick.terms.name}, which hangs")
        finally:
            sick.go_on()
        return raised

    async def _delivered(
        self,
        raised: Raised,
        to: tuple[Receiver, ...],
        fault: str,
        seconds: float = PROMPT_SECONDS,
    ) -> None:
        """All alerts, to those of these who want them."""
        letters = [(alert, one) for alert, tos in raised.alerts.items() for one in tos if one in to]

        def left() -> list[tuple[str, Receiver]]:
            return [(a, one) for a, one in letters if one.standing(a) is not Standing.DELIVERED]

        try:
            await eventually(lambda: not left(), seconds)
        except TimeoutError:
            self.faults += [f"{one.terms.name}: {alert} {fault}" for alert, one in left()]

    async def _taken_back(self, raised: Raised) -> None:
        """Every one of them, by everybody who was told, within this block."""

        def left() -> list[str]:
            return [
                f"{one.terms.name}: {alert} was not taken back within one block"
                for alert, tos in raised.alerts.items()
                for one in tos
                if not one.was_taken_back(alert)
            ]

        self.counts["taken back within one block"] += sum(map(len, raised.alerts.values()))
        try:
            await eventually(lambda: not left(), PROMPT_SECONDS)
        except TimeoutError:
            self.faults += left()
