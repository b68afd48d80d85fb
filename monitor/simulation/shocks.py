"""What is asked: shocks in the grammar of contract section 4, and the scenario they make.

Every fault raises QuestionError. All kinds parse; only `price` is projected so far.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from monitor.core.units import AssetId, address
from monitor.errors import QuestionError
from monitor.simulation.names import NameBook

NARROWEST, WIDEST = Decimal("1e-9"), Decimal("1e9")
"""A shocked price per price before: beyond these floats stop telling prices apart."""


@dataclass(frozen=True, slots=True)
class PriceShock:
    """`WETH` or `price:WETH`: market price and every oracle that follows it, times (1 + ratio)."""

    asset: str
    ratio: Decimal


@dataclass(frozen=True, slots=True)
class PegShock:
    """`peg:wstETH/WETH`: the market price against its base."""

    asset: str
    base: str
    ratio: Decimal


@dataclass(frozen=True, slots=True)
class OracleShock:
    """`oracle:aave-core/wstETH`: the reported price alone."""

    market: str
    asset: str
    ratio: Decimal


@dataclass(frozen=True, slots=True)
class RateShock:
    """`rate:aave-core/WETH`: utilisation held for a horizon."""

    market: str
    asset: str
    utilisation: Decimal
    days: int


@dataclass(frozen=True, slots=True)
class ParameterShock:
    """`parameter:aave-core/WETH.liquidation_threshold_bps`: a risk parameter becomes `value`."""

    market: str
    asset: str
    parameter: str
    value: int


@dataclass(frozen=True, slots=True)
class LiquidityShock:
    """`liquidity:WETH` or `liquidity:*`: depth times factor. `asset` is None for all."""

    asset: str | None
    factor: Decimal


@dataclass(frozen=True, slots=True)
class GasShock:
    """`gas`: liquidators' cost times factor."""

    factor: Decimal


Shock = PriceShock | PegShock | OracleShock | RateShock | ParameterShock | LiquidityShock | GasShock


@dataclass(frozen=True, slots=True)
class Scenario:
    """Price moves to be projected, in the order they were written.

    `moves`: ratio by asset. `shocks`: as asked, for the answer. `labels`: names for the report;
    an asset without one is shown by its address.
    """

    moves: Mapping[AssetId, Decimal]
    shocks: Mapping[str, float | str] = field(default_factory=dict)
    labels: Mapping[AssetId, str] = field(default_factory=dict)


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


def pairs_of(arguments: Iterable[str], what: str = "shock") -> dict[str, str]:
    """`KEY=VALUE` words of a command line. Raises QuestionError for one that is none, or twice."""
    written: dict[str, str] = {}
    for argument in arguments:
        key, equals, value = argument.partition("=")
        if not equals:
            raise QuestionError(f"{what} {argument!r}: expected KEY=VALUE, as in WETH=-0.30")
        if key.strip() in written:
            raise QuestionError(f"{what} {key.strip()!r} is given twice: keep one")
        written[key.strip()] = value.strip()
    return written


def parse_shocks(written: Mapping[str, Any]) -> tuple[Shock, ...]:
    """Shocks of TOML or JSON: values are numbers, or strings that hold one."""
    return tuple(_shock(key, value) for key, value in written.items())


def scenario_of(shocks: Iterable[Shock], names: NameBook) -> Scenario:
    """Resolve names. Refuses what is not projected yet, and an asset named twice."""
    moves: dict[AssetId, Decimal] = {}
    asked: dict[str, float | str] = {}
    labels = names.labels()
    for shock in price_shocks(shocks):
        asset = names.resolve(shock.asset)
        if asset in moves:
            raise QuestionError(f"{shock.asset!r} ({asset}) is shocked twice: keep one")
        moves[asset] = shock.ratio
        asked[shock.asset] = float(shock.ratio)
        if not _is_address(shock.asset):
            labels[asset] = shock.asset
    return Scenario(moves, asked, labels)


def curve_of(asset: str, to: Any, steps: Any, names: NameBook) -> Curve:
    """The curve of contract section 2: `curve = { asset = "WETH", to = -0.5, steps = 100 }`."""
    ratio = _ratio("to", to)
    if not ratio:
        raise QuestionError("a curve to 0 has no steps: expected `to` below or above 0")
    if isinstance(steps, bool) or not isinstance(steps, int) or not 1 <= steps <= 10_000:
        raise QuestionError(f"curve steps are {steps!r}: expected an integer from 1 to 10000")
    labels = scenario_of((PriceShock(asset, ratio),), names).labels
    return Curve(names.resolve(asset), asset, ratio, steps, labels)


