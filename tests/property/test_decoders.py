"""Differential: the compiled decoders against eth_abi, for every event in contracts_abi/.

The rule is exact: a log is read if, and only if, its bytes are what eth_abi makes of the values it
reads from them; and then the values are those. So a decoder refuses what eth_abi refuses (short
data, dirty padding, numbers out of range) and also what eth_abi lets pass: data that go on after
their end, more indexed words than the event has, and strings that lie elsewhere than a compiler
would put them. Strings are compared as bytes: one that is not UTF-8 is shown with replacements, as
it must not stop a monitor, where eth_abi raises.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.abi import EventAbi
from monitor.core.blocks import RawLog
from monitor.core.units import Address, BlockHash
from monitor.errors import UndecodableLog
from monitor.library import abi_library

ABIS = Path(__file__).resolve().parents[2] / "contracts_abi"
EVENTS = [
    pytest.param(event, id=f"{path.stem}.{event.name}")
    for path in sorted(ABIS.rglob("*.json"))
    for event in abi_library(str(path.relative_to(ABIS).with_suffix(""))).events.values()
]
WORD = 32
EXAMPLES = settings(max_examples=40, deadline=None)


@dataclass(frozen=True, slots=True)
class Bytes:
    """The indexed words and the data of a log."""

    topics: tuple[bytes, ...]
    data: bytes

    def log(self, event: EventAbi) -> RawLog:
        topics = (event.topic0, *("0x" + topic.hex() for topic in self.topics))
        where, block = Address("0x" + "1" * 40), BlockHash("0x" + "b" * 64)
        return RawLog(where, topics, self.data.hex(), block, 7, "0x" + "c" * 64)


def kinds(event: EventAbi, *, indexed: bool) -> list[str]:
    """Types in eth_abi's words; a string is its bytes."""
    found = [kind for _, kind, is_indexed in event.params if is_indexed is indexed]
    return ["bytes" if kind == "string" else kind for kind in found]


def ours(event: EventAbi, given: Bytes) -> tuple[Any, ...] | None:
    """What the decoder reads; None where it refuses."""
    try:
        return event.decode(given.log(event))
    except UndecodableLog:
        return None


def theirs(event: EventAbi, given: Bytes) -> tuple[Any, ...] | None:
    """What eth_abi reads; None where it refuses, or would have written something else."""
    outer, inner = kinds(event, indexed=True), kinds(event, indexed=False)
    if len(given.topics) != len(outer):
        return None
    try:
        topics = [decode([k], t)[0] for k, t in zip(outer, given.topics, strict=True)]
        data = list(decode(inner, given.data))
    except (DecodingError, OverflowError):  # the latter for a length no stream can seek to
        return None
    if written(event, topics, data) != given:
        return None
    values = [(topics if is_indexed else data).pop(0) for _, _, is_indexed in event.params]
    return tuple(told(p[1], value) for p, value in zip(event.params, values, strict=True))


def told(kind: str, value: Any) -> Any:
    """A value of eth_abi as the monitor writes it."""
    if kind == "string":
        return value.decode("utf-8", "replace")
    return "0x" + value.hex() if kind == "bytes32" else value


def written(event: EventAbi, topics: Sequence[Any], data: Sequence[Any]) -> Bytes:
    outer, inner = kinds(event, indexed=True), kinds(event, indexed=False)
    return Bytes(
        tuple(encode([kind], [value]) for kind, value in zip(outer, topics, strict=True)),
        encode(inner, data),
    )


def value_of(kind: str) -> st.SearchStrategy[Any]:
    if kind == "address":
        return st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex())
    if kind == "bool":
        return st.booleans()
    if kind == "bytes":
        return st.binary(max_size=80)
    if kind == "bytes32":
        return st.binary(min_size=WORD, max_size=WORD)
    if kind.startswith("uint"):
        return st.integers(0, 2 ** int(kind[4:]) - 1)
    bound = 2 ** (int(kind[3:]) - 1)
    return st.integers(-bound, bound - 1)


@st.composite
def valid(draw: st.DrawFn, event: EventAbi) -> Bytes:
    topics = [draw(value_of(kind)) for kind in kinds(event, indexed=True)]
    data = [draw(value_of(kind)) for kind in kinds(event, indexed=False)]
    return written(event, topics, data)


