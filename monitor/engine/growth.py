"""How a claim's own worth grows: seen on the way, since no contract says what a rate was before."""

from fractions import Fraction

from monitor.core.blocks import BlockRef
from monitor.core.keys import Kind, growth_key
from monitor.core.ledger import LedgerView, each, find
from monitor.core.overlay import Overlay
from monitor.core.receipts import Growth, Receipt, Sample
from monitor.core.units import YEAR_SECONDS, AssetId, MarketId

SAMPLE_SECONDS = 24 * 3600
"""Staking rates move once a day: over less, a year's growth is not to be told."""
KEPT = 8
"""A week, and today."""


def observe(block: BlockRef, overlay: Overlay) -> None:
    """Note what each claim is worth, once a day."""
    for key, receipt in list(each(overlay, Kind.RECEIPT, MarketId(""), Receipt)):
        if not receipt.unit_shares or receipt.unit_assets_raw is None:
            continue
        place = growth_key(AssetId(key.subject))
        known = find(overlay, place, Growth)
        samples = known.samples if known else ()
        if samples and block.timestamp - samples[-1].at_unix < SAMPLE_SECONDS:
            continue
        sample = Sample(block.timestamp, receipt.unit_shares, receipt.unit_assets_raw)
        overlay.put(place, Growth((*samples, sample)[-KEPT:]))


def yearly_growth(
    view: LedgerView, token: AssetId, receipt: Receipt | None, at_unix: int
) -> Fraction | None:
    """Of what a claim is worth, a year, not compounded; None before it was seen for a day."""
    known = find(view, growth_key(token), Growth)
    if known is None or receipt is None or not receipt.unit_shares:
        return None
    if receipt.unit_assets_raw is None:
        return None
    first = known.samples[0]
    elapsed = at_unix - first.at_unix
    if elapsed < SAMPLE_SECONDS or not first.assets_raw:
        return None
    now = Fraction(receipt.unit_assets_raw, receipt.unit_shares)
    then = Fraction(first.assets_raw, first.shares)
    return (Fraction(now, then) - 1) * Fraction(YEAR_SECONDS, elapsed)
