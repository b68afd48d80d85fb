"""What a scenario changes before the first round, but for market prices: the other channels.

`check` refuses what names nothing in a world. `struck` gives a world's columns as they are then;
the figures before the shock are those of the columns it was given.
"""

from collections.abc import Container, Iterator, Mapping
from dataclasses import replace

from monitor.core.risk import MarketSheet, WorldSheet
from monitor.core.units import AssetId
from monitor.errors import QuestionError
from monitor.simulation.accounts import Account, label_of
from monitor.simulation.claims import grown
from monitor.simulation.columns import Columns, MarketColumn
from monitor.simulation.lending import cash_at, curve_after, growth_of
from monitor.simulation.options import Options
from monitor.simulation.parameters import check_settings, with_settings
from monitor.simulation.quotes import Quote
from monitor.simulation.scenarios import Hold, Listed, Scenario

LEAST_DEPTH = 1e-40
"""Of what a pool holds, where a shock leaves nothing: nobody sells there, and it has a mid yet."""


def check(world: WorldSheet, scenario: Scenario) -> None:
    """Raises QuestionError where a shock would change nothing, or one thing twice."""
    sold = {token for curve in world.curves for token in curve.tokens}
    known = sold.union(*(sheet.assets for sheet in world.markets))
    for asset in (*scenario.named, *(peg.base for peg in scenario.pegs.values())):
        if asset not in known:
            raise QuestionError(
                f"{_named(scenario, asset)} is in no configured market or pool: the shock would "
                "move nothing"
            )
    for named in scenario.depths:
        if not sold if named is None else named not in sold:
            of_it = "is configured" if named is None else f"holds {_named(scenario, named)}"
            raise QuestionError(f"no pool {of_it}: the shock would change no depth")
    _check_reports(world, scenario)
    check_settings(world, scenario)
    _check_holds(world, scenario)


def struck(columns: Columns, scenario: Scenario) -> Columns:
    """The columns with everything changed that is not a market price; themselves where none is.

    Raises QuestionError where what would change is not known now: unlike in `check`, it may be
    later.
    """
    if scenario.reports:
        columns = replace(columns, quotes=_misreported(columns, scenario))
    if scenario.depths:
        scaled = (pool.scaled(_depth_factor(scenario, pool.tokens)) for pool in columns.pools)
        columns = replace(columns, pools=tuple(scaled))
    if scenario.settings:
        columns = with_settings(columns, scenario)
    if scenario.holds:
        columns = _held(columns, scenario)
    return columns


def charged(options: Options, scenario: Scenario) -> Options:
    """The options with what a liquidation costs then."""
    return replace(options, gas_usd=options.gas_usd * float(scenario.gas))


def _check_reports(world: WorldSheet, scenario: Scenario) -> None:
    seen: set[tuple[str, AssetId]] = set()
    for listed in scenario.reports:
        found = [
            label_of(sheet) for sheet in _sheets(world, listed) if listed.asset != sheet.numeraire
        ]
        if not found:
            raise QuestionError(
                f"{listed.place} asks no oracle for {_named(scenario, listed.asset)}: the shock "
                "would move nothing"
            )
        for label in found:
            _once(seen, label, scenario, listed.asset)


def _check_holds(world: WorldSheet, scenario: Scenario) -> None:
    seen: set[tuple[str, AssetId]] = set()
    for listed in scenario.holds:
        named = _named(scenario, listed.asset)
        sheets = _sheets(world, listed)
        lent = [label_of(s) for s in sheets if s.assets[listed.asset].lending is not None]
        if not lent:
            raise QuestionError(f"{listed.place} lends no {named}: no rate would move")
        for label in lent:
            _once(seen, label, scenario, listed.asset)


def _once(seen: set[tuple[str, AssetId]], label: str, scenario: Scenario, asset: AssetId) -> None:
    if (label, asset) in seen:
        raise QuestionError(
            f"{_named(scenario, asset)} of {label} is shocked twice, by the market's name and by "
            "the sub-market's: keep one"
        )
    seen.add((label, asset))


