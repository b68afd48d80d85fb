"""Recursive leverage, kept block by block: who owns what, where borrowed money went, which loops
there are. All of it lands in the block's own delta, so a reorganisation or a crash undoes it too.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from monitor.core.blocks import BlockRef, RawLog
from monitor.core.delta import BlockDelta
from monitor.core.keys import Key, Kind, loops_key, market_key, owner_key
from monitor.core.ledger import Ledger, LedgerView, Market, Position, each, find
from monitor.core.loops import Loops
from monitor.core.overlay import Overlay
from monitor.core.owners import OwnerKind, Ownership
from monitor.core.ports import AccountReader, TransferFeed
from monitor.core.sources import RiskRules
from monitor.core.units import ZERO_ADDRESS, Address, AssetId, MarketId
from monitor.engine.lessons import Lessons, lessons, payees
from monitor.engine.native import NativeCoin, NativeFlows
from monitor.engine.ownership import KnownAccounts, ownerships
from monitor.engine.receipts import receipts_in
from monitor.engine.shape import Correlated, Shape, Shaping
from monitor.engine.standings import Moved, Places, standing_at, steps_of
from monitor.engine.trails import Trails, trail_of
from monitor.errors import StateUnavailable
from monitor.leverage.loops import loops_of
from monitor.leverage.owners import Owners
from monitor.leverage.standings import Standing
from monitor.leverage.steps import FlowTerms, Step
from monitor.leverage.tie_facts import may_tie

Touched = Mapping[Address, Sequence[Key]]
"""The positions that a block changed, by account."""
Acts = Sequence[tuple[Address, Step]]
"""What accounts did on the markets."""
MOST_MET = 1_000
"""So many strangers are asked a block whose they are, where borrowed money went to them."""
TURN = 200
"""After so many owners others have their turn: probes, questions."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What recursion is recognised by.

    `known`: the code of accounts that is believed. `correlated`: which assets the configuration
    says follow one another. `native`: where it is unset, nobody follows native coins.
    """

    markets: Sequence[RiskRules]
    flows: FlowTerms
    known: KnownAccounts
    correlated: Callable[[LedgerView], Correlated]
    native: NativeCoin | None = None


class Recursion:
    """Begin it with a ledger; from then on `fold` each block, and `apply` each that was kept."""

    def __init__(self, rules: Rules, accounts: AccountReader, transfers: TransferFeed) -> None:
        self._rules = rules
        self._markets = tuple(rule.market for rule in rules.markets)
        self._reader = accounts
        self._transfers = transfers
        self._trails = Trails(rules.markets, rules.flows)
        self._shaping = Shaping(rules.markets, rules.correlated)
        self._native = NativeFlows(rules.native, rules.flows, accounts)
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
        before = self._shape or self._shaping.anew(self._ledger, block.timestamp)
        shape = self._shape_after(before, overlay, block)
        acts = tuple(steps_of(moves, self._ledger, overlay))
        with lessons(self._owners, self._ledger) as taught:
            self._learn(overlay, taught, told)
            wallets, logs = await self._paid(block, overlay, acts, taught, shape.listed)
            owners = taught.turned | {self.owner(account) for account in touched}
            logged = self._trails.steps(overlay, acts, wallets, logs)
            worth = self._trails.worth(overlay)
            steps = await self._native.joined(block, overlay, wallets, logged, worth)
            owners |= self._trails.follow(block, overlay, self._ledger, steps, worth)
            owners |= self._elsewhere(overlay, before, shape)
            if self._looked_at is None:
                owners |= self._everybody(overlay)
            for number, owner in enumerate(sorted(owners)):
                if number % TURN == 0:
                    await asyncio.sleep(0)  # at a start these are all, which takes seconds
                self._look(overlay, owner, touched, shape)
        self._folded = (block, shape)

    def _look(self, overlay: Overlay, owner: Address, touched: Touched, shape: Shape) -> None:
        """One owner's loops, anew."""
        found: Loops | None = None
        # What an account had while nobody knew whose it is, its owner has now.
        if self.owner(owner) == owner:
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
        told = await self._ownerships(block, overlay, sorted(accounts))
        news = {a: it for a, it in told.items() if overlay.get(owner_key(a)) != it}
        for account, ownership in news.items():
            overlay.put(owner_key(account), ownership)
        return news

    async def _ownerships(
        self, block: BlockRef, view: LedgerView, accounts: Sequence[Address]
    ) -> Mapping[Address, Ownership]:
        if not accounts:
            return {}
        entities = self._entities(view)
        try:
            return await ownerships(self._reader, block, accounts, entities, self._rules.known)
        except StateUnavailable:
            return {}  # their own owners until a block touches them whose state can be read

    def _learn(self, overlay: Overlay, taught: Lessons, told: Mapping[Address, Ownership]) -> None:
        taught.learn(told)
        self._trails.hand_over(overlay, self._owners, taught.turned)

    async def _paid(
        self,
        block: BlockRef,
        overlay: Overlay,
        acts: Acts,
        taught: Lessons,
        listed: frozenset[AssetId],
    ) -> tuple[Mapping[Address, Address], Sequence[RawLog]]:
        """The wallets that matter to a block, and their transfers in it.

        Whom they pay may be their own owner's, though nobody knew him yet.
        """
        met: set[Address] = set()
        while True:
            wallets = self._trails.wallets(overlay, acts, self._owners)
            if not wallets:
                return wallets, ()
            logs = await self._transfers.transfers_of(block, frozenset(wallets))
            paid = payees(logs, wallets, listed)
            known = met | self._trails.issued(overlay)
            strangers = [a for a in paid if a not in known and not overlay.get(owner_key(a))]
            strangers = strangers[: MOST_MET - len(met)]
            met.update(strangers)
            if not await self._meet(block, overlay, strangers, wallets, taught):
                return wallets, logs

    async def _meet(
        self,
        block: BlockRef,
        overlay: Overlay,
        strangers: Sequence[Address],
        wallets: Mapping[Address, Address],
        taught: Lessons,
    ) -> bool:
        """Whether any of them is of the owner of one of the wallets: then it is remembered."""
        told = await self._ownerships(block, overlay, strangers)
        obeying = {a: it for a, it in told.items() if it.controllers and not taught.has(a)}
        taught.learn(obeying)
        followed = {self.owner(wallet) for wallet in wallets}
        own = {a: it for a, it in obeying.items() if self.owner(a) in followed}
        taught.forget(obeying.keys() - own.keys())
        for account, ownership in own.items():
            overlay.put(owner_key(account), ownership)
        self._learn(overlay, taught, own)
        return bool(own)

    def _entities(self, view: LedgerView) -> frozenset[Address]:
        """Contracts that are known for what they are: claims, and the markets themselves."""
        found: set[Address] = set(receipts_in(view))
        for market in self._markets:
            contracts = find(view, market_key(market), Market)
            if contracts is not None:
                found |= {contracts.entry, contracts.pool}
        return frozenset(found - {ZERO_ADDRESS})

    def _shape_after(self, before: Shape, overlay: Overlay, block: BlockRef) -> Shape:
        if may_tie(overlay.written()):
            return self._shaping.anew(overlay, block.timestamp)
        return self._shaping.again(before, overlay, block.timestamp)

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
