"""The pools of a world, from exact curves of every family to floats."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from monitor.core.curves import (
    ConstantProductCurve,
    DepthCurve,
    ParametricCurve,
    StableSwapCurve,
    TickCurve,
    UnknownCurve,
)
from monitor.core.stable_swap import FEE_UNIT, RATE_UNIT
from monitor.core.units import AssetId
from monitor.simulation.impact import Pool
from monitor.simulation.product import ProductPool
from monitor.simulation.stable import Fee, StablePool
from monitor.simulation.ticks import TickPool, depth_of

TWO_PERCENT = 1 / math.sqrt(0.98) - 1
"""Of a reserve: the sale that lets the mid of a constant product fall by 2 %."""

UsdPerRaw = Callable[[AssetId], float | None]


@dataclass(frozen=True, slots=True)
class Pools:
    """In the order of the configuration. `unknown`: whose depth is not known; `empty`: those into
    which nothing can be sold, which is known.
    """

    pools: tuple[Pool, ...]
    unknown: tuple[str, ...]
    empty: tuple[str, ...]


class _UnknownError(Exception):
    """The depth of a pool is not known: the reason."""


class _EmptyError(Exception):
    """Nothing can be sold into a pool: the reason."""


def pools_of(curves: Iterable[DepthCurve], usd: UsdPerRaw) -> Pools:
    """`usd`: what oracles say of a raw unit, for depth that is stated and not read."""
    pools: list[Pool] = []
    unknown: list[str] = []
    empty: list[str] = []
    for curve in curves:
        try:
            pools.append(_pool(curve, usd))
        except _EmptyError as reason:
            empty.append(f"pool {curve.pool} {reason}: nothing is sold there")
        except (_UnknownError, ValueError) as reason:
            unknown.append(f"pool {curve.pool} {reason}: nothing is sold there")
    return Pools(tuple(pools), tuple(unknown), tuple(empty))


def _pool(curve: DepthCurve, usd: UsdPerRaw) -> Pool:
    match curve:
        case TickCurve():
            return _tick_pool(curve)
        case ConstantProductCurve():
            return _product_pool(curve)
        case StableSwapCurve():
            return _stable_pool(curve)
        case ParametricCurve():
            return _parametric_pool(curve, usd)
        case UnknownCurve():
            raise _UnknownError(f"is not known: {curve.reason}")


def _tick_pool(curve: TickCurve) -> TickPool:
    if not curve.sqrt_price_x96:
        raise _UnknownError("has no price yet")
    pool = TickPool(*depth_of(curve))
    if not any(pool.depth.liquidity):
        raise _EmptyError("holds no liquidity at any price")
    return pool


def _product_pool(curve: ConstantProductCurve) -> ProductPool:
    if not curve.reserve0 or not curve.reserve1:
        raise _EmptyError("holds nothing on one side")
    reserves = float(curve.reserve0), float(curve.reserve1)
    return ProductPool(curve.tokens, reserves, 1 - curve.fee_ppm / 1e6)


def _stable_pool(curve: StableSwapCurve) -> StablePool:
    swap = curve.swap
    if not all(curve.balances):
        raise _EmptyError("holds nothing of one of its coins")
    rates = tuple(rate / RATE_UNIT for rate in swap.rates)
    return StablePool(
        tokens=curve.tokens,
        balances=tuple(b * rate for b, rate in zip(curve.balances, rates, strict=True)),
        rates=rates,
        strength=swap.amplification * len(curve.tokens) / swap.precision,
        fee=Fee(
            least=swap.fee_e10 / FEE_UNIT,
            offpeg=swap.offpeg_e10 / FEE_UNIT,
            leaving=curve.admin_fee_e10 / FEE_UNIT,
        ),
    )


def _parametric_pool(curve: ParametricCurve, usd: UsdPerRaw) -> ProductPool:
    """The constant product without a fee whose mid falls by 2 % when so much is sold into it."""
    side_usd = float(curve.sale_usd) / TWO_PERCENT
    reserves = []
    for token in curve.tokens:
        price = usd(token)
        if not price:
            raise _UnknownError(f"has no depth: no market knows a price of {token}")
        reserves.append(side_usd / price)
    return ProductPool(curve.tokens, (reserves[0], reserves[1]), 1.0)
