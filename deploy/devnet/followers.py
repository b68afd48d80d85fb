"""The oracles that follow the market: every feed, and Morpho's mocks.

A price below its last digit is 0, at which Aave's oracle answers nothing. Nothing moves the others:
a rate grows by itself, an adapter asks what is listed here. A mock stands for an oracle that nobody
recognises, which may be a market price: it is played as one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from devnet.configuration import MORPHO
from devnet.executed import Update
from devnet.morpho_visits import label_of
from devnet.pool_prices import Path, feed_answers
from devnet.terms import USD
from devnet.transactions import Tx
from devnet.wide_terms import MORPHO_PRICE_DECIMALS, PairTerms
from devnet.wide_world import WideWorld
from devnet.world import World


@dataclass(frozen=True, slots=True)
class Follower:
    """What one whole `base` costs in USD, or in whole `quote`, by one oracle.

    `least`: its last digit; what is less, it calls 0.
    """

    name: str
    base: str
    quote: str | None
    price: Fraction
    set_to: Callable[[Fraction], Tx]
    least: Fraction

    def is_moved_by(self, paths: Mapping[str, Path]) -> bool:
        """Whether pools lead to its price: two anchors have none between them."""
        sides = [self.base] if self.quote is None else [self.base, self.quote]
        return all(side in paths for side in sides) and any(len(paths[side]) > 1 for side in sides)

    def ratio_of(self, usd: Mapping[str, Fraction]) -> Fraction:
        """Its price, or the factor of it, from those of its assets; who is not there is at 1."""
        per = Fraction(1) if self.quote is None else usd.get(self.quote, Fraction(1))
        return usd.get(self.base, Fraction(1)) / per

    def is_off(self, usd: Mapping[str, Fraction], deviation: Fraction) -> bool:
        """Whether it has to follow. One that says 0 has, as soon as it can say more."""
        price = self.ratio_of(usd)
        if max(price, self.price) < self.least:
            return False
        return not self.price or abs(price / self.price - 1) > deviation

    def update(self, market_usd: Mapping[str, Fraction]) -> Update:
        return Update(self.name, self.base, market_usd[self.base])


async def followers(world: World) -> list[Follower]:
    """With what they say now."""
    answers_e8 = await feed_answers(world)
    feeds = [_feed(world, symbol, answer) for symbol, answer in answers_e8.items()]
    return [*feeds, *await _mocks(world)] if isinstance(world, WideWorld) else feeds


def _feed(world: World, symbol: str, answer_e8: int) -> Follower:
    def set_to(price: Fraction) -> Tx:
        return world.move_feed(symbol, digits(price * USD))

    name, least = f"{symbol} / USD", Fraction(1, USD)
    return Follower(name, symbol, None, Fraction(answer_e8, USD), set_to, least)


async def _mocks(world: WideWorld) -> list[Follower]:
    return [
        _mock(world, pair, await world.morpho.price_e36(pair.name))
        for pair in world.terms.pairs
        if pair.oracle == "mock"
    ]


def _mock(world: WideWorld, pair: PairTerms, price_e36: int) -> Follower:
    loan, collateral = world.terms.asset(pair.loan), world.terms.asset(pair.collateral)
    scale = 10 ** (MORPHO_PRICE_DECIMALS + loan.decimals - collateral.decimals)

    def set_to(price: Fraction) -> Tx:
        return world.morpho.set_price(pair.name, digits(price * scale))

    label = label_of(MORPHO, world, pair.name)
    price, least = Fraction(price_e36, scale), Fraction(1, scale)
    return Follower(label, pair.collateral, pair.loan, price, set_to, least)


def digits(value: Fraction) -> int:
    """Rounded; what is less than one is none."""
    return 0 if value < 1 else int(value + Fraction(1, 2))
