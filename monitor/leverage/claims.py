"""Claims: which tokens are a claim on something else, on what, and where that is lent out.

The aTokens of followed markets are claims without being followed as such. What a vault holds are
its own positions in the followed markets (of a curated one only those in its queue), what lies in
it, and its shares in other followed vaults; of what it holds beyond nothing is known. What it owes
is not set off.

A claim is followed through claims until it comes to an asset that is none; all shares are exact.
The part that claims nothing but itself is *circular* (a circle of vaults): it rests on nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import NamedTuple

from monitor.core.keys import Kind, holder_key
from monitor.core.ledger import LedgerView, each, find
from monitor.core.receipts import Holder, Receipt, ReceiptKind
from monitor.core.reserves import Reserve
from monitor.core.sources import RiskRules
from monitor.core.units import AssetId, MarketId, RawAmount
from monitor.leverage.foundation import Base, End, Node, Rest, Row, Spot, rest_of, settled
from monitor.leverage.stakes import held_spots, spots_by_asset, spots_in, stake_at

SEEN = Fraction(999, 1000)
"""What a vault holds is known where so much of it is explained."""
LITTLE = 20
"""What is less than the 20th part of a claim does not matter to what it is."""


class Part(NamedTuple):
    """A part of what stands behind a claim, in raw units. `spot`: where it is lent, if it is."""

    asset: AssetId
    spot: Spot | None
    raw: int


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim. `parts` explain `total_raw` of the underlying, or less, or with debt more.

    `reason`: why what stands behind it is not known; empty where it is.
    """

    kind: ReceiptKind
    underlying: AssetId | None
    parts: tuple[Part, ...] = ()
    total_raw: RawAmount | None = None
    reason: str = ""

    def spots(self) -> Iterator[Spot]:
        return (part.spot for part in self.parts if part.spot is not None)

    @property
    def whole_raw(self) -> int:
        """What the shares are of; 0 where it is not known, or nothing is there."""
        if self.total_raw is None:
            return 0
        return max(self.total_raw, sum(part.raw for part in self.parts))


class Split(NamedTuple):
    """Shares of one claim: lent in a followed market, claiming nothing but itself, and not told.

    What is left of one is neither: it is the claim's own.
    """

    lent: Fraction
    circular: Fraction
    unknown: Fraction


