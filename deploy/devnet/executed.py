"""What an executed crash came to: exact, from events and views, beside what was projected."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from devnet.abi import Address
from devnet.terms import USD

CENTS_PER_USD = 100


@dataclass(frozen=True, slots=True)
class Liquidation:
    """One LiquidationCall and what came with it; values at the round's oracle prices.

    Assets are symbols. `received` is the liquidator's, `fee` the treasury's part of the
    collateral; `deficit_raw` is what was written off, by debt asset.
    """

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
class Round:
    """`visited` in order, in a block of their own, if there was anybody to visit.

    `prices_e8` are the oracle's throughout; `updates_e8` came after.
    """

    number: int
    block_number: int | None
    prices_e8: Mapping[str, int]
    visited: tuple[Address, ...]
    liquidations: tuple[Liquidation, ...]
    updates_e8: Mapping[str, int]

    @property
    def goes_on(self) -> bool:
        """Something changed, so that another round must look."""
        return bool(self.liquidations or self.updates_e8)

    @property
    def liquidated_usd(self) -> Fraction:
        return total(each.repaid_usd for each in self.liquidations)

    @property
    def seized_usd(self) -> Fraction:
        return total(each.received_usd for each in self.liquidations)

    @property
    def fees_usd(self) -> Fraction:
        return total(each.fee_usd for each in self.liquidations)

    @property
    def bad_debt_realised_usd(self) -> Fraction:
        return total(each.deficit_usd for each in self.liquidations)


@dataclass(frozen=True, slots=True)
class Remainder:
    """An account still liquidatable at the end, as the market values it."""

    account: Address
    collateral_e8: int
    debt_e8: int


@dataclass(frozen=True, slots=True)
class PricePath:
    """Market price of one whole token in USD."""

    before: Fraction
    shocked: Fraction
    after: Fraction


@dataclass(frozen=True, slots=True)
class Executed:
    """`prices`: of every asset that pools connect to an anchor of USD prices."""

    market: str
    shocks: Mapping[str, Fraction]
    prices: Mapping[str, PricePath]
    played: tuple[Round, ...]
    converged: bool
    left: tuple[Remainder, ...]

    @property
    def liquidations(self) -> int:
        return sum(len(each.liquidations) for each in self.played)

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
        return next((each.liquidated_usd for each in self.played if each.liquidations), Fraction())

    @property
    def liquidated_usd(self) -> Fraction:
        """Debt repaid."""
        return total(each.liquidated_usd for each in self.played)

    @property
    def seized_usd(self) -> Fraction:
        """Collateral that liquidators received."""
        return total(each.seized_usd for each in self.played)

    @property
    def fees_usd(self) -> Fraction:
        return total(each.fees_usd for each in self.played)

    @property
    def bad_debt_realised_usd(self) -> Fraction:
        return total(each.bad_debt_realised_usd for each in self.played)

    @property
    def bad_debt_unrealised_usd(self) -> Fraction:
        return Fraction(sum(max(0, each.debt_e8 - each.collateral_e8) for each in self.left), USD)

    @property
    def bad_debt_usd(self) -> Fraction:
        return self.bad_debt_realised_usd + self.bad_debt_unrealised_usd

    @property
    def unliquidated_usd(self) -> Fraction:
        return Fraction(sum(each.debt_e8 for each in self.left), USD)

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
        figures = {
            "liquidated_usd": usd(self.liquidated_usd),
            "seized_usd": usd(self.seized_usd),
            "bad_debt_usd": usd(self.bad_debt_usd),
            "unliquidated_usd": usd(self.unliquidated_usd),
        }
        return figures | {
            "first_round_usd": usd(self.first_round_usd),
            "bad_debt_realised_usd": usd(self.bad_debt_realised_usd),
            "amplification": float(self.amplification),
            "price_amplification": float(self.price_amplification),
            "rounds": self.rounds,
            "converged": self.converged,
            "prices": {symbol: _path(path) for symbol, path in self.prices.items()},
            "by_market": {self.market: figures},
            "round_log": [self._round(each) for each in self.played if each.goes_on],
        }

    def _round(self, played: Round) -> dict[str, Any]:
        return {
            "round": played.number,
            "liquidations": len(played.liquidations),
            "liquidated_usd": usd(played.liquidated_usd),
            "seized_usd": usd(played.seized_usd),
            "bad_debt_realised_usd": usd(played.bad_debt_realised_usd),
            "oracles": [
                {"market": self.market, "asset": symbol, "price_usd": usd(Fraction(price_e8, USD))}
                for symbol, price_e8 in played.updates_e8.items()
            ],
        }


def total(values: Iterable[Fraction]) -> Fraction:
    return sum(values, Fraction())


def usd(value: Fraction) -> str:
    """Two decimals, half-up; nothing here is negative."""
    cents = int(value * CENTS_PER_USD + Fraction(1, 2))
    return f"{cents // CENTS_PER_USD}.{cents % CENTS_PER_USD:02}"


def _path(path: PricePath) -> dict[str, str]:
    return {"before": usd(path.before), "shocked": usd(path.shocked), "after": usd(path.after)}
