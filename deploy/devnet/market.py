"""A crash played for real: pools and feeds are moved, liquidators come, feeds follow the pools.

It is the reference cascade of the project on the contracts themselves, to compare with what was
projected. It shares nothing with the monitor: it reads views and events.

Blocks are dated one second apart. The interest of those seconds is all that a projection of the
block before cannot know: two seconds a round, 1e-7 of a debt at the highest rate there is.
"""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from devnet.chain import Block, View
from devnet.executed import Executed, PricePath, Remainder, Round
from devnet.loops import oracle_prices
from devnet.terms import USD, PoolTerms
from devnet.transactions import Receipt, Tx
from devnet.visits import HEALTHY_WAD, borrowers, due, liquidations_in
from devnet.world import World

__all__ = ["Executed", "crash", "shock", "slide"]

MARKET = "aave-core"
"""What the local chain's one market is called in configurations and results."""

SECONDS = 1
PEG = Fraction(5, 100)
"""An oracle price this near to 1 USD before the shock makes an anchor, which follows no pool."""
SLOT0 = "slot0()(uint160,int24,uint16,uint16,uint16,uint8,bool)"

CORRELATED = {"WETH": ("wstETH",)}
"""What a shock takes along, unless it has a shock of its own."""

Path: TypeAlias = list[str | PoolTerms]
Progress: TypeAlias = Callable[[str], None]
Correlated: TypeAlias = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Rules:
    gas_usd: Fraction
    deviation: Fraction
    max_rounds: int


async def crash(
    world: World,
    shocks: Mapping[str, Fraction],
    *,
    correlated: Correlated = CORRELATED,
    gas_usd: Fraction | int = 50,
    deviation: Fraction = Fraction(5, 1000),
    max_rounds: int = 100,
    progress: Progress | None = None,
) -> Executed:
    """A shock and the cascade to its end; `progress` is told of every round."""
    paths = market_paths(world, await oracle_prices(world))
    before = await market_usd(world, paths)
    await shock(world, shocks, correlated)
    shocked = await market_usd(world, paths)
    rules = Rules(Fraction(gas_usd), deviation, max_rounds)
    played = await cascade(world, paths, rules, progress)
    after = await market_usd(world, paths)
    return Executed(
        market=MARKET,
        shocks=dict(shocks),
        prices={
            symbol: PricePath(before[symbol], shocked[symbol], after[symbol]) for symbol in paths
        },
        played=tuple(played),
        converged=bool(played) and not played[-1].goes_on,
        left=await _left(world),
    )


async def shock(
    world: World, shocks: Mapping[str, Fraction], correlated: Correlated = CORRELATED
) -> list[Receipt]:
    """One block: every pool arbitraged to its shocked mid, the feeds of what moved set alike.

    `shocks`: the change of each asset's price, `{"WETH": Fraction(-30, 100)}`.
    """
    factors = {symbol: 1 + change for symbol, change in shocks.items()}
    for symbol in shocks:
        for follower in correlated.get(symbol, ()):
            factors.setdefault(follower, factors[symbol])
    now, prices_e8 = await mids(world), await oracle_prices(world)
    ratios = {
        pool.name: factors.get(pool.base, Fraction(1)) / factors.get(pool.quote, Fraction(1))
        for pool in world.terms.pools
    }
    pools = [
        world.move_pool_to(name, now[name] * ratio) for name, ratio in ratios.items() if ratio != 1
    ]
    feeds = [
        world.move_feed(symbol, rounded(prices_e8[symbol] * factor))
        for symbol, factor in factors.items()
    ]
    return await _next_block(world, [*pools, *feeds])


async def slide(world: World, change: Fraction) -> Block:
    """WETH, and what it takes along, a step further from where it is."""
    await shock(world, {"WETH": change})
    return await world.head()


