"""Scaled balances from token events, token version 3.5 and later (accounting.md 1.3, rule B).

Mint and Burn log the difference of *displayed* balances. Because an index is at least one ray,
exactly one scaled balance displays as the result, so it can be recovered from the log; the
logged `balanceIncrease` is checked against what we hold. Source: ScaledBalanceTokenBase.sol,
TokenMath.sol of aave-v3-origin 3.6.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from monitor.core.fixed_point import ray_div_down, ray_div_up, ray_mul_down, ray_mul_up
from monitor.core.units import Ray, ScaledAmount
from monitor.errors import LedgerCorrupt

Rounding = Callable[[int, int], int]


@dataclass(frozen=True, slots=True)
class TokenMath:
    """How one kind of token displays a scaled balance, and the inverse."""

    display: Rounding
    recover: Rounding


SUPPLY_TOKEN = TokenMath(display=ray_mul_down, recover=ray_div_up)
DEBT_TOKEN = TokenMath(display=ray_mul_up, recover=ray_div_down)


class TokenMove(NamedTuple):
    """A Mint (positive `value_raw`) or Burn (negative) of one account."""

    value_raw: int
    balance_increase_raw: int
    index_ray: Ray


def scaled_after(
    math: TokenMath, scaled: int, checkpoint_ray: int, move: TokenMove
) -> ScaledAmount:
    """The scaled balance after a move. Raises LedgerCorrupt when the log contradicts `scaled`."""
    displayed_before = math.display(scaled, checkpoint_ray)
    increase = math.display(scaled, move.index_ray) - displayed_before
    if increase != move.balance_increase_raw:
        raise LedgerCorrupt(
            f"interest since the last event is {increase} by the ledger but "
            f"{move.balance_increase_raw} by the log"
        )
    displayed_after = displayed_before + move.value_raw
    if displayed_after < 0:
        raise LedgerCorrupt(
            f"the log takes away {-move.value_raw}, the ledger knows of {displayed_before}"
        )
    return ScaledAmount(math.recover(displayed_after, move.index_ray))
