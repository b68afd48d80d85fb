"""By how much pledged tokens grow of themselves: the part of a loop's yield that no market pays."""

from collections.abc import Sequence
from fractions import Fraction

from monitor.core.keys import Kind
from monitor.core.ledger import LedgerView, each
from monitor.core.loops import Loops
from monitor.core.risk import WorldSheet
from monitor.core.sources import RiskRules
from monitor.core.units import AssetId, MarketId
from monitor.engine.footings import Footings
from monitor.engine.loop_carry import Yields
from monitor.leverage.claims import claims_of
from monitor.leverage.leaves import Quoted


def growth_in(
    world: WorldSheet, view: LedgerView, rules: Sequence[RiskRules]
) -> dict[AssetId, Fraction]:
    """A share of 1 a year, by asset; 0 of what claims nothing and no market prices by a rate.

    What is not known is not in it. Empty while nobody has a loop: only loops are asked for it.
    """
    if next(each(view, Kind.LOOPS, MarketId(""), Loops), None) is None:
        return {}
    listed = {asset for market in world.markets for asset in market.assets}
    rated = {
        sheet.asset
        for market in world.markets
        for sheet in market.assets.values()
        if Quoted(sheet.asset, market.numeraire, sheet.price).is_rated
    }
    at_unix = world.block.timestamp
    footings = Footings(view, rules, at_unix)
    yields = Yields(view, at_unix, footings, claims_of(view, rules, at_unix), rated)
    found = {asset: yields.growth(asset) for asset in sorted(listed)}
    return {asset: growth for asset, growth in found.items() if growth is not None}
