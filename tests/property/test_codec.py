"""The codec: whatever is written is read back, and equal ledgers have equal digests."""

from enum import Enum
from typing import Any, get_args, get_type_hints

from hypothesis import given
from hypothesis import strategies as st

from monitor.core.alerts import BreakerState
from monitor.core.blocks import BlockRef
from monitor.core.delta import BlockDelta, Change
from monitor.core.keys import OBSERVED, Key, Kind
from monitor.core.ledger import RECORD_OF, Record
from monitor.core.units import BlockHash, MarketId
from monitor.store import codec
from monitor.store.keys import field_of, group_of, key_of

ANY_INT = st.integers(-(2**256), 2**256)
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Values of a type: any integer, any text, whatever the names promise."""
    kind = getattr(kind, "__supertype__", kind)
    kind = getattr(kind, "__supertype__", kind)
    if kind is int:
        return ANY_INT
    if kind is str:
        return ANY_TEXT
    if isinstance(kind, type) and issubclass(kind, Enum):
        return st.sampled_from(kind)
    if kind in (bool, type(None)):
        return st.from_type(kind)
    if hasattr(kind, "__dataclass_fields__") or hasattr(kind, "_fields"):
        fields = {name: values(hint) for name, hint in get_type_hints(kind).items()}
        return st.builds(kind, **fields)
    parts = get_args(kind)
    if parts[-1:] == (Ellipsis,):
        return st.lists(values(parts[0]), max_size=3).map(tuple)
    if getattr(kind, "__origin__", None) is tuple:
        return st.tuples(*map(values, parts))
    return st.one_of(*map(values, parts))


SUBJECTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/"), max_size=12)
KEYS = st.builds(Key, st.sampled_from(Kind), ANY_TEXT.map(MarketId), ANY_TEXT, SUBJECTS)


def keyed(key: Key) -> st.SearchStrategy[tuple[Key, Record]]:
    return values(RECORD_OF[key.kind]).map(lambda record: (key, record))


ENTRIES = KEYS.flatmap(keyed)
LEDGERS = st.lists(ENTRIES, max_size=6).map(dict)


@given(ENTRIES)
def test_record__any__survives_the_codec(entry: tuple[Key, Record]) -> None:
    key, record = entry
    assert codec.decode_record(key, codec.encode_record(record)) == record


@given(KEYS)
def test_key__any__survives_its_place(key: Key) -> None:
    assert key_of(group_of(key), field_of(key)) == key


@given(values(BlockRef), st.lists(ENTRIES, max_size=4), st.booleans())
def test_writes__any__survive_the_codec(
    block: BlockRef, entries: list[tuple[Key, Record]], is_new: bool
) -> None:
    changes = tuple(
        Change(key, None, record) if is_new else Change(key, record, None)
        for key, record in entries
    )
    delta = BlockDelta(block, changes)
    written = {change.key: change.after for change in changes}
    assert codec.decode_writes(codec.encode_writes(delta)) == written


@given(LEDGERS, st.randoms())
def test_digest__same_records_in_another_order__is_equal(
    records: dict[Key, Record], random: Any
) -> None:
    items = list(records.items())
    random.shuffle(items)
    assert codec.digest(dict(items)) == codec.digest(records)


@given(LEDGERS, ENTRIES)
def test_digest__one_record_different__differs(
    records: dict[Key, Record], entry: tuple[Key, Record]
) -> None:
    key, record = entry
    changed = {**records, key: record}
    same = codec.digest(changed, with_observed=True) == codec.digest(records, with_observed=True)
    assert same == (changed == records)


@given(LEDGERS, ENTRIES)
def test_digest__of_what_was_seen_on_the_way__is_not_told(
    records: dict[Key, Record], entry: tuple[Key, Record]
) -> None:
    key, record = entry
    changed = {**records, key: record}
    told = {k: r for k, r in changed.items() if k.kind not in OBSERVED}
    before = {k: r for k, r in records.items() if k.kind not in OBSERVED}
    assert (codec.digest(changed) == codec.digest(records)) == (told == before)


def test_breaker__default__survives_the_codec() -> None:
    state = BreakerState(episode_block_hash=BlockHash("0x1"))
    assert codec.decode_breaker("eth-cascade", codec.encode_text(state)) == state
