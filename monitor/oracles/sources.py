"""The event sources that make up the prices of all markets."""

from collections.abc import Callable, Mapping, Sequence

from monitor.core.abi import Abi
from monitor.core.sources import EventSource
from monitor.core.units import Address, MarketId
from monitor.oracles.aave_oracle import AaveOraclePrices
from monitor.oracles.announcements import Announcements
from monitor.oracles.family import Views
from monitor.oracles.graph import OracleGraph
from monitor.oracles.way import Cadence


def price_sources(
    markets: Sequence[MarketId],
    library: Callable[[str], Abi],
    cadences: Mapping[Address, Cadence],
) -> tuple[EventSource, ...]:
    """In the order in which they have to be read: what prices are, then where they come from."""
    views, oracle = Views(library), library("aave_v3/AaveOracle")
    return (
        *(AaveOraclePrices(market, oracle) for market in markets),
        OracleGraph(markets, views, cadences),
        *(Announcements(market, views) for market in markets),
    )
