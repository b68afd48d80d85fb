"""One Python function per event, written as source and compiled: a log's hex to its values.

For `Repaid(address indexed who, uint256 amount, bool inFull)` the source is

    def read(topics, data):
        if len(topics) != 2:
            raise ValueError(f"{len(topics) - 1} indexed words, expected 1")
        [_, t0] = topics
        if len(t0) != 66:
            raise ValueError("an indexed word is not 32 bytes")
        if len(data) != 128:
            raise ValueError(f"{len(data) // 2} bytes, expected 64")
        raw = fromhex(t0[2:] + data)
        if 2 * len(raw) != 64 + len(data):
            raise ValueError("there are spaces between the digits")
        [p0, v0, v1, p2, v2] = unpack(raw)
        if p0 != ZEROS_12:
            raise ValueError(f"{NAMES[0]} does not fit address")
        if p2 != ZEROS_31 or v2 > 1:
            raise ValueError(f"{NAMES[2]} does not fit bool")
        return ("0x" + v0.hex(), from_bytes(v1), v2 == 1,)

(a test compares), which is several times faster than going through the types log by log. Nothing
an ABI file says becomes source: types come from the closed table below, names are data.
"""

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WORD_BYTES = 32

Param = tuple[str, str, bool]
"""Name, type, whether indexed."""
Read = Callable[[Sequence[str], str], tuple[Any, ...]]
"""(topics, data without its 0x) to the values in signature order. Raises ValueError."""


@dataclass(frozen=True, slots=True)
class _Word:
    """How the 32 bytes of one type are cut, refused and told; `{p}` and `{v}` are the two parts."""

    layout: str = "32s"
    """In the language of `struct`: padding and value, or the value alone."""
    wrong: str = ""
    """True of a word that is not canonical; empty where every word is."""
    value: str = "from_bytes({v})"


def _uint(bits: int) -> _Word:
    size = bits // 8
    if size == WORD_BYTES:
        return _Word()
    return _Word(f"{WORD_BYTES - size}s{size}s", f"{{p}} != ZEROS_{WORD_BYTES - size}")


def _int(bits: int) -> _Word:
    """Two's complement, so the padding is right if the value is in range."""
    value = 'from_bytes({v}, "big", signed=True)'
    bound = 1 << (bits - 1)
    return _Word("32s", f"not -{bound} <= {value} < {bound}", value)


_WORDS: Mapping[str, _Word] = {
    "address": _Word("12s20s", "{p} != ZEROS_12", '"0x" + {v}.hex()'),
    "bool": _Word("31sB", "{p} != ZEROS_31 or {v} > 1", "{v} == 1"),
    "bytes32": _Word(value='"0x" + {v}.hex()'),
    **{f"uint{bits}": _uint(bits) for bits in range(8, 257, 8)},
    **{f"int{bits}": _int(bits) for bits in range(8, 257, 8)},
}
_TAILS: Mapping[str, _Word] = {
    "bytes": _Word(value="tails.take({v})"),
    "string": _Word(value='tails.take({v}).decode("utf-8", "replace")'),
}
"""Types whose word says where in the data they are."""


class _Tails:
    """What follows the words: one dynamic value after the other, as every compiler lays them."""

    def __init__(self, data: bytes, start: int) -> None:
        self._data = data
        self._end = start

    def take(self, word: bytes) -> bytes:
        """The value at an offset, which must be where the one before it ended."""
        offset = int.from_bytes(word)
        if offset != self._end:
            raise ValueError(f"offset {offset}, expected {self._end}")
        start = offset + WORD_BYTES
        stop = start + int.from_bytes(self._data[offset:start])
        self._end = stop + -stop % WORD_BYTES
        if self._end > len(self._data) or start > len(self._data):
            raise ValueError(f"a value at offset {offset} is cut short")
        if any(self._data[stop : self._end]):
            raise ValueError(f"the padding of a value at offset {offset} is not zero")
        return self._data[start:stop]

    def close(self) -> None:
        if self._end != len(self._data):
            raise ValueError(f"{len(self._data)} bytes, expected {self._end}")


