"""What a verb of Morpho may look at when it draws an action. Estimates, in floats."""

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from devnet import USD, Address, Position, WideWorld

from fuzz import dice
from fuzz.morpho_blue.props import Props
from fuzz.morpho_blue.sight import NOTHING, MorphoSight, PairSight
from fuzz.scene import YEAR_SECONDS, Moves, Scene

WAD, ORACLE_SCALE = 10**18, 10**36
VIRTUAL_ASSETS, VIRTUAL_SHARES = 1, 10**6
MARGIN = 1.02
"""Health that withdrawals leave, so that a block's interest does not undo them."""
FULL_SHARE = 0.88
"""Of what is lent: above it rates begin to run away, four times what they aim at and more."""
RUNAWAY_PER_YEAR, ORDINARY_PER_YEAR = 9.0, 0.5
MOST_RAW = 10**34
"""Totals beyond would soon not fit into Morpho's 128 bits, and every call would revert."""


@dataclass(frozen=True, slots=True)
class MorphoScene:
    stage: Scene
    world: WideWorld
    props: Props
    sight: MorphoSight
    symbols: Mapping[Address, str]
    roots: Mapping[str, tuple[tuple[Address, int], ...]]
    """By market: the sources that its price follows, with the power in which each goes in."""

    @property
    def rng(self) -> random.Random:
        return self.stage.rng

    @property
    def actors(self) -> Sequence[Address]:
        return self.stage.actors

    @property
    def is_dark(self) -> bool:
        return False

    def acting(self, who: Address | None) -> "MorphoScene":
        return replace(self, stage=self.stage.acting(who))

    def other(self, who: Address) -> Address:
        return self.rng.choice([other for other in self.actors if other != who])

    # -- places ---------------------------------------------------------------------------------

    def __getitem__(self, market: str) -> PairSight:
        return self.sight.pairs[market]

    @property
    def markets(self) -> list[str]:
        """Those that exist and let interest accrue."""
        return [name for name, pair in self.sight.pairs.items() if pair.accrued]

    def held(self, who: Address, market: str) -> Position:
        return self[market].positions.get(who, NOTHING)

    def place(self, fits: Callable[[Address, str], bool]) -> tuple[Address, str] | None:
        """Somebody who fits, and in which market."""
        people = [self.stage.who] if self.stage.who else self.actors
        fitting = [(who, market) for market in self.markets for who in people if fits(who, market)]
        return self.rng.choice(fitting) if fitting else None

    # -- amounts --------------------------------------------------------------------------------

    def loan_raw_of_usd(self, market: str, least: float, most: float) -> int:
        return self.raw_of_usd(self[market].params.loan, least, most)

    def collateral_raw_of_usd(self, market: str, least: float, most: float) -> int:
        return self.raw_of_usd(self[market].params.collateral, least, most)

    def raw_of_usd(self, token: Address, least: float, most: float) -> int:
        """An amount worth something between the two, by the token's feed."""
        value_e8, symbol = USD * dice.between(self.rng, least, most), self.symbols[token]
        answer = self.stage.sight.answers[self.world.addresses.feeds[symbol]]
        unit: int = 10 ** self.world.terms.asset(symbol).decimals
        return max(2, int(value_e8 / answer * unit))

    def owed_raw(self, who: Address, market: str) -> int:
        return self[market].owed_raw(who)

    def limit_raw(self, who: Address, market: str) -> int:
        """0 where there is no telling."""
        return self[market].limit_raw(who) or 0

    def room_raw(self, who: Address, market: str) -> int:
        """How much more it may borrow, if that much is there."""
        room = int(self.limit_raw(who, market) * 0.98) - self.owed_raw(who, market)
        return max(0, min(room, self[market].liquid_raw))

    def free_raw(self, who: Address, market: str) -> int:
        """How much of a collateral may leave while its owner stays healthy."""
        held, owed = self.held(who, market).collateral_raw, self.owed_raw(who, market)
        if not owed:
            return held
        limit = self.limit_raw(who, market)
        return max(0, int(held * (1 - owed * MARGIN / limit))) if limit else 0

    def withdrawable_raw(self, who: Address, market: str) -> int:
        return min(self[market].lent_raw(who), self[market].liquid_raw)

    def supply_shares(self, market: str, raw: int) -> int:
        now = self[market].now
        return raw * (now.supply_shares + VIRTUAL_SHARES) // (now.supply_raw + VIRTUAL_ASSETS)

    def borrow_shares(self, market: str, raw: int) -> int:
        now = self[market].now
        return raw * (now.borrow_shares + VIRTUAL_SHARES) // (now.borrow_raw + VIRTUAL_ASSETS)

    # -- foresight ------------------------------------------------------------------------------

    def price_after(self, market: str, moves: Moves) -> float:
        price: float = self[market].price_e36 or 0
        for root, power in self.roots.get(market, ()):
            price *= moves.get(root, 1.0) ** power
        return price

    def with_price(self, market: str, factor: float) -> "MorphoScene":
        """The same scene after one price moved; what the contract says of accounts stays."""
        pair = self[market]
        moved = replace(pair, price_e36=int((pair.price_e36 or 0) * factor))
        pairs = {**self.sight.pairs, market: moved}
        return replace(self, sight=replace(self.sight, pairs=pairs))

    def growth(self, market: str, seconds: int) -> float:
        """About what a debt becomes: by the most that it may come to where rates run away."""
        now = self[market].now
        if not int(self[market].params.rate_model, 16) or not now.borrow_raw:
            return 1.0
        is_full = now.borrow_raw > FULL_SHARE * now.supply_raw
        yearly = RUNAWAY_PER_YEAR if is_full else ORDINARY_PER_YEAR
        return math.exp(yearly * seconds / YEAR_SECONDS)

    def health(self, who: Address, market: str, moves: Moves, seconds: int = 0) -> float:
        """About what it would be; infinite without debt, 0 where nobody can tell."""
        owed = self.owed_raw(who, market)
        if not owed:
            return math.inf
        if self[market].accrued is None or self[market].limit_raw(who) is None:
            return 0.0
        held = self.held(who, market).collateral_raw
        worth = held * self.price_after(market, moves) / ORACLE_SCALE
        limit = worth * self[market].params.lltv_wad / WAD
        return limit / (owed * self.growth(market, seconds))

    def share_after(self, moves: Moves, seconds: int = 0) -> float:
        """0 if a market would be in danger of outgrowing its numbers."""
        for market, pair in self.sight.pairs.items():
            if pair.now.supply_raw * self.growth(market, seconds) > MOST_RAW:
                return 0.0
        lowest: dict[Address, float] = {}
        for market, pair in self.sight.pairs.items():
            for who, held in pair.positions.items():
                if held.borrow_shares:
                    health = self.health(who, market, moves, seconds)
                    lowest[who] = min(lowest.get(who, math.inf), health)
        people = self.sight.people
        return sum(lowest.get(who, 0.0) >= 1 for who in people) / len(people)
