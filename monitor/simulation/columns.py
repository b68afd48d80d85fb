"""The one door in: sheets of exact ints become the floats a projection plays with.

Amounts are raw token units, prices USD per raw unit. `Columns` is what no round changes;
`State` is what one does. Everything is put in a fixed order here, so that the order in which a
sheet lists its accounts decides nothing, not even a last bit.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from monitor.core.risk import Lending, MarketSheet, WorldSheet
from monitor.core.units import AssetId
from monitor.simulation.accounts import Account, LeftOut, accounts_of, label_of, negligible
from monitor.simulation.claims import ClaimColumns, Held, claims_of, unredeemable
from monitor.simulation.impact import Pool, Route, mid_along, route
from monitor.simulation.pools import pools_of
from monitor.simulation.quotes import Leaf, Quote, QuoteBook
from monitor.simulation.terms import Limits, limits_of


@dataclass(frozen=True, slots=True)
class MarketPath:
    """Where an asset's market price in USD comes from: the mids along `hops`, times `anchor`'s."""

    hops: Route
    anchor: int


@dataclass(frozen=True, slots=True)
class Follower:
    """A leaf with a market: the price along `path`, per that along `per` (None: USD).

    `answer`: what it says before the shock. `deviation`: None where its feed does not tell.
    """

    leaf: int
    path: MarketPath
    per: MarketPath | None
    answer: float
    deviation: float | None


@dataclass(frozen=True, slots=True)
class MarketColumn:
    """One market; its label is `name` or `name/sub-market`.

    `rank`: its configured market's place, which sub-markets share. `base_usd`: what is worth less
    than that is nothing to the market's own maths.
    """

    name: str
    label: str
    rank: int
    limits: Limits
    base_usd: float


@dataclass(frozen=True, slots=True)
class Columns:
    """All that no round changes, and the state before the shock.

    `unknown`: what makes any answer doubtful. `left_out`: what is not known either, but is too
    little to matter.

    `paths` has the quoted assets that pools connect to an anchor; the others' market price is
    their oracle's. `cash`, `debts` (all that is owed) and `lendings` are by quote.
    """

    markets: tuple[MarketColumn, ...]
    quotes: tuple[Quote, ...]
    paths: Mapping[AssetId, MarketPath]
    leaves: tuple[Leaf, ...]
    followers: tuple[Follower, ...]
    pools: tuple[Pool, ...]
    cash: tuple[float, ...]
    debts: tuple[float, ...]
    lendings: tuple[Lending | None, ...]
    accounts: tuple[Account, ...]
    claims: ClaimColumns
    unknown: tuple[str, ...]
    left_out: tuple[str, ...] = ()


@dataclass(slots=True)
class State:
    """What rounds change: `prices`, `cash` and `debts` by quote, `pools` as sales left them.

    `moved`: each leaf's answer, per what it was before the shock. Prices follow from it.
    `claims`: what stands behind each.
    """

    moved: list[float]
    prices: list[float]
    cash: list[float]
    debts: list[float]
    pools: list[Pool]
    accounts: list[Account]
    claims: dict[AssetId, Held]

    def copy(self) -> "State":
        """A state that later rounds leave alone."""
        return State(
            list(self.moved),
            list(self.prices),
            list(self.cash),
            list(self.debts),
            list(self.pools),
            list(self.accounts),
            dict(self.claims),
        )


def columns_of(world: WorldSheet) -> Columns:
    """A world as floats. What cannot be known is left out, with the reason."""
    book = QuoteBook(world)
    by_trust = _by_trust(world, book.quotes)
    pools = pools_of(world.curves, _first_prices(book.quotes, by_trust).get)
    unknown = list(pools.unknown)
    cash: list[float] = []
    accounts: list[Account] = []
    left_out: list[LeftOut] = []
    unlooked = list(pools.empty)
    quoted = _quoted(book.quotes, len(world.markets))
    for number, sheet in enumerate(world.markets):
        unknown += sheet.unknown
        unlooked += sheet.left_out
        index = quoted[number]
        cash += [float(sheet.assets[asset].cash_raw) for asset in index]
        priced = {a: at for a, at in index.items() if book.quotes[at].price is not None}
        if _is_nobodys(sheet, world):
            continue
        found, lost = accounts_of(number, sheet, priced, book.quotes)
        accounts += found
        left_out += lost
    unlooked += _unvalued(world)
    looked_at = [
        {} if _is_nobodys(sheet, world) else index
        for sheet, index in zip(world.markets, quoted, strict=True)
    ]
    claims = claims_of(world, book, looked_at)
    sold = {token for pool in pools.pools for token in pool.tokens}
    unlooked += unredeemable(world, claims, sold)
    reasons = [entry.reason for entry in left_out]
    is_little = negligible(left_out, accounts, book.quotes)
    paths = _paths(book, by_trust, pools.pools)
    lent = [world.markets[quote.market].assets[quote.asset].lending for quote in book.quotes]
    ranks = {name: rank for rank, name in enumerate(dict.fromkeys(m.market for m in world.markets))}
    return Columns(
        markets=tuple(_market(sheet, ranks[sheet.market]) for sheet in world.markets),
        quotes=tuple(book.quotes),
        paths={asset: path for asset, path in paths.items() if path.hops},
        leaves=tuple(book.leaves),
        followers=tuple(_followers(book.leaves, paths, pools.pools, book.quotes)),
        pools=pools.pools,
        cash=tuple(cash),
        debts=tuple(0.0 if lending is None else float(lending.debt_raw) for lending in lent),
        lendings=tuple(lent),
        accounts=tuple(accounts),
        claims=claims,
        unknown=tuple(unknown if is_little else unknown + reasons),
        left_out=tuple(unlooked + reasons if is_little else unlooked),
    )


def _quoted(quotes: list[Quote], markets: int) -> list[dict[AssetId, int]]:
    """Of each market, where the quotes of its assets are."""
    places: list[dict[AssetId, int]] = [{} for _ in range(markets)]
    for at, quote in enumerate(quotes):
        places[quote.market][quote.asset] = at
    return places


def state_of(columns: Columns) -> State:
    """The state before the shock. The price of an unknown quote is NaN, and nothing uses it.

    What interest made of claims is in no price yet.
    """
    moved = [1.0] * len(columns.leaves)
    for token, held in columns.claims.held.items():
        leaf = columns.claims.backings[token].leaf
        if leaf is not None:
            moved[leaf] = held.worth
    return State(
        moved=moved,
        prices=[float("nan") if q.price is None else q.price for q in columns.quotes],
        cash=list(columns.cash),
        debts=list(columns.debts),
        pools=list(columns.pools),
        accounts=list(columns.accounts),
        claims=dict(columns.claims.held),
    )


def _market(sheet: MarketSheet, rank: int) -> MarketColumn:
    limits = limits_of(sheet.terms, sheet.base_unit)
    return MarketColumn(str(sheet.market), label_of(sheet), rank, limits, 1 / sheet.base_unit)


def _is_nobodys(sheet: MarketSheet, world: WorldSheet) -> bool:
    """Whether anybody may have opened a market, and nothing is to tell what its loan is worth.

    Its debts are in no sum of USD. If they made one unknown, whoever lends himself a unit of a
    token of his own would blind every breaker.
    """
    counts_in = sheet.numeraire
    return sheet.is_permissionless and counts_in is not None and counts_in not in world.usd


def _unvalued(world: WorldSheet) -> Iterator[str]:
    """What is said of those: one line a market, however many of them it has."""
    exposed: dict[str, list[int]] = {}
    for sheet in world.markets:
        if sheet.exposures and _is_nobodys(sheet, world):
            exposed.setdefault(sheet.market, []).append(len(sheet.exposures))
    for name, counts in exposed.items():
        yield (
            f"{name}: no price of what {len(counts)} markets lend that anybody may open: "
            f"{sum(counts)} accounts are left out"
        )


def _by_trust(world: WorldSheet, quotes: list[Quote]) -> list[int]:
    """The quotes, those in USD first, those of markets that anybody may open last."""

    def doubt(at: int) -> tuple[bool, bool]:
        return quotes[at].per is not None, world.markets[quotes[at].market].is_permissionless

    return sorted(range(len(quotes)), key=doubt)


def _first_prices(quotes: list[Quote], by_trust: list[int]) -> dict[AssetId, float]:
    """USD per raw unit of each asset, by the first to be trusted that knows one."""
    prices: dict[AssetId, float] = {}
    for at in by_trust:
        price = quotes[at].price
        if price is not None:
            prices.setdefault(quotes[at].asset, price)
    return prices


def _paths(
    book: QuoteBook, by_trust: list[int], pools: tuple[Pool, ...]
) -> dict[AssetId, MarketPath]:
    """The way of each asset to an anchor; an anchor's own has no hops.

    Anchors are worth one USD and follow the market. A price that nothing moves is no market price,
    unless there is no other to go by.
    """
    quotes, shares = book.quotes, set(book.shares.values())
    first: dict[AssetId, int] = {}
    for at in by_trust:
        if quotes[at].price is not None:
            first.setdefault(quotes[at].asset, at)
    pegged = {asset: at for asset, at in first.items() if quotes[at].is_pegged}
    traded = {
        asset: at
        for asset, at in pegged.items()
        if any(leaf not in shares for leaf, _ in quotes[at].rests_on)
    }
    anchors = traded or pegged
    paths = {asset: MarketPath((), at) for asset, at in anchors.items()}
    for asset in sorted(first.keys() - anchors.keys()):
        hops = route(pools, asset, anchors.__contains__)
        if hops is not None:
            end = pools[hops[-1].pool].tokens[hops[-1].outward]
            paths[asset] = MarketPath(hops, anchors[end])
    return paths


def _followers(
    leaves: list[Leaf],
    paths: dict[AssetId, MarketPath],
    pools: tuple[Pool, ...],
    quotes: list[Quote],
) -> Iterator[Follower]:
    """Of the leaves whose market is known; anchors have none but themselves."""

    def usd(path: MarketPath) -> float:
        return mid_along(pools, path.hops) * (quotes[path.anchor].price or 0.0)

    for number, leaf in enumerate(leaves):
        asset = next((asset for asset in leaf.assets if asset in paths), None)
        if asset is None or (leaf.quote is not None and leaf.quote not in paths):
            continue
        path, per = paths[asset], None if leaf.quote is None else paths[leaf.quote]
        if not path.hops and (per is None or not per.hops):
            continue
        # What nobody tells, or tells of another asset, is taken to be in line before the shock.
        told = leaf.answer if asset == leaf.assets[0] else None
        answer = told or usd(path) / (1.0 if per is None else usd(per))
        yield Follower(number, path, per, answer, leaf.deviation)
