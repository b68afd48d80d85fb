"""Fakes of the ports, for tests that are about something else, and for faults."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from monitor.core.alerts import (
    ENDS,
    Alert,
    AlertType,
    BreakerState,
    ConditionState,
    Delivery,
    Judgement,
    Silence,
    retraction_id,
)
from monitor.core.blocks import BlockRef
from monitor.core.delivery import FURTHEST_SECONDS
from monitor.core.delta import BlockDelta
from monitor.core.keys import Key
from monitor.core.ledger import Record
from monitor.core.ports import StoredAlert, StoredState, UndoRecord
from monitor.core.units import BlockHash
from monitor.errors import DeepReorg, LedgerCorrupt


@dataclass(slots=True)
class _Kept:
    """What a block did, and what had been judged before it was."""

    delta: BlockDelta
    judgement: Judgement | None = None
    breakers_before: Mapping[str, BreakerState] = field(default_factory=dict)
    evaluated_before: BlockRef | None = None


@dataclass(frozen=True, slots=True)
class _Entry:
    delivery: Delivery
    status: str = "pending"

    def may_be_seen(self) -> bool:
        was_begun = self.delivery.attempts > 0
        return self.status == "delivered" or (self.status != "dropped" and was_begun)


class MemoryStore:
    """StateStore and DeliveryQueue in memory, equal to the one in Redis (one contract test)."""

    def __init__(self, clock: Callable[[], float] = lambda: 0.0) -> None:
        self.letters: list[tuple[Delivery, str]] = []
        self.asked_silence: dict[str, Silence] = {}
        self._conditions: dict[str, ConditionState] = {}
        self._clock = clock
        self._tail: list[BlockRef] = []
        self._evaluated: BlockRef | None = None
        self._records: dict[Key, Record] = {}
        self._breakers: dict[str, BreakerState] = {}
        self._kept: dict[BlockHash, _Kept] = {}
        self._history: dict[str, tuple[Alert, tuple[str, ...]]] = {}
        self._gone: set[str] = set()
        self._entries: dict[tuple[str, str], _Entry] = {}
        self._queues: dict[str, list[str]] = {}

    async def load(self) -> StoredState:
        if not self._tail:
            return StoredState()
        return StoredState(
            cursor=self._tail[-1],
            evaluated=self._evaluated,
            tail=tuple(self._tail),
            records=dict(self._records),
            breakers=dict(self._breakers),
        )

    async def begin(self, block: BlockRef, records: Mapping[Key, Record]) -> None:
        if self._tail:
            if self._tail[-1] != block:
                raise LedgerCorrupt(f"{block} begins a store that is at {self._tail[-1]}")
            return
        self._tail = [block]
        self._evaluated = block
        self._records = dict(records)

    async def commit(self, delta: BlockDelta) -> None:
        block = delta.block
        if self._tail and self._tail[-1] == block:
            return
        cursor = self._tail[-1] if self._tail else None
        if cursor is None or (cursor.hash, cursor.number + 1) != (block.parent_hash, block.number):
            raise LedgerCorrupt(f"{block} does not follow {cursor}")
        self._put((change.key, change.after) for change in delta.changes)
        self._kept[block.hash] = _Kept(delta)
        self._tail.append(block)

    async def judge(self, judgement: Judgement, webhooks: Mapping[str, Sequence[str]]) -> None:
        alerts = tuple(map(self._in_stored_words, judgement.alerts))
        judgement = replace(judgement, alerts=alerts)
        block = judgement.block
        if self._evaluated == block:
            return
        if (
            self._evaluated is None
            or block not in self._tail
            or block.number <= self._evaluated.number
        ):
            raise LedgerCorrupt(f"{block} cannot be judged after {self._evaluated}")
        kept = self._kept.get(block.hash)
        if kept is not None:
            kept.judgement = judgement
            kept.breakers_before = dict(self._breakers)
            kept.evaluated_before = self._evaluated
        self._breakers.update(judgement.breakers)
        self._evaluated = block
        for alert in judgement.alerts:
            receivers = webhooks.get(alert.id, ())
            self._post(alert, receivers, receivers)

    async def undo_record(self, block: BlockHash) -> UndoRecord:
        kept = self._kept.get(block)
        if kept is None:
            raise DeepReorg(f"block {block} is not kept")
        return UndoRecord(kept.delta, kept.judgement, kept.breakers_before)

    async def revert(
        self, undo: UndoRecord, retractions: Mapping[str, tuple[Alert, Sequence[str]]]
    ) -> tuple[Alert, ...]:
        block = undo.delta.block
        cursor = self._tail[-1] if self._tail else None
        is_done = cursor is not None and cursor.hash == block.parent_hash
        if not is_done and cursor != block:
            raise LedgerCorrupt(f"{block} is reverted, but the newest is {cursor}")
        if not is_done and len(self._tail) == 1:
            raise DeepReorg(f"{block} is the oldest kept")
        queued = tuple(self._take_back(undo.judgement, retractions, is_done=is_done))
        if not is_done:
            self._put((change.key, change.before) for change in undo.delta.changes)
            self._tail.pop()
            kept = self._kept.pop(block.hash)
            if kept.judgement is not None:
                self._evaluated = kept.evaluated_before
                self._breakers = dict(kept.breakers_before)
        return queued

    async def forget(self, number: int) -> None:
        while len(self._tail) > 1 and self._tail[1].number <= number:
            del self._kept[self._tail[1].hash]
            del self._tail[0]

    async def recent_alerts(self, limit: int) -> list[StoredAlert]:
        newest_first = list(reversed(self._history.values()))[: max(limit, 0)]
        return [
            StoredAlert(alert, self._outcomes(alert.id, names)) for alert, names in newest_first
        ]

    async def silences(self) -> Mapping[str, Silence]:
        return dict(self.asked_silence)

    async def conditions(self) -> Mapping[str, ConditionState]:
        return dict(self._conditions)

    async def announce(
        self,
        conditions: Mapping[str, ConditionState],
        alerts: Sequence[Alert],
        webhooks: Mapping[str, Sequence[str]],
    ) -> None:
        self._conditions.update(conditions)
        for alert in alerts:
            if alert.id not in self._history:
                receivers = webhooks.get(alert.id, ())
                self._post(alert, receivers, receivers)

    async def due(
        self,
        webhook: str,
        now_unix: float,
        *,
        final_only: bool = False,
        aside: Collection[str] = (),
    ) -> Delivery | None:
        delivery = self._first(webhook, final_only=final_only, aside=aside)
        if delivery is None:
            return None
        is_fresh = delivery.due_unix == delivery.created_unix
        is_ahead = now_unix < delivery.due_unix <= now_unix + FURTHEST_SECONDS
        return delivery if is_fresh or not is_ahead else None

    async def take(
        self,
        webhook: str,
        now_unix: float,
        *,
        final_only: bool = False,
        done: Delivery | None = None,
        aside: Collection[str] = (),
    ) -> Delivery | None:
        if done is not None:
            await self.delivered(done)
        delivery = await self.due(webhook, now_unix, final_only=final_only, aside=aside)
        if delivery is not None:
            await self.begin_attempt(delivery)
        return delivery

    async def cut(self, webhook: str, most: int, reason: str) -> int:
        count = max(0, len(self._queues.get(webhook, [])) - most)
        for _ in range(count):
            delivery = self._first(webhook, final_only=False)
            assert delivery is not None
            await self.bury(delivery, reason)
        return count

    async def delivered_bodies(self, webhook: str) -> list[str]:
        entries = (
            (alert, self._entries.get((id, webhook))) for id, (alert, _) in self._history.items()
        )
        return [
            alert.body
            for alert, entry in entries
            if entry
            and not alert.silenced
            and (entry.status == "delivered" or (entry.status == "dead" and alert.type in ENDS))
        ]

    async def overdue_seconds(
        self, now_unix: float, *, finalized: frozenset[str] = frozenset()
    ) -> Mapping[str, float]:
        firsts = {w: self._first(w, final_only=w in finalized) for w in sorted(self._queues)}
        return {w: max(0.0, now_unix - d.created_unix) for w, d in firsts.items() if d}

    async def begin_attempt(self, delivery: Delivery) -> bool:
        entry = self._pending(delivery)
        if entry is None:
            return False
        attempts = max(entry.delivery.attempts, delivery.attempts + 1)
        self._set(replace(entry, delivery=replace(entry.delivery, attempts=attempts)))
        return True

    async def delivered(self, delivery: Delivery) -> None:
        self._finish(delivery, "delivered")

    async def postpone(self, delivery: Delivery, due_unix: float) -> None:
        entry = self._pending(delivery)
        if entry is not None:
            self._set(replace(entry, delivery=replace(entry.delivery, due_unix=due_unix)))

    async def bury(self, delivery: Delivery, reason: str) -> None:
        if self._finish(delivery, "dead"):
            self.letters.append((delivery, reason))

    async def pending(self) -> int:
        return sum(len(queue) for queue in self._queues.values())

    async def webhooks(self) -> frozenset[str]:
        return frozenset(self._queues)

    def _first(
        self, webhook: str, *, final_only: bool, aside: Collection[str] = ()
    ) -> Delivery | None:
        """The oldest delivery of those a webhook may have."""
        behind: set[str] = set()
        for alert_id in self._queues.get(webhook, []):
            alert, _ = self._history[alert_id]
            if alert_id in aside or alert.fingerprint in behind:
                behind.add(alert.fingerprint)
                continue
            is_lasting = not alert.is_of_chain or alert.type is AlertType.RETRACTED
            is_final = bool(self._tail) and alert.block.number <= self._tail[0].number
            if not final_only or is_lasting or is_final:
                return self._entries[alert_id, webhook].delivery
        return None

    def _put(self, records: Iterable[tuple[Key, Record | None]]) -> None:
        for key, record in records:
            if record is None:
                self._records.pop(key, None)
            else:
                self._records[key] = record

    def _in_stored_words(self, alert: Alert) -> Alert:
        old, _ = self._history.get(alert.id, (alert, ()))
        return replace(alert, body=old.body, is_first=old.is_first)

    def _post(self, alert: Alert, webhooks: Sequence[str], reached: Sequence[str]) -> None:
        """`webhooks` are its receivers; `reached`, some of them, are to get it now."""
        self._history.pop(alert.id, None)
        self._history[alert.id] = alert, tuple(webhooks)
        self._gone.discard(alert.id)
        now = self._clock()
        for webhook in reached:
            if self._still_waits(alert.id, webhook):
                back = self._entries[retraction_id(alert.id), webhook]
                self._finish(back.delivery, "dropped")
                continue
            self._set(_Entry(Delivery(alert.id, webhook, alert.body, 0, now, now)))
            queue = self._queues.setdefault(webhook, [])
            if alert.id in queue:
                queue.remove(alert.id)
            queue.append(alert.id)

    def _still_waits(self, alert_id: str, webhook: str) -> bool:
        """Whether nobody can have heard that the alert was taken back."""
        own = self._entries.get((alert_id, webhook))
        back = self._entries.get((retraction_id(alert_id), webhook))
        pending = own and back and own.status == back.status == "pending"
        return bool(pending and back and not back.delivery.attempts)

    def _take_back(
        self,
        judgement: Judgement | None,
        retractions: Mapping[str, tuple[Alert, Sequence[str]]],
        *,
        is_done: bool,
    ) -> Iterator[Alert]:
        for alert in reversed(judgement.alerts) if judgement else ():
            _, receivers = self._history.get(alert.id, (alert, ()))
            entries = {name: self._entries.get((alert.id, name)) for name in receivers}
            seen = {name for name, entry in entries.items() if entry and entry.may_be_seen()}
            for name, entry in entries.items():
                if entry is not None and name not in seen and not is_done:
                    self._finish(entry.delivery, "dropped")
            retraction, wanted = retractions.get(alert.id, (None, ()))
            reached = [name for name in wanted if name in seen]
            if not is_done:
                self._gone.add(alert.id)
            if retraction is not None and reached:
                if not is_done:
                    self._post(retraction, wanted, reached)
                yield retraction

    def _outcomes(self, alert_id: str, webhooks: Sequence[str]) -> dict[str, str]:
        entries = ((name, self._entries.get((alert_id, name))) for name in webhooks)
        statuses = {name: entry.status for name, entry in entries if entry is not None}
        if alert_id not in self._gone:
            return statuses
        return {
            name: "retracted" if status == "delivered" else status
            for name, status in statuses.items()
        }

    def _pending(self, delivery: Delivery) -> _Entry | None:
        entry = self._entries.get((delivery.alert_id, delivery.webhook))
        if entry is None or entry.delivery.created_unix != delivery.created_unix:
            return None
        return entry if entry.status == "pending" else None

    def _finish(self, delivery: Delivery, status: str) -> bool:
        entry = self._pending(delivery)
        if entry is None:
            return False
        self._set(replace(entry, status=status))
        self._queues[delivery.webhook].remove(delivery.alert_id)
        return True

    def _set(self, entry: _Entry) -> None:
        self._entries[entry.delivery.alert_id, entry.delivery.webhook] = entry
