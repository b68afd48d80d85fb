"""Claims as a projection needs them: what stands behind each, and in which order it is paid out.

The aTokens of followed markets, and every claim that is followed. What a vault has lent are its own
positions in the followed markets: a curated one is paid out in the order of its withdraw queue, any
other first of what lies idle, then in the order of the configuration. Where that is not all it
holds, or what it holds is not its own to give, nobody knows what a share can be redeemed for.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import cached_property

from monitor.core.keys import Key, Kind
from monitor.core.ledger import LedgerView, Position, each
from monitor.core.receipts import Receipt, ReceiptKind
from monitor.core.reserves import Reserve
from monitor.core.risk import ClaimSheet, Lent, MarketSheet
from monitor.core.sources import RiskRules
from monitor.core.units import AssetId, MarketId, RawAmount
from monitor.engine.receipts import receipts_in
from monitor.leverage.claims import SEEN
from monitor.leverage.stakes import Spot, Stake, held_spots, spots_by_asset, spots_in, stake_at

OWES = "it owes debts itself: what of its collateral can be withdrawn is not known"
NO_WORTH = "it does not tell what one is worth, or all of them"


def claim_sheets(
    view: LedgerView, rules: Sequence[RiskRules], markets: Iterable[MarketSheet], at_unix: int
) -> Mapping[AssetId, ClaimSheet]:
    """By token. `markets`: what is lent there. Looks at the vaults' own positions, never at all."""
    sheets = {sheet.token: sheet for sheet in _supply_tokens(view, rules, markets)}
    vaults = _Vaults(view, rules, at_unix)
    for token, receipt in sorted(receipts_in(view).items()):
        if token not in sheets and receipt.underlying is not None:
            sheets[token] = _sheet(token, receipt.underlying, receipt, vaults)
    return sheets


def _supply_tokens(
    view: LedgerView, rules: Sequence[RiskRules], markets: Iterable[MarketSheet]
) -> Iterator[ClaimSheet]:
    """One is always worth one. All of them claim at most what is lent: a part is the treasury's."""
    lent = {(sheet.market, sheet.sub_market): sheet.assets for sheet in markets}
    for rule in rules:
        for key, reserve in each(view, Kind.RESERVE, rule.market, Reserve):
            asset = lent.get((rule.market, key.sub_market), {}).get(reserve.asset)
            owed = asset.lending.debt_raw if asset and asset.lending else 0
            total = RawAmount(reserve.cash_raw + owed)
            is_paying = reserve.terms.is_active and not reserve.terms.is_paused
            place = Lent(_label(rule.market, key.sub_market), total)
            yield ClaimSheet(
                token=AssetId(reserve.supply_token),
                underlying=reserve.asset,
                rate=Fraction(1),
                total_raw=total,
                idle_raw=RawAmount(0),
                lent=(place,) if is_paying else (),
                bears_losses=False,
                rebases=True,
            )


def _sheet(token: AssetId, underlying: AssetId, receipt: Receipt, vaults: "_Vaults") -> ClaimSheet:
    """A claim that is followed by its contract."""
    rate = Fraction(0)
    if receipt.unit_shares and receipt.unit_assets_raw is not None:
        rate = Fraction(receipt.unit_assets_raw, receipt.unit_shares)
    sheet = ClaimSheet(
        token=token,
        underlying=underlying,
        rate=rate,
        total_raw=receipt.assets_raw or RawAmount(0),
        idle_raw=RawAmount(0),
        lent=(),
        bears_losses=False,
        reason=receipt.reason,
    )
    if receipt.kind is ReceiptKind.RATE_PROVIDER:
        return replace(sheet, reason="a rate does not tell what can be withdrawn")
    if receipt.kind is ReceiptKind.AAVE_ATOKEN:
        return replace(sheet, reason="the market that issued it is not followed")
    stakes = vaults.stakes(token, underlying, receipt)
    seen = sum(stake.amount_raw for stake in stakes)
    # A curated vault gives nothing that lies idle, any other nothing that was given to it.
    left = 0 if receipt.queue is not None else (receipt.assets_raw or 0) - seen
    idle = max(0, min(receipt.idle_raw or 0, left))
    unlent = sum(stake.amount_raw - stake.lent_raw for stake in stakes)
    reason = receipt.reason or _untold(receipt, seen + idle, vaults.shows_all(receipt))
    if not reason and vaults.owes(token, stakes):
        reason = OWES
    return replace(
        sheet,
        idle_raw=RawAmount(idle + unlent),
        lent=tuple(
            Lent(_label(stake.market, stake.sub_market), stake.lent_raw)
            for stake in stakes
            if stake.lent_raw
        ),
        bears_losses=receipt.lost_raw is None,
        reason=reason,
    )


def _untold(receipt: Receipt, seen: int, is_all: bool) -> str:
    """Why nobody knows what can be had for it; empty where it is known."""
    if receipt.assets_raw is None or receipt.unit_assets_raw is None or not receipt.unit_shares:
        return NO_WORTH
    if receipt.queue is not None and "" in receipt.queue:
        return "its withdraw queue is not read yet"
    if seen < receipt.assets_raw * SEEN and not is_all:
        return f"the followed markets show {seen} of the {receipt.assets_raw} it holds"
    return ""


class _Vaults:
    """The vaults' own positions."""

    def __init__(self, view: LedgerView, rules: Sequence[RiskRules], at_unix: int) -> None:
        self._view = view
        self._rules = rules
        self._at_unix = at_unix

    @cached_property
    def _spots(self) -> Mapping[AssetId, Sequence[Spot]]:
        return spots_by_asset(self._view, self._rules)

    def stakes(self, vault: AssetId, asset: AssetId, receipt: Receipt) -> list[Stake]:
        """In the order in which they are drawn on."""
        if receipt.queue is None:
            spots = self._spots.get(asset, ())
        else:
            queue = {sub_market: place for place, sub_market in enumerate(receipt.queue)}
            followed = spots_in(self._view, self._rules, receipt.queue)
            spots = sorted(followed, key=lambda spot: queue[spot[1]])
        found = (
            stake_at(self._view, spot, vault, asset, self._at_unix)
            for spot in held_spots(self._view, spots, vault)
        )
        return [stake for stake in found if stake is not None]

    def shows_all(self, receipt: Receipt) -> bool:
        """Whether all that a vault holds is seen, though it claims more: losses its shares hide.

        How much that is it tells only since it was last touched.
        """
        if receipt.lost_raw is None or receipt.queue is None:
            return False
        followed = spots_in(self._view, self._rules, receipt.queue)
        return {sub_market for _, sub_market in followed} == set(receipt.queue)

    def owes(self, vault: AssetId, stakes: Iterable[Stake]) -> bool:
        """Whether anything is borrowed against what it has."""
        for stake in stakes:
            key = Key(Kind.POSITION, stake.market, stake.sub_market, vault)
            position = self._view.get(key)
            if isinstance(position, Position) and position.debts:
                return True
        return False


def _label(market: MarketId, sub_market: str) -> str:
    """As results name it."""
    return f"{market}/{sub_market}" if sub_market else str(market)
