"""Calldata from cast-style signatures: "balanceOf(address)(uint256)".

Written out at each call instead of taken from an ABI file, so that what tests compare against
shares nothing with the monitor's own decoding.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

from eth_abi import abi
from eth_utils.crypto import keccak

Address: TypeAlias = str
"""0x and forty hex digits in lower case, as the node and eth_abi give them."""

ZERO_ADDRESS: Address = "0x" + "00" * 20
MAX_UINT256 = 2**256 - 1


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
        values = _numbers(self.outputs, data) or abi.decode(self.outputs, data)
        return values[0] if len(values) == 1 else values


@lru_cache(maxsize=4096)
def _selector(signature: str) -> bytes:
    return keccak(text=signature)[:4]


def _numbers(types: tuple[str, ...], data: bytes) -> tuple[int, ...] | None:
    """The same as eth_abi in a tenth of the time, which worlds with many accounts need.

    Only for unsigned numbers; None for all that it does not take, above all what is malformed.
    """
    limits = _limits(types)
    if limits is None or len(data) != 32 * len(limits):
        return None
    words = (data[start : start + 32] for start in range(0, len(data), 32))
    values = tuple(int.from_bytes(word, "big") for word in words)
    return values if all(map(int.__lt__, values, limits)) else None


@lru_cache(maxsize=512)
def _limits(types: tuple[str, ...]) -> tuple[int, ...] | None:
    """What each value is below; None unless all are unsigned numbers."""
    bits = [each.removeprefix("uint") for each in types]
    if not bits or not all(each.startswith("uint") for each in types):
        return None
    if not all(each.isdecimal() for each in bits):
        return None
    return tuple(2 ** int(each) for each in bits)


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
