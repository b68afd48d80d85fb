"""Pools of two or more coins that keep the StableSwap invariant.

Source: curvefi/curve-contract, pool-templates/base/SwapTemplateBase.vy (get_D, get_y, exchange),
and curvefi/stableswap-ng for the fee that grows off the peg; without their rounding to whole units.
What a sale brings is the root of a quadratic, written so that a small sale keeps its digits.

With Ann = A n and K = D^(n+1) / (n^n Π x), the invariant is Ann Σ x + D = Ann D + K, and a coin's
price at the margin is in proportion to Ann + K / x.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from monitor.core.units import AssetId

STEPS = 255
EVEN = 1e-15
"""Factors that differ by less move nothing."""


@dataclass(frozen=True, slots=True)
class Fee:
    """Ratios. `offpeg`: how many times as high it may become off the peg; 0 or 1: never.

    `leaving`: the share of the fee that does not stay in the pool.
    """

    least: float
    offpeg: float
    leaving: float

    def at(self, held: float, paid: float) -> float:
        """Between two balances that a trade passes on its way."""
        if self.offpeg <= 1:
            return self.least
        evenness = 4 * held * paid / (held + paid) ** 2
        return self.offpeg * self.least / ((self.offpeg - 1) * evenness + 1)


@dataclass(frozen=True, slots=True)
class StablePool:
    """`balances` in units of one worth; `rates`: such units per raw unit. `strength` is A n."""

    tokens: tuple[AssetId, ...]
    balances: tuple[float, ...]
    rates: tuple[float, ...]
    strength: float
    fee: Fee

    def sold(self, amount: float, inward: int, outward: int) -> tuple[float, "StablePool"]:
        """Proceeds of an amount put in, and the pool after it."""
        if amount <= 0:
            return 0.0, self
        put_in = amount * self.rates[inward]
        gross, left = self._given(put_in, inward, outward)
        held, paid = self.balances[inward], self.balances[outward]
        fee = gross * self.fee.at(held + put_in / 2, (paid + left) / 2)
        balances = list(self.balances)
        balances[inward] += put_in
        balances[outward] = left + fee * (1 - self.fee.leaving)
        return (gross - fee) / self.rates[outward], replace(self, balances=tuple(balances))

    def _given(self, put_in: float, inward: int, outward: int) -> tuple[float, float]:
        """What so much takes out before the fee, and what it leaves of that coin."""
        count, invariant = len(self.balances), self.invariant()
        held, paid = self.balances[inward], self.balances[outward]
        c, others = invariant, put_in
        for place, balance in enumerate(self.balances):
            if place != outward:
                c *= invariant / (count * balance)
                others += balance
        c *= invariant / (count * self.strength)
        grown = held + put_in
        h = others + invariant / self.strength - invariant
        root = math.sqrt(h * h + 4 * c * (held / grown))
        gross = 2 * put_in * (paid + c / grown) / (2 * paid + h + root)
        left = 2 * c * (held / grown) / (h + root) if h > 0 else (root - h) / 2
        return gross, left

    def invariant(self) -> float:
        """D, by Newton from above: it falls until rounding stops it."""
        count, total = len(self.balances), sum(self.balances)
        found = total
        for _ in range(STEPS):
            product = found
            for balance in self.balances:
                product *= found / (count * balance)
            after = (self.strength * total + product * count) * (
                found / ((self.strength - 1) * found + (count + 1) * product)
            )
            if not after < found:
                break
            found = after
        return found

    def mid(self, inward: int, outward: int) -> float:
        """Raw units of one token per raw unit of the other at the margin, before the fee."""
        weights = self._weights()
        return weights[inward] / weights[outward] * (self.rates[inward] / self.rates[outward])

    def _weights(self) -> list[float]:
        pull = invariant = self.invariant()
        for balance in self.balances:
            pull *= invariant / (len(self.balances) * balance)
        return [self.strength + pull / balance for balance in self.balances]

    def kept(self, inward: int, outward: int) -> float:
        """What the fee leaves of a sale, at most."""
        return 1 - self.fee.least

    def moved(self, factors: Sequence[float]) -> "StablePool":
        """After arbitrage to these mids. Of two coins the fee is in; of more it is left out."""
        if max(factors) - min(factors) <= EVEN * max(factors):
            return self
        weights = [w * factor for w, factor in zip(self._weights(), factors, strict=True)]
        target = self._resting(weights)
        if len(target) > 2:
            return replace(self, balances=tuple(target))
        inward = 0 if target[0] > self.balances[0] else 1
        invariant, grown = self.invariant(), 1.0
        # Fees let the invariant grow, and every balance at a given mid with it.
        for _ in range(STEPS):
            put_in = (grown * target[inward] - self.balances[inward]) / self.rates[inward]
            _, after = self.sold(put_in, inward, 1 - inward)
            before, grown = grown, after.invariant() / invariant
            if abs(grown - before) <= EVEN:
                break
        return replace(self, balances=tuple(grown * balance for balance in target))

    def _resting(self, weights: Sequence[float]) -> list[float]:
        """The balances of this invariant at which prices are in proportion to `weights`.

        They are K / (λ weight - Ann): λ is the one at which they make up D.
        """
        count, invariant, strength = len(weights), self.invariant(), self.strength
        least = min(weights)
        # How far each weight is above the least: exactly 0 there.
        above = [strength * ((weight - least) / least) for weight in weights]

        def at(log_gap: float) -> tuple[float, list[float]]:
            gaps = [a + math.exp(log_gap) * (1 + a / strength) for a in above]
            pull = invariant * math.exp(sum(math.log(gap / count) for gap in gaps) / (count + 1))
            return pull, [pull / gap for gap in gaps]

        low, high = -300.0, 300.0
        while low < (middle := (low + high) / 2) < high:
            pull, balances = at(middle)
            is_short = strength * (math.fsum(balances) - invariant) + invariant > pull
            low, high = (middle, high) if is_short else (low, middle)
        return at(middle)[1]

    def scaled(self, factor: float) -> "StablePool":
        """So many times as deep, at the same mids."""
        return replace(self, balances=tuple(balance * factor for balance in self.balances))
