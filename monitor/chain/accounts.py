"""What accounts themselves are: their code, and words of their storage."""

import logging
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec
from eth_utils.crypto import keccak

from monitor.chain.endpoints import Endpoints
from monitor.chain.faults import RevertError, RpcRefused
from monitor.chain.rpc import Call
from monitor.chain.slices import Width, in_slices
from monitor.chain.wire import read_bytes, read_quantity
from monitor.core.blocks import BlockRef
from monitor.core.ports import Code
from monitor.core.units import Address

LOGGER = logging.getLogger(__name__)
T = TypeVar("T")
WIDEST_LOOK = 1_500
"""Creation code may have 49,152 bytes (EIP-3860), and no gas but what EIP-7825 allows."""
WIDEST_BATCH = 100
LOOK_GAS = 16_000_000
HANDY_BYTES = 20_000
"""What is returned counts as code to be deployed: 24,576 bytes at most (EIP-170)."""
HEAD_BYTES = 64
LOOK = bytes.fromhex(
    # Run as creation code, with addresses of 20 bytes each behind it. It returns, for each, one
    # byte m = min(size of its code, 64), and where that is not 0 the hash of the code and its
    # first m bytes. On the right: the stack, top last. p: place of the next address in this
    # code; q: where the next byte goes, from 32 on; a: the address.
    "6053 6020"  # PUSH1 83 PUSH1 32                                               p q
    "5b 38 82 10 15 604b 57"  # next: CODESIZE DUP3 LT ISZERO PUSH1 done JUMPI       p q
    "6014 82 600c 39 6000 51"  # PUSH1 20 DUP3 PUSH1 12 CODECOPY PUSH1 0 MLOAD       p q a
    "80 3b 80 6040 90 10"  # DUP1 EXTCODESIZE DUP1 PUSH1 64 SWAP1 LT        p q a s s<64
    "90 6040 18 02 6040 18"  # SWAP1 PUSH1 64 XOR MUL PUSH1 64 XOR                 p q a m
    "80 83 53"  # DUP1 DUP4 MSTORE8                                              p q a m
    "91 6001 01"  # SWAP2 PUSH1 1 ADD                                            p m a q
    "82 15 603f 57"  # DUP3 ISZERO PUSH1 drop JUMPI                              p m a q
    "81 3f 81 52 6020 01"  # DUP2 EXTCODEHASH DUP2 MSTORE PUSH1 32 ADD              p m a q
    "82 6000 82 84 3c"  # DUP3 PUSH1 0 DUP3 DUP5 EXTCODECOPY                       p m a q
    "82 01"  # DUP3 ADD                                                          p m a q
    "5b 91 50 50"  # drop: SWAP2 POP POP                                         p q
    "90 6014 01 90 6004 56"  # SWAP1 PUSH1 20 ADD SWAP1 PUSH1 next JUMP              p q
    "5b 6020 90 03 6020 f3"  # done: PUSH1 32 SWAP1 SUB PUSH1 32 RETURN
)
NOTHING = Code("", b"")


class Accounts:
    """Looks at many accounts in one call where the node runs code that was never deployed."""

    def __init__(self, endpoints: Endpoints) -> None:
        self._endpoints = endpoints
        self._look_width = Width(WIDEST_LOOK)
        self._batch_width = Width(WIDEST_BATCH)
        self._runs_code = True

    async def codes(self, at: BlockRef, accounts: Sequence[Address]) -> list[Code]:
        """What code each account has, in the order asked."""
        codes = await self._by_look(at, accounts) if self._runs_code else []
        rest = [Call("eth_getCode", (each, _named(at))) for each in accounts[len(codes) :]]
        return codes + [_code(code) for code in await self._batched(rest, read_bytes)]

    async def storage(self, at: BlockRef, slots: Sequence[tuple[Address, int]]) -> list[int]:
        """Words of storage, unsigned, in the order asked."""
        calls = [Call("eth_getStorageAt", (who, hex(slot), _named(at))) for who, slot in slots]
        return await self._batched(calls, read_quantity)

    async def _by_look(self, at: BlockRef, accounts: Sequence[Address]) -> list[Code]:
        """As far as the node goes along: none where it runs only what is deployed."""

        async def ask(start: int, stop: int) -> list[Code]:
            part = accounts[start:stop]
            data = LOOK + b"".join(bytes.fromhex(account[2:]) for account in part)
            request = {"data": "0x" + data.hex(), "gas": hex(LOOK_GAS)}
            try:
                answer = await self._endpoints.request(
                    Call("eth_call", (request, _named(at))), read_bytes
                )
                found = _seen(answer, len(part))
            except (RevertError, ValueError) as error:
                raise RpcRefused(f"{len(part)} accounts are too many at once: {error}") from error
            self._look_width.weigh(len(part), len(answer), HANDY_BYTES)
            return found

        codes: list[Code] = []
        try:
            async for part in in_slices(0, len(accounts), self._look_width, ask):
                codes += part
        except RpcRefused as refusal:
            self._runs_code = False
            LOGGER.info("codes are read one by one from now on: %s", refusal)
        return codes

    async def _batched(self, calls: Sequence[Call], read: Callable[[msgspec.Raw], T]) -> list[T]:
        async def ask(start: int, stop: int) -> list[T | RevertError]:
            return await self._endpoints.batch(calls[start:stop], read)

        found: list[T] = []
        async for part in in_slices(0, len(calls), self._batch_width, ask):
            for answer in part:
                if isinstance(answer, RevertError):
                    raise AssertionError("only a call reverts")
                found.append(answer)
        return found


def _named(at: BlockRef) -> dict[str, Any]:
    """EIP-1898: the state of that very block, or an error."""
    return {"blockHash": at.hash, "requireCanonical": True}


def _code(code: bytes) -> Code:
    return Code("0x" + keccak(code).hex(), code[:HEAD_BYTES]) if code else NOTHING


def _seen(answer: bytes, accounts: int) -> list[Code]:
    """What LOOK returned. Raises ValueError where that is not of so many accounts."""
    codes, at = [], 0
    while at < len(answer):
        head = at + 33
        size = answer[at]
        if size > HEAD_BYTES:
            break
        if size == 0:
            codes.append(NOTHING)
            at += 1
            continue
        codes.append(Code("0x" + answer[at + 1 : head].hex(), answer[head : head + size]))
        at = head + size
    if len(codes) != accounts or at != len(answer):
        raise ValueError(f"{len(answer)} bytes are not the codes of {accounts} accounts")
    return codes