def _sheets(world: WorldSheet, listed: Listed) -> Iterator[MarketSheet]:
    """Those of a place that list the asset."""
    for sheet in world.markets:
        if listed.place in (sheet.market, label_of(sheet)) and listed.asset in sheet.assets:
            yield sheet


def _is_in(market: MarketColumn, listed: Listed) -> bool:
    return listed.place in (market.name, market.label)


def _misreported(columns: Columns, scenario: Scenario) -> tuple[Quote, ...]:
    """What oracles report is off by a factor, whatever moves it afterwards."""

    def skew(quote: Quote) -> float:
        if quote.per is not None and quote.per.asset == quote.asset:
            return 1.0  # what a market counts in is asked of no oracle
        market = columns.markets[quote.market]
        for listed, ratio in scenario.reports.items():
            if listed.asset == quote.asset and _is_in(market, listed):
                return float(1 + ratio)
        return 1.0

    return tuple(replace(quote, skew=skew(quote)) for quote in columns.quotes)


def _held(columns: Columns, scenario: Scenario) -> Columns:
    """After a horizon at that utilisation: what is owed and what is supplied grew, cash is what is
    left. Nothing else accrues. Raises QuestionError where a curve is not known.
    """
    cash, lendings = list(columns.cash), list(columns.lendings)
    owed: dict[int, float] = {}
    supplied: dict[int, float] = {}
    lent: dict[int, float] = {}
    for at, quote in enumerate(columns.quotes):
        lending, hold = columns.lendings[at], hold_of(columns, scenario, quote)
        if lending is None or hold is None:
            continue
        if lending.curve is None:
            if any(account.market == quote.market for account in columns.accounts):
                raise QuestionError(
                    f"by which curve {columns.markets[quote.market].label} sets the rate of "
                    f"{_named(scenario, quote.asset)} is not known now: what it would be at "
                    "another utilisation cannot be told"
                )
            continue  # where nobody owes anything it matters to nobody
        utilisation = float(hold.utilisation)
        owed[at], supply = growth_of(lending, utilisation, hold.days)
        supplied[at] = supply if lending.secures else 1.0
        lent[at] = supply
        lendings[at] = replace(lending, curve=curve_after(lending.curve, utilisation, hold.days))
        cash[at] = cash_at(lending.debt_raw * owed[at], utilisation)
    debts = (owed.get(at, 1.0) * raw for at, raw in enumerate(columns.debts))
    accounts = (_grown(account, owed, supplied) for account in columns.accounts)
    return replace(
        columns,
        cash=tuple(cash),
        debts=tuple(debts),
        lendings=tuple(lendings),
        accounts=tuple(accounts),
        claims=grown(columns.claims, lent),
    )


def hold_of(columns: Columns, scenario: Scenario, quote: Quote) -> Hold | None:
    """How a scenario holds what a market lends of an asset, if it does."""
    market = columns.markets[quote.market]
    found = (
        hold
        for listed, hold in scenario.holds.items()
        if listed.asset == quote.asset and _is_in(market, listed)
    )
    return next(found, None)


def _grown(account: Account, owed: Mapping[int, float], supplied: Mapping[int, float]) -> Account:
    touched = {*(p.quote for p in account.pledges), *(d.quote for d in account.debts)}
    if touched.isdisjoint(owed):
        return account
    pledges = (replace(p, amount=p.amount * supplied.get(p.quote, 1.0)) for p in account.pledges)
    debts = (replace(d, amount=d.amount * owed.get(d.quote, 1.0)) for d in account.debts)
    return replace(account, pledges=tuple(pledges), debts=tuple(debts))


def _depth_factor(scenario: Scenario, tokens: Container[AssetId]) -> float:
    """Of a pool that two factors name, both."""
    product = 1.0
    for named, factor in scenario.depths.items():
        if named is None or named in tokens:
            product *= float(factor)
    return max(product, LEAST_DEPTH)


def _named(scenario: Scenario, asset: AssetId) -> str:
    return f"{scenario.labels.get(asset, asset)} ({asset})"
