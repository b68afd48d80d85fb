"""Oracle prices as floats: what each rests on, and what it becomes when that moves.

A quote is one asset as one market's oracle sees it, in USD. It rests on *leaves*: the answers on
its path that follow a market price, and the worth of claims whose money is lent. Other exchange
rates and fixed prices are no leaves, so nothing moves them. What counts in an asset of its own
(Morpho Blue: the loan) rests on the leaves of that asset's USD price too, which cancel wherever two
quotes of the market are compared.

What is less than a feed's last digit, the feed calls 0. Aave's oracle then answers nothing, one of
Morpho's where it would have to divide by it. Such a quote keeps its tiny price, to value with.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from monitor.core.prices import PEG_WIDTH, Edge, PriceKind, reported
from monitor.core.risk import AssetSheet, MarketSheet, WorldSheet
from monitor.core.units import ZERO_ADDRESS, AssetId

PPM = 1e6


@dataclass(frozen=True, slots=True)
class Leaf:
    """An answer that follows the market price of an asset in `quote` (None: USD).

    `assets`: all whose price it is; one, but where markets give one source to several; none where
    it follows no market price, but what a claim is worth. `answer`:
    what it says before the shock of a raw unit of the first of them, where that is known.
    `deviation`: how far off the market it may be, where its feed is known to say. `least`: its last
    digit, per what it says before the shock; 0 where that is not known.
    """

    assets: tuple[AssetId, ...]
    quote: AssetId | None
    answer: float | None = None
    deviation: float | None = None
    least: float = 0.0


@dataclass(frozen=True, slots=True)
class Quote:
    """One asset as one market's oracle quotes it.

    `price`: USD per raw unit before the shock, None when unknown. `rests_on`: (leaf, exponent).
    `cap`: what the price never exceeds. `per`: the USD quote of what the market counts in, where
    that is an asset of its own. `needs`: (leaf, its last digit) of those at whose 0 the oracle has
    no answer; `least`: a price below which it has none either.
    """

    market: int
    asset: AssetId
    symbol: str
    decimals: int | None
    price: float | None
    rests_on: tuple[tuple[int, int], ...] = ()
    cap: float | None = None
    per: "Quote | None" = None
    skew: float = 1.0
    needs: tuple[tuple[int, float], ...] = ()
    least: float = 0.0

    def answers(self, moved: Sequence[float], price: float) -> bool:
        """Whether the oracle says anything when leaves have moved so, to this price."""
        return price >= self.least and all(moved[leaf] >= least for leaf, least in self.needs)

    def at(self, moved: Sequence[float]) -> float:
        """The price when each leaf's answer is so many times what it was; NaN when unknown."""
        return self._right(moved) * self.skew

    def _right(self, moved: Sequence[float]) -> float:
        price = self.uncapped(moved)
        if self.per is not None:
            free = self.per.uncapped(moved)
            return price * self.per.at(moved) / free if free else price
        return price if self.cap is None else min(price, self.cap)

    def uncapped(self, moved: Sequence[float]) -> float:
        """What the price would be without its cap, rightly reported: the market's own."""
        if self.price is None:
            return float("nan")
        price = self.price
        for leaf, exponent in self.rests_on:
            price *= moved[leaf] ** exponent
        return price

    @property
    def is_pegged(self) -> bool:
        """Whether it is worth one USD a token, or nearly."""
        if self.price is None or self.decimals is None:
            return False
        return abs(self.price * 10.0**self.decimals - 1) <= PEG_WIDTH


