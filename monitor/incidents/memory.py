"""A StateStore that forgets everything at the end: a replay keeps nothing, and touches no state."""

from collections.abc import Mapping, Sequence

from monitor.core.alerts import Alert, ConditionState, Judgement, Silence
from monitor.core.blocks import BlockRef
from monitor.core.delta import BlockDelta
from monitor.core.keys import Key
from monitor.core.ledger import Record
from monitor.core.ports import StoredAlert, StoredState, UndoRecord
from monitor.core.units import BlockHash
from monitor.errors import DeepReorg


class NoStore:
    """What a past that never turns needs: nothing is undone, silenced or asked for again."""

    async def load(self) -> StoredState:
        return StoredState()

    async def begin(self, block: BlockRef, records: Mapping[Key, Record]) -> None:
        """The ledger in memory is the only one."""

    async def commit(self, delta: BlockDelta) -> None:
        """As above."""

    async def judge(self, judgement: Judgement, webhooks: Mapping[str, Sequence[str]]) -> None:
        """Who observes the pipeline is told."""

    async def undo_record(self, block: BlockHash) -> UndoRecord:
        raise DeepReorg(f"block {block} is of the past, and was to be taken back")

    async def revert(
        self, undo: UndoRecord, retractions: Mapping[str, tuple[Alert, Sequence[str]]]
    ) -> tuple[Alert, ...]:
        raise DeepReorg("a block of the past was to be taken back")

    async def forget(self, number: int) -> None:
        """There is nothing."""

    async def recent_alerts(self, limit: int) -> list[StoredAlert]:
        return []

    async def silences(self) -> Mapping[str, Silence]:
        return {}

    async def conditions(self) -> Mapping[str, ConditionState]:
        return {}

    async def announce(
        self,
        conditions: Mapping[str, ConditionState],
        alerts: Sequence[Alert],
        webhooks: Mapping[str, Sequence[str]],
    ) -> None:
        """Nobody is told."""
