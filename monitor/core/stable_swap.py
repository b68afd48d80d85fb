"""The arithmetic of StableSwap pools, in whole units and in the contracts' own order of rounding.

Source: curvefi/curve-contract, pool-templates/base/SwapTemplateBase.vy (get_D, get_y, get_dy); the
fee that grows off the peg: curvefi/stableswap-ng, CurveStableSwapNG.vy (_dynamic_fee). Balances
here are scaled: raw balance times rate, over 1e18, so that a unit of any coin is worth about one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

RATE_UNIT = 10**18
FEE_UNIT = 10**10
STEPS = 255
SWING = 10**12
"""A swing of less than one part in so many is rounding."""


class NoConvergenceError(ArithmeticError):
    """Newton's iteration found no end: the contract would revert."""


@dataclass(frozen=True, slots=True)
class Swap:
    """What never changes in a trade. `amplification`: A, in units of 1 / `precision`.

    `fee_e10` is of what is given; `offpeg_e10` is how many times as high it may become (1e10: it
    never changes; less means so too).
    """

    rates: tuple[int, ...]
    amplification: int
    precision: int
    fee_e10: int
    offpeg_e10: int = 0

    def scaled(self, balances: Sequence[int]) -> list[int]:
        """Raw balances to scaled ones."""
        return [b * rate // RATE_UNIT for b, rate in zip(balances, self.rates, strict=True)]

    def invariant(self, scaled: Sequence[int]) -> int:
        """D. Raises NoConvergenceError, also where a balance is 0 but not all are."""
        total = sum(scaled)
        if not total:
            return 0
        if not all(scaled):
            raise NoConvergenceError("a coin of the pool is used up")
        count = len(scaled)
        strength = self.amplification * count
        found = total
        for _ in range(STEPS):
            product = found
            for balance in scaled:
                product = product * found // (balance * count)
            before = found
            found = (
                (strength * total // self.precision + product * count)
                * found
                // ((strength - self.precision) * found // self.precision + (count + 1) * product)
            )
            if abs(found - before) <= 1:
                return found
        # Where a coin is all but used up, rounding lets it swing about its end: the contracts take
        # the last value.
        if abs(found - before) * SWING <= found:
            return found
        raise NoConvergenceError("the invariant of the pool is not found")

    def balance(self, scaled: Sequence[int], outward: int) -> int:
        """What of one coin there must be, given D and what there is of the others (get_y).

        `scaled` are the balances after something was put in; D is passed as their last element.
        """
        *held, invariant = scaled
        count = len(held)
        strength = self.amplification * count
        c, total = invariant, 0
        for place, balance in enumerate(held):
            if place == outward:
                continue
            total += balance
            c = c * invariant // (balance * count)
        c = c * invariant * self.precision // (strength * count)
        b = total + invariant * self.precision // strength
        found = invariant
        for _ in range(STEPS):
            before = found
            found = (found * found + c) // (2 * found + b - invariant)
            if abs(found - before) <= 1:
                return found
        raise NoConvergenceError("what the pool would give is not found")

    def given(self, balances: Sequence[int], inward: int, outward: int, amount: int) -> int:
        """What so much of one coin brings of another, raw (get_dy). Raises NoConvergenceError."""
        held = self.scaled(balances)
        invariant = self.invariant(held)
        after = list(held)
        after[inward] += amount * self.rates[inward] // RATE_UNIT
        rest = self.balance([*after, invariant], outward)
        out = held[outward] - rest - 1
        fee = self.fee((held[inward] + after[inward]) // 2, (held[outward] + rest) // 2)
        out -= out * fee // FEE_UNIT
        return out * RATE_UNIT // self.rates[outward]

    def fee(self, inward: int, outward: int) -> int:
        """The fee at these scaled balances, in 1e-10."""
        if self.offpeg_e10 <= FEE_UNIT:
            return self.fee_e10
        square = (inward + outward) ** 2
        evenness = (self.offpeg_e10 - FEE_UNIT) * 4 * inward * outward // square
        return self.offpeg_e10 * self.fee_e10 // (evenness + FEE_UNIT)
