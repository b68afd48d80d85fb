"""Contract calls as bytes and back, by web3's codec."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec
from eth_abi.exceptions import DecodingError
from eth_utils.abi import function_abi_to_4byte_selector, get_abi_input_types, get_abi_output_types

from monitor.chain.codec import codec
from monitor.chain.faults import RevertError
from monitor.core.abi import ErrorAbi, FunctionAbi
from monitor.core.ports import ViewCall, ViewFailed, ViewResult

ERROR_SELECTOR = bytes.fromhex("08c379a0")
"""Error(string): `revert("…")` and `require`."""
PANIC_SELECTOR = bytes.fromhex("4e487b71")
"""Panic(uint256): a failed assertion, an overflow, a division by zero."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How the calldata and the answer of one function are laid out."""

    selector: bytes
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


class Calldata:
    """Encodes calls and decodes answers. Addresses come out in lower case, bytes as bytes."""

    def __init__(self, errors: Mapping[str, ErrorAbi] | None = None) -> None:
        """`errors`: what contracts revert with beside texts and panics, as in `Abi`."""
        self._codec = codec()
        self._errors = errors or {}
        self._layout = cache(_layout)

    def selector(self, function: FunctionAbi) -> bytes:
        """The four bytes that name it."""
        return self._layout(function).selector

    def encode(self, function: FunctionAbi, args: tuple[Any, ...]) -> bytes:
        """Selector and arguments."""
        layout = self._layout(function)
        return layout.selector + self._codec.encode(layout.inputs, args)

    def decode(self, function: FunctionAbi, data: bytes) -> tuple[Any, ...]:
        """One element per output; structs and arrays are tuples. Raises ValueError."""
        try:
            return self._codec.decode(self._layout(function).outputs, data)
        except (DecodingError, OverflowError) as error:
            raise ValueError(str(error)) from error

    def result(self, call: ViewCall, answer: bytes | RevertError) -> ViewResult:
        """What a call came to."""
        if isinstance(answer, RevertError):
            return ViewFailed(self.reason(answer))
        try:
            return self.decode(call.function, answer)
        except ValueError as error:
            return ViewFailed(f"{call.function.signature} returned {len(answer)} bytes: {error}")

    def reason(self, error: RevertError) -> str:
        """What a contract reverted with, in words where they are known."""
        selector, body = error.data[:4], error.data[4:]
        known = self._errors.get(f"0x{selector.hex()}")
        try:
            if selector == ERROR_SELECTOR:
                text = self._codec.decode(["string"], body)[0]
                code = self._errors.get(text)
                return f"reverted: {text}" if code is None else f"reverted: {text} ({code.name})"
            if known is not None:
                values = map(_shown, self._codec.decode(known.types, body))
                return f"reverted: {known.name}({', '.join(values)})"
            if selector == PANIC_SELECTOR:
                return f"reverted: panic {self._codec.decode(['uint256'], body)[0]:#x}"
        except (DecodingError, ValueError):
            pass
        return f"reverted: 0x{error.data.hex()}" if error.data else str(error)


def _shown(value: Any) -> str:
    return f"0x{value.hex()}" if isinstance(value, bytes) else str(value)


def _layout(function: FunctionAbi) -> Layout:
    entry = msgspec.json.decode(function.json)
    return Layout(
        selector=function_abi_to_4byte_selector(entry),
        inputs=tuple(get_abi_input_types(entry)),
        outputs=tuple(get_abi_output_types(entry)),
    )