class Claims:
    """All claims at one block."""

    def __init__(self, claims: Mapping[AssetId, Claim]) -> None:
        self.claims = dict(claims)
        self._behind: dict[AssetId, frozenset[Spot]] = {}
        self._lends: dict[AssetId, frozenset[Spot]] = {}
        self._rests: dict[AssetId, Rest] = {}
        self._splits: dict[AssetId, Split] = {}
        self._lent: dict[tuple[AssetId, Spot], Fraction] = {}

    def kind(self, asset: AssetId) -> ReceiptKind | None:
        """None for what is no claim."""
        claim = self.claims.get(asset)
        return None if claim is None else claim.kind

    def underlying(self, asset: AssetId) -> AssetId | None:
        """What one is a claim on; None for what is no claim, or does not tell."""
        claim = self.claims.get(asset)
        return None if claim is None else claim.underlying

    def behind(self, asset: AssetId) -> frozenset[Spot]:
        """Where its money is lent, itself or by what it holds; nothing for what is no claim."""
        if asset not in self._behind:
            reached = self.within(asset)
            self._behind[asset] = frozenset(s for one in reached for s in self.claims[one].spots())
        return self._behind[asset]

    def lends_in(self, asset: AssetId) -> frozenset[Spot]:
        """Where enough of its money is lent that it matters, a 20th of its value.

        Anybody may lend for anybody: a wei for a vault puts a market behind its shares. Where it is
        not known what the shares are of, every market matters.
        """
        if asset not in self._lends:
            spots, claim = self.behind(asset), self.claims.get(asset)
            if claim is not None and claim.whole_raw and claim.kind is not ReceiptKind.AAVE_ATOKEN:
                spots = frozenset(s for s in spots if LITTLE * self.lent_in(asset, s) >= 1)
            self._lends[asset] = spots
        return self._lends[asset]

    def within(self, asset: AssetId) -> frozenset[AssetId]:
        """The asset, where it is a claim, and every claim it holds: circles end."""
        reached: set[AssetId] = set()
        waiting = [asset]
        while waiting:
            one = waiting.pop()
            if one in self.claims and one not in reached:
                reached.add(one)
                waiting += [part.asset for part in self.claims[one].parts]
        return frozenset(reached)

    def rests_on(self, asset: AssetId) -> Rest:
        """What it finally comes down to; an asset that is no claim rests on itself."""
        if asset not in self._rests:
            row = self._settled(asset, frozenset())
            reached = sorted(self.within(asset))
            reasons = (f"{one}: {self.claims[one].reason}" for one in reached)
            self._rests[asset] = rest_of(row, [r for r in reasons if not r.endswith(": ")])
        return self._rests[asset]

    def split(self, asset: AssetId) -> Split:
        """How it divides at the first market it is lent in, itself or by what it holds."""
        if asset not in self._splits:
            row = self._settled(asset, self.behind(asset))
            ends = (row.get(end, Fraction(0)) for end in (End.LENT, End.CIRCULAR, End.UNKNOWN))
            self._splits[asset] = Split(*ends)
        return self._splits[asset]

    def lent_in(self, asset: AssetId, spot: Spot) -> Fraction:
        """The share of its value that passes through one market, itself or by what it holds."""
        if spot not in self.behind(asset):
            return Fraction(0)
        if (asset, spot) not in self._lent:
            row = self._settled(asset, frozenset({spot}))
            self._lent[asset, spot] = row.get(End.LENT, Fraction(0))
        return self._lent[asset, spot]

    def part_in(self, asset: AssetId, part: AssetId) -> Fraction:
        """The share of its value that is another asset, or rests on it."""
        reached = self.within(asset)
        rows = {one: self._row(self.claims[one], frozenset()) for one in reached - {part}}
        row = settled(rows).get(asset, {asset: Fraction(1)})
        return sum((row[node] for node in row if _asset_of(node) == part), Fraction(0))

    def _settled(self, asset: AssetId, ends: frozenset[Spot]) -> Row:
        rows = {one: self._row(self.claims[one], ends) for one in self.within(asset)}
        return settled(rows).get(asset, {Base(asset, None): Fraction(1)})

    def _row(self, claim: Claim, ends: frozenset[Spot]) -> Row:
        whole = claim.whole_raw
        if not whole:
            return {End.UNKNOWN: Fraction(1)}
        row: dict[Node, Fraction] = defaultdict(Fraction)
        for part in claim.parts:
            row[self._node(part, ends)] += Fraction(part.raw, whole)
        seen = sum(row.values(), Fraction(0))
        return row if seen == 1 else {**row, End.UNKNOWN: 1 - seen}

    def _node(self, part: Part, ends: frozenset[Spot]) -> Node:
        if part.spot in ends:
            return End.LENT
        return part.asset if part.asset in self.claims else Base(part.asset, part.spot)


def _asset_of(node: Node) -> Node:
    return node.asset if isinstance(node, Base) else node


def claims_of(view: LedgerView, rules: Sequence[RiskRules], at_unix: int) -> Claims:
    """Every claim that is followed, and the aTokens of every market that is.

    Looks at assets, claims and the vaults' own positions, never at all positions.
    """
    claims = dict(_supply_tokens(view, rules))
    found = each(view, Kind.RECEIPT, MarketId(""), Receipt)
    receipts = {AssetId(key.subject): receipt for key, receipt in found}
    vaults = _Vaults(view, rules, receipts, at_unix)
    for token, receipt in receipts.items():
        if token not in claims:
            claims[token] = _claim(token, receipt, vaults)
    return Claims(claims)


def _supply_tokens(view: LedgerView, rules: Sequence[RiskRules]) -> Iterator[tuple[AssetId, Claim]]:
    for rule in rules:
        for key, reserve in each(view, Kind.RESERVE, rule.market, Reserve):
            lent = Part(reserve.asset, (rule.market, key.sub_market), 1)
            claim = Claim(ReceiptKind.AAVE_ATOKEN, reserve.asset, (lent,), RawAmount(1))
            yield reserve.supply_token, claim


