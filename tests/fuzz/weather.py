"""What happens to everybody at once, prices and time, drawn so that enough stay solvent."""

import math

from devnet import ADMIN, Tx

from fuzz.liquidations import Fits, Pair, pairs
from fuzz.scene import YEAR_SECONDS, Scene

STEADY_SHARE = 0.42
"""No price or jump is chosen that would leave fewer accounts in debt and solvent."""
REVERSION = 0.35
VOLATILITY = {"USDC": 0.004, "DAI": 0.004, "EURC": 0.004}
USUAL_VOLATILITY = 0.07
SHORTEST_JUMP_SECONDS, LONGEST_JUMP_SECONDS = 30, YEAR_SECONDS
TRIES = 10


def feed(scene: Scene) -> Tx | None:
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


def feed_against(scene: Scene, fits: Fits) -> Tx | None:
    """A price that makes somebody ready for a liquidation of the wanted kind."""
    could = list(pairs(scene))
    for pair in scene.rng.sample(could, min(TRIES * 3, len(could))):
        for symbol, factor in _ruin(scene, pair):
            scene_after = scene.with_prices(_scaled(scene, symbol, factor))
            if fits(scene_after, pair) and (tx := _moved(scene, symbol, factor)):
                return tx
    return None


def jump_seconds(scene: Scene, most: int) -> int:
    """How far time leaps: every order of magnitude alike."""
    for attempt in range(TRIES):
        longest = max(SHORTEST_JUMP_SECONDS, min(most, LONGEST_JUMP_SECONDS) / 2**attempt)
        low, high = math.log(SHORTEST_JUMP_SECONDS), math.log(longest)
        seconds = int(math.exp(scene.rng.uniform(low, high)))
        if scene.solvent_share(scene.prices, seconds) >= STEADY_SHARE:
            return seconds
    return 1


def _ruin(scene: Scene, pair: Pair) -> list[tuple[str, float]]:
    """(asset, factor) by which its price would have to move to take the debtor below 1."""
    goal = scene.rng.choice([0.62, 0.8, 0.9, 0.97, 0.995])
    found = []
    for symbol in sorted({*scene.pledged(pair.who), pair.debt}):
        low, high = 0.3, 3.0
        rises = scene.health(pair.who, _scaled(scene, symbol, high)) > goal
        falls = scene.health(pair.who, _scaled(scene, symbol, low)) > goal
        if rises == falls:
            continue
        for _ in range(30):
            middle = (low + high) / 2
            is_above = scene.health(pair.who, _scaled(scene, symbol, middle)) > goal
            low, high = (low, middle) if is_above == rises else (middle, high)
        found.append((symbol, high if falls else low))
    scene.rng.shuffle(found)
    return found


def _scaled(scene: Scene, symbol: str, factor: float) -> dict[str, int]:
    prices = dict(scene.prices)
    prices[symbol] = max(1, int(prices[symbol] * factor))
    return prices


def _moved(scene: Scene, symbol: str, factor: float) -> Tx | None:
    """The move, if enough stay solvent."""
    prices = _scaled(scene, symbol, factor)
    if scene.solvent_share(prices) < STEADY_SHARE:
        return None
    return answer(scene, symbol, prices[symbol])


def answer(scene: Scene, symbol: str, price_e8: int) -> Tx:
    """A new price from wherever the oracle looks."""
    fixed = scene.props.fixed_sources[symbol]
    if scene.sight.reserves[symbol].source == fixed:
        return scene.world.tx(ADMIN, fixed, "set(int256)", price_e8)
    return scene.world.move_feed(symbol, price_e8)
