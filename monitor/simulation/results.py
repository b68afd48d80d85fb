"""What a projection found: its figures in floats, and what breakers measure by them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from monitor.errors import QuestionError
from monitor.simulation.options import Options
from monitor.simulation.scenarios import Curve, Scenario
from monitor.simulation.unwinding import Unwinding

LARGEST = 10
"""Accounts listed under `largest` and `largest_unliquidated`."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What befell one market, asset, kind of loop or account: seized as collateral, the rest as
    debt.
    """

    liquidated_usd: float = 0.0
    seized_usd: float = 0.0
    bad_debt_usd: float = 0.0
    unliquidated_usd: float = 0.0


@dataclass(frozen=True, slots=True)
class MarketFigures:
    """A market's figures beside all its debt before the shock."""

    market: str
    debt_usd: float
    figures: Figures


@dataclass(frozen=True, slots=True)
class PricePath:
    """Market price of one whole token in USD; None where unknown."""

    before: float | None
    shocked: float | None
    after: float | None


@dataclass(frozen=True, slots=True)
class AccountFigures:
    """What befell one account in one market. `loop_kind`: of its first debt that is in a loop."""

    account: str
    market: str
    figures: Figures
    loop_kind: str | None

    @property
    def debt_usd(self) -> float:
        """What was repaid of it."""
        return self.figures.liquidated_usd


@dataclass(frozen=True, slots=True)
class Contagion:
    """Debt repaid in one market because of liquidations in another, or in itself.

    `share`: of all that was repaid there.
    """

    source: str
    target: str
    liquidated_usd: float
    share: float


@dataclass(frozen=True, slots=True)
class RoundFigures:
    """One round. `oracles`: (market, asset label, new price in USD) of what followed the pools.

    `lending`: (market, asset label, utilisation, borrow rate a year) of what was repaid or taken.
    """

    liquidations: int
    liquidated_usd: float
    seized_usd: float
    bad_debt_realised_usd: float
    oracles: tuple[tuple[str, str, float], ...]
    lending: tuple[tuple[str, str, float, float | None], ...] = ()


@dataclass(frozen=True, slots=True)
class Projection:
    """The results of one scenario; every name as contract section 5 defines it.

    `unknown`: why no sum can be trusted. `left_out`: accounts that are too little to change one.
    `unliquidated_because`: USD by reason. `contagion`: the largest first; what is left of a
    market's liquidated debt the shock did itself.
    `unwinding`: None where no loop was to be closed.
    """

    scenario: Scenario
    options: Options
    bad_debt_realised_usd: float
    price_amplification: float
    converged: bool
    prices: Mapping[str, PricePath]
    by_market: Mapping[str, MarketFigures]
    by_asset: Mapping[str, Figures]
    by_loop_kind: Mapping[str, Figures]
    unliquidated_because: Mapping[str, float]
    contagion: tuple[Contagion, ...]
    largest: tuple[AccountFigures, ...]
    largest_unliquidated: tuple[AccountFigures, ...]
    round_log: tuple[RoundFigures, ...]
    unknown: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    unwinding: Unwinding | None = None

    @property
    def liquidated_usd(self) -> float:
        return sum(entry.figures.liquidated_usd for entry in self.by_market.values())

    @property
    def seized_usd(self) -> float:
        return sum(entry.figures.seized_usd for entry in self.by_market.values())

    @property
    def bad_debt_usd(self) -> float:
        return sum(entry.figures.bad_debt_usd for entry in self.by_market.values())

    @property
    def unliquidated_usd(self) -> float:
        return sum(entry.figures.unliquidated_usd for entry in self.by_market.values())

    @property
    def rounds(self) -> int:
        """Rounds with a liquidation."""
        return sum(1 for entry in self.round_log if entry.liquidations)

    @property
    def first_round_usd(self) -> float:
        """Of the first round with a liquidation."""
        return next((r.liquidated_usd for r in self.round_log if r.liquidations), 0.0)

    @property
    def amplification(self) -> float:
        # One round is the whole, though floats that are summed by market are a hair off it.
        return self.liquidated_usd / self.first_round_usd if self.rounds > 1 else 1.0

    @property
    def branching_ratio(self) -> float:
        """Debt that one USD of liquidated debt liquidates: in a branching process of that ratio
        the whole is the first generation by 1 - ratio (cascade-theory.md 1.2). 0 without a second.
        """
        return 1 - self.first_round_usd / self.liquidated_usd if self.rounds > 1 else 0.0

    @property
    def largest_share(self) -> float | None:
        """Of the account with most debt repaid, of all that was repaid; None of nothing."""
        if not self.largest or not self.liquidated_usd:
            return None
        return self.largest[0].figures.liquidated_usd / self.liquidated_usd

    @property
    def is_finite(self) -> bool:
        """Whether floats could hold every sum and price."""
        sums = self.liquidated_usd, self.seized_usd, self.bad_debt_usd, self.unliquidated_usd
        prices = self.prices.values()
        paths = (price for path in prices for price in (path.before, path.shocked, path.after))
        followed = (price for entry in self.round_log for *_, price in entry.oracles)
        return all(value is None or isfinite(value) for value in (*sums, *paths, *followed))

    def measure(self, name: str, markets: Sequence[str] = ("*",)) -> float | None:
        """A breaker's measure, over its markets. None for what only a curve has."""
        wanted = [
            entry
            for label, entry in self.by_market.items()
            if "*" in markets or label in markets or entry.market in markets
        ]
        match name:
            case "liquidated_usd" | "bad_debt_usd" | "unliquidated_usd":
                return float(sum(getattr(entry.figures, name) for entry in wanted))
            case "amplification":
                return self.amplification
            case "share_of_market":
                debt = sum(entry.debt_usd for entry in wanted)
                return sum(e.figures.liquidated_usd for e in wanted) / debt if debt else 0.0
            case "critical_shock":
                return None
        raise QuestionError(f"no measure {name!r}")


@dataclass(frozen=True, slots=True)
class CurveProjection:
    """One asset moved step by step. `critical_usd` is what a shock must reach to be critical."""

    curve: Curve
    options: Options
    critical_usd: float
    results: tuple[Projection, ...]

    @property
    def critical_shock(self) -> float | None:
        """The smallest |shock| that liquidates `critical_usd`; None when there is none."""
        for projection in self.results:
            if 0 < projection.liquidated_usd >= self.critical_usd:
                return abs(float(projection.scenario.moves[self.curve.asset]))
        return None

    @property
    def is_known(self) -> bool:
        """Whether no step left an account out, or found no end."""
        return self.converged and not self.unknown

    @property
    def converged(self) -> bool:
        return all(projection.converged for projection in self.results)

    @property
    def unknown(self) -> tuple[str, ...]:
        """Why the curve cannot be trusted."""
        return tuple(dict.fromkeys(why for result in self.results for why in result.unknown))

    def measure(self, name: str, markets: Sequence[str] = ("*",)) -> float | None:
        """`critical_shock`; any other measure belongs to one scenario and is None."""
        return self.critical_shock if name == "critical_shock" else None