def _claim(token: AssetId, receipt: Receipt, vaults: "_Vaults") -> Claim:
    """A claim that is followed by its contract alone: no market that is followed issued it."""
    underlying = receipt.underlying
    if underlying is None:
        reason = receipt.reason or "it does not tell what it is a claim on"
        return Claim(receipt.kind, None, reason=reason)
    if receipt.kind is ReceiptKind.RATE_PROVIDER:
        return Claim(receipt.kind, underlying, (Part(underlying, None, 1),), RawAmount(1))
    if receipt.kind is ReceiptKind.AAVE_ATOKEN:
        reason = "the market that issued it is not followed"
        return Claim(receipt.kind, underlying, reason=reason)
    parts = tuple(vaults.parts(token, underlying, receipt))
    total, reason = receipt.assets_raw, receipt.reason
    if total is None:
        reason = reason or "it does not tell what it holds"
    elif not total and not parts:
        reason = reason or "it holds nothing"
    elif sum(part.raw for part in parts) < total * SEEN:
        seen = sum(part.raw for part in parts)
        reason = reason or f"the followed markets show {seen} of the {total} it holds"
    return Claim(receipt.kind, underlying, parts, total, reason)


class _Vaults:
    """The vaults' own positions."""

    def __init__(
        self,
        view: LedgerView,
        rules: Sequence[RiskRules],
        receipts: Mapping[AssetId, Receipt],
        at_unix: int,
    ) -> None:
        self._view = view
        self._rules = rules
        self._receipts = receipts
        self._at_unix = at_unix

    @cached_property
    def _spots(self) -> Mapping[AssetId, Sequence[tuple[RiskRules, str]]]:
        return spots_by_asset(self._view, self._rules)

    def parts(self, vault: AssetId, asset: AssetId, receipt: Receipt) -> Iterator[Part]:
        """Of a curated vault only what stands in its queue counts, and nothing that lies idle.

        Anybody may give a vault money or shares, without their being part of its assets: what lies
        in it explains no more than its positions leave open.
        """
        if receipt.queue is not None:
            yield from self._stakes(vault, asset, spots_in(self._view, self._rules, receipt.queue))
            return
        own = list(self._stakes(vault, asset, self._spots.get(asset, ())))
        yield from own
        left = (receipt.assets_raw or 0) - sum(part.raw for part in own)
        for token, worth in ((asset, receipt.idle_raw or 0), *self._shares(vault, asset)):
            if (counted := min(worth, left)) > 0:
                left -= counted
                yield Part(token, None, counted)

    def _stakes(
        self, vault: AssetId, asset: AssetId, spots: Iterable[tuple[RiskRules, str]]
    ) -> Iterator[Part]:
        for spot in held_spots(self._view, spots, vault):
            stake = stake_at(self._view, spot, vault, asset, self._at_unix)
            if stake is None:
                continue
            if stake.lent_raw:
                yield Part(asset, (stake.market, stake.sub_market), stake.lent_raw)
            if free := stake.amount_raw - stake.lent_raw:
                yield Part(asset, None, free)

    def _shares(self, vault: AssetId, asset: AssetId) -> Iterator[tuple[AssetId, int]]:
        """What it has of other followed vaults of the same asset, and what that is worth."""
        for token in sorted(self._by_underlying.get(asset, ())):
            held = find(self._view, holder_key(token, vault), Holder)
            receipt = self._receipts[token]
            is_known = receipt.held is not None and receipt.held == receipt.supply
            if held is None or not is_known or not receipt.unit_shares:
                continue
            yield token, held.shares * (receipt.unit_assets_raw or 0) // receipt.unit_shares

    @cached_property
    def _by_underlying(self) -> Mapping[AssetId, Sequence[AssetId]]:
        """Vaults whose holders are kept, by what they are a claim on."""
        found: defaultdict[AssetId, list[AssetId]] = defaultdict(list)
        for token, receipt in self._receipts.items():
            if receipt.underlying is not None and receipt.held is not None:
                found[receipt.underlying].append(token)
        return found
