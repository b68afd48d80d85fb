"""What a vault has in the followed markets: its own positions there, as the ledger has them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from monitor.core.events import Place
from monitor.core.keys import Key, Kind, market_key, pair_key, reserve_key
from monitor.core.ledger import LedgerView, Market, each, find
from monitor.core.pairs import Pair
from monitor.core.reserves import Reserve
from monitor.core.sources import RiskRules
from monitor.core.units import Address, AssetId, MarketId, RawAmount

Spot = tuple[RiskRules, str]
"""A market and one of its sub-markets (empty where it has none)."""


@dataclass(frozen=True, slots=True)
class Stake:
    """What a vault has of one asset in one market. `lent_raw`: of it what others may borrow."""

    market: MarketId
    sub_market: str
    asset: AssetId
    amount_raw: RawAmount
    lent_raw: RawAmount


def stake_at(
    view: LedgerView, spot: Spot, vault: Address, asset: AssetId, at_unix: int
) -> Stake | None:
    """What a vault has of an asset in one place; None where that is nothing.

    What it owes there is not set off. Collateral is lent out where the market pools its assets.
    """
    rule, sub_market = spot
    statement = rule.statement(view, Place(rule.market, vault, sub_market), at_unix)
    if statement is None:
        return None
    pledged = sum(line.amount_raw for line in statement.collateral if line.asset == asset)
    lent = sum(line.amount_raw for line in statement.lent if line.asset == asset)
    if not pledged + lent:
        return None
    is_pooled = find(view, reserve_key(rule.market, asset, sub_market), Reserve) is not None
    return Stake(
        market=rule.market,
        sub_market=sub_market,
        asset=asset,
        amount_raw=RawAmount(pledged + lent),
        lent_raw=RawAmount(pledged + lent if is_pooled else lent),
    )


def held_spots(view: LedgerView, spots: Iterable[Spot], vault: Address) -> Iterator[Spot]:
    """Where there is anything to ask for: places are many, and a vault is in few of them.

    Whom fees accrue to has something before there is any record of it.
    """
    paid: dict[MarketId, bool] = {}
    for spot in spots:
        market = spot[0].market
        if market not in paid:
            contracts = find(view, market_key(market), Market)
            paid[market] = contracts is not None and contracts.fee_recipient == vault
        # Not by position_key: so many keys would drive all others out of what it remembers.
        if paid[market] or view.get(Key(Kind.POSITION, market, spot[1], vault)) is not None:
            yield spot


def spots_by_asset(
    view: LedgerView, rules: Sequence[RiskRules]
) -> Mapping[AssetId, Sequence[Spot]]:
    """Where each asset can be lent or pledged, in the order of the configuration."""
    spots: dict[AssetId, dict[tuple[MarketId, str], Spot]] = defaultdict(dict)
    for rule in rules:
        for asset, sub_market in _assets(view, rule.market):
            spots[asset][rule.market, sub_market] = (rule, sub_market)
    return {asset: tuple(found.values()) for asset, found in spots.items()}


def spots_in(view: LedgerView, rules: Sequence[RiskRules], queue: Iterable[str]) -> Sequence[Spot]:
    """The sub-markets of a curated vault's queue that are followed."""
    return tuple(
        (rule, sub_market)
        for rule in rules
        for sub_market in dict.fromkeys(queue)
        if view.get(pair_key(rule.market, sub_market)) is not None
    )


def _assets(view: LedgerView, market: MarketId) -> Iterator[tuple[AssetId, str]]:
    for key, reserve in each(view, Kind.RESERVE, market, Reserve):
        yield reserve.asset, key.sub_market
    for key, pair in each(view, Kind.PAIR, market, Pair):
        yield pair.loan, key.sub_market
        yield pair.collateral, key.sub_market
