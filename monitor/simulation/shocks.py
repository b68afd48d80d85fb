"""The grammar of shocks (contract section 4): what is written, name by name.

Every fault raises QuestionError. What the names stand for is said in scenarios.py.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from monitor.errors import QuestionError

NARROWEST, WIDEST = Decimal("1e-9"), Decimal("1e9")
"""A shocked price per price before: beyond these floats stop telling prices apart."""
LONGEST_DAYS = 3_650


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
    """`oracle:aave-core/wstETH`: the reported price alone.

    `asset` here and below is what stands behind the market: a sub-market's id may lead it.
    """

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


def _shock(key: str, value: Any) -> Shock:
    kind, colon, subject = key.partition(":")
    if not colon:
        if key == "gas":
            return GasShock(_factor(key, value))
        kind, subject = "price", key
    match kind:
        case "price":
            return PriceShock(_filled(key, subject), ratio_of(key, value))
        case "peg":
            asset, base = _pair(key, subject, "peg:ASSET/BASE")
            return PegShock(asset, base, ratio_of(key, value))
        case "oracle":
            market, asset = _pair(key, subject, "oracle:MARKET/ASSET")
            return OracleShock(market, asset, ratio_of(key, value))
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
    if len(days) > len(str(LONGEST_DAYS)) or int(days) > LONGEST_DAYS:
        raise QuestionError(f"shock {key!r}: expected a horizon of at most {LONGEST_DAYS} days")
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
    # Bounded before it becomes an int: 1e999999999 would not fit in memory.
    if not 0 <= number <= WIDEST or number != number.to_integral_value():
        raise QuestionError(f"shock {key!r}: {value!r} is not a whole number from 0 to {WIDEST:g}")
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


def ratio_of(key: str, value: Any) -> Decimal:
    """A move of a price: -0.3 is 30 % lower."""
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
    if not 0 <= factor <= WIDEST:
        raise QuestionError(f"shock {key!r}: {value} is not a factor from 0 to {WIDEST:g}")
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
