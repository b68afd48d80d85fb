"""What an executed crash came to: exact, from events and views, beside what was projected."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from devnet.abi import Address

CENTS_PER_USD = 100


@dataclass(frozen=True, slots=True)
class Liquidation:
    """One liquidation and what came with it; values at the round's oracle prices.

    Assets are symbols. `received` is the liquidator's, `fee` the treasury's part of the
    collateral; `deficit_raw` is what was written off, by debt asset.
    """

    market: str
    account: Address
    debt: str
    collateral: str
    repaid_raw: int
    received_raw: int
    fee_raw: int
    deficit_raw: Mapping[str, int]
    repaid_usd: Fraction
    received_usd: Fraction
    fee_usd: Fraction
    deficit_usd: Fraction


@dataclass(frozen=True, slots=True)
class Update:
    """An oracle that was set after a round; `price_usd` is a whole asset's in the market."""

    oracle: str
    asset: str
    price_usd: Fraction


@dataclass(frozen=True, slots=True)
class Use:
    """How much of what is lent of an asset is borrowed, and at which rate a year, uncompounded.

    As the contracts keep it: without interest since the market was last touched.
    """

    market: str
    asset: str
    utilisation: Fraction
    borrow_rate: Fraction


@dataclass(frozen=True, slots=True)
class Round:
    """`visited` in order, in a block of their own, if there was anybody to visit.

    Oracles stood still until all were visited; `updates` came after. `uses` are of every asset
    that is lent, after the visits.
    """

    number: int
    block_number: int | None
    visited: tuple[Address, ...]
    liquidations: tuple[Liquidation, ...]
    updates: tuple[Update, ...]
    uses: tuple[Use, ...] = ()

    @property
    def goes_on(self) -> bool:
        """Something changed, so that another round must look."""
        return bool(self.liquidations or self.updates)

    @property
    def figures(self) -> "Figures":
        return figures_of(self.liquidations, ())


@dataclass(frozen=True, slots=True)
class Remainder:
    """An account still liquidatable at the end, as its market values it."""

    market: str
    account: Address
    collateral_usd: Fraction
    debt_usd: Fraction


@dataclass(frozen=True, slots=True)
class Figures:
    """Sums in USD: debt repaid, collateral that liquidators received, debt lost, debt left."""

    liquidated_usd: Fraction
    seized_usd: Fraction
    fees_usd: Fraction
    bad_debt_realised_usd: Fraction
    bad_debt_unrealised_usd: Fraction
    unliquidated_usd: Fraction

    @property
    def bad_debt_usd(self) -> Fraction:
        return self.bad_debt_realised_usd + self.bad_debt_unrealised_usd

    def as_dict(self) -> dict[str, str]:
        return {
            "liquidated_usd": usd(self.liquidated_usd),
            "seized_usd": usd(self.seized_usd),
            "bad_debt_usd": usd(self.bad_debt_usd),
            "unliquidated_usd": usd(self.unliquidated_usd),
        }


def figures_of(liquidations: Iterable[Liquidation], left: Iterable[Remainder]) -> Figures:
    done, remainders = tuple(liquidations), tuple(left)
    return Figures(
        liquidated_usd=total(each.repaid_usd for each in done),
        seized_usd=total(each.received_usd for each in done),
        fees_usd=total(each.fee_usd for each in done),
        bad_debt_realised_usd=total(each.deficit_usd for each in done),
        bad_debt_unrealised_usd=total(
            max(Fraction(), each.debt_usd - each.collateral_usd) for each in remainders
        ),
        unliquidated_usd=total(each.debt_usd for each in remainders),
    )


@dataclass(frozen=True, slots=True)
class PricePath:
    """Market price of one whole token in USD."""

    before: Fraction
    shocked: Fraction
    after: Fraction


