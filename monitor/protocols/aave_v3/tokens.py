"""Scaled balances from the logs of tokens, by the version of their code (accounting.md 1.3, 1.12).

A Mint or Burn logs amounts on display; what is wanted is the scaled balance behind them. Every log
also tells the interest since the account's last one (`balanceIncrease`), which is checked against
what we hold.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from monitor.core.fixed_point import (
    ray_div_down,
    ray_div_half_up,
    ray_div_up,
    ray_mul_down,
    ray_mul_half_up,
    ray_mul_up,
)
from monitor.core.units import Ray, ScaledAmount
from monitor.errors import LedgerCorrupt

Rounding = Callable[[int, int], int]


class TokenMove(NamedTuple):
    """A Mint (positive `value_raw`) or Burn (negative) of one account."""

    value_raw: int
    balance_increase_raw: int
    index_ray: Ray


class TokenMath(Protocol):
    """How one kind of token displays a scaled balance, and what a move says of it."""

    @property
    def display(self) -> Rounding:
        """`balanceOf` of a scaled balance at an index."""
        ...

    def after(self, scaled: int, checkpoint_ray: int, move: TokenMove) -> ScaledAmount:
        """The scaled balance after a move. Raises LedgerCorrupt where the log contradicts it."""
        ...


@dataclass(frozen=True, slots=True)
class DisplayedMath:
    """Token version 3.5 and later (rule B): a log tells the difference of *displayed* balances.

    Because an index is at least one ray, exactly one scaled balance displays as the result. Source:
    ScaledBalanceTokenBase.sol, TokenMath.sol of aave-v3-origin 3.6.
    """

    display: Rounding
    recover: Rounding

    def after(self, scaled: int, checkpoint_ray: int, move: TokenMove) -> ScaledAmount:
        displayed_before = self.display(scaled, checkpoint_ray)
        increase = self.display(scaled, move.index_ray) - displayed_before
        if increase != move.balance_increase_raw:
            raise _interest_differs(increase, move)
        displayed_after = displayed_before + move.value_raw
        if displayed_after < 0:
            raise _too_much(-move.value_raw, displayed_before)
        return ScaledAmount(self.recover(displayed_after, move.index_ray))


@dataclass(frozen=True, slots=True)
class RequestedMath:
    """Token versions 3.0.1 to 3.4 (rule A): a log tells the amount asked for, and the interest.

    A burn smaller than the interest is logged as a Mint, a transfer checkpoints with a Mint of the
    interest alone. Interest is rounded half up whatever else is. Source: ScaledBalanceTokenBase.sol
    of `@aave/core-v3` 1.19.3; for Spark's roundings accounting.md 1.12.
    """

    display: Rounding
    mint: Rounding
    burn: Rounding

    def after(self, scaled: int, checkpoint_ray: int, move: TokenMove) -> ScaledAmount:
        index = move.index_ray
        before = ray_mul_half_up(scaled, checkpoint_ray)
        increase = ray_mul_half_up(scaled, index) - before
        if increase != move.balance_increase_raw:
            raise _interest_differs(increase, move)
        asked = move.value_raw - increase
        if asked >= 0:
            return ScaledAmount(scaled + self.mint(asked, index))
        left = scaled - self.burn(-asked, index)
        if left < 0:
            raise _too_much(-asked, self.display(scaled, index))
        return ScaledAmount(left)


class TokenRules(NamedTuple):
    """One version of the tokens' code."""

    name: str
    supply: TokenMath
    debt: TokenMath


_HALF_UP = RequestedMath(display=ray_mul_half_up, mint=ray_div_half_up, burn=ray_div_half_up)

TOKEN_RULES: Mapping[str, TokenRules] = {
    rules.name: rules
    for rules in (
        TokenRules("3.0.1", _HALF_UP, _HALF_UP),
        TokenRules(
            "spark",
            RequestedMath(display=ray_mul_down, mint=ray_div_down, burn=ray_div_up),
            RequestedMath(display=ray_mul_up, mint=ray_div_up, burn=ray_div_down),
        ),
        TokenRules(
            "3.5",
            DisplayedMath(display=ray_mul_down, recover=ray_div_up),
            DisplayedMath(display=ray_mul_up, recover=ray_div_down),
        ),
    )
}
"""Versions by the release that brought them: "3.0.1" is what holds from there to 3.4."""


def _interest_differs(increase: int, move: TokenMove) -> LedgerCorrupt:
    return LedgerCorrupt(
        f"interest since the last event is {increase} by the ledger but "
        f"{move.balance_increase_raw} by the log"
    )


def _too_much(taken: int, displayed: int) -> LedgerCorrupt:
    return LedgerCorrupt(f"the log takes away {taken}, the ledger knows of {displayed}")
