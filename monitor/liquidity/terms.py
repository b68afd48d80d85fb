"""What a pool trades and by which terms, in words for people."""

from collections.abc import Mapping
from decimal import Decimal

from monitor.core.curves import (
    ConstantProductCurve,
    DepthCurve,
    ParametricCurve,
    StableSwapCurve,
    TickCurve,
    UnknownCurve,
)
from monitor.core.units import AssetId


def pool_words(curve: DepthCurve | None, names: Mapping[AssetId, str]) -> str:
    """`names`: what tokens are called, where that is known."""
    if curve is None:
        return "not initialised: nothing can be sold there yet"
    pair = "/".join(names.get(token, token) for token in curve.tokens)
    match curve:
        case TickCurve() | ConstantProductCurve():
            return f"{pair}, fee {_percent(curve.fee_ppm, 4)}"
        case StableSwapCurve():
            swap = curve.swap
            strength = swap.amplification // swap.precision
            return f"{pair}, A {strength}, fee {_percent(swap.fee_e10, 8)}"
        case ParametricCurve():
            return f"{pair} off chain, {round(curve.sale_usd):,} USD move its price by 2 %"
        case UnknownCurve():
            return curve.reason


def _percent(units: int, places: int) -> str:
    return f"{Decimal(units).scaleb(-places).normalize():f} %"
