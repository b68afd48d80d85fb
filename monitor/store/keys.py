"""Where things lie in Redis. Every key of one daemon carries one Cluster hash tag.

meta        hash    schema, genesis and configuration the state belongs to
lease       string  "<token> <its time in ms>" of who leads, expires
fence       string  the newest token granted, "<number> <owner>"
tail        list    BlockRefs, oldest first: the base (cannot be undone), then what can, the
                    last of which is the cursor
evaluated   string  BlockRef of the newest judged block
undo        hash    block hash to what the block wrote, for the blocks above the base
judged      hash    block hash to its judgement, and the states before it
breakers    hash    breaker to its state
groups      set     names of the record hashes in use, so that a load needs no SCAN. Records are
                    those at the base: see `journal`
<group>     hash    records of a kind and a market, "<subject>/<sub_market>" to JSON
<group>/<n> hash    positions: packed account and sub_market to packed position (see `packing`)
alerts      hash    alert id to the alert and its receivers
history     list    alert ids, newest first
outbox      hash    "<alert id>:<webhook>" to "<status> <attempts> <due> <created>"
queue:<w>   list    alert ids not yet delivered to a webhook, in order
webhooks    set     webhooks that ever had a queue
gone        set     ids of alerts whose block was reverted
letters     list    dead letters
silences    hash    breaker to who asked not to hear of it until when
conditions  hash    name of a way in which the monitor can be blind to whether it is
course      list    after a rebuild: the breakers after each judged block (see `course`)
"""

import zlib

from monitor.core.keys import Key, Kind
from monitor.core.units import Address, MarketId
from monitor.errors import ConfigError

SCHEMA_VERSION = 2

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
    "silences",
    "conditions",
)
"""The keys every script is given, in this order: its local variables of the same names."""

POSITION_BUCKETS = 1024
"""Hashes a market's positions are spread over: about 100 fields each for 100,000 positions. A load
is bound by their number, not by their size. Redis keeps up to 512 fields of up to 64 bytes as a
compact list, the embedded server more of both (see `embedded`); beyond, nothing breaks: a bucket
becomes a hash table and takes half more memory."""

_POSITIONS = f"{Kind.POSITION}:"
_ADDRESS, _TEXT = b"\x01", b"\x00"
_ADDRESS_BYTES = 21


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


def holder_of(lease: str) -> str:
    """The owner in a lease's text; empty where there is none."""
    return lease.split(" ")[1] if " " in lease else ""


def group_of(key: Key) -> str:
    """The records of one kind in one market: `<kind>:<market>`."""
    return f"{key.kind}:{key.market}"


def field_of(key: Key) -> bytes:
    """The field of a record within its hash. Raises ValueError for a subject with a slash."""
    kind, _, sub_market, subject = key
    if kind is Kind.POSITION:
        account = address_bytes(subject)
        if account[:1] == _ADDRESS:
            return account + sub_market.encode() if sub_market else account
    if "/" in subject:
        raise ValueError(f"the subject of {key} holds a slash")
    text = f"{subject}/{sub_market}".encode()
    return _TEXT + text if kind is Kind.POSITION else text


def key_of(group: str, field: bytes) -> Key:
    """The inverse of `group_of` and `field_of`. Raises ValueError for what they did not make."""
    kind, market = kind_of(group)
    if kind is Kind.POSITION and field[:1] == _ADDRESS:
        account = address_text(field[:_ADDRESS_BYTES])
        return Key(kind, market, field[_ADDRESS_BYTES:].decode(), account)
    text = address_text(field) if kind is Kind.POSITION else field.decode()
    subject, slash, sub_market = text.partition("/")
    if not slash:
        raise ValueError(f"the field {text!r} of {group} has no slash")
    return Key(kind, market, sub_market, subject)


def place_of(key: Key) -> tuple[str, bytes]:
    """The hash a record lies in, and its field there. Only positions are bucketed."""
    field = field_of(key)
    if key.kind is Kind.POSITION:
        return f"{_POSITIONS}{key.market}/{zlib.crc32(field) % POSITION_BUCKETS}", field
    return group_of(key), field


def group_in(name: str) -> str:
    """The group a hash belongs to."""
    return name.rpartition("/")[0] if name.startswith(_POSITIONS) else name


def kind_of(group: str) -> tuple[Kind, MarketId]:
    """The inverse of `group_of`. Raises ValueError for a name that is none."""
    kind, _, market = group.partition(":")
    return Kind(kind), MarketId(market)


def address_bytes(text: str) -> bytes:
    """An address as 20 bytes after a first one; any other text as itself, after another."""
    if len(text) == 42:
        try:
            raw = bytes.fromhex(text[2:])
        except ValueError:
            raw = b""
        if "0x" + raw.hex() == text:
            return _ADDRESS + raw
    return _TEXT + text.encode()


def address_text(data: bytes) -> Address:
    """The inverse of `address_bytes`. Raises ValueError for what it did not make."""
    if data[:1] == _ADDRESS and len(data) == _ADDRESS_BYTES:
        return Address("0x" + data[1:].hex())
    if data[:1] != _TEXT:
        raise ValueError(f"{data.hex() or 'nothing'} is no packed address")
    return Address(data[1:].decode())