def price_shocks(shocks: Iterable[Shock]) -> tuple[PriceShock, ...]:
    """The same, when all are such as can be projected. Raises QuestionError for the others."""
    found = []
    for shock in shocks:
        if not isinstance(shock, PriceShock):
            kind = type(shock).__name__.removesuffix("Shock").lower()
            raise QuestionError(
                f"{kind} shocks are not supported yet: only price shocks are projected"
            )
        found.append(shock)
    return tuple(found)


def _shock(key: str, value: Any) -> Shock:
    kind, colon, subject = key.partition(":")
    if not colon:
        if key == "gas":
            return GasShock(_factor(key, value))
        kind, subject = "price", key
    match kind:
        case "price":
            return PriceShock(_filled(key, subject), _ratio(key, value))
        case "peg":
            asset, base = _pair(key, subject, "peg:ASSET/BASE")
            return PegShock(asset, base, _ratio(key, value))
        case "oracle":
            market, asset = _pair(key, subject, "oracle:MARKET/ASSET")
            return OracleShock(market, asset, _ratio(key, value))
        case "rate":
            return _rate_shock(key, subject, value)
        case "parameter":
            return _parameter_shock(key, subject, value)
        case "liquidity":
            asset = _filled(key, subject)
            return LiquidityShock(None if asset == "*" else asset, _factor(key, value))
    raise QuestionError(
        f"shock {key!r}: no kind {kind!r}; expected price, peg, oracle, rate, parameter, "
        "liquidity or gas"
    )


def _rate_shock(key: str, subject: str, value: Any) -> RateShock:
    market, asset = _pair(key, subject, "rate:MARKET/ASSET")
    utilisation, at, horizon = str(value).partition("@")
    days = horizon.removesuffix("d")
    if not at or days == horizon or not days.isascii() or not days.isdigit():
        raise QuestionError(f"shock {key!r}: {value!r} is not UTILISATION@DAYSd, as in '1.0@30d'")
    share = _number(key, utilisation)
    if not 0 <= share <= 1:
        raise QuestionError(f"shock {key!r}: utilisation {share} is not within 0 and 1")
    return RateShock(market, asset, share, int(days))


def _parameter_shock(key: str, subject: str, value: Any) -> ParameterShock:
    market, target = _pair(key, subject, "parameter:MARKET/ASSET.PARAMETER")
    asset, _, parameter = target.rpartition(".")
    if not asset or not parameter:
        raise QuestionError(f"shock {key!r}: expected parameter:MARKET/ASSET.PARAMETER")
    number = _number(key, value)
    if number != number.to_integral_value() or number < 0:
        raise QuestionError(f"shock {key!r}: {value!r} is not a whole number from 0")
    return ParameterShock(market, asset, parameter, int(number))


def _pair(key: str, subject: str, form: str) -> tuple[str, str]:
    left, _, right = subject.partition("/")
    if not left or not right:
        raise QuestionError(f"shock {key!r}: expected {form}")
    return left, right


def _filled(key: str, subject: str) -> str:
    if not subject:
        raise QuestionError(f"shock {key!r} names no asset")
    return subject


def _ratio(key: str, value: Any) -> Decimal:
    ratio = _number(key, value)
    if ratio <= -1:
        raise QuestionError(f"shock {key!r}: {value} is not above -1; -0.3 means 30 % lower")
    if not NARROWEST <= 1 + ratio <= WIDEST:
        raise QuestionError(
            f"shock {key!r}: {value} makes a price {1 + ratio:.3g} times what it was: expected "
            f"{NARROWEST:g} to {WIDEST:g}"
        )
    return ratio


def _factor(key: str, value: Any) -> Decimal:
    factor = _number(key, value)
    if factor < 0:
        raise QuestionError(f"shock {key!r}: {value} is not a factor from 0")
    return factor


def _number(key: str, value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise QuestionError(f"shock {key!r}: {value!r} is not a number")
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise QuestionError(f"shock {key!r}: {value!r} is not a number") from None
    if not number.is_finite():
        raise QuestionError(f"shock {key!r}: {value!r} is not a finite number")
    return number


def _is_address(name: str) -> bool:
    try:
        return bool(address(name))
    except ValueError:
        return False
