"""What moves prices and rates: oracles that anybody sets, a sick one, staking, a rate model."""

import math

from devnet import ADMIN, Tx
from devnet.chain import MULTICALL3

from fuzz.bundling import bundled
from fuzz.morpho_blue.liquidations import Fits
from fuzz.morpho_blue.props import FEED_DECIMALS, SICK, STRANGE, STRANGE_RATE_WAD
from fuzz.morpho_blue.scene import MorphoScene

ABSURD_E36 = 10**70
"""Times any collateral it is more than 256 bits hold: Morpho's own arithmetic reverts."""
VOLATILITY, REVERSION = 0.08, 0.3
GOALS = (0.4, 0.8, 0.9, 0.97, 0.995)
"""What the health of somebody is brought to."""
TRIES = 40
STAKING_VOLATILITY = 0.01
SET_ANSWER = "setAnswer(int256,uint256)"


def price(scene: MorphoScene) -> Tx | None:
    """A step of a price that follows nobody else's, drawn back to where it began."""
    market = scene.rng.choice(_own(scene))
    first, now = scene.props.first_prices_e36[market], scene[market].price_e36
    if not now or now >= ABSURD_E36:
        return _answer(scene, market, 1.0)
    step = -REVERSION * math.log(now / first) + scene.rng.gauss(0, VOLATILITY)
    return _moved(scene, market, math.exp(step))


def extreme_price(scene: MorphoScene) -> Tx | None:
    """Zero, or beyond all measure, until the next move."""
    market = scene.rng.choice([name for name in _own(scene) if name != SICK])
    if not scene.stage.is_steady({scene.world.morpho.params(market).oracle: 0.0}):
        return None
    return scene.world.morpho.set_price(market, scene.rng.choice([0, ABSURD_E36]))


def broken_oracle(scene: MorphoScene) -> Tx | None:
    """An oracle that reverts: silently, or for an answer below zero. Or it answers zero."""
    if not scene[SICK].price_e36:
        return _answer(scene, SICK, 1.0)
    aggregator = scene.props.sick_aggregator
    if not scene.stage.is_steady({aggregator: 0.0}):
        return None
    if scene.rng.random() < 0.4:
        return scene.world.tx(ADMIN, aggregator, "setBroken(bool)", True)
    answer = scene.rng.choice([-1, 0])
    return scene.world.tx(ADMIN, aggregator, SET_ANSWER, answer, scene.stage.at_unix)


def rate_model(scene: MorphoScene) -> Tx | None:
    """A rate model of which only this market knows: another rate, or it breaks, or is mended."""
    model = scene.props.strange_model
    if scene[STRANGE].accrued is None:
        return scene.world.tx(ADMIN, model, "setBroken(bool)", False)
    oracle = scene.world.morpho.params(STRANGE).oracle
    if scene.rng.random() < 0.25 and scene.stage.is_steady({oracle: 0.0}):
        return scene.world.tx(ADMIN, model, "setBroken(bool)", True)
    rate = int(STRANGE_RATE_WAD * scene.rng.choice([0, 0.1, 1, 3]))
    return scene.world.tx(ADMIN, model, "set(uint256)", rate)


def staking_rate(scene: MorphoScene) -> Tx | None:
    """What wstETH is worth in ether: up or down a little, for everybody who asks the rate."""
    now, first = scene.sight.staking_rate_wad, scene.world.terms.staking.rate_wad
    step = -REVERSION * math.log(now / first) + scene.rng.gauss(0, STAKING_VOLATILITY)
    if not scene.stage.is_steady({scene.world.addresses.staked_ether: math.exp(step)}):
        return None
    growth_wad = scene.rng.choice([0, 10**9, 5 * 10**9])
    return scene.world.set_staking_rate(int(now * math.exp(step)), growth_wad)


def against(scene: MorphoScene, fits: Fits) -> Tx | None:
    """A price that makes somebody ready for a liquidation of the wanted kind."""
    could = [
        (who, market)
        for market in _own(scene)
        for who in scene.actors
        if scene[market].price_e36 and scene.held(who, market).borrow_shares
    ]
    for who, market in scene.rng.sample(could, min(TRIES, len(could))):
        factor = scene.rng.choice(GOALS) / max(scene.health(who, market, {}), 0.01)
        later = scene.with_price(market, factor)
        if factor < 1 and fits(later, who, market) and (tx := _moved(scene, market, factor)):
            return tx
    return None


def _own(scene: MorphoScene) -> list[str]:
    """Markets whose price can be set for them alone."""
    return [name for name in scene.sight.pairs if name in scene.props.first_prices_e36]


def _moved(scene: MorphoScene, market: str, factor: float) -> Tx | None:
    """The move, if enough stay solvent."""
    [(root, _)] = scene.roots[market]
    return _answer(scene, market, factor) if scene.stage.is_steady({root: factor}) else None


def _answer(scene: MorphoScene, market: str, factor: float) -> Tx:
    """So many times what it is, or was first where it is extreme."""
    now, first = scene[market].price_e36, scene.props.first_prices_e36[market]
    price_e36 = max(1, int((now if now and now < ABSURD_E36 else first) * factor))
    if market != SICK:
        return scene.world.morpho.set_price(market, price_e36)
    aggregator, at_unix = scene.props.sick_aggregator, scene.stage.at_unix
    answer = max(1, price_e36 * 10**FEED_DECIMALS // 10**36)
    return bundled(
        scene.world,
        ADMIN,
        [
            scene.world.tx(MULTICALL3, aggregator, "setBroken(bool)", False),
            scene.world.tx(MULTICALL3, aggregator, SET_ANSWER, answer, at_unix),
        ],
    )
