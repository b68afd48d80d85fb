"""Recursive leverage, kept block by block: who owns what, where borrowed money went, which loops
there are. All of it lands in the block's own delta, so a reorganisation or a crash undoes it too.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from monitor.core.blocks import BlockRef
from monitor.core.delta import BlockDelta
from monitor.core.ledger import (
    Key,
    Kind,
    Ledger,
    LedgerView,
    Market,
    Position,
    each,
    find,
    loops_key,
    market_key,
    owner_key,
)
from monitor.core.loops import Loops
from monitor.core.overlay import Overlay
from monitor.core.owners import OwnerKind, Ownership
from monitor.core.ports import AccountReader, TransferFeed
from monitor.core.sources import RiskRules
from monitor.core.units import ZERO_ADDRESS, Address, AssetId, MarketId
from monitor.engine.ownership import KnownAccounts, ownerships
from monitor.engine.receipts import receipts_in
from monitor.engine.standings import Moved, Places, standing_at
from monitor.engine.trails import Trails, trail_of
from monitor.errors import StateUnavailable
from monitor.leverage.claims import Claims, claims_of
from monitor.leverage.loops import loops_of
from monitor.leverage.owners import Owners
from monitor.leverage.standings import Standing
from monitor.leverage.steps import FlowTerms
from monitor.leverage.ties import Ties, moved, ties_of

Correlated = Mapping[AssetId, frozenset[AssetId]]
Touched = Mapping[Address, Sequence[Key]]
"""The positions that a block changed, by account."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What decides which assets make a loop, but for the positions."""

    ties: Ties
    claims: Claims

    def moved(self, after: "Shape") -> frozenset[AssetId]:
        """The assets of which it says something else afterwards."""
        before = self.claims
        claims = {*before.claims, *after.claims.claims}
        changed = (asset for asset in claims if _told(before, asset) != _told(after.claims, asset))
        return moved(self.ties, after.ties).union(changed)


@dataclass(frozen=True, slots=True)
class Rules:
    """What recursion is recognised by.

    `known`: the code of accounts that is believed. `correlated`: which assets the configuration
    says follow one another.
    """

    markets: Sequence[RiskRules]
    flows: FlowTerms
    known: KnownAccounts
    correlated: Callable[[LedgerView], Correlated]


