"""Who was paid, and who paid: ERC-20 transfers of one block, by account instead of by token."""

from collections.abc import Callable, Iterable

import msgspec

from monitor.chain.endpoints import Endpoints
from monitor.chain.rpc import Call
from monitor.chain.slices import Width, in_slices
from monitor.chain.wire import read_logs
from monitor.core.blocks import BlockRef, RawLog
from monitor.core.transfers import TRANSFER, parties, topic_of
from monitor.core.units import Address
from monitor.errors import RpcInconsistent

MOST_ACCOUNTS = 1_000
SENDER, RECEIVER = 1, 2
"""Which topic."""


class TransferLogs:
    """Asks for transfers, by fewer accounts at a time where a node takes no more."""

    def __init__(self, endpoints: Endpoints) -> None:
        self._endpoints = endpoints
        self._width = Width(MOST_ACCOUNTS)

    async def of_block(self, block: BlockRef, accounts: frozenset[Address]) -> tuple[RawLog, ...]:
        """All transfers of any token from or to these, in log order.

        Raises TransientError, and BlockUnknown where the block was reorganised away.
        """
        wanted = [topic_of(account) for account in sorted(accounts)]
        logs: dict[int, RawLog] = {}

        async def ask(start: int, stop: int) -> list[RawLog]:
            part = wanted[start:stop]
            sent = await self._endpoints.request(*_question(block, SENDER, part))
            return sent + await self._endpoints.request(*_question(block, RECEIVER, part))

        async for told in in_slices(0, len(wanted), self._width, ask):
            logs |= {log.log_index: log for log in told if parties(log) is not None}
        return tuple(logs[index] for index in sorted(logs))


def transfers_among(logs: Iterable[RawLog], accounts: frozenset[Address]) -> tuple[RawLog, ...]:
    """The same out of the logs of a whole block."""
    return tuple(
        log for log in logs if (pair := parties(log)) is not None and not accounts.isdisjoint(pair)
    )


def _question(
    block: BlockRef, position: int, wanted: list[str]
) -> tuple[Call, Callable[[msgspec.Raw], list[RawLog]]]:
    """The call, and how its answer is read: what was not asked for is not believed."""
    topics = [TRANSFER, *[None] * (position - 1), wanted]
    call = Call("eth_getLogs", ({"blockHash": block.hash, "topics": topics},))
    accounts = frozenset(wanted)

    def read(raw: msgspec.Raw) -> list[RawLog]:
        logs = [log for _, log in read_logs(raw)]
        for log in logs:
            if log.block_hash != block.hash:
                raise RpcInconsistent(f"asked for logs of block {block.hash}, got another's")
            if len(log.topics) <= position or log.topics[0] != TRANSFER:
                raise RpcInconsistent("asked for transfers, got another log")
            if log.topics[position] not in accounts:
                raise RpcInconsistent("a transfer of an account that was not asked for")
        return logs

    return call, read
