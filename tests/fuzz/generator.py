"""Draws the next block: when, and what in which order. Everything follows from the seed."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

from devnet import World

from fuzz import sources, weather
from fuzz.catalogue import BLACKOUT, PRICE_VERBS, TIME_JUMP, VERBS, Verb
from fuzz.groundwork import PRICE_SOURCE, repair
from fuzz.people import actors
from fuzz.props import Props
from fuzz.pursuit import Pursuit
from fuzz.scene import Scene
from fuzz.script import Act
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


@dataclass(frozen=True, slots=True)
class Plan:
    """A block to be mined."""

    at_unix: int
    acts: tuple[Act, ...]
    is_jump: bool


class Generator:
    """Knows the contracts' last sight and what was tried so far; nothing of the monitor."""

    def __init__(self, world: World, props: Props, rng: random.Random, tally: Tally) -> None:
        self._world = world
        self._props = props
        self._actors = actors()
        self._tally = tally
        self._rng = rng
        self._pursuit = Pursuit(rng, tally)

    async def plan(self, sight: Sight, room: int) -> Plan:
        """The next block, of at most `room` actions; a jump of time counts as one."""
        rng = self._rng
        at_unix = sight.block.timestamp + rng.choice(BLOCK_SECONDS)
        scene = self._scene(sight, at_unix)
        if sight.unpriced:
            return Plan(at_unix, tuple(self._in_the_dark(scene, room)), is_jump=False)
        is_due = self._pursuit.is_due(room)
        if room and (self._pursuit.first if is_due else self._next_verb()) is TIME_JUMP:
            return self._jump(scene, room)
        wanted = min(room, rng.choice(ACTIONS_IN_BLOCK))
        act = await self._pursuit.act(scene) if is_due and wanted else None
        if act is None:
            return Plan(at_unix, tuple(self._draw_some(scene, wanted)), is_jump=False)
        # What was pursued comes first: it was tried out on the state that the block begins with.
        wanted = 0 if act.verb == BLACKOUT.name else wanted - 1
        rest = self._draw_some(scene, wanted, may_move_prices=act.verb not in PRICE_VERBS)
        return Plan(at_unix, (act, *rest), is_jump=False)

    def acts(self, sight: Sight, wanted: int) -> tuple[Act, ...]:
        """Some for a block dated like the one seen."""
        if sight.unpriced:
            return ()
        scene = self._scene(sight, sight.block.timestamp)
        # Prices stay: what else a reorganisation leaves out or brings back is not foreseen.
        return tuple(self._draw_some(scene, wanted, may_move_prices=False))

    def _jump(self, scene: Scene, room: int) -> Plan:
        left = LONGEST_SECONDS - RESERVED_SECONDS - self._tally.seconds
        at_unix = scene.sight.block.timestamp + weather.jump_seconds(scene, left)
        # What is drawn for now may be out of date then, so mostly nothing happens beside.
        wanted = min(self._rng.choice(ACTIONS_IN_BLOCK), room - 1)
        wanted = wanted if self._rng.random() < 0.3 else 0
        scene = replace(scene, at_unix=at_unix)
        return Plan(at_unix, tuple(self._draw_some(scene, wanted, may_move_prices=False)), True)

    def _scene(self, sight: Sight, at_unix: int) -> Scene:
        return Scene(self._world, self._props, self._rng, sight, self._actors, at_unix)

    def _in_the_dark(self, scene: Scene, room: int) -> Iterator[Act]:
        """Without a price nearly everything reverts: it comes back, soon."""
        if room and self._rng.random() < 0.7:
            yield Act(PRICE_SOURCE, sources.light(scene))

    def _draw_some(
        self, scene: Scene, wanted: int, *, may_move_prices: bool = True
    ) -> Iterator[Act]:
        for _ in range(wanted):
            # Prices were foreseen one by one: two in a block might take down more than either.
            act = self._draw(scene, may_move_prices=may_move_prices)
            if act is not None:
                may_move_prices &= act.verb not in PRICE_VERBS
                yield act
                if act.verb == BLACKOUT.name:
                    return
                # Now and then the same account acts twice in a block.
                sender = act.tx.sender
                again = sender in self._actors and self._rng.random() < 0.3
                scene = replace(scene, who=sender if again else None)

    def _draw(self, scene: Scene, *, may_move_prices: bool) -> Act | None:
        is_low = scene.sight.solvent_share < COMFORT_SHARE and self._rng.random() < 0.5
        if is_low and (act := repair(scene)):
            return act
        for _ in range(DRAWS):
            act = self._try(self._next_verb(), scene)
            if act and (may_move_prices or act.verb not in PRICE_VERBS):
                return act
            scene = replace(scene, who=None)
        return None

    def _try(self, verb: Verb, scene: Scene) -> Act | None:
        """It, or now and then what makes it possible."""
        if tx := verb.draw(scene):
            return Act(verb.name, tx)
        is_prepared = verb.groundwork and self._rng.random() < 0.6
        return verb.groundwork[0](scene) if is_prepared else None

    def _next_verb(self) -> Verb:
        """By weight; every third time one of those that lag most behind their weight."""
        if self._rng.random() < 0.33:
            by_lag = sorted(VERBS, key=lambda verb: self._tally.succeeded[verb.name] / verb.weight)
            return self._rng.choice(by_lag[:LAGGARDS])
        [verb] = self._rng.choices(VERBS, weights=[verb.weight for verb in VERBS])
        return verb