def event_decoder(params: Sequence[Param]) -> Read:
    """The function that reads an event's logs. Raises ValueError for a type it does not know."""
    words = [_word(*param) for param in params]
    order = _order(params)
    namespace: dict[str, Any] = {
        "NAMES": [name for name, _, _ in params],
        "Tails": _Tails,
        "from_bytes": int.from_bytes,
        "fromhex": bytes.fromhex,
        "unpack": struct.Struct(">" + "".join(words[i].layout for i in order)).unpack_from,
        **{f"ZEROS_{size}": bytes(size) for size in range(1, WORD_BYTES)},
    }
    exec(decoder_source(params), namespace)
    read: Read = namespace["read"]
    return read


def decoder_source(params: Sequence[Param]) -> str:
    """What `event_decoder` compiles."""
    words = [_word(*param) for param in params]
    lines = (*_to_bytes(params), *_to_parts(params, words), *_to_values(params, words))
    return "def read(topics, data):\n" + "".join(f"    {line}\n" for line in lines)


def _order(params: Sequence[Param]) -> list[int]:
    """As they come in a log: indexed ones first."""
    return sorted(range(len(params)), key=lambda i: not params[i][2])


def _word(name: str, kind: str, is_indexed: bool) -> _Word:
    word = _WORDS.get(kind) or (None if is_indexed else _TAILS.get(kind))
    if word is None:
        raise ValueError(f"no decoder for {'indexed ' if is_indexed else ''}{kind} {name}")
    return word


def _to_bytes(params: Sequence[Param]) -> Iterator[str]:
    topics = [f"t{i}" for i, (_, _, is_indexed) in enumerate(params) if is_indexed]
    size = WORD_BYTES * (len(params) - len(topics))
    short = "<" if _has_tails(params) else "!="
    yield f"if len(topics) != {len(topics) + 1}:"
    yield f'    raise ValueError(f"{{len(topics) - 1}} indexed words, expected {len(topics)}")'
    if topics:
        yield f"[_, {', '.join(topics)}] = topics"
        yield f"if {' or '.join(f'len({topic}) != 66' for topic in topics)}:"
        yield '    raise ValueError("an indexed word is not 32 bytes")'
    yield f"if len(data) {short} {2 * size}:"
    yield f'    raise ValueError(f"{{len(data) // 2}} bytes, expected {size}")'
    yield f"raw = fromhex({' + '.join([*(f'{topic}[2:]' for topic in topics), 'data'])})"
    yield f"if 2 * len(raw) != {2 * WORD_BYTES * len(topics)} + len(data):"
    yield '    raise ValueError("there are spaces between the digits")'


def _to_parts(params: Sequence[Param], words: Sequence[_Word]) -> Iterator[str]:
    order = _order(params)
    parts = [part for i in order for part in _parts(words[i], i)]
    yield f"[{', '.join(parts)}] = unpack(raw)"
    for i in order:
        if words[i].wrong:
            yield f"if {words[i].wrong.format(p=f'p{i}', v=f'v{i}')}:"
            yield f'    raise ValueError(f"{{NAMES[{i}]}} does not fit {params[i][1]}")'


def _parts(word: _Word, i: int) -> list[str]:
    return [f"p{i}", f"v{i}"] if "{p}" in word.wrong else [f"v{i}"]


def _to_values(params: Sequence[Param], words: Sequence[_Word]) -> Iterator[str]:
    values = " ".join(f"{word.value.format(v=f'v{i}')}," for i, word in enumerate(words))
    if not _has_tails(params):
        yield f"return ({values})"
        return
    topics = sum(is_indexed for _, _, is_indexed in params)
    plain = len(params) - topics
    yield f"tails = Tails(raw[{WORD_BYTES * topics}:], {WORD_BYTES * plain})"
    yield f"values = ({values})"
    yield "tails.close()"
    yield "return values"


def _has_tails(params: Sequence[Param]) -> bool:
    return any(kind in _TAILS for _, kind, _ in params)
