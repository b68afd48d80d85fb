"""What was said, to whom, and what became of it."""

from collections.abc import Sequence

from redis.asyncio import Redis

from monitor.core.alerts import ENDS
from monitor.core.ports import StoredAlert
from monitor.store import codec
from monitor.store.connection import read
from monitor.store.keys import Keys


class History:
    """Reads the alerts that are still kept. Made by the store."""

    def __init__(self, client: "Redis", keys: Keys) -> None:
        self._client = client
        self._keys = keys

    async def recent(self, limit: int) -> list[StoredAlert]:
        """The newest alerts, newest first."""
        if limit < 1:
            return []
        [ids] = await read(self._client, ("LRANGE", self._keys.of("history"), 0, limit - 1))
        return await self._stored(ids)

    async def delivered_bodies(self, webhook: str) -> list[str]:
        """What a webhook took, in the order in which it was said.

        But for what was said anew to nobody, in a silence: to this webhook it was taken back. An
        end that was given up counts: whoever keeps alerts firing is to let go of them.
        """
        [ids] = await read(self._client, ("LRANGE", self._keys.of("history"), 0, -1))
        if not ids:
            return []
        entries = [f"{alert_id}:{webhook}" for alert_id in reversed(ids)]
        [states] = await read(self._client, ("HMGET", self._keys.of("outbox"), *entries))
        fates = {
            alert_id: state.split(" ")[0]
            for alert_id, state in zip(reversed(ids), states, strict=True)
            if state is not None and state.startswith(("delivered ", "dead "))
        }
        if not fates:
            return []
        [texts] = await read(self._client, ("HMGET", self._keys.of("alerts"), *fates))
        alerts = [codec.decode_posted(text).alert for text in texts if text is not None]
        return [
            alert.body
            for alert in alerts
            if not alert.silenced and (fates[alert.id] == "delivered" or alert.type in ENDS)
        ]

    async def _stored(self, ids: Sequence[str]) -> list[StoredAlert]:
        if not ids:
            return []
        texts, marks = await read(
            self._client,
            ("HMGET", self._keys.of("alerts"), *ids),
            ("SMISMEMBER", self._keys.of("gone"), *ids),
        )
        found = [
            (codec.decode_posted(text), bool(is_gone))
            for text, is_gone in zip(texts, marks, strict=True)
            if text is not None
        ]
        entries = [f"{p.alert.id}:{webhook}" for p, _ in found for webhook in p.webhooks]
        states: dict[str, str | None] = {}
        if entries:
            [answer] = await read(self._client, ("HMGET", self._keys.of("outbox"), *entries))
            states = dict(zip(entries, answer, strict=True))
        return [_with_fates(posted, states, is_gone=is_gone) for posted, is_gone in found]


def _with_fates(
    posted: codec.PostedAlert, states: dict[str, str | None], *, is_gone: bool
) -> StoredAlert:
    """An alert with what became of it. `is_gone`: its block was reverted."""
    fates = {}
    for webhook in posted.webhooks:
        state = states[f"{posted.alert.id}:{webhook}"]
        if state is not None:
            status = state.split(" ")[0]
            fates[webhook] = "retracted" if is_gone and status == "delivered" else status
    return StoredAlert(posted.alert, fates)
