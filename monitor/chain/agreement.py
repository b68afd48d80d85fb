"""Whether the endpoints tell of the same chain. A disagreement is raised, not resolved by luck."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from monitor.chain.headers import Headers
from monitor.core.blocks import BlockRef
from monitor.core.units import BlockHash
from monitor.errors import RpcInconsistent

LOGGER = logging.getLogger(__name__)
RACE_BLOCKS = 2
"""Nodes may see two blocks of a height for a moment. So many blocks later that is no race."""
RACE_LOOKS = 5
"""The same for a chain that stands still."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Endpoints that have different blocks at a height. `hashes`: one each; None: not told."""

    number: int
    hashes: tuple[BlockHash | None, ...]

    def __str__(self) -> str:
        told = [
            f"endpoint {endpoint} has {hash}" for endpoint, hash in enumerate(self.hashes) if hash
        ]
        return (
            f"the endpoints disagree about block {self.number}: {', '.join(told)}: find out which "
            "is right, and take the other out of chain.endpoints"
        )


def disagreement(number: int, hashes: Sequence[BlockHash | None]) -> Disagreement | None:
    """Whether hashes of one height differ. Who lags or is away does not disagree."""
    return Disagreement(number, tuple(hashes)) if len({*hashes} - {None}) > 1 else None


class Agreement:
    """Compares the endpoints' hashes of our newest block, beside the way of the blocks.

    The height of a difference is looked at until it is gone: two nodes may race at the tip, but
    the same difference below it means two chains.
    """

    def __init__(self, headers: Headers, look_seconds: float) -> None:
        self._headers = headers
        self._look_seconds = look_seconds
        self._suspect: Disagreement | None = None
        self._ours: BlockHash | None = None
        self._looks = 0
        self._silent_looks = 0
        self.standing: Disagreement | None = None

    async def watch(self, newest: Callable[[], BlockRef | None]) -> None:
        """Look again and again; never ends. `newest`: our newest applied block."""
        while True:
            await asyncio.sleep(self._look_seconds)
            block = newest()
            if block is not None:
                await self.look(block)

    async def demand(self, number: int) -> None:
        """Raises RpcInconsistent where the endpoints differ at a height that should be settled."""
        found = disagreement(number, await self._headers.hashes_at(number))
        if found is not None:
            raise RpcInconsistent(str(found))

    async def look(self, newest: BlockRef) -> None:
        """Compare at our newest block, or at the height of the difference there was last time."""
        number = newest.number if self._suspect is None else self._suspect.number
        hashes = await self._headers.hashes_at(number)
        found = disagreement(number, hashes)
        if found is None and self._is_for_want_of_a_word(hashes):
            self._silent_looks += 1
            return
        self._silent_looks = 0
        if found is not None and self._suspect is None:
            self._ours = newest.hash
        self._looks = self._looks + 1 if found and self._suspect else 1
        self._suspect = found
        if found is None:
            if self.standing is not None:
                LOGGER.warning("the endpoints no longer disagree about block %d", number)
            self.standing = None
        elif newest.number >= number + RACE_BLOCKS or self._looks > RACE_LOOKS:
            if self.standing is None:
                LOGGER.error("%s", found)
            self.standing = found

    def _is_for_want_of_a_word(self, hashes: Sequence[BlockHash | None]) -> bool:
        """Whether one that differed is merely silent.

        Silent for long, it can mislead nobody; unless it is the one we followed.
        """
        before = () if self._suspect is None else self._suspect.hashes
        is_silent = any(had and not has for had, has in zip(before, hashes, strict=False))
        is_ours_gone = self._ours not in hashes
        return is_silent and (is_ours_gone or self._silent_looks < RACE_LOOKS)
