"""What a script is told, and the keys it touches beyond the shared ones."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from monitor.core.alerts import Alert, retraction_id
from monitor.core.blocks import BlockRef
from monitor.store.codec import PostedAlert, encode_text
from monitor.store.keys import SCRIPT_KEYS, Keys

Part = dict[str, Any]


class KeyList:
    """Keys of one operation. Its parts name them by their number in the script's KEYS."""

    def __init__(self, keys: Keys) -> None:
        self.names: list[str] = []
        self._keys = keys
        self._numbers: dict[str, int] = {}

    def hashes(self, names: Iterable[str]) -> list[int]:
        """Record hashes; rows name them in full, but every key of a script is to be declared."""
        return [self._number(self._keys.of(name)) for name in names]

    def posting(self, alert: Alert, webhooks: Sequence[str]) -> Part:
        """An alert to be written down and queued."""
        posted = encode_text(PostedAlert(alert, tuple(webhooks)))
        told = {"breaker": alert.breaker, "episode": alert.episode, "silenced": alert.silenced}
        return {
            "id": alert.id,
            "retraction": retraction_id(alert.id),
            **told,
            "posted": posted,
            "receivers": self.receivers(webhooks),
        }

    def receivers(self, webhooks: Iterable[str]) -> list[Part]:
        return [{"webhook": name, "queue": self.queue(name)} for name in webhooks]

    def queue(self, webhook: str) -> int:
        return self._number(self._keys.queue(webhook))

    def _number(self, name: str) -> int:
        if name not in self._numbers:
            self.names.append(name)
            self._numbers[name] = len(SCRIPT_KEYS) + len(self.names)
        return self._numbers[name]


def place(block: BlockRef) -> Part:
    """The block an operation is about."""
    return {
        "block": encode_text(block),
        "hash": block.hash,
        "parent": block.parent_hash,
        "number": block.number,
    }


def flat(pairs: Mapping[str, str]) -> list[str]:
    """Fields and values in a row, as HSET takes them."""
    return [text for pair in pairs.items() for text in pair]
