"""The tail of the chain as we followed it: blocks linked by parent hash."""

from collections.abc import Iterator, Sequence

from monitor.core.blocks import BlockAdded, BlockFinalized, BlockRef, BlocksReverted, ChainEvent
from monitor.errors import InvariantBroken


class Branch:
    """From the last final block to our newest, oldest first, never empty."""

    def __init__(self, tail: Sequence[BlockRef]) -> None:
        self._blocks: list[BlockRef] = [tail[0]]
        self.finalized = -1
        for block in tail[1:]:
            self._add(block)

    @property
    def newest(self) -> BlockRef:
        return self._blocks[-1]

    @property
    def oldest(self) -> BlockRef:
        return self._blocks[0]

    def at(self, number: int) -> BlockRef | None:
        """Our block of that height, if the tail reaches there."""
        index = number - self.oldest.number
        return self._blocks[index] if 0 <= index < len(self._blocks) else None

    def newest_first(self) -> Iterator[BlockRef]:
        return reversed(self._blocks)

    def revert_to(self, ancestor: BlockRef) -> BlocksReverted:
        """The event that leaves `ancestor` as the newest."""
        above = self._blocks[ancestor.number - self.oldest.number + 1 :]
        return BlocksReverted(tuple(reversed(above)), ancestor)

    def apply(self, event: ChainEvent) -> None:
        """Follow an event that is about to be given out."""
        match event:
            case BlockAdded(block=block):
                self._add(block)
            case BlocksReverted(ancestor=ancestor):
                del self._blocks[ancestor.number - self.oldest.number + 1 :]
            case BlockFinalized(number=number):
                self.finalized = number
                # The final block stays: a reorganisation may still leave it as the newest.
                del self._blocks[: max(0, number - self.oldest.number)]

    def _add(self, block: BlockRef) -> None:
        if block.parent_hash != self.newest.hash or block.number != self.newest.number + 1:
            raise InvariantBroken(
                f"block {block.number} {block.hash} does not follow {self.newest.number} "
                f"{self.newest.hash}: the tail must be linked, oldest first"
            )
        self._blocks.append(block)
