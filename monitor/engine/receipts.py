"""Claims for people: what one is worth, what its vault holds, what can be withdrawn now."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from monitor.core.blocks import BlockRef
from monitor.core.keys import Kind
from monitor.core.ledger import LedgerView, each
from monitor.core.pairs import Token
from monitor.core.receipts import Receipt, ReceiptKind
from monitor.core.reserves import Reserve
from monitor.core.sources import RiskRules
from monitor.core.units import AssetId, MarketId, RawAmount
from monitor.leverage.claims import SEEN
from monitor.leverage.stakes import stake_at


@dataclass(frozen=True, slots=True)
class Stake:
    """What a vault has in one market. `cash_raw`: what can be taken out there by anybody."""

    market: MarketId
    sub_market: str
    asset: AssetId
    amount_raw: RawAmount
    cash_raw: RawAmount | None

    @property
    def withdrawable_raw(self) -> RawAmount | None:
        return None if self.cash_raw is None else min(self.amount_raw, self.cash_raw)


@dataclass(frozen=True, slots=True)
class Account:
    """A claim with what stands behind it. `withdrawable_raw` is of all holders together."""

    token: AssetId
    receipt: Receipt
    stakes: tuple[Stake, ...]
    withdrawable_raw: RawAmount | None
    unknown: tuple[str, ...]


def receipts_in(view: LedgerView) -> Mapping[AssetId, Receipt]:
    """Every claim that is followed."""
    found = each(view, Kind.RECEIPT, MarketId(""), Receipt)
    return {AssetId(key.subject): receipt for key, receipt in found}


def accounts_of(
    view: LedgerView, block: BlockRef, rules: Sequence[RiskRules]
) -> tuple[Account, ...]:
    """Every claim with what stands behind it, sorted by token."""
    return tuple(
        _account(
            token,
            _of_its_market(view, rules, token, receipt),
            tuple(_stakes(view, block, rules, token, receipt)),
        )
        for token, receipt in sorted(receipts_in(view).items())
    )


def whole_rate(receipt: Receipt, own: Token, underlying: Token) -> Fraction | None:
    """Whole underlying tokens that one whole claim is worth; None where unknown."""
    if not receipt.unit_shares or receipt.unit_assets_raw is None:
        return None
    if own.decimals is None or underlying.decimals is None:
        return None
    return Fraction(
        receipt.unit_assets_raw * 10**own.decimals,
        receipt.unit_shares * 10**underlying.decimals,
    )


def as_json(account: Account, symbols: Mapping[AssetId, str], show: Any) -> dict[str, Any]:
    """The account of a claim as HTTP shows it. `show`: an address with its checksum."""
    receipt = account.receipt
    underlying = receipt.underlying
    answer: dict[str, Any] = {
        "token": show(account.token),
        "symbol": symbols.get(account.token, account.token),
        "kind": receipt.kind,
        "underlying": None if underlying is None else show(underlying),
        "shares": _text(receipt.unit_shares),
        "assets": _text(receipt.unit_assets_raw),
        "supply": _text(receipt.supply),
        "total_assets": _text(receipt.assets_raw),
        "withdrawable": _text(account.withdrawable_raw),
        "holds": [
            {
                "market": stake.market,
                "sub_market": stake.sub_market or None,
                "asset": show(stake.asset),
                "amount": str(stake.amount_raw),
                "withdrawable": _text(stake.withdrawable_raw),
            }
            for stake in account.stakes
        ],
    }
    return answer | ({"unknown": list(account.unknown)} if account.unknown else {})


def _of_its_market(
    view: LedgerView, rules: Sequence[RiskRules], token: AssetId, receipt: Receipt
) -> Receipt:
    """An aToken whose market is followed, with what that pays out.

    What lies in it may be more, since gifts are not in Aave's books (from 3.1 on), or less, where
    the balance rebases; and a paused reserve pays nothing.
    """
    for rule in rules:
        reserves = each(view, Kind.RESERVE, rule.market, Reserve)
        issued = {reserve.asset for _, reserve in reserves if reserve.supply_token == token}
        for listing in rule.listings(view) if issued else ():
            there, booked = receipt.idle_raw, listing.cash_raw
            if listing.asset in issued and there is not None and booked is not None:
                return replace(receipt, idle_raw=min(there, booked))
    return receipt


def _stakes(
    view: LedgerView,
    block: BlockRef,
    rules: Sequence[RiskRules],
    vault: AssetId,
    receipt: Receipt,
) -> Iterator[Stake]:
    """The vault's own positions in the followed markets, of the underlying."""
    for rule in rules:
        for listing in rule.listings(view):
            if listing.asset != receipt.underlying:
                continue
            spot = (rule, listing.sub_market)
            found = stake_at(view, spot, vault, listing.asset, block.timestamp)
            if found is not None:
                where = (found.market, found.sub_market, found.asset)
                yield Stake(*where, found.amount_raw, listing.cash_raw)


def _account(token: AssetId, receipt: Receipt, stakes: tuple[Stake, ...]) -> Account:
    withdrawable, why = _withdrawable(receipt, stakes)
    unknown = [f"{token}: {reason}" for reason in (receipt.reason, why) if reason]
    return Account(token, receipt, stakes, withdrawable, tuple(unknown))


def _withdrawable(receipt: Receipt, stakes: Sequence[Stake]) -> tuple[RawAmount | None, str]:
    """What can be taken out now; None with the reason where that is not known."""
    if receipt.reason:
        return None, ""
    if receipt.kind is ReceiptKind.RATE_PROVIDER:
        return None, "a rate does not tell what can be withdrawn"
    idle = receipt.idle_raw or RawAmount(0)
    if receipt.kind is ReceiptKind.AAVE_ATOKEN:
        # What the treasury has not drawn yet lies there too, and no aToken claims it.
        return min(idle, receipt.assets_raw or RawAmount(0)), ""
    if receipt.queue is not None:
        # Of a curated vault only what stands in its queue can be had, and nothing that lies idle.
        stakes = [stake for stake in stakes if stake.sub_market in receipt.queue]
        idle = RawAmount(0)
    seen = idle + sum(stake.amount_raw for stake in stakes)
    if seen < (receipt.assets_raw or 0) * SEEN:
        return None, (
            f"the followed markets show {seen} of the {receipt.assets_raw} it holds: follow "
            "the others too ([[markets]], market_ids) to know what can be withdrawn"
        )
    parts = [stake.withdrawable_raw for stake in stakes]
    if None in parts:
        return None, "a market it lends in does not tell its cash"
    return RawAmount(idle + sum(part for part in parts if part is not None)), ""


def _text(value: int | None) -> str | None:
    return None if value is None else str(value)
