"""Borrowed money, followed block by block: each owner's trail is a record of the ledger."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache

from monitor.core.blocks import BlockRef, RawLog
from monitor.core.delta import BlockDelta
from monitor.core.keys import Kind, trail_key
from monitor.core.ledger import LedgerView, each, find
from monitor.core.overlay import Overlay
from monitor.core.reserves import Reserve
from monitor.core.sources import RiskRules
from monitor.core.trails import Side, Trail
from monitor.core.units import Address, MarketId
from monitor.engine.standings import owed_raw, pledged_raw
from monitor.engine.valuation import Valuation, list_all
from monitor.leverage.flows import follow, merged
from monitor.leverage.money import DUST_RAW
from monitor.leverage.owners import Owners
from monitor.leverage.settlement import settle
from monitor.leverage.steps import Act, FlowTerms, Step, Worth
from monitor.leverage.transfers import wallet_steps


class Trails:
    """Knows in whose wallets borrowed money is; all else is in the ledger."""

    def __init__(self, rules: Sequence[RiskRules], terms: FlowTerms) -> None:
        self._rules = tuple(rules)
        self._terms = terms
        self._carriers: set[Address] = set()

    def begin(self, ledger: LedgerView) -> None:
        """Stand on a committed ledger, whose every change `apply` is told."""
        trails = each(ledger, Kind.TRAIL, MarketId(""), Trail)
        self._carriers = {Address(key.subject) for key, trail in trails if trail.lots}

    def apply(self, delta: BlockDelta) -> None:
        """The block is part of the ledger now, or (its inverse) no longer."""
        for change in delta.changes:
            if change.key.kind is Kind.TRAIL:
                owner = Address(change.key.subject)
                self._carriers.discard(owner)
                if isinstance(change.after, Trail) and change.after.lots:
                    self._carriers.add(owner)

    def hand_over(self, overlay: Overlay, owners: Owners, former: Iterable[Address]) -> None:
        """A trail goes where the accounts go whose borrowed money it follows."""
        for owner in sorted(former):
            trail = trail_of(overlay, owner)
            parts = {} if trail is None else _by_account(trail)
            if all(owners.owner(account) == owner for account in parts):
                continue
            put_trail(overlay, owner, Trail())
            for account, part in sorted(parts.items()):
                heir = owners.owner(account)
                put_trail(overlay, heir, merged([trail_of(overlay, heir) or Trail(), part]))

    def wallets(
        self, overlay: Overlay, acts: Iterable[tuple[Address, Step]], owners: Owners
    ) -> dict[Address, Address]:
        """The accounts whose transfers matter to a block, with their owners.

        `acts`: what accounts do on the markets in it.
        """
        borrowers = {who for who, step in acts if step.act is Act.BORROWED}
        followed = {owners.owner(account) for account in borrowers}
        acting = {owners.owner(account) for account, _ in acts}
        heirs = {Address(key.subject) for key, _, _ in overlay.written() if key.kind is Kind.TRAIL}
        known = acting | heirs | self._carriers
        followed |= {owner for owner in known if trail_of(overlay, owner)}
        return {account: owner for owner in followed for account in owners.accounts(owner)}

    def steps(
        self,
        overlay: Overlay,
        acts: Iterable[tuple[Address, Step]],
        wallets: Mapping[Address, Address],
        logs: Sequence[RawLog],
    ) -> dict[Address, list[Step]]:
        """What each owner of the wallets did in a block, in log order. `logs`: their transfers."""
        steps: dict[Address, list[Step]] = {owner: [] for owner in wallets.values()}
        for account, step in acts:
            if account in wallets:
                steps[wallets[account]].append(step)
        for owner, step in wallet_steps(logs, wallets.get, self.issued(overlay)):
            steps[owner].append(step)
        return {who: sorted(own, key=lambda step: step.log_index) for who, own in steps.items()}

    def worth(self, view: LedgerView) -> Worth:
        """Made when it is first asked, since it lists all that any market has."""

        @cache
        def valuation() -> Valuation:
            return Valuation(view, list_all(view, self._rules))

        return lambda asset, raw: valuation().usd(asset, raw)

    def follow(
        self,
        block: BlockRef,
        overlay: Overlay,
        ledger: LedgerView,
        steps: Mapping[Address, Sequence[Step]],
        worth: Worth,
    ) -> set[Address]:
        """Follow borrowed money through a block that `overlay` puts on top of `ledger`.

        `steps`: of the owners that matter to it. They come back as those that were looked at:
        nobody else's trail has moved.
        """
        for owner, own in sorted(steps.items()):
            trail = follow(
                trail_of(overlay, owner) or Trail(),
                own,
                _fresh(own, ledger),
                worth,
                block.timestamp,
                self._terms,
            )
            put_trail(overlay, owner, self._settled(trail, overlay, block))
        return set(steps)

    def _settled(self, trail: Trail, view: LedgerView, block: BlockRef) -> Trail:
        def owed(side: Side) -> int:
            return owed_raw(view, side)

        def pledged(side: Side) -> int:
            return pledged_raw(view, side)

        return settle(trail, owed, pledged, block.timestamp, self._terms)

    def issued(self, view: LedgerView) -> frozenset[Address]:
        """The markets' own tokens: what moves of them is told by positions."""
        reserves = (
            reserve
            for rule in self._rules
            for _, reserve in each(view, Kind.RESERVE, rule.market, Reserve)
        )
        return frozenset(token for one in reserves for token in (one.supply_token, one.debt_token))


def trail_of(view: LedgerView, owner: Address) -> Trail | None:
    return find(view, trail_key(owner), Trail)


def put_trail(overlay: Overlay, owner: Address, trail: Trail) -> None:
    """Replace a trail; nothing of it is none."""
    if trail != (trail_of(overlay, owner) or Trail()):
        overlay.put(trail_key(owner), None if trail == Trail() else trail)


def _fresh(steps: Iterable[Step], before: LedgerView) -> frozenset[Side]:
    """The debts that were none before the block, but for what a rounding had left."""
    borrowed = {step.side for step in steps if step.act is Act.BORROWED and step.side}
    return frozenset(side for side in borrowed if owed_raw(before, side) <= DUST_RAW)


def _by_account(trail: Trail) -> dict[Address, Trail]:
    """A trail as one for each account that borrowed."""
    accounts = {lot.origin.account for lot in trail.lots}
    accounts |= {hop.origin.account for hop in trail.hops}
    accounts |= {side.account for side in trail.seen}
    return {
        account: Trail(
            tuple(lot for lot in trail.lots if lot.origin.account == account),
            tuple(hop for hop in trail.hops if hop.origin.account == account),
            tuple(side for side in trail.seen if side.account == account),
        )
        for account in accounts
    }
