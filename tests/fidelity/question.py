"""What happens to a world: drawn so that something does, by the book alone.

How far prices fall is where the book first has a drawn share of its debt below health 1, and
somebody on Aave and somebody on Morpho with it. Nothing here knows what is projected.
"""

import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from devnet import PairTerms
from devnet.configuration import AAVE_CORE
from devnet.executed import Use

from fidelity.channels import Channel, Waiting, draw_channels, draw_waiting
from fidelity.ground import ClaimTerms, Ground, between
from fidelity.people import CORES, Book, Debtor

NUDGE = Fraction(1, 1_000_000)
"""How much larger or smaller a shock is that must change little."""
PEG = "peg:wstETH/WETH"
STEP, DEEPEST = 0.0025, 0.75
HIT_SHARE = (0.03, 0.4)
DIRECTIONS: tuple[tuple[int, Mapping[str, float]], ...] = (
    (30, {"WETH": -1.0}),
    (20, {"WETH": -1.0, "WBTC": -0.8}),
    (10, {"WETH": -0.5, "WBTC": -1.0}),
    (10, {"WBTC": -1.0}),
    (15, {"WETH": -1.0, PEG: -0.25}),
    (5, {PEG: -1.0, "WBTC": -0.4}),
    (5, {"WETH": -1.0, "DAI": -0.1}),
    (5, {"WETH": -1.0, "USDC": 0.08}),
    (5, {"WETH": 1.0, "WBTC": 0.7}),
)
"""Weights, and how the named prices move for a move of 1."""
OWN_FACTORS = (1.0, 1.0, 1.0, 0.2, 4.0)


@dataclass(frozen=True, slots=True)
class Question:
    """`moves`: changes by the grammar's keys of prices and pegs; `channels`: what else happens."""

    moves: Mapping[str, Fraction]
    gas_usd: Fraction
    gas: Fraction
    deviation: Fraction
    max_rounds: int
    channels: tuple[Channel, ...] = ()
    waiting: Waiting | None = None

    def nudged(self, by: Fraction) -> "Question":
        """The same, every move larger by so much; smaller where it is negative."""
        moves = {key: move + (by if move > 0 else -by) for key, move in self.moves.items()}
        return replace(self, moves=moves)

    def changes(self) -> dict[str, Fraction]:
        """Of each named asset's price, pegs resolved."""
        changes = {key: move for key, move in self.moves.items() if key != PEG}
        if PEG in self.moves:
            base = 1 + self.moves.get("WETH", Fraction())
            changes["wstETH"] = base * (1 + self.moves[PEG]) - 1
        return changes

    def asked(self, uses: Iterable[Use]) -> dict[str, Any]:
        """As the body of POST /api/v1/project. `uses`: of all markets, as of the block."""
        shocks: dict[str, Any] = {key: float(move) for key, move in self.moves.items()}
        if self.waiting:
            shocks |= self.waiting.shocks(uses)
        if self.gas != 1:
            shocks["gas"] = float(self.gas)
        shocks |= dict(channel.shock for channel in self.channels)
        return {
            "shocks": shocks,
            "options": {
                "gas_usd": float(self.gas_usd),
                "deviation": float(self.deviation),
                "max_rounds": self.max_rounds,
            },
        }

    def words(self) -> str:
        told = [f"{key} {float(move):+.2%}" for key, move in self.moves.items()]
        if self.gas != 1:
            told.append(f"gas x{float(self.gas):g}")
        told += ["{} {:g}".format(*channel.shock) for channel in self.channels]
        if self.waiting:
            told.append(f"{self.waiting.days} days")
        return ", ".join(told)


def draw_question(rng: random.Random, ground: Ground, book: Book) -> Question:
    weights = [weight for weight, _ in DIRECTIONS]
    (_, direction) = rng.choices(DIRECTIONS, weights)[0]
    return Question(
        moves=_moves(ground, book, direction, between(rng, *HIT_SHARE)),
        gas_usd=Fraction(round(between(rng, 1, 400))),
        gas=Fraction(str(rng.choice(OWN_FACTORS))),
        deviation=Fraction(rng.randint(5, 200), 10_000),
        max_rounds=rng.choice((100, 100, 25, 25)),
        channels=tuple(draw_channels(rng, ground)),
        waiting=draw_waiting(rng, ground),
    )


def _moves(
    ground: Ground, book: Book, direction: Mapping[str, float], share: float
) -> dict[str, Fraction]:
    steps = round(DEEPEST / STEP)
    for number in range(1, steps + 1):
        moves = {
            key: Fraction(round(STEP * number * weight * 10_000), 10_000)
            for key, weight in direction.items()
        }
        hit = list(_hit(ground, book, moves))
        kinds = {debtor.market in CORES for debtor in hit}
        hit_usd = sum(sum(debtor.debts_usd.values()) for debtor in hit)
        if len(kinds) == 2 and hit_usd >= share * book.debt_usd:
            break
    return moves


def _hit(ground: Ground, book: Book, moves: Mapping[str, Fraction]) -> Iterator[Debtor]:
    """Who is below health 1 at first."""
    factors = {key: 1 + float(move) for key, move in moves.items() if key != PEG}
    factors["wstETH"] = factors.get("WETH", 1.0) * (1 + float(moves.get(PEG, 0)))
    for debtor in book.debtors:
        if _health(ground, debtor, factors) < 1:
            yield debtor


def _health(ground: Ground, debtor: Debtor, factors: Mapping[str, float]) -> float:
    """By the oracles of the devnet: the core market asks ether's feed for wstETH."""
    (pledged_usd, owed_usd), terms = (0.0, 0.0), ground.terms
    pairs: dict[str, PairTerms | ClaimTerms] = {pair.name: pair for pair in terms.pairs}
    pairs |= {claim.name: claim for claim in ground.claims}
    e_mode = terms.e_modes[0]
    for symbol, value_usd in debtor.pledges_usd.items():
        told = "WETH" if (debtor.market, symbol) == (AAVE_CORE, "wstETH") else symbol
        threshold = (e_mode if debtor.e_mode else terms.asset(symbol)).threshold_bps / 10_000
        if debtor.market in pairs:
            pair = pairs[debtor.market]
            threshold = pair.lltv_wad / 10**18
            if isinstance(pair, PairTerms) and pair.oracle == "rate":
                told = pair.loan
        pledged_usd += value_usd * threshold * factors.get(told, 1.0)
    for symbol, value_usd in debtor.debts_usd.items():
        owed_usd += value_usd * factors.get(symbol, 1.0)
    return pledged_usd / owed_usd
