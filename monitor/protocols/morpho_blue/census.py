"""Which market ids there are and who ever held something in them, by the logs of the past."""

from dataclasses import dataclass, field

from monitor.core.blocks import BlockRef, RawLog
from monitor.core.ports import ContractReader
from monitor.core.units import ZERO_ADDRESS, Address
from monitor.errors import ConfigError
from monitor.protocols.morpho_blue.contracts import MorphoAbi, Scope

WINDOW_BLOCKS = 100_000
"""How much of the past is read before it is forgotten again but for the names in it."""
OVERLAP_BLOCKS = 128
"""What of it is read again: blocks that may have been reorganised since."""
OF_MARKETS = ("CreateMarket", "SetOwner")
"""Where market ids come from; Morpho's constructor tells its first owner."""
OF_ACCOUNTS = (*OF_MARKETS, "Supply", "Borrow", "SupplyCollateral", "SetFeeRecipient")
"""And every way into a position."""


@dataclass(slots=True)
class Census:
    """As far as logs were read. It outlives one attempt to read a market.

    One name too many does no harm: it holds nothing, and an id that is gone was never created.
    """

    scope: Scope
    events: tuple[str, ...] = OF_ACCOUNTS
    created: set[str] = field(default_factory=set)
    places: set[tuple[str, Address]] = field(default_factory=set)
    """(market id, account)."""
    recipients: set[Address] = field(default_factory=lambda: {ZERO_ADDRESS})
    """Who may hold shares of fees without ever having supplied."""
    began: bool = False
    """Whether the deployment of Morpho was among the logs."""
    read_to: int = -1

    async def read(self, reader: ContractReader, at: BlockRef, abi: MorphoAbi) -> None:
        """Raises ConfigError when from_block is too late."""
        topics = [abi.morpho.event(name).topic0 for name in self.events]
        first = max(self.scope.from_block, self.read_to + 1 - OVERLAP_BLOCKS)
        while first <= at.number:
            last = min(first + WINDOW_BLOCKS - 1, at.number)
            for log in await reader.past_logs([self.scope.entry], topics, first, last):
                self._note(log, abi)
            self.read_to = last
            first = last + 1
        self._check()

    def _note(self, log: RawLog, abi: MorphoAbi) -> None:
        event = abi.morpho.events[log.topics[0]]
        values = event.decode(log)
        if event.name == "SetOwner":
            self.began = True
        elif event.name == "SetFeeRecipient":
            self.recipients.add(values[0])
        elif self.scope.covers(values[0]):
            if event.name == "CreateMarket":
                self.created.add(values[0])
            else:
                self.places.add((values[0], values[2]))

    def _check(self) -> None:
        listed = self.scope.ids or frozenset()
        missing = sorted((listed | {market_id for market_id, _ in self.places}) - self.created)
        if not self.began and self.scope.ids is None:
            missing = missing or ["any (Morpho itself was deployed before)"]
        if missing:
            raise ConfigError(
                f"market {self.scope.market}: the creation of market id {missing[0]} is not among "
                f"the logs of {self.scope.entry} from from_block ({self.scope.from_block}) to "
                f"{self.read_to}, so who holds something in it is unknown. Set from_block to the "
                "block in which Morpho was deployed, or lower, and check market_ids."
            )