class Recursion:
    """Begin it with a ledger; from then on `fold` each block, and `apply` each that was kept."""

    def __init__(self, rules: Rules, accounts: AccountReader, transfers: TransferFeed) -> None:
        self._rules = rules
        self._markets = tuple(rule.market for rule in rules.markets)
        self._reader = accounts
        self._transfers = transfers
        self._trails = Trails(rules.markets, rules.flows)
        self.begin(Ledger())

    def begin(self, ledger: Ledger) -> None:
        """Stand on a committed ledger, whose every change `apply` is told.

        The first block looks at everybody: what is believed may be another since it was stored.
        """
        self._ledger = ledger
        self._places = Places(ledger, self._markets)
        self._owners = owners_in(ledger)
        self._trails.begin(ledger)
        self._shape: Shape | None = None
        self._folded: tuple[BlockRef, Shape] | None = None
        self._looked_at: int | None = None

    def apply(self, delta: BlockDelta) -> None:
        """The block is part of the ledger now, or (its inverse) no longer."""
        self._places.apply(delta)
        self._trails.apply(delta)
        for change in delta.changes:
            if change.key.kind is Kind.OWNER:
                told = change.after if isinstance(change.after, Ownership) else None
                self._owners.put(Address(change.key.subject), told)
        folded, self._folded, self._shape = self._folded, None, None
        if folded is not None and folded[0] == delta.block:
            self._shape = folded[1]
            if self._looked_at is None:
                self._looked_at = delta.block.number
        elif self._looked_at is not None and delta.block.number <= self._looked_at:
            self._looked_at = None  # what the first look found is gone

    def owner(self, account: Address) -> Address:
        """Who is behind an account; itself where that is not known."""
        return self._owners.owner(account)

    def accounts(self, owner: Address) -> frozenset[Address]:
        return self._owners.accounts(owner)

    async def fold(self, block: BlockRef, overlay: Overlay, moves: Sequence[Moved]) -> None:
        """What a block does to owners, trails and loops. `overlay`: the rest of it, done."""
        touched = _touched(overlay)
        told = await self._ask(block, overlay, touched)
        before = self._shape or self._shape_of(self._ledger, block)
        shape = self._shape_of(overlay, block)
        with self._knowing(told) as turned:
            self._trails.hand_over(overlay, self._owners, turned)
            owners = turned | {self.owner(account) for account in touched}
            owners |= await self._trails.follow(
                block, overlay, self._ledger, moves, self._owners, self._transfers
            )
            owners |= self._elsewhere(overlay, before, shape)
            if self._looked_at is None:
                owners |= self._everybody(overlay)
            for owner in sorted(owners):
                self._look(overlay, owner, touched, shape)
        self._folded = (block, shape)

    def _look(self, overlay: Overlay, owner: Address, touched: Touched, shape: Shape) -> None:
        """One owner's loops, anew."""
        standings = list(self._standings(overlay, owner, touched))
        trail = trail_of(overlay, owner)
        found = loops_of(owner, standings, trail, shape.ties, shape.claims)
        key = loops_key(owner)
        if found != find(overlay, key, Loops):
            overlay.put(key, found)

    async def _ask(
        self, block: BlockRef, overlay: Overlay, touched: Touched
    ) -> Mapping[Address, Ownership]:
        """Who is behind the block's accounts, as far as that is news."""
        accounts = set(touched)
        if self._looked_at is None:
            accounts |= {a for a in self._places.accounts() if _is_open(overlay, a)}
        if not accounts:
            return {}
        entities = self._entities(overlay)
        try:
            told = await ownerships(
                self._reader, block, sorted(accounts), entities, self._rules.known
            )
        except StateUnavailable:
            return {}  # their own owners until a block touches them whose state can be read
        news = {a: it for a, it in told.items() if overlay.get(owner_key(a)) != it}
        for account, ownership in news.items():
            overlay.put(owner_key(account), ownership)
        return news

    def _entities(self, view: LedgerView) -> frozenset[Address]:
        """Contracts that are known for what they are: claims, and the markets themselves."""
        found: set[Address] = set(receipts_in(view))
        for market in self._markets:
            contracts = find(view, market_key(market), Market)
            if contracts is not None:
                found |= {contracts.entry, contracts.pool}
        return frozenset(found - {ZERO_ADDRESS})

    @contextmanager
    def _knowing(self, told: Mapping[Address, Ownership]) -> Iterator[set[Address]]:
        """The block's own knowledge of owners, while it is folded; all owners it matters to."""
        before = {account: find(self._ledger, owner_key(account), Ownership) for account in told}
        turned = {self.owner(account) for account in told}
        try:
            for account, ownership in told.items():
                turned |= self._owners.put(account, ownership)
            yield turned | {self.owner(account) for account in turned}
        finally:
            for account, known in before.items():
                self._owners.put(account, known)

    def _shape_of(self, view: LedgerView, block: BlockRef) -> Shape:
        markets = self._rules.markets
        return Shape(
            ties_of(view, markets, self._rules.correlated(view)),
            claims_of(view, markets, block.timestamp),
        )

    def _everybody(self, view: LedgerView) -> set[Address]:
        """Every owner there is, and every one that is said to have loops."""
        told = {Address(key.subject) for key in view.keys(Kind.LOOPS, MarketId(""))}
        return told | {self.owner(account) for account in self._places.accounts()}

    def _elsewhere(self, overlay: Overlay, before: Shape, after: Shape) -> set[Address]:
        """Whose loops may be others though they did nothing, since assets or e-modes are."""
        assets = before.moved(after)
        pairs = before.ties.pairs ^ after.ties.pairs
        categories = {
            (key.market, int(key.subject))
            for key, _, _ in overlay.written()
            if key.kind is Kind.CATEGORY
        }
        if not (assets or pairs or categories):
            return set()
        positions = (p for m in self._markets for p in each(overlay, Kind.POSITION, m, Position))
        return {
            self.owner(Address(key.subject))
            for key, held in positions
            if (key.market, held.e_mode) in categories
            or (key.market, key.sub_market) in pairs
            or any(one.asset in assets for one in (*held.supplies, *held.debts))
        }

    def _standings(self, view: LedgerView, owner: Address, touched: Touched) -> Iterator[Standing]:
        for account in sorted(self._owners.accounts(owner)):
            for key in sorted({*self._places.of(account), *touched.get(account, ())}):
                standing = standing_at(view, key)
                if standing is not None:
                    yield standing


def owners_in(view: LedgerView) -> Owners:
    """Everybody's owner, as the ledger knows it."""
    owners = Owners()
    for key, told in each(view, Kind.OWNER, MarketId(""), Ownership):
        owners.put(Address(key.subject), told)
    return owners


def _told(claims: Claims, asset: AssetId) -> object:
    """What loops are found by of one claim."""
    return (
        claims.kind(asset),
        claims.underlying(asset),
        claims.behind(asset),
        claims.within(asset),
    )


def _is_open(view: LedgerView, account: Address) -> bool:
    """Whether a start asks an account: it never was asked, or may obey somebody else by now."""
    told = find(view, owner_key(account), Ownership)
    return told is None or told.kind is not OwnerKind.EOA


def _touched(overlay: Overlay) -> Touched:
    touched: dict[Address, list[Key]] = {}
    for key, _, _ in overlay.written():
        if key.kind is Kind.POSITION:
            touched.setdefault(Address(key.subject), []).append(key)
    return touched
