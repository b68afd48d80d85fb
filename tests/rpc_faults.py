"""The named faults of nodes and of what stands before them, for `FaultProxy.inject`."""

import math
from typing import Any

from fault_proxy import Edit, Fault, FaultProxy, Json

FOREIGN_HASH = "0x" + "ab" * 32
LAG_BLOCKS = 3


async def _wrong_id(_: FaultProxy, request: Json, answer: Json) -> Json:
    return answer | {"id": answer["id"] + 1000} if "id" in request else answer


async def _wrong_chain(_: FaultProxy, request: Json, answer: Json) -> Json:
    return answer | {"result": "0x5"} if request["method"] == "eth_chainId" else answer


async def _stale_head(proxy: FaultProxy, request: Json, answer: Json) -> Json | None:
    """A node that stopped following: nothing after the block it has at the first request."""
    if "stopped" not in proxy.memory:
        proxy.memory["stopped"] = int(await proxy.ask("eth_blockNumber"), 16)
    return await _at_height(proxy, proxy.memory["stopped"], request, answer)


async def _flapping_head(proxy: FaultProxy, request: Json, answer: Json) -> Json | None:
    """Two nodes behind one address, every other answer of one that lags."""
    proxy.memory["turn"] = not proxy.memory.get("turn", False)
    if not proxy.memory["turn"]:
        return answer
    head = int(await proxy.ask("eth_blockNumber"), 16)
    return await _at_height(proxy, head - LAG_BLOCKS, request, answer)


async def _at_height(proxy: FaultProxy, height: int, request: Json, answer: Json) -> Json | None:
    """The answer of a node that has no block above `height`."""
    found = answer.get("result")
    match request["method"]:
        case "eth_subscription":
            pushed = int(answer["params"]["result"]["number"], 16)
            return None if pushed > height else answer
        case "eth_getBlockByNumber" if found and int(found["number"], 16) > height:
            is_latest = request["params"][0] == "latest"
            older = await proxy.ask("eth_getBlockByNumber", hex(height), False)
            return answer | {"result": older if is_latest else None}
        case "eth_getBlockByHash" if found and int(found["number"], 16) > height:
            return answer | {"result": None}
        case "eth_getLogs" | "eth_call":
            named = request["params"][-1]
            block_hash = named.get("blockHash") if isinstance(named, dict) else None
            block = await proxy.ask("eth_getBlockByHash", block_hash, False) if block_hash else None
            if block and int(block["number"], 16) > height:
                error = {"code": -32000, "message": "unknown block"}
                return {"jsonrpc": "2.0", "id": answer["id"], "error": error}
    return answer


def _logs(change: Any) -> Edit:
    """`change` made to the logs in an answer, where there are any."""

    async def edit(_: FaultProxy, request: Json, answer: Json) -> Json:
        logs = answer.get("result")
        if request["method"] != "eth_getLogs" or not logs:
            return answer
        return answer | {"result": change(logs)}

    return edit


async def _rate_error(_: FaultProxy, request: Json, answer: Json) -> Json:
    error = {"code": -32005, "message": "project ID request rate exceeded"}
    return {"jsonrpc": "2.0", "id": answer["id"], "error": error} if "id" in answer else answer


HANG = Fault("hang", delay_seconds=math.inf)
SLOW = Fault("slow", delay_seconds=0.5)
TOO_MANY_WITH_RETRY_AFTER = Fault("429 with Retry-After", 0.0, 429, (("Retry-After", "2"),), "slow")
TOO_MANY = Fault("429", status=429, text="slow down")
RATE_ERROR = Fault("rate error", edit=_rate_error)
SERVER_ERROR = Fault("500", status=500, text="oops")
REDIRECT = Fault("302", status=302, headers=(("Location", "/elsewhere"),))
HTML = Fault("HTML", text="<html><body>Just a moment...</body></html>")
TRUNCATED = Fault("truncated", is_cut=True)
EMPTY = Fault("empty", text="")
WRONG_ID = Fault("wrong id", edit=_wrong_id)
WRONG_CHAIN = Fault("wrong chain", edit=_wrong_chain)
STALE_HEAD = Fault("stale head", edit=_stale_head)
FLAPPING_HEAD = Fault("flapping head", edit=_flapping_head)
WRONG_BLOCKS_LOGS = Fault(
    "wrong block's logs",
    edit=_logs(lambda logs: [log | {"blockHash": FOREIGN_HASH} for log in logs]),
)
MISSING_LOGS = Fault("missing logs", edit=_logs(lambda logs: []))
ONE_LOG_MISSING = Fault("one log missing", edit=_logs(lambda logs: logs[:-1] if logs[1:] else logs))
DUPLICATED_LOGS = Fault("duplicated logs", edit=_logs(lambda logs: [*logs, logs[-1]]))
UNORDERED_LOGS = Fault("unordered logs", edit=_logs(lambda logs: logs[::-1]))
OVERSIZED = Fault("oversized answer", padding_bytes=80 * 2**20)
DROPPED = Fault("dropped connection", is_drop=True)
SILENT = Fault("silent", is_silent=True)
GARBAGE_FRAME = Fault("garbage frame", text="}{ not json")