class QuoteBook:
    """The quotes of all markets, those that count in USD first: the others need them."""

    def __init__(self, world: WorldSheet) -> None:
        self._world = world
        self._named: dict[object, int] = {}
        self.shares: dict[AssetId, int] = {}
        self._backed = {token for token, claim in world.claims.items() if claim.lent}
        self.leaves: list[Leaf] = []
        self._dollars: dict[AssetId, Quote] = {}
        listed = (asset for sheet in world.markets for asset in sheet.assets.values())
        self._decimals = {asset.asset: asset.decimals for asset in listed}
        quotes: dict[tuple[int, AssetId], Quote] = {}
        by_need = sorted(enumerate(world.markets), key=lambda m: m[1].numeraire is not None)
        for number, sheet in by_need:
            for asset in _listed(sheet):
                quote = self._quote(number, sheet, asset)
                quotes[number, asset.asset] = quote
                if sheet.numeraire is None and quote.price is not None:
                    self._dollars.setdefault(asset.asset, quote)
        self.quotes = [
            quotes[number, asset.asset]
            for number, sheet in enumerate(world.markets)
            for asset in _listed(sheet)
        ]

    def _quote(self, number: int, sheet: MarketSheet, asset: AssetSheet) -> Quote:
        name = asset.asset, asset.symbol, asset.decimals
        if sheet.numeraire is None:
            if asset.price_base is None or asset.decimals is None:
                return Quote(number, *name, None)
            # Int by int is rounded once; a price of 0 is a price, but nothing can be sold at it.
            unit = sheet.base_unit * 10**asset.decimals
            price = asset.price_base / unit
            cap = asset.price.cap_value if asset.price and not asset.price.cap_follows else None
            leaves = tuple(self._leaves(asset, None, price))
            return Quote(
                number,
                *name,
                price,
                _product(leaves),
                None if cap is None else cap / unit,
                needs=self._needs(leaf for leaf, _ in leaves),
                least=1 / unit if asset.price_base else 0.0,
            )
        dollar = self._dollar(sheet.numeraire)
        if asset.price_base is None or dollar is None or dollar.price is None:
            return Quote(number, *name, None)
        price = asset.price_base / sheet.base_unit
        is_unit = asset.asset == sheet.numeraire and asset.price is None
        own = () if is_unit else tuple(self._leaves(asset, sheet.numeraire, price))
        rests_on = _product((*own, *dollar.rests_on))
        needs = self._needs(leaf for leaf, exponent in own if exponent < 0)
        return Quote(number, *name, price * dollar.price, rests_on, per=dollar, needs=needs)

    def _dollar(self, asset: AssetId) -> Quote | None:
        """An asset in USD: by the first market that counts in USD, else as users value it."""
        if asset not in self._dollars and (value := self._world.usd.get(asset)):
            leaves = [self._leaf(("usd", asset), Leaf((asset,), None, float(value)))]
            if asset in self._backed:
                leaves.append(self._share(asset))
            rests_on = tuple((leaf, 1) for leaf in leaves)
            self._dollars[asset] = Quote(-1, asset, "", None, float(value), rests_on)
        return self._dollars.get(asset)

    def _leaves(
        self, asset: AssetSheet, numeraire: AssetId | None, answer: float
    ) -> Iterator[tuple[int, int]]:
        """(leaf, exponent) of what an asset's price rests on, in the market's own count."""
        price = asset.price
        if price is None or not price.path:
            # The zero address is no source: assets without one share nothing.
            source = None if asset.source == ZERO_ADDRESS else asset.source
            least = 1 / asset.price_base if asset.price_base else 0.0
            leaf = Leaf((asset.asset,), numeraire, answer, least=least)
            yield self._leaf((source or object(), numeraire), leaf), 1
            return
        for edge in price.path:
            if edge.kind is PriceKind.EXCHANGE_RATE and edge.source in self._backed:
                yield self._share(edge.source), edge.exponent
            # A contract that was not recognised may be all of the price.
            if edge.exponent == 0 or edge.reads or edge.kind not in (PriceKind.MARKET, None):
                continue
            is_all = len(price.path) == 1 and price.cap_value is None
            quote = numeraire if edge.kind is None else edge.quote
            followed = reported(edge, asset.asset, numeraire)
            share = None if edge.deviation_ppm is None else edge.deviation_ppm / PPM
            told = answer if is_all else self._told(edge)
            leaf = Leaf((followed,), quote, told, share, 1 / edge.answer if edge.answer else 0.0)
            yield self._leaf((edge.source, quote), leaf), edge.exponent

    def _needs(self, leaves: Iterable[int]) -> tuple[tuple[int, float], ...]:
        needed = ((leaf, self.leaves[leaf].least) for leaf in dict.fromkeys(leaves))
        return tuple((leaf, least) for leaf, least in needed if least)

    def _share(self, claim: AssetId) -> int:
        """The leaf that says what a claim is worth, per what it was."""
        self.shares[claim] = self._leaf(("share", claim), Leaf((), None))
        return self.shares[claim]

    def _told(self, edge: Edge) -> float | None:
        """What a feed says of a raw unit, in USD or raw units of what it counts in."""
        own = None if edge.asset is None else self._decimals.get(edge.asset)
        other = 0 if edge.quote is None else self._decimals.get(edge.quote)
        if edge.answer is None or edge.decimals is None or own is None or other is None:
            return None
        return float(Fraction(edge.answer * 10**other, 10 ** (edge.decimals + own)))

    def _leaf(self, name: object, leaf: Leaf) -> int:
        """The number of a leaf, which has one name wherever it is met."""
        number = self._named.get(name)
        if number is None:
            number = self._named[name] = len(self.leaves)
            self.leaves.append(leaf)
            return number
        known = self.leaves[number]
        assets = tuple(dict.fromkeys((*known.assets, *leaf.assets)))
        answer = leaf.answer if known.answer is None else known.answer
        least = known.least or leaf.least
        self.leaves[number] = replace(known, assets=assets, answer=answer, least=least)
        return number


def _listed(sheet: MarketSheet) -> list[AssetSheet]:
    return sorted(sheet.assets.values(), key=lambda asset: asset.asset)


def _product(factors: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Factors with those of one leaf put together; what cancels is gone."""
    exponents: dict[int, int] = {}
    for leaf, exponent in factors:
        exponents[leaf] = exponents.get(leaf, 0) + exponent
    return tuple((leaf, exponent) for leaf, exponent in exponents.items() if exponent)
