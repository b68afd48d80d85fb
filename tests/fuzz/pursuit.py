"""Verbs that have never succeeded are gone after with purpose, so that none is left out of a run.

How often follows from the room that is left: with room to spare chance mostly does it. What is
pursued was tried out on the node before, on the very state that its block begins with.
"""

import random
from collections import Counter
from collections.abc import Iterator

from devnet import RpcError, Tx

from fuzz.cast import Cast
from fuzz.scene import Scene
from fuzz.script import Act
from fuzz.tally import Tally
from fuzz.verb import Effect, Verb

ACTIONS_FOR_A_VERB = 2
"""Of the room that is left, kept for each verb that is yet to succeed: it, and what it needs."""
TURNS = 3
"""At one verb before the next: what makes it possible does not last."""
DRAWS = 6
REVERTED = 3
"""JSON-RPC's code for a call that did."""


class Pursuit:
    """Chooses among the verbs that have yet to succeed."""

    def __init__(self, cast: Cast, rng: random.Random, tally: Tally) -> None:
        self._cast = cast
        self._world = cast.world
        self._rng = rng
        self._tally = tally
        self._turns: Counter[str] = Counter()

    def is_due(self, room: int) -> bool:
        """Whether the next block should hold one of them, with room for so many actions left."""
        needed = ACTIONS_FOR_A_VERB * len(self._wanted())
        return room > 0 and self._rng.random() * room < needed

    @property
    def first(self) -> Verb[Scene]:
        """Whose turn it is."""
        return self._wanted()[0]

    async def act(self, scene: Scene) -> Act | None:
        """One that will succeed: of a verb that never did, or what makes that possible.

        Where it is dark prices stay: what they do to everybody could not be foreseen.
        """
        for verb in self._wanted():
            self._turns[verb.name] += 1
            for act in self._drawn(verb, scene.acting(None)):
                is_fit = not scene.sight.is_dark or self._cast.effects[act.verb] is Effect.NONE
                if is_fit and await self._succeeds(scene, act.tx):
                    return act
        return None

    def _wanted(self) -> list[Verb[Scene]]:
        """Whose turns are not over first, then those that had the fewest, the hardest of them."""
        left = [verb for verb in self._cast.verbs if not self._tally.succeeded[verb.name]]
        self._rng.shuffle(left)

        def rank(verb: Verb[Scene]) -> tuple[int, int, bool]:
            rounds, turn = divmod(self._turns[verb.name], TURNS)
            return rounds, -turn, not verb.groundwork

        return sorted(left, key=rank)

    def _drawn(self, verb: Verb[Scene], scene: Scene) -> Iterator[Act]:
        for _ in range(DRAWS):
            if tx := verb.draw(scene):
                yield Act(verb.name, tx)
        for step in verb.groundwork:
            for _ in range(DRAWS):
                if act := step(scene):
                    yield act

    async def _succeeds(self, scene: Scene, tx: Tx) -> bool:
        """In a block of its own on the one that was seen."""
        request = {
            "from": tx.sender,
            "to": tx.to,
            "data": "0x" + tx.data.hex(),
            "gas": hex(tx.gas),
        }
        at = {"blockHash": scene.sight.block.hash}
        try:
            await self._world.anvil.rpc("eth_call", request, at, {}, {"time": hex(scene.at_unix)})
        except RpcError as error:
            if error.code != REVERTED:
                raise
            return False
        return True
