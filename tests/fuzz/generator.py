"""Draws the next block: when, and what in which order. Everything follows from the seed."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

from devnet import Tx, World

from fuzz import sources, weather
from fuzz.catalogue import (
    BLACKOUT,
    BORROW,
    FEED,
    PRICE_SOURCE,
    PRICE_VERBS,
    REPAY,
    SUPPLY,
    TIME_JUMP,
    VERBS,
    Verb,
)
from fuzz.people import actors
from fuzz.props import Props
from fuzz.scene import Scene
from fuzz.sight import Sight
from fuzz.tally import LONGEST_SECONDS, Tally

COMFORT_SHARE = 0.56
"""Below, accounts are brought back into solvent debt before all else."""
RESERVED_SECONDS = 30 * 86_400
"""Of the years a run may take, kept for ordinary blocks."""
BLOCK_SECONDS = (1, 2, 12, 12, 12, 12, 24, 60)
ACTIONS_IN_BLOCK = (0, 1, 1, 1, 1, 2, 2, 3, 5)
DRAWS = 40
LAGGARDS = 4
"""Not the last alone: a verb may have nobody to act on for a long time."""

Action = tuple[Verb, Tx]


@dataclass(frozen=True, slots=True)
class Plan:
    """A block to be mined."""

    at_unix: int
    actions: tuple[Action, ...]
    is_jump: bool


class Generator:
    """Knows the contracts' last sight and what was tried so far; nothing of the monitor."""

    def __init__(self, world: World, props: Props, rng: random.Random, tally: Tally) -> None:
        self._world = world
        self._props = props
        self._actors = actors()
        self._tally = tally
        self._rng = rng

    def plan(self, sight: Sight, room: int) -> Plan:
        """The next block, of at most `room` actions; a jump of time counts as one."""
        rng = self._rng
        at_unix = sight.block.timestamp + rng.choice(BLOCK_SECONDS)
        scene = self._scene(sight, at_unix)
        if sight.unpriced:
            return Plan(at_unix, tuple(self._in_the_dark(scene, room)), is_jump=False)
        is_jump = room > 0 and self._next_verb() is TIME_JUMP
        wanted = min(room, rng.choice(ACTIONS_IN_BLOCK))
        if is_jump:
            left = LONGEST_SECONDS - RESERVED_SECONDS - self._tally.seconds
            at_unix = sight.block.timestamp + weather.jump_seconds(scene, left)
            scene = replace(scene, at_unix=at_unix)
            # What is drawn for now may be out of date then, so mostly nothing happens beside.
            wanted = min(wanted, room - 1) if rng.random() < 0.3 else 0
        return Plan(at_unix, tuple(self._draw_some(scene, wanted, is_jump)), is_jump)

    def actions(self, sight: Sight, wanted: int) -> tuple[Action, ...]:
        """Some for a block dated like the one seen."""
        if sight.unpriced:
            return ()
        scene = self._scene(sight, sight.block.timestamp)
        # Prices stay: what else a reorganisation leaves out or brings back is not foreseen.
        return tuple(self._draw_some(scene, wanted, is_jump=True))

    def _scene(self, sight: Sight, at_unix: int) -> Scene:
        return Scene(self._world, self._props, self._rng, sight, self._actors, at_unix)

    def _in_the_dark(self, scene: Scene, room: int) -> Iterator[Action]:
        """Without a price nearly everything reverts: it comes back, soon."""
        if room and self._rng.random() < 0.7:
            yield PRICE_SOURCE, sources.light(scene)

    def _draw_some(self, scene: Scene, wanted: int, is_jump: bool) -> Iterator[Action]:
        has_feed = is_jump
        for _ in range(wanted):
            # Prices were foreseen one by one: two in a block might take down more than either.
            action = self._draw(scene, may_move_prices=not has_feed)
            if action is not None:
                has_feed |= action[0] in PRICE_VERBS
                yield action
                if action[0] is BLACKOUT:
                    return
                # Now and then the same account acts twice in a block.
                sender = action[1].sender
                again = sender in self._actors and self._rng.random() < 0.3
                scene = replace(scene, who=sender if again else None)

    def _draw(self, scene: Scene, *, may_move_prices: bool) -> Action | None:
        is_low = scene.sight.solvent_share < COMFORT_SHARE and self._rng.random() < 0.5
        if is_low and (repair := _repair(scene)):
            return repair
        for _ in range(DRAWS):
            verb = self._next_verb()
            if verb is TIME_JUMP or (verb in PRICE_VERBS and not may_move_prices):
                continue
            if tx := verb.draw(scene):
                return verb, tx
            hunts = verb.hunted and may_move_prices and self._rng.random() < 0.6
            if verb.hunted and hunts and (tx := weather.feed_against(scene, verb.hunted)):
                return FEED, tx
            scene = replace(scene, who=None)
        return None

    def _next_verb(self) -> Verb:
        """By weight; every third time one of those that lag most behind their weight."""
        if self._rng.random() < 0.33:
            by_lag = sorted(VERBS, key=lambda verb: self._tally.succeeded[verb.name] / verb.weight)
            return self._rng.choice(by_lag[:LAGGARDS])
        [verb] = self._rng.choices(VERBS, weights=[verb.weight for verb in VERBS])
        return verb


def _repair(scene: Scene) -> Action | None:
    """Bring somebody into solvent debt: out of trouble, or into debt for the first time."""
    scene = replace(scene, who=None)
    rng, world = scene.rng, scene.world
    ruined = [who for who in scene.actors if scene[who].is_liquidatable]
    idle = [who for who in scene.actors if not scene[who].data.debt_e8]
    if ruined and (not idle or rng.random() < 0.6):
        who = rng.choice(ruined)
        lacking_e8 = scene[who].data.debt_e8 * rng.uniform(0.3, 0.8)
        if scene.pledged(who) and rng.random() < 0.6:
            symbol = rng.choice(scene.pledged(who))
            return SUPPLY, world.supply(who, symbol, max(2, scene.raw(symbol, lacking_e8)))
        symbol = rng.choice(scene.owed(who))
        owed = scene[who].owed[symbol]
        return REPAY, world.repay(who, symbol, max(1, min(owed, scene.raw(symbol, lacking_e8))))
    if not idle:
        return None
    who = rng.choice(idle)
    if tx := BORROW.draw(replace(scene, who=who)):
        return BORROW, tx
    symbol = rng.choice(scene.open_reserves)
    return SUPPLY, world.supply(who, symbol, scene.raw_of_usd(symbol, 500, 50_000))
