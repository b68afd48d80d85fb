"""CallSimulator: transactions tried by eth_call at a block hash. Nothing is signed or sent."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing

from monitor.chain.calldata import Calldata
from monitor.chain.endpoints import Endpoints
from monitor.chain.faults import RevertError, RpcRefused
from monitor.chain.reader import GAS_ALONE, named
from monitor.chain.rpc import Call
from monitor.chain.slices import Width, in_slices
from monitor.chain.wire import read_bytes
from monitor.core.abi import ErrorAbi
from monitor.core.blocks import BlockRef
from monitor.core.ports import Simulated, ViewCall
from monitor.core.units import Address
from monitor.errors import StateUnavailable, TransientError

WIDEST_BATCH = 60
PATIENCE_SECONDS = 1.0
"""An alert waits for it."""
LONGEST_REASON = 200
OK = "ok"
Answer = bytes | RevertError | RpcRefused


class NodeSimulator:
    """Asks each call from its sender, who needs no key and no ether for that."""

    def __init__(
        self,
        endpoints: Endpoints,
        errors: Mapping[str, ErrorAbi],
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        """`errors`: what the contracts revert with, as in `Abi`."""
        self._endpoints = endpoints
        self._calldata = Calldata(errors)
        self._patience_seconds = patience_seconds
        self._width = Width(WIDEST_BATCH)

    async def simulate(
        self, at: BlockRef, sender: Address, calls: Sequence[ViewCall]
    ) -> list[Simulated]:
        packed = [self._calldata.encode(call.function, call.args) for call in calls]
        contracts = list(dict.fromkeys(call.to for call in calls))
        asked = [
            _trial(at, sender, call.to, data) for call, data in zip(calls, packed, strict=True)
        ]
        # A call to where nothing is succeeds and does nothing.
        asked += [Call("eth_getCode", (contract, named(at))) for contract in contracts]
        try:
            async with asyncio.timeout(self._patience_seconds):
                answers = await self._batched(asked)
        except TimeoutError:
            answers = [RpcRefused(f"no answer in {self._patience_seconds:g} s")] * len(asked)
        except (TransientError, StateUnavailable) as error:
            answers = [RpcRefused(str(error))] * len(asked)
        empty = {to for to, code in zip(contracts, answers[len(calls) :], strict=True) if not code}
        return [
            Simulated(
                f"0x{data.hex()}",
                f"reverted: there is no contract at {call.to}"
                if call.to in empty
                else self._outcome(answer),
            )
            for call, data, answer in zip(calls, packed, answers[: len(calls)], strict=True)
        ]

    def _outcome(self, answer: Answer) -> str:
        match answer:
            case RevertError():
                said = self._calldata.reason(answer)
                return _plain(said if said.startswith("reverted") else f"reverted: {said}")
            case RpcRefused():
                return _plain(f"unknown: {answer}")
            case _:
                return OK

    async def _batched(self, calls: Sequence[Call]) -> list[Answer]:
        async def ask(start: int, stop: int) -> Sequence[Answer]:
            try:
                return await self._endpoints.batch(calls[start:stop], read_bytes, rounds=1)
            except RpcRefused as refusal:
                if stop - start > 1:
                    raise
                return [refusal]

        answers: list[Answer] = []
        async with aclosing(in_slices(0, len(calls), self._width, ask)) as parts:
            async for part in parts:
                answers += part
        return answers


def _trial(at: BlockRef, sender: Address, to: Address, data: bytes) -> Call:
    request = {"from": sender, "to": to, "data": f"0x{data.hex()}", "gas": hex(GAS_ALONE)}
    return Call("eth_call", (request, named(at)))


def _plain(text: str) -> str:
    """Any contract may revert with anything, and people read it in an alert."""
    shown = "".join(letter if letter.isprintable() else " " for letter in text)
    return shown if len(shown) <= LONGEST_REASON else f"{shown[:LONGEST_REASON]}…"
