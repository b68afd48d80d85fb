"""Who holds a claim: how many do, who has most of it, and how concentrated it is.

A vault is an owner of its own; these are the people behind it, one level down.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from heapq import nsmallest
from typing import Any

from monitor.core.blocks import BlockRef
from monitor.core.keys import Key, Kind, receipt_key
from monitor.core.ledger import LedgerView, Record, find
from monitor.core.receipts import Holder, Receipt, ReceiptKind
from monitor.core.units import Address, AssetId, MarketId, RawAmount, Shares
from monitor.engine.receipts import Account
from monitor.engine.valuation import ratio_number
from monitor.leverage.measures import herfindahl

SHOWN = 5
"""How many of the largest are told."""

OwnerOf = Callable[[Address], Address]


@dataclass(frozen=True, slots=True)
class Held:
    """What one account has. `assets_raw`: its worth in the underlying, rounded down."""

    account: Address
    owner: Address
    shares: Shares
    assets_raw: RawAmount | None
    share: Fraction


@dataclass(frozen=True, slots=True)
class Holders:
    """`count` accounts, the largest of them, and the Herfindahl index over their owners."""

    count: int
    top: tuple[Held, ...]
    hhi: Fraction | None


@dataclass(frozen=True, slots=True)
class Register:
    """Everybody's shares of one claim at one block: what may be counted in a thread."""

    receipt: Receipt
    records: Sequence[tuple[Key, Record]]

    def counted(self, limit: int, owner: OwnerOf) -> Holders:
        """Shares descending, then by account."""
        held = [
            (Address(key.subject), record.shares)
            for key, record in self.records
            if isinstance(record, Holder)
        ]
        whole = sum(shares for _, shares in held)
        by_owner = Counter[Address]()
        for account, shares in held:
            by_owner[owner(account)] += shares
        top = nsmallest(limit, held, key=lambda each: (-each[1], each[0]))
        return Holders(
            count=len(held),
            top=tuple(
                Held(account, owner(account), shares, self._worth(shares), Fraction(shares, whole))
                for account, shares in top
            ),
            hhi=herfindahl(by_owner.values()),
        )

    def _worth(self, shares: Shares) -> RawAmount | None:
        unit, worth = self.receipt.unit_shares, self.receipt.unit_assets_raw
        return None if not unit or worth is None else RawAmount(shares * worth // unit)


def register_of(view: LedgerView, token: AssetId) -> Register | None:
    """None where who holds it is not known: `untold` says why."""
    receipt = find(view, receipt_key(token), Receipt)
    if receipt is None or untold(receipt):
        return None
    return Register(receipt, list(view.items(Kind.HOLDER, MarketId(token))))


class HolderBook:
    """Who holds what, counted once a block, whoever asks: holders may be many."""

    def __init__(self, owner: OwnerOf) -> None:
        self._owner = owner
        self._at: tuple[BlockRef, tuple[AssetId, ...]] | None = None
        self._newest: list[Holders | None] = []

    async def of(
        self, view: LedgerView, block: BlockRef, tokens: Sequence[AssetId]
    ) -> list[Holders | None]:
        """What is told of each. All is taken from the view at once, and counted in a thread."""
        at = (block, tuple(tokens))
        if self._at != at:
            registers = [register_of(view, token) for token in tokens]
            newest = await asyncio.to_thread(self._counted, registers)
            self._at, self._newest = at, newest
            return newest
        return self._newest

    def _counted(self, registers: Sequence[Register | None]) -> list[Holders | None]:
        return [r.counted(SHOWN, self._owner) if r is not None else None for r in registers]


def holders_of(
    view: LedgerView, token: AssetId, limit: int = SHOWN, owner: OwnerOf = lambda account: account
) -> Holders | None:
    """None for what is no claim, or whose holders are not known."""
    register = register_of(view, token)
    return None if register is None else register.counted(limit, owner)


@dataclass(frozen=True, slots=True)
class VaultHolders:
    """Who is behind the vaults among some owners, one level down, by vault."""

    known: Mapping[Address, Holders | None]
    unknown: Mapping[Address, str]

    def as_json(self, owner: Address, show: Any) -> dict[str, Any]:
        """What a row of the owner's tells beside its own; nothing for who is no vault."""
        if owner not in self.known:
            return {}
        holders = self.known[owner]
        return {"holders": None if holders is None else as_json(holders, show)}


def holders_behind(view: LedgerView, owners: Iterable[Address], owner: OwnerOf) -> VaultHolders:
    """Of those of `owners` that are followed vaults."""
    receipts = {vault: find(view, receipt_key(vault), Receipt) for vault in set(owners)}
    vaults = {
        vault: receipt
        for vault, receipt in receipts.items()
        if receipt is not None and receipt.kind is ReceiptKind.ERC4626
    }
    known = {vault: holders_of(view, vault, SHOWN, owner) for vault in vaults}
    unknown = {v: f"holders: {untold(receipt)}" for v, receipt in vaults.items() if not known[v]}
    return VaultHolders(known, unknown)


def with_holders(
    row: dict[str, Any], account: Account, holders: Holders | None, show: Any
) -> dict[str, Any]:
    """A claim as HTTP shows it, with who holds it. `show`: an address with its checksum."""
    if account.receipt.kind is not ReceiptKind.ERC4626:
        return row
    if holders is not None:
        return row | {"holders": as_json(holders, show)}
    why = f"{account.token}: {untold(account.receipt)}"
    return row | {"holders": None, "unknown": [*row.get("unknown", ()), why]}


def as_json(holders: Holders, show: Any) -> dict[str, Any]:
    """Holders as HTTP shows them; ratios are numbers."""
    return {
        "count": holders.count,
        "hhi": ratio_number(holders.hhi),
        "top": [
            {
                "account": show(each.account),
                "owner": show(each.owner),
                "shares": str(each.shares),
                "assets": None if each.assets_raw is None else str(each.assets_raw),
                "share": ratio_number(each.share),
            }
            for each in holders.top
        ],
    }


def untold(receipt: Receipt) -> str:
    """Why who holds it is not known; empty where it is."""
    if receipt.kind is not ReceiptKind.ERC4626:
        return f"who holds it is not kept of kind {receipt.kind}"
    if receipt.held is None:
        return (
            "who holds it is not known: by its Transfer logs an account gave more than it had, or "
            "it does not tell a balance"
        )
    if receipt.supply is None:
        return "who holds it is not known: it does not tell its supply to hold them against"
    if receipt.held != receipt.supply:
        return (
            f"who holds it is not known: those found have {receipt.held} of {receipt.supply} "
            "shares. Set its from_block to the block in which it was deployed, or lower; a token "
            "that moves shares without Transfer logs cannot be followed"
        )
    return ""
