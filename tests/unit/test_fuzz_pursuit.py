"""Which verbs the fuzz goes after, and how often: by itself, without a chain."""

import random
from typing import cast

import pytest
from devnet import Block, World
from fuzz.cast import Cast
from fuzz.pursuit import ACTIONS_FOR_A_VERB, TURNS, Pursuit
from fuzz.scene import Scene
from fuzz.sight import Sight
from fuzz.tally import Tally
from fuzz.verb import Effect, Verb

NOWHERE = cast(World, None)
HARD: Verb[Scene] = Verb("hard", 1, lambda _: None, (lambda _: None,))
EASY: tuple[Verb[Scene], ...] = tuple(Verb(f"easy {n}", 1, lambda _: None) for n in range(3))
VERBS = (*EASY, HARD)


class Ensemble(Cast):
    """Verbs, and nothing that they could act on."""

    def __init__(self) -> None:
        self.world = NOWHERE
        self.verbs = VERBS
        self.effects = {verb.name: Effect.NONE for verb in VERBS}


@pytest.fixture
def tally() -> Tally:
    return Tally(VERBS, accounts=100)


@pytest.fixture
def pursuit(tally: Tally) -> Pursuit:
    return Pursuit(Ensemble(), random.Random(1), tally)


def scene() -> Scene:
    return Scene(random.Random(1), Ensemble(), Sight(cast(Block, None), {}, {}), (), 0)


def test_is_due__room_for_the_unproven_only__always(pursuit: Pursuit) -> None:
    room = ACTIONS_FOR_A_VERB * len(VERBS)
    assert all(pursuit.is_due(room) for _ in range(100))


def test_is_due__ten_times_that_room__every_tenth_time(pursuit: Pursuit) -> None:
    room = 10 * ACTIONS_FOR_A_VERB * len(VERBS)
    due = sum(pursuit.is_due(room) for _ in range(10_000))
    assert 900 < due < 1_100


def test_is_due__no_room__never(pursuit: Pursuit) -> None:
    assert not any(pursuit.is_due(0) for _ in range(100))


def test_is_due__every_verb_succeeded__never(pursuit: Pursuit, tally: Tally) -> None:
    for verb in VERBS:
        tally.count(verb.name, None)
    assert not any(pursuit.is_due(1) for _ in range(100))


def test_first__a_verb_needs_groundwork__it_comes_first(pursuit: Pursuit) -> None:
    assert pursuit.first is HARD


async def test_act__nothing_is_possible__every_verb_gets_its_turns(pursuit: Pursuit) -> None:
    for _ in range(TURNS):
        assert await pursuit.act(scene()) is None
    assert pursuit.first is HARD


async def test_first__others_succeeded__only_what_never_did_is_left(
    pursuit: Pursuit, tally: Tally
) -> None:
    for verb in (HARD, *EASY[1:]):
        tally.count(verb.name, None)
    assert pursuit.first is EASY[0]
    tally.count(EASY[0].name, "it reverted")
    assert pursuit.first is EASY[0]
