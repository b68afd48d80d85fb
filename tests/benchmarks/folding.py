"""The row from bytes to exact state: what `run` does with the logs of each block."""

import json
import time
from collections.abc import Sequence

import msgspec

from benchmarks.timing import Row, at_most, computed, interleaved, micros, ratio
from benchmarks.traffic import Traffic
from monitor.chain.rpc import Call
from monitor.chain.wire import read_logs
from monitor.core.blocks import BlockAdded, BlockRef
from monitor.core.delta import apply
from monitor.core.ledger import Ledger
from monitor.core.ports import ContractReader, ViewCall, ViewResult
from monitor.engine.folding import Folder, bootstrap


async def folding_rows(traffic: Traffic) -> list[Row]:
    raw = [await _fetched(traffic, block) for block in traffic.blocks]
    folder = Folder(traffic.sources, traffic.node.follower, _Remembering(traffic.node.reader))
    folded = Ledger()

    async def ours() -> float:
        nonlocal folded
        folded = traffic.ledger.copy()
        started = time.process_time()
        for block, answer in zip(traffic.blocks, raw, strict=True):
            logs = tuple(log for _, log in read_logs(answer))
            apply(folded, (await folder.fold(folded, BlockAdded(block, logs))).delta)
        return time.process_time() - started

    plain = [bytes(answer) for answer in raw]

    def dropped() -> None:
        for text in plain:
            json.loads(text)

    loads, kept, state = await interleaved(
        computed(dropped), computed(lambda: [json.loads(text) for text in plain]), ours
    )
    await _check_exact(traffic, folded)
    count = sum(len(json.loads(text)) for text in plain)
    return [
        at_most(
            "bytes to exact state: ours / json.loads of the same bytes (time)",
            ratio(state, loads),
            4,
            f"{count} logs of {len(plain)} blocks, CPU time: json.loads {micros(loads, count)}, "
            "each answer dropped before the next, as ours does (all of them kept, "
            f"{micros(kept, count)}: {ratio(state, kept).median:.3g} x); read_logs, Folder.fold, "
            f"BlockDelta, apply {micros(state, count)}; the ledger equals a snapshot of the "
            "contracts",
        )
    ]


async def _fetched(traffic: Traffic, block: BlockRef) -> msgspec.Raw:
    wanted = {"blockHash": block.hash, "address": sorted(traffic.addresses)}
    endpoints = traffic.node.endpoints
    return await endpoints.request(Call("eth_getLogs", (wanted,)), msgspec.Raw.copy)


class _Remembering:
    """The node's reader, asked once: what it costs to read prices is no matter of logs."""

    def __init__(self, reader: ContractReader) -> None:
        self._reader = reader
        self._answers: dict[BlockRef, dict[ViewCall, ViewResult]] = {}
        self.has_code = reader.has_code
        self.past_logs = reader.past_logs

    async def read(self, at: BlockRef, calls: Sequence[ViewCall]) -> list[ViewResult]:
        known = self._answers.setdefault(at, {})
        unknown = [call for call in calls if call not in known]
        if unknown:
            known.update(zip(unknown, await self._reader.read(at, unknown), strict=True))
        return [known[call] for call in calls]


async def _check_exact(traffic: Traffic, folded: Ledger) -> None:
    head = traffic.blocks[-1]
    node = traffic.node
    folder = Folder(traffic.sources, node.follower, node.reader)
    fresh = await bootstrap(traffic.sources, folder, node.reader, head, head)
    if dict(folded.records()) != dict(fresh.records()):
        raise AssertionError("the folded ledger is not what the contracts say")
