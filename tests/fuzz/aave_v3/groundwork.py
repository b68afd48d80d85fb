"""What makes a verb possible while it is not: the step before it, counted as a verb of its own."""

from collections.abc import Callable

from devnet import Tx

from fuzz.aave_v3 import behalf, governance, liquidations, sources, verbs, weather
from fuzz.aave_v3.liquidations import Fits, ends_in_deficit
from fuzz.aave_v3.scene import AaveScene
from fuzz.people import UMBRELLA
from fuzz.script import Act

SUPPLY, BORROW, REPAY = "supply", "borrow", "repay"
FEED_MOVE, PRICE_SOURCE, PAUSE = "feed-move", "price-source", "pause"
POSITION_MANAGER, INTO_DEFICIT = "position-manager", "liquidate-to-deficit"

Step = Callable[[AaveScene], Act | None]


def against(fits: Fits) -> Step:
    """A price at which somebody can be liquidated in the wanted way."""

    def ruin(scene: AaveScene) -> Act | None:
        return _act(FEED_MOVE, weather.feed_against(scene, fits))

    return ruin


def beyond_rescue(scene: AaveScene) -> Act | None:
    """A price at which all that somebody pledged pays for less than it owes."""
    return _act(FEED_MOVE, weather.feed_against(scene, ends_in_deficit, weather.DEEP_GOALS))


def apart(scene: AaveScene) -> Act | None:
    """A price that nobody else's follows: it can be moved far without ruining other markets."""
    return _act(PRICE_SOURCE, sources.to_fixed(scene))


def reopen(scene: AaveScene) -> Act | None:
    """A paused reserve takes part in liquidations again."""
    paused = any(reserve.terms["is_paused"] for reserve in scene.sight.reserves.values())
    return _act(PAUSE, governance.pause(scene)) if paused else None


def same_on_both_sides(scene: AaveScene) -> Act | None:
    """Somebody supplies what it owes."""

    def may_add(who: str) -> list[str]:
        supplied = scene.supplied(who)
        return [s for s in scene.owed(who) if s in scene.open_reserves and s not in supplied]

    who = scene.actor(lambda who: bool(may_add(who)))
    if who is None:
        return None
    symbol = scene.rng.choice(may_add(who))
    amount = max(2, scene[who].owed[symbol] // 3)
    return Act(SUPPLY, scene.world.supply(who, symbol, amount))


def repair(scene: AaveScene) -> Act | None:
    """Bring somebody into solvent debt: out of trouble, or into debt for the first time."""
    scene = scene.acting(None)
    rng, world = scene.rng, scene.world
    ruined = [who for who in scene.actors if scene[who].is_liquidatable and scene.owed(who)]
    idle = [who for who in scene.actors if not scene[who].data.debt_e8]
    if ruined and (not idle or rng.random() < 0.6):
        who = rng.choice(ruined)
        lacking_e8 = scene[who].data.debt_e8 * rng.uniform(0.3, 0.8)
        if scene.pledged(who) and rng.random() < 0.6:
            symbol = rng.choice(scene.pledged(who))
            return Act(SUPPLY, world.supply(who, symbol, max(2, scene.raw(symbol, lacking_e8))))
        symbol = rng.choice(scene.owed(who))
        amount = max(1, min(scene[who].owed[symbol], scene.raw(symbol, lacking_e8)))
        return Act(REPAY, world.repay(who, symbol, amount))
    if not idle:
        return None
    who = rng.choice(idle)
    if tx := verbs.borrow(scene.acting(who)):
        return Act(BORROW, tx)
    symbol = rng.choice(scene.open_reserves)
    return Act(SUPPLY, world.supply(who, symbol, scene.raw_of_usd(symbol, 500, 50_000)))


def appoint(scene: AaveScene) -> Act | None:
    """A manager for somebody who has something to manage."""
    chosen = verbs.new_flag(scene)
    return Act(POSITION_MANAGER, behalf.appointment(scene, chosen[0])) if chosen else None


def into_deficit(scene: AaveScene) -> Act | None:
    return _act(INTO_DEFICIT, liquidations.into_deficit(scene))


def umbrella_supplies(scene: AaveScene) -> Act | None:
    """To a reserve with a deficit, which nobody else may cover."""
    reserves = scene.sight.reserves
    short = [s for s in scene.open_reserves if reserves[s].deficit_raw]
    if not short:
        return None
    symbol = scene.rng.choice(short)
    amount = max(1_000, 2 * reserves[symbol].deficit_raw)
    return Act(SUPPLY, scene.world.supply(UMBRELLA, symbol, amount))


def rival_agrees(scene: AaveScene) -> Act | None:
    """The oracle that is not in use gets the sources of the one that is."""
    return Act(PRICE_SOURCE, sources.shared(scene))


def _act(verb: str, tx: Tx | None) -> Act | None:
    return Act(verb, tx) if tx else None
