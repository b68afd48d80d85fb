"""Proof that a node gave all logs of a block: they explain the bloom of its header.

Asked for one's own logs only, a node that leaves some out cannot be told from a node that has none.
Asked for all of them, it can: addresses and topics of what is missing are bits in the bloom that
nobody sets, and the index of a log left out in the middle is missing in the count. What stays
unseen is a log left out at the very end whose address and topics all occur in others; and a header
that lies to match.
"""

from collections.abc import Callable

import msgspec

from monitor.chain import bloom
from monitor.chain.rpc import Call
from monitor.chain.wire import Header, read_logs
from monitor.core.blocks import BlockRef, RawLog
from monitor.errors import RpcInconsistent, RpcUnavailable


def whole_block(block: BlockRef) -> Call:
    """Asks for the logs of everybody in that block."""
    return Call("eth_getLogs", ({"blockHash": block.hash},))


def proven(header: Header) -> Callable[[msgspec.Raw], tuple[RawLog, ...]]:
    """Reads the answer to `whole_block`. It raises RpcInconsistent where logs are missing."""

    def read(raw: msgspec.Raw) -> tuple[RawLog, ...]:
        logs = tuple(log for _, log in read_logs(raw))
        if any(log.block_hash != header.block.hash for log in logs):
            raise RpcInconsistent(f"asked for logs of block {header.block.hash}, got another's")
        _check(header, logs)
        return logs

    return read


def _check(header: Header, logs: tuple[RawLog, ...]) -> None:
    number = header.block.number
    if [log.log_index for log in logs] != list(range(len(logs))):
        raise RpcInconsistent(
            f"logs of block {number} are missing: {len(logs)} were given, the last is number "
            f"{logs[-1].log_index}"
        )
    try:
        told = bloom.of(logs)
        _check_hex(logs)
    except ValueError as error:
        raise RpcUnavailable(f"expected logs, got something else: {error}") from None
    if header.logs_bloom is not None and header.logs_bloom & ~told:
        raise RpcInconsistent(
            f"logs of block {number} are missing: its bloom tells of more than {len(logs)}. Add "
            "an endpoint that has them; if blooms say nothing here, set chain.prove_logs = false"
        )


def _check_hex(logs: tuple[RawLog, ...]) -> None:
    """What is garbled would else be taken for a log that nobody can decode, and passed over."""
    for log in logs:
        if len(log.address) != 42 or any(len(topic) != 66 for topic in log.topics):
            raise ValueError(f"log {log.log_index} has an address or a topic of another length")
        bytes.fromhex(log.data)
