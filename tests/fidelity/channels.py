"""What may happen beside prices: providers leave, an oracle reports too little, terms change, or
nobody does anything for days.
"""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, TypeAlias

from devnet.configuration import AAVE_3_0, AAVE_CORE
from devnet.executed import Use
from devnet.leaving import EVERYTHING

from fidelity.ground import Ground

CHANCE, WAITING_CHANCE = 0.2, 0.4
Field: TypeAlias = Literal["threshold_bps", "bonus_bps", "fee_bps"]
REPORTED = (
    (AAVE_CORE, "wstETH"),
    (AAVE_CORE, "WBTC"),
    (AAVE_3_0, "wstETH"),
    (AAVE_3_0, "WETH"),
    (AAVE_3_0, "WBTC"),
)
"""What no market of Morpho lends: what is lent there counts by the first market's report."""


@dataclass(frozen=True, slots=True)
class Leaving:
    """Of what is in the pools of an asset, or of all, `factor` stays."""

    asset: str
    factor: Fraction

    @property
    def shock(self) -> tuple[str, float]:
        return f"liquidity:{self.asset}", float(self.factor)


@dataclass(frozen=True, slots=True)
class Report:
    """One market's oracle says so much less, `change` being negative."""

    market: str
    asset: str
    change: Fraction

    @property
    def shock(self) -> tuple[str, float]:
        return f"oracle:{self.market}/{self.asset}", float(self.change)


@dataclass(frozen=True, slots=True)
class Term:
    """One market's term of an asset becomes this."""

    market: str
    asset: str
    field: Field
    bps: int

    @property
    def shock(self) -> tuple[str, float]:
        return f"parameter:{self.market}/{self.asset}.liquidation_{self.field}", self.bps


@dataclass(frozen=True, slots=True)
class Waiting:
    """Every market that lends goes on as it is used at the block, for so many days."""

    days: int

    def shocks(self, uses: Iterable[Use]) -> dict[str, str]:
        return {
            f"rate:{use.market}/{use.asset}": f"{float(use.utilisation):.12f}@{self.days}d"
            for use in uses
            if use.utilisation
        }


Channel: TypeAlias = Leaving | Report | Term


def draw_channels(rng: random.Random, ground: Ground) -> Iterator[Channel]:
    """Of each kind at most one."""
    if rng.random() < CHANCE:
        # Of those that are no pools of Uniswap V3, each has an asset that no other pool has.
        names = ("wstETH", "DAI") if ground.has_families else ("WETH", "WBTC")
        yield Leaving(rng.choice((*names, EVERYTHING)), Fraction(rng.randint(2, 9), 10))
    if rng.random() < CHANCE:
        yield Report(*rng.choice(REPORTED), Fraction(-rng.randint(50, 600), 10_000))
    if rng.random() < CHANCE:
        yield _term(rng, ground)


def draw_waiting(rng: random.Random, ground: Ground) -> Waiting | None:
    """Not where it is known to differ: a projection holds rates of exchange, which vault shares
    have, and holds the use of what is lent instead of its cash.
    """
    if rng.random() > WAITING_CHANCE or ground.claims or ground.cash_left:
        return None
    return Waiting(rng.randint(1, 20))


def _term(rng: random.Random, ground: Ground) -> Term:
    market, symbol = rng.choice((AAVE_CORE, AAVE_3_0)), rng.choice(("WETH", "WBTC", "USDC"))
    asset = ground.terms.asset(symbol)
    if rng.random() < 0.6:
        least = asset.ltv_bps - 400
        return Term(market, symbol, "threshold_bps", rng.randint(least, asset.threshold_bps))
    if rng.random() < 0.5:
        most = min(11_500, 10_000 * 10_000 // asset.threshold_bps - 50)
        return Term(market, symbol, "bonus_bps", rng.randint(10_100, most))
    return Term(market, symbol, "fee_bps", rng.randint(0, 3_000))
