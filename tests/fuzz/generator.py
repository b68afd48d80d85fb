"""Draws the next block: when, and what in which order. Everything follows from the seed."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from fuzz import dice
from fuzz.cast import Cast
from fuzz.people import actors
from fuzz.pursuit import Pursuit
from fuzz.scene import YEAR_SECONDS, Scene
from fuzz.script import Act
from fuzz.sight import Sight
from fuzz.tally import LONGEST_SECONDS, Tally
from fuzz.verb import TIME_JUMP, Effect, Verb

COMFORT_SHARE = 0.56
"""Below, accounts are brought back into solvent debt before all else."""
RESERVED_SECONDS = 30 * 86_400
"""Of the years a run may take, kept for ordinary blocks."""
SHORTEST_JUMP_SECONDS, LONGEST_JUMP_SECONDS = 30, YEAR_SECONDS
JUMPS = 10
"""Tried, each half as long as the one before: a jump must leave enough of the accounts solvent."""
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

    def __init__(self, cast: Cast, rng: random.Random, tally: Tally) -> None:
        self._cast = cast
        self._actors = actors()
        self._tally = tally
        self._rng = rng
        self._pursuit = Pursuit(cast, rng, tally)

    async def plan(self, sight: Sight, room: int) -> Plan:
        """The next block, of at most `room` actions; a jump of time counts as one."""
        rng = self._rng
        at_unix = sight.block.timestamp + rng.choice(BLOCK_SECONDS)
        scene = self._scene(sight, at_unix)
        lights = tuple(self._lights(scene))[:room]
        room -= len(lights)
        is_due = self._pursuit.is_due(room)
        verb = self._pursuit.first if is_due else self._next_verb()
        if room and verb is TIME_JUMP and not sight.is_dark:
            return self._jump(scene, room)
        wanted = min(room, rng.choice(ACTIONS_IN_BLOCK))
        if is_due and not lights and (act := await self._pursuit.act(scene)):
            # It comes first: it was tried out on the state that the block begins with.
            rest = self._after(scene, act, max(0, wanted - 1))
            return Plan(at_unix, (act, *rest), is_jump=False)
        acts = self._draw_some(scene, wanted, may_move_prices=not sight.is_dark)
        return Plan(at_unix, (*lights, *acts), is_jump=False)

    def _after(self, scene: Scene, act: Act, wanted: int) -> Iterator[Act]:
        effect = self._cast.effects[act.verb]
        if effect is not Effect.DARKNESS:
            is_calm = effect is Effect.NONE and not scene.sight.is_dark
            yield from self._draw_some(scene, wanted, may_move_prices=is_calm)

    def acts(self, sight: Sight, wanted: int) -> tuple[Act, ...]:
        """Some for a block dated like the one seen."""
        scene = self._scene(sight, sight.block.timestamp)
        # Prices stay: what else a reorganisation leaves out or brings back is not foreseen.
        return tuple(self._draw_some(scene, wanted, may_move_prices=False))

    def _jump(self, scene: Scene, room: int) -> Plan:
        left = LONGEST_SECONDS - RESERVED_SECONDS - self._tally.seconds
        at_unix = scene.sight.block.timestamp + self._jump_seconds(scene, left)
        # What is drawn for now may be out of date then, so mostly nothing happens beside.
        wanted = min(self._rng.choice(ACTIONS_IN_BLOCK), room - 1)
        wanted = wanted if self._rng.random() < 0.3 else 0
        scene = self._scene(scene.sight, at_unix)
        return Plan(at_unix, tuple(self._draw_some(scene, wanted, may_move_prices=False)), True)

    def _jump_seconds(self, scene: Scene, most: int) -> int:
        """How far time leaps: every order of magnitude alike."""
        for attempt in range(JUMPS):
            longest = max(SHORTEST_JUMP_SECONDS, min(most, LONGEST_JUMP_SECONDS) / 2**attempt)
            seconds = int(dice.between(self._rng, SHORTEST_JUMP_SECONDS, longest))
            if scene.is_steady({}, seconds):
                return seconds
        return 1

    def _scene(self, sight: Sight, at_unix: int) -> Scene:
        return Scene(self._rng, self._cast, sight, self._actors, at_unix)

    def _lights(self, scene: Scene) -> Iterator[Act]:
        """Where it is dark it gets light again, soon; elsewhere life goes on meanwhile."""
        for venue in self._cast.venues:
            is_dark = scene.sight.parts[venue.name].is_dark
            if is_dark and self._rng.random() < 0.7 and (act := venue.light(scene)):
                yield act

    def _draw_some(
        self, scene: Scene, wanted: int, *, may_move_prices: bool = True
    ) -> Iterator[Act]:
        for _ in range(wanted):
            # Prices were foreseen one by one: two in a block might take down more than either.
            act = self._draw(scene, may_move_prices=may_move_prices)
            if act is not None:
                effect = self._cast.effects[act.verb]
                may_move_prices &= effect is Effect.NONE
                yield act
                if effect is Effect.DARKNESS:
                    return
                # Now and then the same account acts twice in a block.
                sender = act.tx.sender
                again = sender in self._actors and self._rng.random() < 0.3
                scene = scene.acting(sender if again else None)

    def _draw(self, scene: Scene, *, may_move_prices: bool) -> Act | None:
        if act := self._repair(scene):
            return act
        for _ in range(DRAWS):
            act = self._try(self._next_verb(), scene)
            if act and (may_move_prices or self._cast.effects[act.verb] is Effect.NONE):
                return act
            scene = scene.acting(None)
        return None

    def _repair(self, scene: Scene) -> Act | None:
        """Where too few are left in solvent debt."""
        for venue in self._cast.venues:
            part = scene.sight.parts[venue.name]
            is_low = not part.is_dark and part.solvent_share < COMFORT_SHARE
            if is_low and self._rng.random() < 0.5 and (act := venue.repair(scene)):
                return act
        return None

    def _try(self, verb: Verb[Scene], scene: Scene) -> Act | None:
        """It, or now and then what makes it possible."""
        if tx := verb.draw(scene):
            return Act(verb.name, tx)
        is_prepared = verb.groundwork and self._rng.random() < 0.6
        return verb.groundwork[0](scene) if is_prepared else None

    def _next_verb(self) -> Verb[Scene]:
        """By weight; every third time one of those that lag most behind their weight."""
        verbs, rng = self._cast.verbs, self._rng
        if rng.random() < 0.33:
            by_lag = sorted(verbs, key=lambda verb: self._tally.succeeded[verb.name] / verb.weight)
            return rng.choice(by_lag[:LAGGARDS])
        [verb] = rng.choices(verbs, weights=[verb.weight for verb in verbs])
        return verb