async def cascade(
    world: World, paths: Mapping[str, Path], rules: Rules, progress: Progress | None = None
) -> list[Round]:
    """Rounds until one changes nothing, or there were too many."""
    accounts = await borrowers(world)
    played: list[Round] = []
    while len(played) < rules.max_rounds and (not played or played[-1].goes_on):
        prices_e8 = await oracle_prices(world)
        visits = await due(world, accounts, prices_e8)
        txs = [visit.tx(world, prices_e8, rules.gas_usd) for visit in visits]
        receipts = await _next_block(world, txs)
        updates_e8 = await follow_market(world, paths, rules.deviation)
        played.append(
            Round(
                number=len(played) + 1,
                block_number=receipts[0].block_number if receipts else None,
                prices_e8=prices_e8,
                visited=tuple(visit.account for visit in visits),
                liquidations=liquidations_in(world, receipts, prices_e8),
                updates_e8=updates_e8,
            )
        )
        if progress is not None:
            progress(_sentence(played[-1]))
    return played


async def follow_market(
    world: World, paths: Mapping[str, Path], deviation: Fraction
) -> dict[str, int]:
    """Sets each feed to its pools' price where it is off by more than the deviation."""
    reported_e8, market = await oracle_prices(world), await market_usd(world, paths)
    updates_e8 = {
        symbol: rounded(market[symbol] * USD)
        for symbol, path in paths.items()
        if len(path) > 1 and abs(market[symbol] * USD / reported_e8[symbol] - 1) > deviation
    }
    await _next_block(world, [world.move_feed(*update) for update in updates_e8.items()])
    return updates_e8


def market_paths(world: World, prices_e8: Mapping[str, int]) -> dict[str, Path]:
    """The pools to the nearest anchor, for each asset that has such; an anchor's is itself."""
    anchors = [symbol for symbol, price in prices_e8.items() if abs(price - USD) <= PEG * USD]
    paths: dict[str, Path] = {}
    for symbol in prices_e8:
        with contextlib.suppress(ValueError):
            paths[symbol] = world.terms.path(symbol, *anchors)
    return paths


async def market_usd(world: World, paths: Mapping[str, Path]) -> dict[str, Fraction]:
    """What one whole token is worth by the mids on its path, at the anchor's oracle price."""
    now, prices_e8 = await mids(world), await oracle_prices(world)
    market = {}
    for symbol, path in paths.items():
        price = Fraction(prices_e8[str(path[-1])], USD)
        for token_in, pool in zip(path[::2], path[1::2], strict=False):
            assert isinstance(pool, PoolTerms)
            price *= now[pool.name] if token_in == pool.base else 1 / now[pool.name]
        market[symbol] = price
    return market


async def mids(world: World) -> dict[str, Fraction]:
    """Quote tokens per base token of each pool, exactly."""
    pools = world.terms.pools
    slots = await world.read([View(world.addresses.pools[pool.name], SLOT0) for pool in pools])
    return {pool.name: _mid(world, pool, slot[0]) for pool, slot in zip(pools, slots, strict=True)}


def _mid(world: World, pool: PoolTerms, sqrt_price_x96: int) -> Fraction:
    token1_per_token0 = Fraction(sqrt_price_x96**2, 1 << 192)
    base_first = int(world.token(pool.base), 16) < int(world.token(pool.quote), 16)
    per_base = token1_per_token0 if base_first else 1 / token1_per_token0
    base, quote = world.terms.asset(pool.base), world.terms.asset(pool.quote)
    return per_base * Fraction(10**base.decimals, 10**quote.decimals)


def _sentence(played: Round) -> str:
    prices = ", ".join(f"{symbol} ${price // USD:,}" for symbol, price in played.updates_e8.items())
    return (
        f"round {played.number}: {len(played.liquidations)} liquidations among "
        f"{len(played.visited)} accounts, ${float(played.liquidated_usd):,.0f} repaid; "
        f"{'feeds now ' + prices if prices else 'no feed moves'}"
    )


async def _left(world: World) -> tuple[Remainder, ...]:
    accounts = await borrowers(world)
    data = await world.all_account_data(accounts)
    return tuple(
        Remainder(account, each.collateral_e8, each.debt_e8)
        for account, each in zip(accounts, data, strict=True)
        if each.health_factor_wad < HEALTHY_WAD
    )


async def _next_block(world: World, txs: Sequence[Tx]) -> list[Receipt]:
    """Nothing to do is no block."""
    if not txs:
        return []
    return await world.block(*txs, timestamp=(await world.head()).timestamp + SECONDS)


def rounded(value: Fraction) -> int:
    return int(value + Fraction(1, 2))
