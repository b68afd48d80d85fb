"""Calldata from cast-style signatures: "balanceOf(address)(uint256)".

Written out at each call instead of taken from an ABI file, so that what tests compare against
shares nothing with the monitor's own decoding.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

from eth_abi import abi
from eth_utils.crypto import keccak

Address: TypeAlias = str
"""0x and forty hex digits in lower case, as the node and eth_abi give them."""

ZERO_ADDRESS: Address = "0x" + "00" * 20
MAX_UINT256 = 2**256 - 1
WORD = 32

Reading: TypeAlias = tuple[int, Callable[[int], Any]]
"""What a word of some type is below, and what it means."""


@dataclass(frozen=True, slots=True)
class Function:
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    @property
    def selector(self) -> bytes:
        return _selector(f"{self.name}({','.join(self.inputs)})")

    def encode(self, *args: Any) -> bytes:
        return self.selector + abi.encode(self.inputs, args)

    def decode(self, data: bytes) -> Any:
        """The single result bare, several as a tuple."""
        values = _plain(self.outputs, data) or abi.decode(self.outputs, data)
        return values[0] if len(values) == 1 else values


def _signed(word: int) -> int:
    return word - 2**256 if word >= 2**255 else word


PLAIN: dict[str, Reading] = {
    **{f"uint{bits}": (2**bits, int) for bits in range(8, 257, 8)},
    "int256": (2**256, _signed),
    "bool": (2, bool),
    "address": (2**160, lambda word: f"0x{word:040x}"),
    "bytes32": (2**256, lambda word: word.to_bytes(WORD, "big")),
}


@lru_cache(maxsize=4096)
def _selector(signature: str) -> bytes:
    return keccak(text=signature)[:4]


def results(data: bytes) -> list[tuple[bool, bytes]]:
    """What aggregate3 returned, `(bool,bytes)[]`: as eth_abi, in a twentieth of the time.

    Whoever reads a world block after block spends most of it here. Raises ValueError.
    """
    start = _number(data, 0) + WORD
    found = []
    for index in range(_number(data, start - WORD)):
        place = start + _number(data, start + index * WORD)
        body = place + _number(data, place + WORD) + WORD
        end = body + _number(data, body - WORD)
        is_success = _number(data, place)
        if is_success > 1 or end > len(data):
            raise ValueError(f"result {index} is malformed")
        found.append((is_success == 1, data[body:end]))
    return found


def _number(data: bytes, place: int) -> int:
    """The word that begins there. Raises ValueError behind the end."""
    if place + WORD > len(data):
        raise ValueError(f"{len(data)} bytes have no word at {place}")
    return int.from_bytes(data[place : place + WORD], "big")


def _plain(types: tuple[str, ...], data: bytes) -> tuple[Any, ...] | None:
    """The same as eth_abi in a tenth of the time, which worlds with many accounts need.

    Only for types of one word; None for all that it does not take, above all what is malformed.
    """
    readings = _readings(types)
    if readings is None or len(data) != WORD * len(readings):
        return None
    values = []
    for place, (limit, told) in enumerate(readings):
        word = int.from_bytes(data[place * WORD : place * WORD + WORD], "big")
        if word >= limit:
            return None
        values.append(told(word))
    return tuple(values)


@lru_cache(maxsize=512)
def _readings(types: tuple[str, ...]) -> tuple[Reading, ...] | None:
    """What each word is below, and what it means; None unless all are types of one word."""
    found = tuple(PLAIN[each] for each in types if each in PLAIN)
    return found if found and len(found) == len(types) else None


@lru_cache(maxsize=512)
def function(signature: str) -> Function:
    text = signature.replace(" ", "")
    name, rest = text.split("(", 1)
    inputs, tail = _split_types("(" + rest)
    outputs, tail = _split_types(tail) if tail else ((), "")
    if tail:
        raise ValueError(f"not a signature: {signature!r}")
    return Function(name, inputs, outputs)


def _split_types(text: str) -> tuple[tuple[str, ...], str]:
    """Splits "(a,(b,c)[])rest" into its top-level types and the rest."""
    types: list[str] = []
    depth, start = 0, 1
    for position, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if (character == "," and depth == 1) or depth == 0:
            types.append(text[start:position])
            start = position + 1
        if depth == 0:
            return tuple(filter(None, types)), text[start:]
    raise ValueError(f"unbalanced parentheses: {text!r}")


def event_topic(signature: str) -> str:
    """topic0 of an event such as "AnswerUpdated(int256,uint256,uint256)"."""
    return "0x" + keccak(text=signature).hex()


def account(name: str) -> Address:
    """A deterministic account that nobody holds the key of: the node impersonates it."""
    return "0x" + keccak(text=f"cascade-monitor devnet: {name}")[-20:].hex()
