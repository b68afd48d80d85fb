"""Decoders made from contracts_abi/: a log's hex words to a tuple of Python values.

The JSON files hold what a compiler would give, plus `topic0` per event, so no hash function is
needed here. Lengths, padding and offsets are checked: what is not canonical ABI does not decode.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from monitor.core.blocks import RawLog
from monitor.core.units import Address
from monitor.errors import UndecodableLog

WORD = 64
"""Hex digits of one 32-byte ABI word."""

WordDecoder = Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class FunctionAbi:
    """A view function: its ABI entry is kept as JSON text so that the value can be a dict key."""

    name: str
    signature: str
    json: str


@dataclass(frozen=True, slots=True)
class EventAbi:
    """An event and the types of its parameters, in the order of its signature."""

    name: str
    topic0: str
    params: tuple[tuple[str, str, bool], ...]
    """(name, type, indexed) of each parameter."""

    def decode(self, log: RawLog) -> tuple[Any, ...]:
        """Parameter values in signature order. Raises UndecodableLog."""
        indexed = sum(is_indexed for _, _, is_indexed in self.params)
        if len(log.topics) != indexed + 1:
            raise self._fault(log, f"{len(log.topics) - 1} indexed words, expected {indexed}")
        plain = len(self.params) - indexed
        if len(log.data) < plain * WORD or len(log.data) % 2:
            raise self._fault(log, f"{len(log.data) // 2} bytes, expected {plain * WORD // 2}")
        try:
            return self._values(log, plain)
        except ValueError as error:
            raise self._fault(log, str(error)) from error

    def _values(self, log: RawLog, plain: int) -> tuple[Any, ...]:
        values: list[Any] = []
        topic, word = 1, 0
        is_static = True
        for _, kind, is_indexed in self.params:
            if is_indexed:
                values.append(decoder_of(kind)(log.topics[topic][2:]))
                topic += 1
                continue
            head = log.data[word * WORD : (word + 1) * WORD]
            if kind in DYNAMIC:
                is_static = False
                values.append(_dynamic(kind, log.data, head))
            else:
                values.append(decoder_of(kind)(head))
            word += 1
        if is_static and len(log.data) != plain * WORD:
            raise ValueError(f"{len(log.data) // 2} bytes, expected {plain * WORD // 2}")
        return tuple(values)

    def _fault(self, log: RawLog, what: str) -> UndecodableLog:
        return UndecodableLog(
            f"log {log.log_index} of block {log.block_hash} from {log.address} has the topic of "
            f"{self.name} but does not decode: {what}. The contract may have been upgraded to an "
            "ABI this version does not know."
        )


@dataclass(frozen=True, slots=True)
class Abi:
    """The events (by topic) and functions (by name) of one contract."""

    events: Mapping[str, EventAbi]
    functions: Mapping[str, FunctionAbi]

    def event(self, name: str) -> EventAbi:
        return next(event for event in self.events.values() if event.name == name)


DYNAMIC = frozenset({"string", "bytes"})


def _unsigned(bits: int) -> WordDecoder:
    limit = 1 << bits

    def decode(word: str) -> int:
        value = int(word, 16)
        if value >= limit:
            raise ValueError(f"{word} does not fit uint{bits}")
        return value

    return decode


def _signed(bits: int) -> WordDecoder:
    bound = 1 << (bits - 1)

    def decode(word: str) -> int:
        value = int(word, 16)
        if value >= 1 << 255:
            value -= 1 << 256
        if not -bound <= value < bound:
            raise ValueError(f"{word} does not fit int{bits}")
        return value

    return decode


def _address(word: str) -> Address:
    if int(word[:24], 16):
        raise ValueError(f"{word} is no address")
    return Address("0x" + word[24:].lower())


def _bool(word: str) -> bool:
    value = int(word, 16)
    if value > 1:
        raise ValueError(f"{word} is no bool")
    return bool(value)


def _dynamic(kind: str, data: str, head: str) -> str | bytes:
    start = int(head, 16) * 2
    if start % WORD or start + WORD > len(data):
        raise ValueError(f"offset {start // 2} is outside the data")
    length = int(data[start : start + WORD], 16) * 2
    body = data[start + WORD : start + WORD + length]
    if len(body) != length:
        raise ValueError(f"{kind} of {length // 2} bytes is cut short")
    raw = bytes.fromhex(body)
    return raw.decode("utf-8", "replace") if kind == "string" else raw


def _make_decoders() -> dict[str, WordDecoder]:
    made: dict[str, WordDecoder] = {"address": _address, "bool": _bool}
    for bits in range(8, 257, 8):
        made[f"uint{bits}"] = _unsigned(bits)
        made[f"int{bits}"] = _signed(bits)
    made["bytes32"] = lambda word: "0x" + word
    return made


_DECODERS = _make_decoders()


def decoder_of(kind: str) -> WordDecoder:
    """The decoder of a one-word type. Raises ValueError for a type events here do not use."""
    try:
        return _DECODERS[kind]
    except KeyError:
        raise ValueError(f"no decoder for {kind}") from None


def parse_abi(entries: Iterable[Mapping[str, Any]], to_json: Callable[[Any], str]) -> Abi:
    """An Abi from JSON entries."""
    events: dict[str, EventAbi] = {}
    functions: dict[str, FunctionAbi] = {}
    for entry in entries:
        if entry["type"] == "event":
            params = tuple((p["name"], p["type"], bool(p["indexed"])) for p in entry["inputs"])
            events[entry["topic0"]] = EventAbi(entry["name"], entry["topic0"], params)
        elif entry["type"] == "function":
            kinds = ",".join(p["type"] for p in entry["inputs"])
            signature = f"{entry['name']}({kinds})"
            functions[entry["name"]] = FunctionAbi(entry["name"], signature, to_json(entry))
    return Abi(events, functions)