@st.composite
def truncated(draw: st.DrawFn, event: EventAbi) -> Bytes:
    """Some of the data is missing, or of an indexed word, or a whole one."""
    whole = draw(valid(event))
    if whole.topics and (not whole.data or draw(st.booleans())):
        kept, last = whole.topics[:-1], whole.topics[-1]
        cut = draw(st.integers(0, WORD - 1))
        return Bytes((*kept, last[:cut]) if cut else kept, whole.data)
    return Bytes(whole.topics, whole.data[: draw(st.integers(0, len(whole.data) - 1))])


@st.composite
def overlong(draw: st.DrawFn, event: EventAbi) -> Bytes:
    """More data than there should be, a longer indexed word, or one more."""
    whole, more = draw(valid(event)), draw(st.binary(min_size=1, max_size=2 * WORD))
    where = draw(st.sampled_from(["data", "topic", "topics"] if whole.topics else ["data"]))
    if where == "data":
        return Bytes(whole.topics, whole.data + more)
    if where == "topics":
        return Bytes((*whole.topics, draw(st.binary(min_size=WORD, max_size=WORD))), whole.data)
    return Bytes((*whole.topics[:-1], whole.topics[-1] + more), whole.data)


@st.composite
def dirtied(draw: st.DrawFn, event: EventAbi) -> Bytes:
    """One byte of a valid log is another, most often in the padding of some word."""
    whole = draw(valid(event))
    flat = bytearray(b"".join(whole.topics) + whole.data)
    word = draw(st.integers(0, len(flat) // WORD - 1))
    flat[word * WORD + draw(st.integers(0, WORD - 1))] ^= draw(st.integers(1, 255))
    return cut_up(event, bytes(flat))


@st.composite
def arbitrary(draw: st.DrawFn, event: EventAbi) -> Bytes:
    """Words of any kind: small numbers, offsets, all ones, noise."""
    small = st.integers(0, 300).map(lambda n: n.to_bytes(WORD, "big"))
    noise = st.binary(min_size=WORD, max_size=WORD)
    word = st.one_of(small, st.just(b"\xff" * WORD), noise)
    count = len(event.params) + draw(st.integers(0, 3))
    words = draw(st.lists(word, min_size=count, max_size=count))
    return cut_up(event, b"".join(words))


def cut_up(event: EventAbi, flat: bytes) -> Bytes:
    end = WORD * len(kinds(event, indexed=True))
    return Bytes(tuple(flat[i : i + WORD] for i in range(0, end, WORD)), flat[end:])


@pytest.mark.parametrize("event", EVENTS)
@given(draw=st.data())
@EXAMPLES
def test_decode__of_valid_data__gives_what_eth_abi_gives(
    event: EventAbi, draw: st.DataObject
) -> None:
    log = draw.draw(valid(event))
    assert ours(event, log) == theirs(event, log) is not None


@pytest.mark.parametrize("made", [truncated, overlong])
@pytest.mark.parametrize("event", EVENTS)
@given(draw=st.data())
@EXAMPLES
def test_decode__of_truncated_or_overlong_data__is_a_typed_error(
    made: Any, event: EventAbi, draw: st.DataObject
) -> None:
    log = draw.draw(made(event))
    assert ours(event, log) is None
    assert theirs(event, log) is None


@pytest.mark.parametrize("made", [dirtied, arbitrary])
@pytest.mark.parametrize("event", EVENTS)
@given(draw=st.data())
@EXAMPLES
def test_decode__of_dirty_or_arbitrary_data__is_eth_abis_value_or_a_typed_error(
    made: Any, event: EventAbi, draw: st.DataObject
) -> None:
    log = draw.draw(made(event))
    assert ours(event, log) == theirs(event, log)


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("digits", ["zz", "0x", " \n", "+1", "1_"])
def test_decode__of_what_is_not_hex__is_a_typed_error(event: EventAbi, digits: str) -> None:
    words = [bytes(WORD)] * len(event.params)
    log = cut_up(event, b"".join(words)).log(event)
    data = digits + log.data[2:] if log.data else digits
    wrong = RawLog(log.address, log.topics, data, log.block_hash, log.log_index, log.tx_hash)
    with pytest.raises(UndecodableLog):
        event.decode(wrong)


def test_events__of_every_file__are_compared() -> None:
    entries = [e for path in ABIS.rglob("*.json") for e in json.loads(path.read_text())]
    assert len(EVENTS) == sum(entry["type"] == "event" for entry in entries) > 30