@dataclass(frozen=True, slots=True)
class Executed:
    """`prices`: of every asset that pools connect to an anchor of USD prices.

    `markets`: their names in a projection's results, one for each sub-market. `silent`: assets
    whose feed says 0 in the end, so that Aave's oracle answers nothing.
    """

    markets: tuple[str, ...]
    shocks: Mapping[str, Fraction]
    prices: Mapping[str, PricePath]
    played: tuple[Round, ...]
    converged: bool
    left: tuple[Remainder, ...]
    silent: tuple[str, ...] = ()

    @property
    def done(self) -> tuple[Liquidation, ...]:
        """All liquidations, in order."""
        return tuple(each for played in self.played for each in played.liquidations)

    @property
    def figures(self) -> Figures:
        """Of all markets together."""
        return figures_of(self.done, self.left)

    def figures_in(self, market: str) -> Figures:
        """Of one market or sub-market; of all its sub-markets where there are some."""
        return figures_of(
            (each for each in self.done if _is_in(each.market, market)),
            (each for each in self.left if _is_in(each.market, market)),
        )

    @property
    def liquidations(self) -> int:
        return len(self.done)

    @property
    def rounds(self) -> int:
        """Rounds with a liquidation."""
        return sum(1 for each in self.played if each.liquidations)

    @property
    def first_liquidation_block(self) -> int | None:
        return next((each.block_number for each in self.played if each.liquidations), None)

    @property
    def first_round_usd(self) -> Fraction:
        """Repaid in the first round with a liquidation."""
        rounds = (each.figures.liquidated_usd for each in self.played if each.liquidations)
        return next(rounds, Fraction())

    @property
    def liquidated_usd(self) -> Fraction:
        return self.figures.liquidated_usd

    @property
    def seized_usd(self) -> Fraction:
        return self.figures.seized_usd

    @property
    def fees_usd(self) -> Fraction:
        return self.figures.fees_usd

    @property
    def bad_debt_realised_usd(self) -> Fraction:
        return self.figures.bad_debt_realised_usd

    @property
    def bad_debt_usd(self) -> Fraction:
        return self.figures.bad_debt_usd

    @property
    def unliquidated_usd(self) -> Fraction:
        return self.figures.unliquidated_usd

    @property
    def amplification(self) -> Fraction:
        return self.liquidated_usd / self.first_round_usd if self.rounds else Fraction(1)

    @property
    def price_amplification(self) -> Fraction:
        """Final drop per initial drop: the largest over the shocked assets."""
        paths = [self.prices[symbol] for symbol in self.shocks if symbol in self.prices]
        drops = (
            (path.before - path.after) / (path.before - path.shocked)
            for path in paths
            if path.shocked != path.before
        )
        return max(drops, default=Fraction(1))

    @property
    def prices_usd(self) -> dict[str, Fraction]:
        """By the market, in the end."""
        return {symbol: path.after for symbol, path in self.prices.items()}

    def as_dict(self) -> dict[str, Any]:
        """Names and shapes of a projection's `result`, to lay the two side by side."""
        return self.figures.as_dict() | {
            "first_round_usd": usd(self.first_round_usd),
            "bad_debt_realised_usd": usd(self.bad_debt_realised_usd),
            "amplification": float(self.amplification),
            "price_amplification": float(self.price_amplification),
            "rounds": self.rounds,
            "converged": self.converged,
            "prices": {symbol: _path(path) for symbol, path in self.prices.items()},
            "by_market": {name: self.figures_in(name).as_dict() for name in self.markets},
            "round_log": [_round(each) for each in self.played if each.goes_on],
        }


def _round(played: Round) -> dict[str, Any]:
    figures = played.figures
    return {
        "round": played.number,
        "liquidations": len(played.liquidations),
        "liquidated_usd": usd(figures.liquidated_usd),
        "seized_usd": usd(figures.seized_usd),
        "bad_debt_realised_usd": usd(figures.bad_debt_realised_usd),
        "oracles": [
            {"oracle": each.oracle, "asset": each.asset, "price_usd": usd(each.price_usd)}
            for each in played.updates
        ],
    }


def _is_in(label: str, market: str) -> bool:
    return label == market or label.startswith(f"{market}/")


def total(values: Iterable[Fraction]) -> Fraction:
    return sum(values, Fraction())


def usd(value: Fraction) -> str:
    """Two decimals, half-up; nothing here is negative."""
    cents = int(value * CENTS_PER_USD + Fraction(1, 2))
    return f"{cents // CENTS_PER_USD}.{cents % CENTS_PER_USD:02}"


def _path(path: PricePath) -> dict[str, str]:
    return {"before": usd(path.before), "shocked": usd(path.shocked), "after": usd(path.after)}
