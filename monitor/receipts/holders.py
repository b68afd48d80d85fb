"""Who holds a claim: found by its Transfer logs, read once, and followed by these from then on.

EIP-20: tokens move by Transfer, from nobody where they are made and to nobody where they are
destroyed. A token that moves without it (a fee on a transfer, a balance that rebases) is found out
by its supply: see `Receipt.held`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from monitor.core.abi import Abi
from monitor.core.blocks import BlockRef, RawLog
from monitor.core.events import DomainEvent, ReceiptMoved, SharesMoved
from monitor.core.keys import holder_key
from monitor.core.ledger import LedgerView, find
from monitor.core.ports import ContractReader, ViewCall
from monitor.core.receipts import Holder, Receipt, ReceiptKind
from monitor.core.units import ZERO_ADDRESS, Address, Shares

WINDOW_BLOCKS = 100_000
"""How much of the past is read before it is forgotten again but for the names in it."""
OVERLAP_BLOCKS = 128
"""What of it is read again: blocks that may have been reorganised since."""


@dataclass(slots=True)
class Register:
    """Everybody who ever got some of a claim, as far as logs were read; what they hold.

    It outlives one attempt to read. One name too many does no harm: it holds nothing.
    """

    token: Address
    from_block: int
    transfer: Abi
    erc20: Abi
    accounts: set[Address] = field(default_factory=set)
    read_to: int = -1

    async def read(self, reader: ContractReader, at: BlockRef) -> tuple[DomainEvent, ...]:
        """Who holds how much at the end of `at`; nothing where the token does not tell."""
        await self._census(reader, at)
        held, adds_up = await self._balances(reader, at)
        if not adds_up:
            # A node may take a view's state from a later block: once is no proof.
            held, _ = await self._balances(reader, at)
        if held is None:
            return ()
        return (
            ReceiptMoved(self.token, Receipt(ReceiptKind.ERC4626, held=Shares(0))),
            *(SharesMoved(self.token, account, shares) for account, shares in held if shares),
        )

    def moves(self, log: RawLog) -> tuple[Address, Address, int] | None:
        """From whom, to whom, how much; None of a log that moves nothing. Raises UndecodableLog."""
        event = self.transfer.events.get(log.topics[0]) if log.topics else None
        if event is None or log.address != self.token:
            return None
        source, target, shares = event.decode(log)
        return None if source == target or not shares else (source, target, shares)

    async def _balances(
        self, reader: ContractReader, at: BlockRef
    ) -> tuple[list[tuple[Address, Shares]] | None, bool]:
        """Of all accounts, None where one is not told; and whether they are the whole supply."""
        accounts = sorted(self.accounts)
        if not accounts:
            return [], True
        views = self.erc20.functions
        calls = [ViewCall(self.token, views["balanceOf"], (account,)) for account in accounts]
        *answers, supply = await reader.read(
            at, [*calls, ViewCall(self.token, views["totalSupply"])]
        )
        held = [Shares(answer[0]) for answer in answers if isinstance(answer, tuple)]
        if len(held) < len(answers):
            return None, False
        return list(zip(accounts, held, strict=True)), supply == (sum(held),)

    async def _census(self, reader: ContractReader, at: BlockRef) -> None:
        topic = self.transfer.event("Transfer").topic0
        first = max(self.from_block, self.read_to + 1 - OVERLAP_BLOCKS)
        while first <= at.number:
            last = min(first + WINDOW_BLOCKS - 1, at.number)
            for log in await reader.past_logs([self.token], [topic], first, last):
                if (move := self.moves(log)) is not None:
                    self.accounts.add(move[1])
            self.read_to = last
            first = last + 1
        self.accounts.discard(ZERO_ADDRESS)


@dataclass(frozen=True, slots=True)
class ShareDecoder:
    """Turns the Transfer logs of one block into what the accounts then hold."""

    register: Register
    view: LedgerView

    def decode(self, log: RawLog) -> tuple[DomainEvent, ...]:
        move = self.register.moves(log)
        return () if move is None else tuple(self._held_after(*move))

    def _held_after(self, source: Address, target: Address, shares: int) -> Iterator[SharesMoved]:
        for account, delta in ((source, -shares), (target, shares)):
            if account != ZERO_ADDRESS:
                key = holder_key(self.register.token, account)
                holder = find(self.view, key, Holder)
                before = holder.shares if holder else 0
                yield SharesMoved(self.register.token, account, Shares(before + delta))
