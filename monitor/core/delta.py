"""What a block changed: what is saved, what undoes it, and whom to look at again."""

from dataclasses import dataclass
from operator import attrgetter

from monitor.core.blocks import BlockRef
from monitor.core.keys import Key
from monitor.core.ledger import Ledger, Record
from monitor.core.overlay import Overlay
from monitor.core.slots import slotwise
from monitor.errors import LedgerCorrupt


@slotwise
@dataclass(frozen=True, slots=True)
class Change:
    """One record before and after. None is absence."""

    key: Key
    before: Record | None
    after: Record | None


@dataclass(frozen=True, slots=True)
class BlockDelta:
    """All changes of one block, one per key, sorted by key."""

    block: BlockRef
    changes: tuple[Change, ...]

    def inverse(self) -> "BlockDelta":
        """The changes that undo these."""
        return BlockDelta(self.block, tuple(Change(c.key, c.after, c.before) for c in self.changes))


def collapse(block: BlockRef, overlay: Overlay) -> BlockDelta:
    """What an overlay differs by from its base."""
    changes = (Change(key, before, after) for key, before, after in overlay.written())
    return BlockDelta(block, tuple(sorted(changes, key=attrgetter("key"))))


def apply(ledger: Ledger, delta: BlockDelta) -> None:
    """Write a delta into a ledger. Raises LedgerCorrupt where the present is not `before`."""
    for change in delta.changes:
        found = ledger.get(change.key)
        if found is not change.before and found != change.before:
            raise LedgerCorrupt(
                f"block {delta.block.number} {delta.block.hash} changes {change.key} from "
                f"{change.before}, but the ledger holds {found}. The state cannot be trusted: "
                "build it anew, alerts are kept: cascade-monitor store rebuild --config F."
            )
    for change in delta.changes:
        ledger.put(change.key, change.after)
