"""ContractReader and AccountReader: views at a block hash, many per request; logs of the past."""

import logging
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any

from monitor.chain import multicall
from monitor.chain.accounts import Accounts
from monitor.chain.block_logs import BlockLogs
from monitor.chain.calldata import Calldata
from monitor.chain.endpoints import Endpoints
from monitor.chain.faults import RevertError, RpcRefused
from monitor.chain.rpc import Call
from monitor.chain.slices import Width, in_slices
from monitor.chain.wire import read_bytes
from monitor.core.abi import FunctionAbi
from monitor.core.blocks import BlockRef, RawLog
from monitor.core.ports import NO_CODE, Code, ViewCall, ViewFailed, ViewResult
from monitor.core.units import Address

LOGGER = logging.getLogger(__name__)
MULTICALL3 = Address("0xca11bde05977b3631167028862be2a173976ca11")
"""The same address on every chain it was deployed to."""
WIDEST_MULTICALL = 400
WIDEST_BATCH = 100
GAS_ALONE, GAS_EACH, GAS_TOGETHER = 10_000_000, 2_000_000, 100_000_000
"""What one view may burn, each of many on an average, and all of them at once. Nodes may cap it
too, or not: a handful of contracts that loop for ever would hold every block up."""

Target = tuple[Address, bytes]
"""A contract and the calldata for it."""
Answer = bytes | RevertError


class NodeReader:
    """Reads contracts through Multicall3 where it is deployed, else by JSON-RPC batches."""

    def __init__(self, endpoints: Endpoints, aggregate3: FunctionAbi) -> None:
        self._endpoints = endpoints
        self._logs = BlockLogs(endpoints)
        self._accounts = Accounts(endpoints)
        self._calldata = Calldata()
        self._aggregate3 = self._calldata.selector(aggregate3)
        self._multicall_width = Width(WIDEST_MULTICALL)
        self._batch_width = Width(WIDEST_BATCH)
        self.past_read = 0
        """The newest block of the past whose logs were asked for; for people who wait."""

    async def read(self, at: BlockRef, calls: Sequence[ViewCall]) -> list[ViewResult]:
        targets = [(c.to, self._calldata.encode(c.function, c.args)) for c in calls]
        answers = await self._answers(at, targets)
        mute = {call.to for call, answer in zip(calls, answers, strict=True) if answer == b""}
        codeless = await self._codeless(at, sorted(mute))
        return [
            ViewFailed(NO_CODE)
            if answer == b"" and call.to in codeless
            else self._calldata.result(call, answer)
            for call, answer in zip(calls, answers, strict=True)
        ]

    async def has_code(self, at: BlockRef, contract: Address) -> bool:
        return not await self._codeless(at, [contract])

    async def codes(self, at: BlockRef, accounts: Sequence[Address]) -> list[Code]:
        return await self._accounts.codes(at, accounts)

    async def storage(self, at: BlockRef, slots: Sequence[tuple[Address, int]]) -> list[int]:
        return await self._accounts.storage(at, slots)

    async def past_logs(
        self,
        addresses: Sequence[Address],
        topics: Sequence[str],
        from_block: int,
        to_block: int,
    ) -> list[RawLog]:
        placed = await self._logs.in_range(frozenset(addresses), from_block, to_block, topics)
        self.past_read = to_block
        LOGGER.info("read %d logs of blocks %d to %d", len(placed), from_block, to_block)
        return [log for _, log in placed]

    async def _answers(self, at: BlockRef, targets: Sequence[Target]) -> list[Answer]:
        answers = await self._by_multicall(at, targets) if len(targets) > 1 else None
        if answers is None:
            return await self._by_batch(at, targets)
        # Failing without a word may be for want of gas in a crowded call: asked again alone.
        doubtful = [index for index, answer in enumerate(answers) if _is_wordless(answer)]
        share = GAS_TOGETHER // max(1, len(doubtful))
        gas = max(GAS_EACH, min(GAS_ALONE, share))
        again = await self._by_batch(at, [targets[index] for index in doubtful], gas)
        for index, answer in zip(doubtful, again, strict=True):
            answers[index] = answer
        return answers

    async def _by_multicall(self, at: BlockRef, targets: Sequence[Target]) -> list[Answer] | None:
        """None where there is no Multicall3 at that block."""

        async def ask(start: int, stop: int) -> list[Answer] | None:
            calldata = multicall.packed(self._aggregate3, targets[start:stop])
            gas = min(GAS_TOGETHER, max(GAS_ALONE, (stop - start) * GAS_EACH))
            call = _view(at, (MULTICALL3, calldata), gas)
            try:
                answer = await self._endpoints.request(call, read_bytes)
            except RevertError as error:
                if stop - start == 1:
                    return [error]
                raise RpcRefused(f"{stop - start} calls are too many at once: {error}") from error
            try:
                outcomes = multicall.unpacked(answer, stop - start)
            except ValueError:
                return None
            return [data if ok else RevertError("reverted", data) for ok, data in outcomes]

        answers: list[Answer] = []
        slices = in_slices(0, len(targets), self._multicall_width, ask)
        async with aclosing(slices) as parts:
            async for part in parts:
                if part is None:
                    return None
                answers += part
        return answers

    async def _by_batch(
        self, at: BlockRef, targets: Sequence[Target], gas: int = GAS_ALONE
    ) -> list[Answer]:
        return await self._batched([_view(at, target, gas) for target in targets])

    async def _codeless(self, at: BlockRef, contracts: Sequence[Address]) -> set[Address]:
        """Those of the addresses that have no code."""
        codes = await self._batched([Call("eth_getCode", (c, named(at))) for c in contracts])
        return {contract for contract, code in zip(contracts, codes, strict=True) if code == b""}

    async def _batched(self, calls: Sequence[Call]) -> list[Answer]:
        async def ask(start: int, stop: int) -> list[Answer]:
            return await self._endpoints.batch(calls[start:stop], read_bytes)

        answers: list[Answer] = []
        async for part in in_slices(0, len(calls), self._batch_width, ask):
            answers += part
        return answers


def named(at: BlockRef) -> dict[str, Any]:
    """EIP-1898: the state of that very block, or an error."""
    return {"blockHash": at.hash, "requireCanonical": True}


def _view(at: BlockRef, target: Target, gas: int) -> Call:
    to, data = target
    request = {"to": to, "data": "0x" + data.hex(), "gas": hex(gas)}
    return Call("eth_call", (request, named(at)))


def _is_wordless(answer: Answer) -> bool:
    return isinstance(answer, RevertError) and not answer.data
