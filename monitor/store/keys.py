"""Where things lie in Redis. Every key of one daemon carries one Cluster hash tag.

meta        hash    schema, genesis and configuration the state belongs to
lease       string  "<token> <owner>", expires; fence: string, the newest token ever granted
tail        list    BlockRefs, oldest first: the base (cannot be undone), then what can, the
                    last of which is the cursor
evaluated   string  BlockRef of the newest judged block
undo        hash    block hash to its delta
judged      hash    block hash to its judgement, and the states before it
breakers    hash    breaker to its state
groups      set     names of the record hashes in use, so that a load needs no SCAN
<group>     hash    records: field text to record (see `group_of`)
alerts      hash    alert id to the alert and its receivers
history     list    alert ids, newest first
outbox      hash    "<alert id>:<webhook>" to "<status> <attempts> <due> <created>"
queue:<w>   list    alert ids not yet delivered to a webhook, in order
webhooks    set     webhooks that ever had a queue
gone        set     ids of alerts whose block was reverted
letters     list    dead letters
"""

import zlib

from monitor.core.ledger import Key, Kind
from monitor.core.units import MarketId
from monitor.errors import ConfigError

SCHEMA_VERSION = 1

SCRIPT_KEYS = (
    "fence",
    "lease",
    "meta",
    "tail",
    "evaluated",
    "undo",
    "judged",
    "breakers",
    "groups",
    "alerts",
    "history",
    "outbox",
    "webhooks",
    "gone",
    "letters",
)
"""The keys every script is given, in this order: its local variables of the same names."""

POSITION_BUCKETS = 8192
"""Hashes a market's positions are spread over: at most about 128 fields each up to a million
positions, so that they stay compact lists. Beyond, or with other server settings, nothing breaks:
a bucket becomes a hash table and takes about a third more memory."""


class Keys:
    """The key names of one namespace on one chain."""

    def __init__(self, namespace: str, chain_id: int) -> None:
        if set(namespace) & set("{}"):
            raise ConfigError(
                f"store.namespace {namespace!r} holds a brace: braces mark the Cluster hash tag. "
                "Choose another name."
            )
        self._prefix = f"cm:{{{namespace}:{chain_id}}}:"
        self.shared = tuple(self.of(name) for name in SCRIPT_KEYS)

    def of(self, name: str) -> str:
        """The full key of one of SCRIPT_KEYS, or of a group of records."""
        return self._prefix + name

    def queue(self, webhook: str) -> str:
        return f"{self._prefix}queue:{webhook}"


def group_of(key: Key) -> str:
    """The hash a record lives in: `<kind>:<bucket>:<market>`; only positions are bucketed."""
    bucket = zlib.crc32(field_of(key).encode()) % POSITION_BUCKETS if _is_bucketed(key) else 0
    return f"{key.kind}:{bucket}:{key.market}"


def field_of(key: Key) -> str:
    """The field of a record within its hash: `<subject>/<sub_market>`."""
    if "/" in key.subject:
        raise ValueError(f"the subject of {key} holds a slash")
    return f"{key.subject}/{key.sub_market}"


def key_of(group: str, field: str) -> Key:
    """The inverse of `group_of` and `field_of`."""
    kind, _, market = group.split(":", 2)
    subject, _, sub_market = field.partition("/")
    return Key(Kind(kind), MarketId(market), sub_market, subject)


def _is_bucketed(key: Key) -> bool:
    return key.kind is Kind.POSITION
