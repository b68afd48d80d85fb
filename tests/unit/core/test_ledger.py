"""A ledger over records that are still packed is the ledger over the same records."""

from dataclasses import replace

import pytest
from builders import a_position, a_reserve, an_address

from monitor.core.keys import Key, Kind, position_key, reserve_key
from monitor.core.ledger import GroupedRecords, Ledger, Position, Record, each
from monitor.core.overlay import Overlay
from monitor.core.packed import PackedMap
from monitor.core.reserves import Reserve
from monitor.core.slots import slot
from monitor.core.units import MarketId, RawAmount

CORE = MarketId("core")
KEYS = [position_key(CORE, an_address(str(n))) for n in range(4)]
RESERVE = reserve_key(CORE, an_address("WETH"))
RECORDS: dict[Key, Record] = {
    **{key: a_position(n + 1) for n, key in enumerate(KEYS)},
    RESERVE: a_reserve(an_address("WETH")),
}


class Numbered:
    """A packing that knows a few positions by number, and counts what it unpacks."""

    def __init__(self) -> None:
        self.unpacked: list[Key] = []

    def field(self, key: Key) -> bytes:
        return key.subject.encode()

    def key(self, field: bytes) -> Key:
        return Key(Kind.POSITION, CORE, "", field.decode())

    def value(self, key: Key, data: bytes) -> Record:
        self.unpacked.append(key)
        return a_position(int(data))


def loaded(packing: Numbered) -> GroupedRecords:
    entries: dict[bytes, bytes | Record] = {
        packing.field(key): str(n + 1).encode() for n, key in enumerate(KEYS)
    }
    return GroupedRecords(
        {
            (Kind.POSITION, CORE): PackedMap(packing, entries),
            (Kind.RESERVE, CORE): {RESERVE: RECORDS[RESERVE]},
        }
    )


def test_grouped_records__packed__equal_the_records() -> None:
    assert loaded(Numbered()) == RECORDS
    assert len(loaded(Numbered())) == len(RECORDS)


def test_ledger__packed__holds_the_same_records_in_every_way() -> None:
    ledger = Ledger(loaded(Numbered()))
    plain = Ledger(RECORDS)
    assert [ledger.get(key) for key in RECORDS] == [plain.get(key) for key in RECORDS]
    assert dict(ledger.records()) == dict(plain.records())
    assert set(ledger.keys(Kind.POSITION, CORE)) == set(KEYS)
    assert dict(each(ledger, Kind.POSITION, CORE, Position)) == {k: RECORDS[k] for k in KEYS}


def test_get__packed__unpacks_once_and_nothing_else() -> None:
    packing = Numbered()
    ledger = Ledger(loaded(packing))
    assert ledger.get(KEYS[2]) is ledger.get(KEYS[2])
    list(ledger.keys(Kind.POSITION, CORE))
    list(Overlay(ledger).keys(Kind.POSITION, CORE))
    assert packing.unpacked == [KEYS[2]]


def test_get__absent_among_packed__is_none() -> None:
    ledger = Ledger(loaded(Numbered()))
    assert ledger.get(position_key(CORE, an_address("nobody"))) is None
    assert ledger.get(position_key(MarketId("lido"), an_address("0"))) is None


def test_put__over_packed__replaces_removes_and_adds() -> None:
    records = loaded(Numbered())
    ledger = Ledger(records)
    new = position_key(CORE, an_address("new"))
    ledger.put(KEYS[0], a_position(99))
    ledger.put(KEYS[1], None)
    ledger.put(new, a_position(5))
    ledger.put(position_key(CORE, an_address("never there")), None)
    expected = {**RECORDS, KEYS[0]: a_position(99), new: a_position(5)}
    del expected[KEYS[1]]
    assert dict(ledger.records()) == expected
    assert records == RECORDS


def test_copy__then_written__leaves_the_snapshot_alone() -> None:
    ledger = Ledger(loaded(Numbered()))
    snapshot = ledger.copy()
    ledger.put(KEYS[0], None)
    ledger.put(RESERVE, replace(a_reserve(), symbol="other"))
    assert dict(snapshot.records()) == RECORDS


def test_overlay__over_packed__shows_what_is_written_on_top() -> None:
    overlay = Overlay(Ledger(loaded(Numbered())))
    new = position_key(CORE, an_address("new"))
    overlay.put(KEYS[0], None)
    overlay.put(KEYS[1], a_position(50))
    overlay.put(new, a_position(5))
    overlay.put(KEYS[2], RECORDS[KEYS[2]])
    seen = dict(overlay.items(Kind.POSITION, CORE))
    assert seen == {
        KEYS[1]: a_position(50),
        KEYS[2]: RECORDS[KEYS[2]],
        KEYS[3]: RECORDS[KEYS[3]],
        new: a_position(5),
    }
    assert set(overlay.keys(Kind.POSITION, CORE)) == set(seen)
    assert {key for key, _, _ in overlay.written()} == {KEYS[0], KEYS[1], new}


def test_draft__amended__is_seen_on_top_and_leaves_the_base_alone() -> None:
    ledger = Ledger(RECORDS)
    overlay = Overlay(ledger)
    draft = overlay.draft(RESERVE, Reserve)
    assert draft is not None
    slot(Reserve, "cash_raw")(draft, RawAmount(7))
    expected = replace(a_reserve(an_address("WETH")), cash_raw=RawAmount(7))
    assert overlay.draft(RESERVE, Reserve) is overlay.get(RESERVE) is draft
    assert list(overlay.written()) == [(RESERVE, RECORDS[RESERVE], expected)]
    assert dict(ledger.records()) == RECORDS


def test_draft__not_amended__is_no_change() -> None:
    overlay = Overlay(Ledger(RECORDS))
    overlay.draft(RESERVE, Reserve)
    assert list(overlay.written()) == []


def test_draft__after_a_write__is_of_what_was_written_and_another_copy() -> None:
    overlay = Overlay(Ledger(RECORDS))
    old = overlay.draft(RESERVE, Reserve)
    listed = replace(a_reserve(an_address("WETH")), symbol="other")
    overlay.put(RESERVE, listed)
    new = overlay.draft(RESERVE, Reserve)
    assert (new, new is listed, new is old) == (listed, False, False)
    overlay.put(RESERVE, None)
    assert overlay.draft(RESERVE, Reserve) is None
    assert [after for _, _, after in overlay.written()] == [None]


def test_draft__of_another_type__raises() -> None:
    with pytest.raises(TypeError, match="holds a Reserve, not a Position"):
        Overlay(Ledger(RECORDS)).draft(RESERVE, Position)
