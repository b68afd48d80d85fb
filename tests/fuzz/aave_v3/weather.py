"""Prices, which happen to everybody at once, drawn so that enough stay solvent."""

import math
from collections.abc import Sequence

from devnet import ADMIN, Address, Tx

from fuzz.aave_v3.liquidations import Fits, Pair, pairs
from fuzz.aave_v3.scene import AaveScene

REVERSION = 0.35
VOLATILITY = {"USDC": 0.004, "DAI": 0.004, "EURC": 0.004}
USUAL_VOLATILITY = 0.07
GOALS = (0.62, 0.8, 0.9, 0.97, 0.995)
DEEP_GOALS = (0.3, 0.45, 0.6, 0.7)
"""Of whom not even all collateral could save the lenders."""
TRIES = 10


def feed(scene: AaveScene) -> Tx | None:
    """A step of a price that is drawn back to where it began."""
    rng = scene.rng
    for attempt in range(TRIES):
        symbol = rng.choice(list(scene.sight.reserves))
        away = math.log(
            scene.sight.reserves[symbol].price_e8 / scene.world.terms.asset(symbol).price_e8
        )
        spread = VOLATILITY.get(symbol, USUAL_VOLATILITY) / (1 + attempt)
        step = -REVERSION * away + rng.gauss(0, spread)
        if tx := _moved(scene, symbol, math.exp(step)):
            return tx
    return None


def feed_against(scene: AaveScene, fits: Fits, goals: Sequence[float] = GOALS) -> Tx | None:
    """A price that makes somebody ready for a liquidation of the wanted kind.

    `goals`: what the health of the victim may be brought to.
    """
    could = list(pairs(scene))
    for pair in scene.rng.sample(could, min(TRIES * 3, len(could))):
        for symbol, factor in _ruin(scene, pair, scene.rng.choice(goals)):
            scene_after = scene.with_prices(scene.prices_after({scene.root(symbol): factor}))
            if fits(scene_after, pair) and (tx := _moved(scene, symbol, factor)):
                return tx
    return None


def _ruin(scene: AaveScene, pair: Pair, goal: float) -> list[tuple[str, float]]:
    """(asset, factor) by which its price would have to move to take the debtor below 1."""
    found = []
    for symbol in sorted({*scene.pledged(pair.who), pair.debt}):
        root, low, high = scene.root(symbol), 0.3, 3.0
        rises = scene.health(pair.who, scene.prices_after({root: high})) > goal
        falls = scene.health(pair.who, scene.prices_after({root: low})) > goal
        if rises == falls:
            continue
        for _ in range(30):
            middle = (low + high) / 2
            is_above = scene.health(pair.who, scene.prices_after({root: middle})) > goal
            low, high = (low, middle) if is_above == rises else (middle, high)
        found.append((symbol, high if falls else low))
    scene.rng.shuffle(found)
    return found


def _moved(scene: AaveScene, symbol: str, factor: float) -> Tx | None:
    """The move, if enough stay solvent."""
    root = scene.root(symbol)
    return answer(scene, root, factor) if scene.stage.is_steady({root: factor}) else None


def answer(scene: AaveScene, root: Address, factor: float) -> Tx:
    """A new price from wherever the oracle looks."""
    world = scene.world
    for symbol, feed in world.addresses.feeds.items():
        if feed == root:
            return world.move_feed(symbol, max(1, int(scene.stage.sight.answers[feed] * factor)))
    [symbol] = [s for s, source in scene.props.fixed_sources.items() if source == root]
    price_e8 = max(1, int(scene.sight.reserves[symbol].price_e8 * factor))
    return world.tx(ADMIN, root, "set(int256)", price_e8)
