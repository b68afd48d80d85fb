"""What operators do to alerts beside a daemon that runs, or that is stopped."""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from redis.asyncio import Redis

from monitor.core.alerts import Alert, Silence
from monitor.errors import QuestionError
from monitor.store import codec
from monitor.store.codec import DeadLetter
from monitor.store.connection import evaluate, patiently, read, read_script
from monitor.store.keys import Keys
from monitor.store.operation import KeyList, Part


@dataclass(frozen=True, slots=True)
class Buried:
    """A delivery that was given up and is still so. `alert` is None when it is no longer kept."""

    letter: DeadLetter
    alert: Alert | None


class AlertGoneError(QuestionError):
    """What an alert says is no longer so: its block was taken back, or came back."""


class Operators:
    """One daemon's alerts in the hands of its operators. Their scripts need no fence."""

    def __init__(self, client: "Redis", keys: Keys, clock: Callable[[], float] = time.time) -> None:
        self._client = client
        self._keys = keys
        self._clock = clock

    async def silences(self) -> Mapping[str, Silence]:
        """By breaker, expired or not."""
        [found] = await read(self._client, ("HGETALL", self._keys.of("silences")))
        return {name: codec.decode_silence(name, text) for name, text in found.items()}

    async def set_silence(self, silence: Silence) -> None:
        """Instead of any other of this breaker."""
        key, text = self._keys.of("silences"), codec.encode_text(silence)

        async def write() -> None:
            await self._client.hset(key, silence.breaker, text)

        await patiently(write)

    async def lift_silence(self, breaker: str) -> None:
        key = self._keys.of("silences")

        async def write() -> None:
            await self._client.hdel(key, breaker)

        await patiently(write)

    async def known_ids(self) -> list[str]:
        """The alerts that are kept, newest first."""
        [ids] = await read(self._client, ("LRANGE", self._keys.of("history"), 0, -1))
        return list(ids)

    async def alert(self, alert_id: str) -> codec.PostedAlert | None:
        """An alert with its receivers."""
        [text] = await read(self._client, ("HGET", self._keys.of("alerts"), alert_id))
        return None if text is None else codec.decode_posted(text)

    async def replay(
        self, alert_id: str, webhooks: Collection[str], *, is_named: bool, dead_only: bool = False
    ) -> tuple[str, ...]:
        """Queue an alert again, byte for byte; returns for whom.

        For those of `webhooks` that gave it up; if none did, for those that took it; `is_named`:
        for both; `dead_only`: for the first alone. Who is to get it anyway is left out. Raises
        AlertGoneError when its block was taken back; of a retraction, when it came back.
        """
        keys = KeyList(self._keys)
        operation: Part = {
            "id": alert_id,
            "receivers": keys.receivers(sorted(webhooks)),
            "is_named": is_named,
            "dead_only": dead_only,
            "now": repr(self._clock()),
        }
        shared = self._keys.shared
        outcome, *queued = await evaluate(
            self._client,
            read_script("replay"),
            [*shared, *keys.names],
            codec.encode_text(operation),
        )
        if outcome == "gone":
            raise AlertGoneError(
                f"alert {alert_id} was taken back: its block is no longer part of the chain. "
                "Expected an alert that stands."
            )
        if outcome == "stands":
            raise AlertGoneError(
                f"alert {alert_id} takes back one that stands: its block came back. Expected what "
                "still holds."
            )
        if outcome == "unknown":
            raise QuestionError(f"alert {alert_id} is no longer kept.", 404)
        return tuple(queued)

    async def dead_letters(self) -> list[Buried]:
        """What was given up and not replayed since, oldest first."""
        [texts] = await read(self._client, ("LRANGE", self._keys.of("letters"), 0, -1))
        letters: dict[tuple[str, str], DeadLetter] = {}
        for letter in map(codec.decode_letter, texts):
            key = letter.delivery.alert_id, letter.delivery.webhook
            letters.pop(key, None)
            letters[key] = letter
        if not letters:
            return []
        states, posted = await read(
            self._client,
            ("HMGET", self._keys.of("outbox"), *(f"{a}:{webhook}" for a, webhook in letters)),
            ("HMGET", self._keys.of("alerts"), *(a for a, _ in letters)),
        )
        return [
            Buried(letter, codec.decode_posted(text).alert if text else None)
            for letter, state, text in zip(letters.values(), states, posted, strict=True)
            if state is None or state.startswith("dead ")
        ]
