"""What assets are called: from a name to the asset, and back to a name for a report."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from monitor.core.units import AssetId, address
from monitor.errors import QuestionError


@dataclass(frozen=True, slots=True)
class NameBook:
    """What assets are called. `named`: the [assets] entries; `symbols`: of all on-chain assets.

    `places`: names of markets, and the labels of their sub-markets. `schemes`: (place, name) of
    terms that accounts may choose there.
    """

    named: Mapping[str, AssetId]
    symbols: Mapping[AssetId, str]
    places: frozenset[str] = frozenset()
    schemes: frozenset[tuple[str, str]] = frozenset()

    def resolve(self, name: str) -> AssetId:
        """The asset of an [assets] name, a symbol only one asset has, or an address."""
        if name in self.named:
            return self.named[name]
        bearers = sorted(asset for asset, symbol in self.symbols.items() if symbol == name)
        if len(bearers) == 1:
            return bearers[0]
        if bearers:
            raise QuestionError(
                f"{name!r} is the symbol of {len(bearers)} assets: {', '.join(bearers)}. "
                "Use an address, or name one in [assets]."
            )
        try:
            return address(name)
        except ValueError:
            known = sorted({*self.named, *self.symbols.values()})
            raise QuestionError(
                f"no asset is called {name!r}: expected an address or one of {', '.join(known)}."
            ) from None

    def place(self, market: str, rest: str) -> tuple[str, str]:
        """The market or sub-market that leads `market/rest`, and what stands behind it."""
        if market not in self.places:
            known = sorted(name for name in self.places if "/" not in name)
            raise QuestionError(
                f"no market is called {market!r}: expected one of {', '.join(known)}."
            )
        sub_market, _, name = rest.partition("/")
        label = f"{market}/{sub_market}"
        return (label, name) if label in self.places else (market, rest)

    def labels(self) -> dict[AssetId, str]:
        """Unambiguous names for a report: [assets] names, then symbols only one asset has."""
        counts: dict[str, int] = {}
        for symbol in self.symbols.values():
            counts[symbol] = counts.get(symbol, 0) + 1
        labels = {
            asset: symbol
            for asset, symbol in self.symbols.items()
            if counts[symbol] == 1 and symbol not in self.named
        }
        return labels | {asset: name for name, asset in self.named.items()}


def book_of(
    told: Iterable[tuple[AssetId, str, bool]],
    named: Mapping[str, AssetId],
    places: Iterable[str] = (),
) -> NameBook:
    """`told`: asset, symbol, and whether anybody may list it where it is listed."""
    chosen: dict[AssetId, str] = {}
    anybodys: dict[AssetId, str] = {}
    for asset, symbol, is_permissionless in told:
        (anybodys if is_permissionless else chosen)[asset] = symbol
    # Else whoever opens a market on a token of his own called WETH takes the name away.
    taken = {*chosen.values(), *named}
    free = {asset: symbol for asset, symbol in anybodys.items() if symbol not in taken}
    return NameBook(named, free | chosen, frozenset(places))
