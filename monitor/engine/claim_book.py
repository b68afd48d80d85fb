"""The graph of claims in JSON: what collateral rests on, who shares it, who claims whom.

Nodes are (market, asset) and owners; an owner has pledged and owes, an asset is a claim on others.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from monitor.core.ports import ClaimFilter
from monitor.core.receipts import ReceiptKind
from monitor.core.units import AssetId, MarketId
from monitor.engine.paging import block_json, page_of, start_of
from monitor.engine.positions import PositionBook
from monitor.engine.valuation import ratio_number, total, usd_text
from monitor.errors import QuestionError
from monitor.leverage.claims import SEEN
from monitor.leverage.foundation import Spot
from monitor.leverage.measures import top_share

ATOKEN = ReceiptKind.AAVE_ATOKEN


@dataclass(frozen=True, slots=True)
class Pledge:
    """One asset that is collateral in use in one (sub-)market, of all accounts there."""

    spot: Spot
    asset: AssetId
    raw: int
    owners: int
    top1: Fraction | None
    usd: Fraction | None


class ClaimBook:
    """All collateral, and all claims, at one block."""

    def __init__(self, book: PositionBook) -> None:
        self._book = book
        self._claims = book.claims
        self._pledges = tuple(self._read())
        self._by_base: defaultdict[AssetId, list[Pledge]] = defaultdict(list)
        for pledge in self._pledges:
            for asset in self._met(pledge.asset):
                self._by_base[asset].append(pledge)
        worth: defaultdict[AssetId, list[Fraction | None]] = defaultdict(list)
        for pledge in self._pledges:
            worth[pledge.asset].append(pledge.usd)
        self._worth = {asset: total(values) for asset, values in worth.items()}

    def page(self, wanted: ClaimFilter) -> dict[str, Any]:
        """One page. Raises QuestionError: 410 for a stale cursor, 404 for an asset nobody knows."""
        start = start_of(wanted.cursor, self._book.block)
        assets = self._assets() if wanted.asset is None else self._asked(wanted.asset)
        shown, cursor = page_of(assets, start, wanted.limit, self._book.block)
        return {
            "block": block_json(self._book.block),
            "next": cursor,
            "claims": [self._asset_json(asset) for asset in shown],
            "markets": self._markets(shown),
        }

    def _markets(self, shown: Sequence[AssetId]) -> list[dict[str, Any]]:
        """How much of a (sub-)market's collateral is a claim on money lent in another, or in
        itself: of those where something shown is pledged, and such collateral is.
        """
        spots = {pledge.spot for asset in shown for pledge in self._by_base.get(asset, ())}
        by_spot: defaultdict[Spot, list[Pledge]] = defaultdict(list)
        for pledge in self._pledges:
            if pledge.spot in spots:
                by_spot[pledge.spot].append(pledge)
        told = (self._spot_json(spot, pledges) for spot, pledges in by_spot.items())
        return [row for row in told if row["claims_on"]]

    def _read(self) -> Iterator[Pledge]:
        for market, sums in self._book.sums.items():
            for (sub_market, asset), owners in sorted(sums.pledged_by.items()):
                raw = sum(owners.values())
                yield Pledge(
                    spot=(market, sub_market),
                    asset=asset,
                    raw=raw,
                    owners=len(owners),
                    top1=top_share(owners.values(), 1),
                    usd=self._book.worth([(asset, raw)]),
                )

    def _met(self, asset: AssetId) -> frozenset[AssetId]:
        """It, and everything it is a claim on."""
        within = self._claims.within(asset)
        parts = {part.asset for one in within for part in self._claims.claims[one].parts}
        return frozenset({asset, *within, *parts})

    def _assets(self) -> list[AssetId]:
        """By what is pledged of them; then what is of unknown worth, which anybody may pledge in a
        market of his own; then what is pledged nowhere.

        Every market issues a token for each of its assets: those that matter to no collateral are
        told of when they are asked for.
        """
        told = {a for a in self._claims.claims if self._claims.kind(a) is not ATOKEN}
        return sorted({*self._worth, *self._by_base, *told}, key=self._order)

    def _order(self, asset: AssetId) -> tuple[bool, bool, Fraction, AssetId]:
        worth = self._worth.get(asset)
        is_unknown = asset in self._worth and worth is None
        return asset not in self._worth, is_unknown, -(worth or Fraction(0)), asset

    def _asked(self, text: str) -> list[AssetId]:
        every = sorted({*self._worth, *self._by_base, *self._claims.claims}, key=self._order)
        found = [a for a in every if text.lower() == a or text == self._symbol(a)]
        if not found:
            raise QuestionError(
                f"asset = {text!r} is neither pledged anywhere nor a claim: expected an address, "
                "or the symbol of what is",
                404,
            )
        return found

    def _asset_json(self, asset: AssetId) -> dict[str, Any]:
        rest = self._claims.rests_on(asset)
        underlying = self._claims.underlying(asset)
        unknown = list(rest.reasons)
        if not unknown and rest.unknown > 1 - SEEN:
            unknown = [f"{asset}: a part of what stands behind it"]
        answer = {
            **self._named(asset),
            "kind": self._claims.kind(asset),
            "underlying": None if underlying is None else self._book.checksum(underlying),
            "rests_on": [
                {**self._named(base.asset), **_spot_json(base.spot), "share": ratio_number(share)}
                for base, share in rest.bases
            ],
            "circular": ratio_number(rest.circular),
            "unseen": ratio_number(rest.unknown),
            "claims_on": [
                {**_spot_json(spot), "share": ratio_number(self._claims.lent_in(asset, spot))}
                for spot in sorted(self._claims.behind(asset))
            ],
            "shared_by": [self._sharing_json(asset, one) for one in self._by_base.get(asset, ())],
        }
        return answer | ({"unknown": unknown} if unknown else {})

    def _sharing_json(self, asset: AssetId, pledge: Pledge) -> dict[str, Any]:
        """A pledge of the asset, or of what rests on it with the given share."""
        return {
            **_spot_json(pledge.spot),
            "pledged": self._named(pledge.asset),
            "amount": str(pledge.raw),
            "value_usd": usd_text(pledge.usd),
            "share": ratio_number(self._claims.part_in(pledge.asset, asset)),
            "owners": pledge.owners,
            "top1": ratio_number(pledge.top1),
        }

    def _spot_json(self, spot: Spot, pledges: list[Pledge]) -> dict[str, Any]:
        whole = total([pledge.usd for pledge in pledges])
        targets = sorted({to for pledge in pledges for to in self._claims.behind(pledge.asset)})
        return {
            **_spot_json(spot),
            "collateral_usd": usd_text(whole),
            "claims_on": [self._claimed_json(to, pledges, whole) for to in targets],
        }

    def _claimed_json(
        self, to: Spot, pledges: list[Pledge], whole: Fraction | None
    ) -> dict[str, Any]:
        shares = [self._claims.lent_in(pledge.asset, to) for pledge in pledges]
        parts = [
            None if pledge.usd is None else pledge.usd * share
            for pledge, share in zip(pledges, shares, strict=True)
        ]
        part = total(parts)
        share = None if part is None or not whole else Fraction(part, whole)
        if len(pledges) == 1:
            share = shares[0]  # of one collateral it needs no price
        return {**_spot_json(to), "value_usd": usd_text(part), "share": ratio_number(share)}

    def _named(self, asset: AssetId) -> dict[str, str]:
        return {"asset": self._book.checksum(asset), "symbol": self._symbol(asset)}

    def _symbol(self, asset: AssetId) -> str:
        return self._book.symbols.get(asset, asset)


def _spot_json(spot: Spot | None) -> Mapping[str, MarketId | str | None]:
    """Where something is lent or pledged; both None where it is held."""
    market, sub_market = spot or (None, "")
    return {"market": market, "sub_market": sub_market or None}
