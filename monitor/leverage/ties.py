"""Which assets are pegged to one another: by what they are, not by what they happen to cost.

Assets are tied where
- one is a claim on the other: a followed claim and its underlying, an aToken and its asset;
- a market prices one by what the other trades at: its price follows no market of its own but the
  other's, by a rate or under a cap, or just so (wstETH by ETH's feed), or both follow one feed;
- the operator says so (`[assets.X] correlated_with`);
- both are dollars (see `_is_dollar`).
Ties go on from asset to asset. No wobble of a price ties or unties anything, but for the last rule.

What is not known now ties nothing: where an oracle stops answering, what only it told is untied
until it answers again.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from monitor.core.keys import Kind
from monitor.core.ledger import LedgerView, each
from monitor.core.prices import Edge, Price, PriceKind
from monitor.core.receipts import Receipt
from monitor.core.reserves import Reserve
from monitor.core.sources import Listing, RiskRules
from monitor.core.units import Address, AssetId, MarketId
from monitor.leverage.groups import Groups

DOLLAR = "usd"
"""The name that all assets pegged to the dollar share."""
DOLLAR_WIDTH = Fraction(1, 5)
"""How far from 1 USD a dollar may be: none that lasted was further off."""
USD_UNIT = 10**8
"""The base unit of a market that counts in USD (Aave V3)."""


@dataclass(frozen=True, slots=True)
class Ties:
    """`roots`: of every asset that is pegged to another, a name that it shares with that.

    `pairs`: the (market, sub-market)s whose own oracle pegs their collateral to their loan. That
    holds there alone: anybody may open a market with any oracle.
    """

    roots: Mapping[AssetId, str] = field(default_factory=dict)
    pairs: frozenset[tuple[MarketId, str]] = frozenset()

    def root(self, asset: AssetId) -> str:
        return self.roots.get(asset, asset)

    def is_pegged(self, one: AssetId, other: AssetId) -> bool:
        return self.root(one) == self.root(other)


def moved(before: Ties, after: Ties) -> frozenset[AssetId]:
    """Assets whose holders must be looked at again: no other two were tied or untied.

    Beside them, whoever is in a sub-market of `before.pairs ^ after.pairs`.
    """
    return frozenset(
        asset for asset in {*before.roots, *after.roots} if before.root(asset) != after.root(asset)
    )


def ties_of(
    view: LedgerView,
    rules: Sequence[RiskRules],
    correlated: Mapping[AssetId, frozenset[AssetId]],
) -> Ties:
    """All ties at one block. `correlated`: which assets follow the key, as the operator says."""
    groups: Groups[str] = Groups()
    for claim, underlying in _claims(view, rules):
        groups.join(claim, underlying)
    for asset, followers in correlated.items():
        for follower in followers:
            groups.join(asset, follower)
    pairs: set[tuple[MarketId, str]] = set()
    for rule in rules:
        for listing in rule.listings(view):
            if listing.price is None:
                continue
            if is_paired := _is_paired(listing, listing.price):
                pairs.add((rule.market, listing.sub_market))
            if not listing.is_permissionless:
                for name in _names(listing, listing.price, is_paired=is_paired):
                    groups.join(listing.asset, name)
    return Ties(_roots(groups), frozenset(pairs))


def _roots(groups: Groups[str]) -> dict[AssetId, str]:
    """Every asset that shares its group, by the dollar's name or that of its smallest member.

    An asset begins with 0x, so it is smaller than what else stands in a group.
    """
    dollars = groups.top(DOLLAR)
    roots: dict[AssetId, str] = {}
    for top, members in groups.members().items():
        assets = [AssetId(Address(name)) for name in members if name.startswith("0x")]
        if top == dollars or len(assets) > 1:
            roots |= dict.fromkeys(assets, DOLLAR if top == dollars else top)
    return roots


def _claims(view: LedgerView, rules: Iterable[RiskRules]) -> Iterator[tuple[AssetId, AssetId]]:
    """Claims with what they are one on."""
    for key, receipt in each(view, Kind.RECEIPT, MarketId(""), Receipt):
        if receipt.underlying is not None:
            yield AssetId(key.subject), receipt.underlying
    for rule in rules:
        for _, reserve in each(view, Kind.RESERVE, rule.market, Reserve):
            yield reserve.supply_token, reserve.asset


def _names(listing: Listing, price: Price, *, is_paired: bool) -> Iterator[str]:
    """What the price ties its asset to: assets, the feeds it follows, the dollar."""
    edges = _side(price, 1)
    if listing.numeraire is None:
        feeds = {edge.source for edge in _leaves(edges)}
        if len(feeds) == 1 and all(edge.kind is not None for edge in edges):
            yield f"feed {feeds.pop()}"
        if listing.base_unit == USD_UNIT and _is_dollar(price):
            yield DOLLAR
    elif is_paired:
        yield listing.numeraire
    if (followed := _followed(listing.asset, edges)) is not None:
        yield followed


def _is_dollar(price: Price) -> bool:
    """Whether a market that counts in USD takes the asset for a dollar.

    A cap that stands still says so, or a fixed price: neither moves with the market. Where there is
    but a feed, its answer has to be within 20 % of 1 USD: wide, so that a dollar in trouble stays
    one (USDC came to 0.88 in March 2023). What a rate multiplies is told by what the rate is of.

    Two assets that just happen to cost 1 USD are taken for pegged while they do. Of the 16 assets
    owed by the 1,000 largest borrowers of Aave V3 on 2025-12-01, ten were within 20 %: nine
    dollars, and EURC (1.16 USD). What it does is to call an account concentrated in two such assets
    a loop by state, until one leaves the band.
    """
    edges = _side(price, 1)
    if any(edge.kind is PriceKind.EXCHANGE_RATE for edge in edges):
        return False
    for edge in edges:
        if edge.kind is PriceKind.CAPPED and edge.cap_reads:
            return False
        if edge.kind is PriceKind.CAPPED and edge.cap is not None and edge.decimals is not None:
            return is_near(edge.cap, 10**edge.decimals)
    return price.value is not None and is_near(price.value, USD_UNIT)


def is_near(amount: int, unit: int) -> bool:
    """Whether that is a dollar, where `unit` is one."""
    width = DOLLAR_WIDTH
    return abs(amount - unit) * width.denominator <= unit * width.numerator


def _is_paired(listing: Listing, price: Price) -> bool:
    """Whether a pair's oracle pegs its collateral to its loan.

    Either it asks no market (a rate, a fixed price), or the same one on both sides, which cancels
    out, or all feeds on both sides report dollars.
    """
    ways = [edge for edge in price.path if edge.exponent]
    if listing.numeraire in (None, listing.asset) or not ways:
        return False
    if any(edge.kind is None for edge in ways):
        return False
    above, below = _leaves(_side(price, 1)), _leaves(_side(price, -1))
    is_one = {edge.source for edge in above} == {edge.source for edge in below}
    return is_one or all(_tells_dollar(edge) for edge in (*above, *below))


def _tells_dollar(feed: Edge) -> bool:
    if feed.quote is not None or feed.answer is None or feed.decimals is None:
        return False
    return is_near(feed.answer, 10**feed.decimals)


def _followed(asset: AssetId, edges: Sequence[Edge]) -> AssetId | None:
    """The one asset by whose market price alone `asset` is priced.

    Of a chain of feeds it is the first: of stETH/ETH and ETH/USD stETH. None where a feed is its
    own, or may be, and where a contract on the way was not recognised.
    """
    leaves = _leaves(edges)
    reported = {edge.asset for edge in leaves}
    if None in reported or asset in reported or any(edge.kind is None for edge in edges):
        return None
    first = reported - {edge.quote for edge in leaves}
    return first.pop() if len(first) == 1 else None


def _side(price: Price, sign: int) -> tuple[Edge, ...]:
    """The contracts with which the price rises, or falls."""
    return tuple(edge for edge in price.path if edge.exponent * sign > 0)


def _leaves(edges: Iterable[Edge]) -> list[Edge]:
    return [edge for edge in edges if edge.reports_market]
