"""Ask a world a question: `project` one scenario, or a `curve` of them. Pure, to the last bit."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from monitor.core.risk import WorldSheet
from monitor.core.units import AssetId
from monitor.simulation.accounts import label_of
from monitor.simulation.cascade import play
from monitor.simulation.channels import charged, check, struck
from monitor.simulation.columns import Columns, columns_of
from monitor.simulation.figures import projection_of
from monitor.simulation.names import NameBook, book_of
from monitor.simulation.options import Options
from monitor.simulation.results import CurveProjection, Projection
from monitor.simulation.scenarios import Curve, Scenario
from monitor.simulation.unwinding import loopers_of

CRITICAL_SHARE = 0.01
"""Of the asset's collateral: the default of `critical_usd`."""


def project(
    world: WorldSheet, scenario: Scenario, options: Options, columns: Columns | None = None
) -> Projection:
    """One scenario. Raises QuestionError where a shock would change nothing, ArithmeticError where
    numbers are beyond floats.

    `columns`: the world's, where it is asked more than once.
    """
    return _project(world, columns or columns_of(world), scenario, options)


def curve(
    world: WorldSheet, asked: Curve, options: Options, columns: Columns | None = None
) -> CurveProjection:
    """One asset, step by step. Raises QuestionError as `project` does."""
    columns = columns or columns_of(world)
    critical_usd = options.critical_usd
    if critical_usd is None:
        critical_usd = CRITICAL_SHARE * collateral_usd(columns, asked.asset)
    results = tuple(_project(world, columns, scenario, options) for scenario in asked.scenarios())
    return CurveProjection(asked, options, critical_usd, results)


def names_of(world: WorldSheet, named: Mapping[str, AssetId]) -> NameBook:
    """What the assets of a world may be called. `named`: the [assets] entries."""
    told = (
        (sheet.asset, sheet.symbol, market.is_permissionless)
        for market in world.markets
        for sheet in market.assets.values()
    )
    places = {name for sheet in world.markets for name in (sheet.market, label_of(sheet))}
    schemes = {(label_of(sheet), name) for sheet in world.markets for name in sheet.schemes}
    return replace(book_of(told, named, places), schemes=frozenset(schemes))


def factors_of(world: WorldSheet, columns: Columns, scenario: Scenario) -> dict[AssetId, float]:
    """New price per old of every asset that moves at first: named, resting on it, correlated.

    What a pegged asset is pegged to moves only if something else moves it.
    """
    factors = {asset: float(1 + ratio) for asset, ratio in scenario.moves.items()}
    _add_followers(world, columns, scenario.moves, factors)
    for asset, peg in scenario.pegs.items():
        factors[asset] = factors.setdefault(peg.base, 1.0) * float(1 + peg.ratio)
    _add_followers(world, columns, scenario.pegs, factors)
    return factors


def _add_followers(
    world: WorldSheet, columns: Columns, named: Iterable[AssetId], factors: dict[AssetId, float]
) -> None:
    """A price in another asset says how that one moves it only where no market has one in USD."""
    leaders = tuple(named)
    in_usd = {quote.asset for quote in columns.quotes if quote.per is None}
    quotes = [quote for quote in columns.quotes if quote.per is None or quote.asset not in in_usd]
    for asset in leaders:
        leaves = {at for at, leaf in enumerate(columns.leaves) if asset in leaf.assets}
        for quote in quotes:
            if any(leaf in leaves and exponent > 0 for leaf, exponent in quote.rests_on):
                factors.setdefault(quote.asset, factors[asset])
    for asset in leaders:
        for follower in sorted(world.correlated.get(asset, frozenset())):
            factors.setdefault(follower, factors[asset])


def collateral_usd(columns: Columns, asset: AssetId) -> float:
    """What accounts with debt pledge of an asset, at the oracle prices before the shock."""
    total = 0.0
    for account in columns.accounts:
        for pledge in account.pledges:
            quote = columns.quotes[pledge.quote]
            if quote.asset == asset:
                total += pledge.amount * (quote.price or 0.0)
    return total


def _project(
    world: WorldSheet, columns: Columns, scenario: Scenario, options: Options
) -> Projection:
    check(world, scenario)
    factors = factors_of(world, columns, scenario)
    loopers = loopers_of(world, columns, scenario) if options.unwind else None
    outcome = play(struck(columns, scenario), factors, charged(options, scenario), loopers)
    found = projection_of(columns, outcome, scenario, options, world.looped)
    if not found.is_finite:
        raise OverflowError("a sum is not finite")
    return found
