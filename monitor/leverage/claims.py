"""Claims: which tokens are a claim on something else, on what, and where that is lent out.

The aTokens of followed markets are claims without being followed as such. What a vault holds are
its own positions in the followed markets (of a curated one only those in its queue) and what lies
in it; of what it holds beyond nothing is known. What it owes is not set off.

Shares are exact. A claim is followed through claims until it comes to an asset that is none: vaults
that hold each other in a circle are a linear system, solved with fractions. The part that claims
nothing but itself is *circular*: it rests on nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import NamedTuple

from monitor.core.ledger import Kind, LedgerView, each
from monitor.core.receipts import Receipt, ReceiptKind
from monitor.core.reserves import Reserve
from monitor.core.sources import RiskRules
from monitor.core.units import AssetId, MarketId, RawAmount
from monitor.leverage.stakes import spots_by_asset, spots_in, stake_at

SEEN = Fraction(999, 1000)
"""What a vault holds is known where so much of it is explained."""
Spot = tuple[MarketId, str]
"""A market and its sub-market (empty where it has none)."""


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


class Claims:
    """All claims at one block."""

    def __init__(self, claims: Mapping[AssetId, Claim]) -> None:
        self.claims = dict(claims)
        self._behind: dict[AssetId, frozenset[Spot]] = {}

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


def claims_of(view: LedgerView, rules: Sequence[RiskRules], at_unix: int) -> Claims:
    """Every claim that is followed, and the aTokens of every market that is.

    Looks at assets, claims and the vaults' own positions, never at all positions.
    """
    claims = dict(_supply_tokens(view, rules))
    vaults = _Vaults(view, rules, at_unix)
    for key, receipt in each(view, Kind.RECEIPT, MarketId(""), Receipt):
        token = AssetId(key.subject)
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
    elif sum(part.raw for part in parts) < total * SEEN:
        seen = sum(part.raw for part in parts)
        reason = f"the followed markets show {seen} of the {total} it holds"
    return Claim(receipt.kind, underlying, parts, total, reason)


class _Vaults:
    """The vaults' own positions."""

    def __init__(self, view: LedgerView, rules: Sequence[RiskRules], at_unix: int) -> None:
        self._view = view
        self._rules = rules
        self._at_unix = at_unix

    @cached_property
    def _spots(self) -> Mapping[AssetId, Sequence[tuple[RiskRules, str]]]:
        return spots_by_asset(self._view, self._rules)

    def parts(self, vault: AssetId, asset: AssetId, receipt: Receipt) -> Iterator[Part]:
        """Of a curated vault only what stands in its queue counts, and nothing that lies idle."""
        if receipt.queue is not None:
            spots: Sequence[tuple[RiskRules, str]] = spots_in(
                self._view, self._rules, receipt.queue
            )
        else:
            spots = self._spots.get(asset, ())
        free = (receipt.idle_raw or 0) if receipt.queue is None else 0
        for spot in spots:
            stake = stake_at(self._view, spot, vault, asset, self._at_unix)
            if stake is None:
                continue
            free += stake.amount_raw - stake.lent_raw
            if stake.lent_raw:
                yield Part(asset, (stake.market, stake.sub_market), stake.lent_raw)
        if free:
            yield Part(asset, None, free)
