"""Rows of the decoder: a log to its values."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eth_abi.abi import decode as abi_decode
from web3 import Web3
from web3.types import LogReceipt

from benchmarks.fetching import web3_client, web3_filter
from benchmarks.timing import Row, at_least, computed, interleaved, micros, ratio
from benchmarks.traffic import Traffic
from monitor.chain.block_logs import BlockLogs
from monitor.core.abi import EventAbi
from monitor.core.blocks import RawLog
from monitor.library import abi_library

SAMPLE = 2_000
"""Logs that every arm decodes: web3 takes a second for four thousand."""
CONTRACTS = ("Pool", "Token", "PoolConfigurator")
ABIS = Path(__file__).resolve().parents[2] / "contracts_abi" / "aave_v3"


async def decoding_rows(traffic: Traffic) -> list[Row]:
    first, last = traffic.blocks[0].number, traffic.blocks[-1].number
    client = BlockLogs(traffic.node.endpoints)
    logs = [log for _, log in await client.in_range(traffic.addresses, first, last)]
    async with web3_client(traffic.world.anvil.http_url) as web3:
        receipts = await web3.eth.get_logs(web3_filter(traffic))
    places = [i for i, log in enumerate(logs) if log.topics[0] in _events()][:SAMPLE]
    ours, theirs = [logs[i] for i in places], [receipts[i] for i in places]
    arms = _web3_arm(theirs), _eth_abi_arm(theirs), _our_arm(ours)
    _check_equal(*(arm() for arm in arms))
    process_log, eth_abi, compiled = await interleaved(
        *(computed(arm, times) for arm, times in zip(arms, (1, 2, 20), strict=True))
    )
    count = len(ours)
    mine = f"EventAbi.decode {micros(compiled, count)}"
    return [
        at_least(
            "decode: web3 process_log / ours",
            ratio(process_log, compiled),
            100,
            f"{count} logs, CPU time: process_log {micros(process_log, count)}, {mine}",
        ),
        at_least(
            "decode: eth_abi / ours",
            ratio(eth_abi, compiled),
            12,
            f"{count} logs, CPU time: eth_abi.decode of each topic and of the data, from bytes, "
            f"{micros(eth_abi, count)}, {mine} from hex, padding and lengths checked by both",
        ),
    ]


def _events() -> dict[str, EventAbi]:
    return {
        topic: event
        for name in CONTRACTS
        for topic, event in abi_library(f"aave_v3/{name}").events.items()
    }


def _our_arm(logs: Sequence[RawLog]) -> Any:
    events = _events()

    def arm() -> list[tuple[Any, ...]]:
        return [events[log.topics[0]].decode(log) for log in logs]

    return arm


def _eth_abi_arm(receipts: Sequence[LogReceipt]) -> Any:
    kinds = {
        topic: (
            [kind for _, kind, indexed in event.params if indexed],
            [kind for _, kind, indexed in event.params if not indexed],
            [indexed for _, _, indexed in event.params],
        )
        for topic, event in _events().items()
    }
    raw = [
        (r["topics"][0].to_0x_hex(), [bytes(t) for t in r["topics"][1:]], bytes(r["data"]))
        for r in receipts
    ]

    def arm() -> list[tuple[Any, ...]]:
        decoded = []
        for topic0, topics, data in raw:
            outer, inner, order = kinds[topic0]
            indexed = iter([abi_decode([k], t)[0] for k, t in zip(outer, topics, strict=True)])
            plain = iter(abi_decode(inner, data) if inner else ())
            decoded.append(tuple(next(indexed if is_indexed else plain) for is_indexed in order))
        return decoded

    return arm


def _web3_arm(receipts: Sequence[LogReceipt]) -> Any:
    web3 = Web3()
    readers = {}
    for name in CONTRACTS:
        entries = json.loads((ABIS / f"{name}.json").read_text())
        contract = web3.eth.contract(abi=entries)
        for entry in entries:
            if entry["type"] == "event":
                names = [parameter["name"] for parameter in entry["inputs"]]
                readers[entry["topic0"]] = (contract.events[entry["name"]](), names)
    chosen = [(*readers[r["topics"][0].to_0x_hex()], r) for r in receipts]

    def arm() -> list[tuple[Any, ...]]:
        decoded = []
        for event, names, receipt in chosen:
            args = event.process_log(receipt)["args"]
            decoded.append(tuple(args[name] for name in names))
        return decoded

    return arm


def _check_equal(*decoded: list[tuple[Any, ...]]) -> None:
    """Addresses are checksummed by some; nothing else may differ."""
    plain = [
        [tuple(v.lower() if isinstance(v, str) else v for v in values) for values in each]
        for each in decoded
    ]
    if any(each != plain[0] for each in plain):
        raise AssertionError("the decoders disagree")
