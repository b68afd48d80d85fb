"""What shocks mean in one world: names resolved, a field a channel. Faults raise QuestionError."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from monitor.core.units import AssetId, address
from monitor.errors import QuestionError
from monitor.simulation.names import NameBook
from monitor.simulation.shocks import (
    GasShock,
    LiquidityShock,
    OracleShock,
    ParameterShock,
    PegShock,
    PriceShock,
    RateShock,
    Shock,
    ratio_of,
)


class Peg(NamedTuple):
    """A market price against that of `base`."""

    base: AssetId
    ratio: Decimal


class Listed(NamedTuple):
    """An asset in a market. `place`: the market's name, for all its sub-markets, or a label."""

    place: str
    asset: AssetId


class Setting(NamedTuple):
    """A risk parameter: of an asset in a market, of a scheme of terms there, or of the market."""

    place: str
    subject: AssetId | str
    parameter: str


MARKET_WIDE = "*"
"""The subject of a parameter that is the market's own."""


class Hold(NamedTuple):
    """A utilisation, and for how many days it is held."""

    utilisation: Decimal
    days: int


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is to be projected, each mapping in the order it was written.

    `moves`: ratio by asset. `shocks`: as asked, for the answer. `labels`: names for the report; an
    asset without one is shown by its address. `pegs`: by asset, what it is pegged to first where
    that is pegged itself. `reports`: ratio by what an oracle reports. `depths`: factor by asset,
    None for every pool. `gas`: a factor. `settings`: the new value of risk parameters.
    `holds`: what is held of what is lent.
    """

    moves: Mapping[AssetId, Decimal] = field(default_factory=dict)
    shocks: Mapping[str, float | str] = field(default_factory=dict)
    labels: Mapping[AssetId, str] = field(default_factory=dict)
    pegs: Mapping[AssetId, Peg] = field(default_factory=dict)
    reports: Mapping[Listed, Decimal] = field(default_factory=dict)
    depths: Mapping[AssetId | None, Decimal] = field(default_factory=dict)
    gas: Decimal = Decimal(1)
    settings: Mapping[Setting, int] = field(default_factory=dict)
    holds: Mapping[Listed, Hold] = field(default_factory=dict)

    @property
    def named(self) -> tuple[AssetId, ...]:
        """The assets whose market prices are told to move."""
        return (*self.moves, *self.pegs)


@dataclass(frozen=True, slots=True)
class Curve:
    """One asset moved to `to` in equal steps. `name`: as asked; `labels`: as in `Scenario`."""

    asset: AssetId
    name: str
    to: Decimal
    steps: int
    labels: Mapping[AssetId, str] = field(default_factory=dict)

    def scenarios(self) -> tuple[Scenario, ...]:
        """The steps, nearest to zero first."""
        ratios = (self.to * step / self.steps for step in range(1, self.steps + 1))
        return tuple(
            Scenario({self.asset: ratio}, {self.name: float(ratio)}, self.labels)
            for ratio in ratios
        )

    def as_dict(self) -> dict[str, Any]:
        return {"asset": self.name, "to": float(self.to), "steps": self.steps}


def scenario_of(shocks: Iterable[Shock], names: NameBook) -> Scenario:
    """Resolve names. Refuses what is shocked twice, and pegs in a circle."""
    draft = _Draft(names)
    for shock in shocks:
        draft.take(shock)
    return draft.scenario()


def curve_of(asset: str, to: Any, steps: Any, names: NameBook) -> Curve:
    """The curve of contract section 2: `curve = { asset = "WETH", to = -0.5, steps = 100 }`."""
    ratio = ratio_of("to", to)
    if not ratio:
        raise QuestionError("a curve to 0 has no steps: expected `to` below or above 0")
    if isinstance(steps, bool) or not isinstance(steps, int) or not 1 <= steps <= 10_000:
        raise QuestionError(f"curve steps are {steps!r}: expected an integer from 1 to 10000")
    labels = scenario_of((PriceShock(asset, ratio),), names).labels
    return Curve(names.resolve(asset), asset, ratio, steps, labels)


class _Draft:
    """A scenario while its shocks are read, one after the other."""

    def __init__(self, names: NameBook) -> None:
        self._names = names
        self._asked: dict[str, float | str] = {}
        self._labels = names.labels()
        self._moves: dict[AssetId, Decimal] = {}
        self._pegs: dict[AssetId, Peg] = {}
        self._reports: dict[Listed, Decimal] = {}
        self._depths: dict[AssetId | None, Decimal] = {}
        self._gas = Decimal(1)
        self._settings: dict[Setting, int] = {}
        self._holds: dict[Listed, Hold] = {}

    def take(self, shock: Shock) -> None:
        match shock:
            case PriceShock():
                asset = self._asset(shock.asset)
                _once(asset in self._moves or asset in self._pegs, shock.asset)
                self._moves[asset] = shock.ratio
                self._asked[shock.asset] = float(shock.ratio)
            case PegShock():
                asset = self._asset(shock.asset)
                _once(asset in self._moves or asset in self._pegs, shock.asset)
                self._pegs[asset] = Peg(self._asset(shock.base), shock.ratio)
                self._asked[f"peg:{shock.asset}/{shock.base}"] = float(shock.ratio)
            case OracleShock():
                listed = self._listed(shock.market, shock.asset)
                key = f"{shock.market}/{shock.asset}"
                _once(listed in self._reports, key)
                self._reports[listed] = shock.ratio
                self._asked[f"oracle:{key}"] = float(shock.ratio)
            case LiquidityShock():
                named = None if shock.asset is None else self._asset(shock.asset)
                _once(named in self._depths, shock.asset or "*")
                self._depths[named] = shock.factor
                self._asked[f"liquidity:{shock.asset or '*'}"] = float(shock.factor)
            case GasShock():
                self._gas = shock.factor
                self._asked["gas"] = float(shock.factor)
            case ParameterShock():
                self._set(shock)
            case RateShock():
                listed = self._listed(shock.market, shock.asset)
                key = f"{shock.market}/{shock.asset}"
                _once(listed in self._holds, key)
                self._holds[listed] = Hold(shock.utilisation, shock.days)
                self._asked[f"rate:{key}"] = f"{shock.utilisation}@{shock.days}d"

    def scenario(self) -> Scenario:
        pegs = {asset: self._pegs[asset] for asset in self._bases_first()}
        return Scenario(
            moves=self._moves,
            shocks=self._asked,
            labels=self._labels,
            pegs=pegs,
            reports=self._reports,
            depths=self._depths,
            gas=self._gas,
            settings=self._settings,
            holds=self._holds,
        )

    def _set(self, shock: ParameterShock) -> None:
        place, name = self._names.place(shock.market, shock.asset)
        is_asset = name != MARKET_WIDE and (place, name) not in self._names.schemes
        subject = self._asset(name) if is_asset else name
        setting = Setting(place, subject, shock.parameter)
        key = f"{shock.market}/{shock.asset}.{shock.parameter}"
        _once(setting in self._settings, key)
        self._settings[setting] = shock.value
        self._asked[f"parameter:{key}"] = shock.value

    def _asset(self, name: str) -> AssetId:
        asset = self._names.resolve(name)
        if not _is_address(name):
            self._labels[asset] = name
        return asset

    def _listed(self, market: str, rest: str) -> Listed:
        place, name = self._names.place(market, rest)
        return Listed(place, self._asset(name))

    def _bases_first(self) -> Iterator[AssetId]:
        """Pegged assets, each after what it is pegged to."""
        done: set[AssetId] = set()
        for start in self._pegs:
            chain: list[AssetId] = []
            asset = start
            while asset in self._pegs and asset not in done:
                if asset in chain:
                    names = " to ".join(self._labels.get(a, a) for a in (*chain, asset))
                    raise QuestionError(f"pegs go round in a circle: {names}. Leave one out.")
                chain.append(asset)
                asset = self._pegs[asset].base
            done.update(chain)
            yield from reversed(chain)


def _once(is_known: bool, name: str) -> None:
    if is_known:
        raise QuestionError(f"{name!r} is shocked twice: keep one")


def _is_address(name: str) -> bool:
    try:
        return bool(address(name))
    except ValueError:
        return False
