"""The contracts of contracts_abi/: their events, which decode logs, and their functions.

The JSON files hold what a compiler would give, plus `topic0` per event, so no hash function is
needed here. Lengths, padding and offsets are checked: what is not canonical ABI does not decode.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from monitor.core.blocks import RawLog
from monitor.core.event_decoder import Param, Read, event_decoder
from monitor.errors import UndecodableLog


class FunctionAbi(NamedTuple):
    """A view function: its ABI entry is kept as JSON text so that the value can be a dict key.

    A tuple, as ViewCall is, since it is hashed several times a block.
    """

    name: str
    signature: str
    json: str


class ErrorAbi(NamedTuple):
    """What a contract reverts with: a custom error, or a code that `Error(string)` carries."""

    name: str
    types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EventAbi:
    """An event and the types of its parameters, in the order of its signature."""

    name: str
    topic0: str
    params: tuple[Param, ...]

    _read: Read = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_read", event_decoder(self.params))

    def decode(self, log: RawLog) -> tuple[Any, ...]:
        """Parameter values in signature order. Raises UndecodableLog."""
        try:
            return self._read(log.topics, log.data)
        except ValueError as error:
            raise self._fault(log, str(error)) from error

    def _fault(self, log: RawLog, what: str) -> UndecodableLog:
        return UndecodableLog(
            f"log {log.log_index} of block {log.block_hash} from {log.address} has the topic of "
            f"{self.name} but does not decode: {what}. The contract may have been upgraded to an "
            "ABI this version does not know."
        )


@dataclass(frozen=True, slots=True)
class Abi:
    """The events (by topic) and functions (by name) of one contract.

    `errors`: by selector, 0x and eight lower-case digits, or by the code they carry.
    """

    events: Mapping[str, EventAbi]
    functions: Mapping[str, FunctionAbi]
    errors: Mapping[str, ErrorAbi] = field(default_factory=dict)

    def event(self, name: str) -> EventAbi:
        return next(event for event in self.events.values() if event.name == name)


def parse_abi(entries: Iterable[Mapping[str, Any]], to_json: Callable[[Any], str]) -> Abi:
    """An Abi from JSON entries."""
    events: dict[str, EventAbi] = {}
    functions: dict[str, FunctionAbi] = {}
    errors: dict[str, ErrorAbi] = {}
    for entry in entries:
        if entry["type"] == "event":
            params = tuple(word for p in entry["inputs"] for word in _words(p))
            events[entry["topic0"]] = EventAbi(entry["name"], entry["topic0"], params)
        elif entry["type"] == "function":
            signature = f"{entry['name']}({','.join(map(_kind, entry['inputs']))})"
            functions[entry["name"]] = FunctionAbi(entry["name"], signature, to_json(entry))
        elif entry["type"] == "error":
            sign = entry["selector"] if "selector" in entry else entry["code"]
            errors[sign] = ErrorAbi(entry["name"], tuple(map(_kind, entry["inputs"])))
    return Abi(events, functions, errors)


def _words(param: Mapping[str, Any]) -> Iterator[Param]:
    """A parameter as it is laid in a log: a struct of words is those words, one after the other."""
    if param["type"] != "tuple" or param["indexed"]:
        yield param["name"], param["type"], bool(param["indexed"])
        return
    for part in param["components"]:
        yield from _words({**part, "indexed": False})


def _kind(param: Mapping[str, Any]) -> str:
    """A type as signatures spell it."""
    kind: str = param["type"]
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(map(_kind, param['components']))}){kind.removeprefix('tuple')}"
