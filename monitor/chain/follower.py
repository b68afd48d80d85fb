"""ChainFeed: pulls the chain block by block and reports what was added, reverted, made final."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing

from monitor.chain.agreement import Agreement
from monitor.chain.block_logs import BlockLogs
from monitor.chain.branch import Branch
from monitor.chain.endpoint import backoff_seconds
from monitor.chain.headers import Headers
from monitor.chain.heads import HeadClock
from monitor.core.blocks import (
    BlockAdded,
    BlockFinalized,
    BlockRef,
    BlocksReverted,
    ChainEvent,
    RawLog,
)
from monitor.core.units import Address
from monitor.errors import DeepReorg, RpcInconsistent, StateUnavailable, TransientError

LOGGER = logging.getLogger(__name__)
NEAR_BLOCKS = 16
"""A gap up to here is closed block by block, by hash."""
SPAN_BLOCKS = 500
"""How much of the final chain is pulled at once."""
FINALITY_POLLS = 5
"""How many polls go by until a chain that stands still is asked what is final."""
ROLLBACK_LOOKS = 16
"""How often in a row our newest block must be missing everywhere before a shorter chain is
believed: behind a balancer, every other answer may come from a node that lags."""
LOOKS_PER_POLL = 5

Addresses = Callable[[], frozenset[Address]]


class Follower:
    """Follows the clock's heads. Transient failures only delay it."""

    def __init__(
        self,
        clock: HeadClock,
        headers: Headers,
        logs: BlockLogs,
        agreement: Agreement,
        reorg_window: int,
    ) -> None:
        self._clock = clock
        self._headers = headers
        self._logs = logs
        self._agreement = agreement
        self._reorg_window = reorg_window
        self._finality_asked_monotonic = 0.0
        self.waiting_for = ""
        self.tried_monotonic = 0.0

    @property
    def newest_head(self) -> BlockRef | None:
        """The newest head heard of, applied or not."""
        return self._clock.newest_head

    @property
    def head_seen_unix(self) -> float:
        """When that head was first seen; 0 before any."""
        return self._clock.head_seen_unix

    async def follow(
        self, tail: Sequence[BlockRef], addresses: Addresses
    ) -> AsyncGenerator[ChainEvent, None]:
        branch = Branch(tail)
        async with aclosing(self._clock.heads()) as heads:
            async for head in heads:
                async with aclosing(self._towards(head, branch, addresses)) as events:
                    async for event in events:
                        yield event

    async def has(self, block: BlockRef) -> bool:
        """Whether the block may still be there: False once every endpoint says that it is not."""
        return set(await self._headers.holders(block)) != {False}

    async def logs_of(self, block: BlockRef, addresses: frozenset[Address]) -> tuple[RawLog, ...]:
        return await self._logs.of_block(block, addresses)

    async def transfers_of(
        self, block: BlockRef, accounts: frozenset[Address]
    ) -> tuple[RawLog, ...]:
        return await self._logs.transfers_of(block, accounts)

    async def _towards(
        self, head: BlockRef, branch: Branch, addresses: Addresses
    ) -> AsyncGenerator[ChainEvent, None]:
        failures = 0
        while True:
            try:
                if failures:
                    head = await self._clock.latest()
                async with aclosing(self._events(head, branch, addresses)) as events:
                    async for event in events:
                        failures = 0
                        self.waiting_for = ""
                        branch.apply(event)
                        yield event
                self.waiting_for = ""
                return
            except (TransientError, StateUnavailable) as failure:
                failures += 1
                self.waiting_for = f"waiting for the node: {failure}"
                self.tried_monotonic = time.monotonic()
                LOGGER.warning("after block %d: %s", branch.newest.number, failure)
                await asyncio.sleep(backoff_seconds(failures))

    async def _events(
        self, head: BlockRef, branch: Branch, addresses: Addresses
    ) -> AsyncGenerator[ChainEvent, None]:
        """What leads from our newest block to `head`. The caller applies each to the branch."""
        final, has_moved = -1, False
        if head.number - branch.newest.number > NEAR_BLOCKS:
            head = await self._clock.latest()  # a head pushed may be anybody's invention
            final = min(head.number, await self._final_number(head))
        if final > branch.newest.number:
            await self._agreement.demand(final)
        while True:
            async with aclosing(self._span(final, branch, addresses)) as events:
                async for added in events:
                    yield added
            event = await self._step(head, branch, addresses)
            if event is None:
                break
            has_moved = True
            yield event
        if not has_moved and not self._is_finality_due():
            return
        finalized = await self._finality(head, branch)
        self._finality_asked_monotonic = time.monotonic()
        if finalized is not None:
            yield finalized

    def _is_finality_due(self) -> bool:
        """A chain may stand still, and become final all the same."""
        silent_seconds = time.monotonic() - self._finality_asked_monotonic
        return silent_seconds > FINALITY_POLLS * self._clock.poll_seconds

    async def _span(
        self, final: int, branch: Branch, addresses: Addresses
    ) -> AsyncGenerator[ChainEvent, None]:
        """Blocks up to `final`, many at a time, while they follow ours and the watch list stays."""
        while branch.newest.number < final:
            last = min(branch.newest.number + SPAN_BLOCKS, final)
            headers = await self._headers.span(branch.newest.number + 1, last, branch.newest)
            if headers[0].block.parent_hash != branch.newest.hash:
                return
            wanted = addresses()
            logs = await self._logs.of_span(headers, wanted)
            for header, of_block in zip(headers, logs, strict=True):
                yield BlockAdded(header.block, of_block)
                if addresses() != wanted:
                    break
            yield BlockFinalized(branch.newest.number)
            await self._clock.latest()  # it moved on meanwhile, and how far is to be told

    async def _step(
        self, head: BlockRef, branch: Branch, addresses: Addresses
    ) -> BlockAdded | BlocksReverted | None:
        """The next event towards `head`; None when there is nothing to do."""
        newest = branch.newest
        if head.number > newest.number:
            header = await self._headers.by_number(newest.number + 1, newest)
            if header.block.parent_hash != newest.hash:
                return await self._fork(head, branch)
            return BlockAdded(header.block, await self._logs.of_header(header, addresses()))
        ours = branch.at(head.number)
        if ours is None:
            LOGGER.warning("head %d is below all we follow: the node lags", head.number)
        elif ours.hash != head.hash:
            return await self._fork(head, branch)
        elif ours.number < newest.number and await self._is_gone(newest):
            return branch.revert_to(ours)
        return None

    async def _fork(self, head: BlockRef, branch: Branch) -> BlocksReverted:
        """Walk back to the newest block the node's chain shares with ours."""
        newest, oldest = branch.newest, branch.oldest
        for ours in branch.newest_first():
            if ours.number > head.number:
                continue
            theirs = await self._headers.by_number(ours.number)
            if theirs.block.hash == ours.hash:
                break
        else:
            self._headers.check_anew()
            held = await self._headers.holders(oldest)
            if set(held) != {False}:
                raise RpcInconsistent(_doubt(oldest, held))
            raise DeepReorg(
                f"block {oldest.number} {oldest.hash} is no longer in the chain, expected it to be "
                "final: check the node; if it is right, build the ledger anew: "
                "cascade-monitor store rebuild --config F."
            )
        if ours.number == min(head.number, newest.number):
            raise RpcInconsistent(f"block {ours.number} was replaced, and then it was not")
        disputed = self._agreement.standing
        if disputed is not None and ours.number < disputed.number:
            # Whose chain is right is not settled by who happened to answer just now.
            raise RpcInconsistent(str(disputed))
        return branch.revert_to(ours)

    async def _is_gone(self, newest: BlockRef) -> bool:
        """Whether our newest block was rolled back, and nothing came in its place.

        A node that lags looks the same, so every endpoint must say so, several times. Where one
        keeps silent, the next block settles it: it has another parent.
        """
        for look in range(ROLLBACK_LOOKS):
            if look:
                await asyncio.sleep(self._clock.poll_seconds / LOOKS_PER_POLL)
            if set(await self._headers.holders(newest)) != {False}:
                return False
        return True

    async def _final_number(self, head: BlockRef) -> int:
        final = await self._headers.finalized()
        return head.number - self._reorg_window if final is None else final.number

    async def _finality(self, head: BlockRef, branch: Branch) -> BlockFinalized | None:
        """What became final among our blocks; never above our newest, never a foreign block."""
        final = await self._headers.finalized()
        if final is None:
            number = head.number - self._reorg_window
        elif (branch.at(final.number) or final).hash != final.hash:
            return None
        elif final.number > branch.newest.number:
            # Our newest is final only if the chain that is final goes through it.
            ours = await self._headers.by_number(branch.newest.number)
            if ours.block != branch.newest:
                return None
            number = branch.newest.number
        else:
            number = final.number
        is_news = number > branch.finalized and number >= branch.oldest.number
        return BlockFinalized(number) if is_news else None


def _doubt(oldest: BlockRef, held: Sequence[bool | None]) -> str:
    """Why the loss of a final block is not believed yet."""
    has = [str(number) for number, said in enumerate(held) if said]
    silent = [str(number) for number, said in enumerate(held) if said is None]
    said = f"endpoints {', '.join(has)} still have it" if has else ""
    mute = f"endpoints {', '.join(silent)} do not say" if silent else ""
    return (
        f"block {oldest.number} {oldest.hash}, the oldest that can be undone, is no longer in an "
        f"endpoint's chain, but {' and '.join(filter(None, (said, mute)))}: take those that are "
        "wrong or gone out of chain.endpoints"
    )
