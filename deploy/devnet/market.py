"""A crash played for real: pools and feeds are moved, liquidators come, feeds follow the pools.

It is the reference cascade of the project on the contracts themselves, over every lending market of
the world, to compare with what was projected. It shares nothing with the monitor: it reads views
and events.

Blocks are dated one second apart, if nothing else is asked for. The interest of those seconds is
all that a projection of the block before cannot know: two seconds a round, 1e-7 of a debt at the
highest rate there is.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from devnet.chain import Block
from devnet.executed import Executed, PricePath, Remainder, Round, Update
from devnet.followers import followers
from devnet.leaving import leave
from devnet.lending import lending_markets
from devnet.pool_prices import Path, feed_answers, market_paths, market_usd, mids
from devnet.transactions import Receipt, Tx
from devnet.visits import LendingMarket
from devnet.world import World

__all__ = ["Executed", "crash", "shock", "slide"]

SECONDS = 1

CORRELATED = {"WETH": ("wstETH",)}
"""What a shock takes along, unless it has a shock of its own."""

Progress: TypeAlias = Callable[[str], None]
Correlated: TypeAlias = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Rules:
    gas_usd: Fraction
    deviation: Fraction
    max_rounds: int
    seconds: int


async def crash(
    world: World,
    shocks: Mapping[str, Fraction],
    *,
    correlated: Correlated = CORRELATED,
    gas_usd: Fraction | int = 50,
    deviation: Fraction = Fraction(5, 1000),
    max_rounds: int = 100,
    seconds: int = SECONDS,
    liquidity: Mapping[str, Fraction] | None = None,
    progress: Progress | None = None,
) -> Executed:
    """A shock and the cascade to its end; `progress` is told of every round.

    `seconds` lie between its blocks; with 0 there is no interest that a projection cannot know.
    `liquidity`: what providers leave in the pools of an asset before the price moves, by `leave`.
    """
    paths = market_paths(world, await feed_answers(world))
    markets = await lending_markets(world)
    before = await market_usd(world, paths)
    await _next_block(world, await leave(world, liquidity or {}), seconds)
    await shock(world, shocks, correlated, seconds)
    shocked = await market_usd(world, paths)
    rules = Rules(Fraction(gas_usd), deviation, max_rounds, seconds)
    played = await cascade(world, markets, paths, rules, progress or _unheard)
    after = await market_usd(world, paths)
    return Executed(
        markets=tuple(label for market in markets for label in market.labels),
        shocks=dict(shocks),
        prices={
            symbol: PricePath(before[symbol], shocked[symbol], after[symbol]) for symbol in paths
        },
        played=tuple(played),
        converged=bool(played) and not played[-1].goes_on,
        left=await _left(world, markets, rules),
        silent=await _silent(world),
    )


async def _left(
    world: World, markets: Sequence[LendingMarket], rules: Rules
) -> tuple[Remainder, ...]:
    """Who is below health 1. A feed at 0 says its last digit for that: Aave answers then."""
    silent = await _silent(world)
    before = await world.snapshot() if silent else None
    await _next_block(world, [world.move_feed(symbol, 1) for symbol in silent], rules.seconds)
    left = tuple([each for market in markets for each in await market.left()])
    if before is not None:
        await world.revert(before)
    return left


async def _silent(world: World) -> tuple[str, ...]:
    """Assets whose feed says 0."""
    return tuple(symbol for symbol, answer in (await feed_answers(world)).items() if not answer)


async def shock(
    world: World,
    shocks: Mapping[str, Fraction],
    correlated: Correlated = CORRELATED,
    seconds: int = SECONDS,
) -> list[Receipt]:
    """One block: every pool arbitraged to its shocked mid, the oracles of what moved set alike.

    `shocks`: the change of each asset's price, `{"WETH": Fraction(-30, 100)}`.
    """
    factors = {symbol: 1 + change for symbol, change in shocks.items()}
    for symbol in shocks:
        for follower in correlated.get(symbol, ()):
            factors.setdefault(follower, factors[symbol])
    now = await mids(world)
    ratios = {
        pool.name: factors.get(pool.base, Fraction(1)) / factors.get(pool.quote, Fraction(1))
        for pool in world.terms.pools
    }
    pools = [
        world.move_pool_to(name, now[name] * ratio) for name, ratio in ratios.items() if ratio != 1
    ]
    oracles = [
        each.set_to(each.price * each.ratio_of(factors))
        for each in await followers(world)
        if each.ratio_of(factors) != 1
    ]
    return await _next_block(world, [*pools, *oracles], seconds)


async def slide(world: World, change: Fraction) -> Block:
    """WETH, and what it takes along, a step further from where it is."""
    await shock(world, {"WETH": change})
    return await world.head()


async def cascade(
    world: World,
    markets: Sequence[LendingMarket],
    paths: Mapping[str, Path],
    rules: Rules,
    progress: Progress,
) -> list[Round]:
    """Rounds until one changes nothing, or there were too many."""
    played: list[Round] = []
    while len(played) < rules.max_rounds and (not played or played[-1].goes_on):
        planned = [(m, visit) for m in markets for visit in await m.visits(rules.gas_usd)]
        receipts = await _next_block(world, [visit.tx for _, visit in planned], rules.seconds)
        found = [
            market.liquidation(visit, receipt)
            for (market, visit), receipt in zip(planned, receipts, strict=True)
        ]
        played.append(
            Round(
                number=len(played) + 1,
                block_number=receipts[0].block_number if receipts else None,
                visited=tuple(visit.account for _, visit in planned),
                liquidations=tuple(each for each in found if each is not None),
                updates=await follow_market(world, paths, rules),
                uses=tuple([use for market in markets for use in await market.uses()]),
            )
        )
        progress(_sentence(played[-1]))
    return played


async def follow_market(
    world: World, paths: Mapping[str, Path], rules: Rules
) -> tuple[Update, ...]:
    """Sets each oracle to its pools' price where it is off by more than the deviation."""
    usd = await market_usd(world, paths)
    off = [
        each
        for each in await followers(world)
        if each.is_moved_by(paths) and each.is_off(usd, rules.deviation)
    ]
    await _next_block(world, [each.set_to(each.ratio_of(usd)) for each in off], rules.seconds)
    return tuple(each.update(usd) for each in off)


def _sentence(played: Round) -> str:
    prices = {update.asset: update.price_usd for update in played.updates}
    told = ", ".join(f"{symbol} ${float(price):,.0f}" for symbol, price in prices.items())
    return (
        f"round {played.number}: {len(played.liquidations)} liquidations among "
        f"{len(played.visited)} accounts, ${float(played.figures.liquidated_usd):,.0f} repaid; "
        f"{'feeds now ' + told if told else 'no feed moves'}"
    )


def _unheard(_: str) -> None:
    """Nobody asked for progress."""


async def _next_block(world: World, txs: Sequence[Tx], seconds: int) -> list[Receipt]:
    """Nothing to do is no block."""
    if not txs:
        return []
    return await world.block(*txs, timestamp=(await world.head()).timestamp + seconds)
