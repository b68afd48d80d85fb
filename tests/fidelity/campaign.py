"""World after world: drawn, projected, executed three times, compared.

A world is drawn again only where its execution liquidates nothing in one of the two protocols.
"""

import asyncio
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devnet import Executed, WideWorld, new_wide_world
from devnet.pool_families import Families, open_families

from fidelity.comparison import EXPLAINED, errors_of, first_difference, is_knife_edge
from fidelity.execution import executed, set_stage
from fidelity.ground import VAULT, Ground, draw_ground
from fidelity.opening import open_book
from fidelity.people import Book, draw_book
from fidelity.projection import projected
from fidelity.question import NUDGE, Question, draw_question
from fidelity.score import Score, Verdict

DRAWS = 10
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Options:
    """`only`: the number of the one world that is played, of these."""

    worlds: int
    seed: int
    only: int | None = None


@dataclass(frozen=True, slots=True)
class Drawn:
    ground: Ground
    book: Book
    question: Question


@dataclass(frozen=True, slots=True)
class Played:
    """`nudged`: the same with the shock a little larger, and a little smaller."""

    projected: dict[str, Any]
    executed: Executed
    nudged: tuple[Executed, Executed]


async def run(options: Options, say: Say, now: Say) -> Score:
    """All worlds; each is said as it is done. `now` is told what is being done."""
    score = Score()
    numbers = range(options.worlds) if options.only is None else [options.only]
    for number in numbers:
        started = time.monotonic()
        now(f"world {number} of {options.worlds} is projected and played")
        drawn, played, again = await _world(f"{options.seed}-{number}")
        score.redrawn += again
        verdict = _verdict(number, drawn, played, time.monotonic() - started)
        score.verdicts.append(verdict)
        say(verdict.row())
        if verdict.errors.worst > EXPLAINED:
            say(f"  {first_difference(played.projected, played.executed)}")
    return score


async def _world(seed: str) -> tuple[Drawn, Played, int]:
    """The first draw of a seed that does something, and how many did not."""
    for number in range(DRAWS):
        drawn = draw(f"{seed}-{number}")
        folder = Path(tempfile.mkdtemp(prefix="fidelity-"))
        try:
            played = await _played(drawn, folder)
        except asyncio.CancelledError:
            shutil.rmtree(folder)
            raise
        shutil.rmtree(folder)
        if played is not None:
            return drawn, played, number
    raise AssertionError(f"{DRAWS} draws of world {seed} liquidate nothing in Aave or Morpho")


def draw(seed: str) -> Drawn:
    rng = random.Random(seed)
    ground = draw_ground(rng)
    book = draw_book(rng, ground, seed)
    return Drawn(ground, book, draw_question(rng, ground, book))


async def _played(drawn: Drawn, folder: Path) -> Played | None:
    """None where too little happens."""
    async with new_wide_world(drawn.ground.terms) as world:
        families: Families | None = None
        if drawn.ground.has_families:
            families = await open_families(world)
            assert isinstance(families.world, WideWorld)
            world = families.world
        await open_book(world, drawn.ground, drawn.book)
        question = drawn.question
        stage = await set_stage(world, families, question)
        done = await executed(stage, question)
        if len({each.market.startswith("morpho") for each in done.done}) < 2:
            return None
        told = await projected(world, families, folder, question.asked(stage.uses))
        larger, smaller = [await executed(stage, question.nudged(by)) for by in (NUDGE, -NUDGE)]
        return Played(told, done, (larger, smaller))


def _verdict(number: int, drawn: Drawn, played: Played, seconds: float) -> Verdict:
    edges = (is_knife_edge(played.executed, nudged) for nudged in played.nudged)
    return Verdict(
        number=number,
        words=drawn.question.words(),
        depth=drawn.ground.depth,
        book="concentrated" if drawn.book.style.is_concentrated else "spread",
        executed=played.executed,
        projected_rounds=played.projected["rounds"],
        errors=errors_of(played.projected, played.executed),
        is_knife_edge=any(edges),
        seconds=seconds,
        features=tuple(_features(drawn, played.executed)),
    )


def _features(drawn: Drawn, done: Executed) -> Iterator[str]:
    if drawn.ground.has_families:
        yield "pools of other families"
    if drawn.ground.cash_left:
        yield "scarce cash"
    if drawn.question.waiting:
        yield "days of interest"
    if drawn.ground.claims:
        yield "claims pledged"
    if done.silent:
        yield "a feed at 0"
    tokens = {asset.symbol for asset in drawn.ground.terms.assets}
    seized = {each.collateral for each in done.done} - tokens
    if seized - {VAULT}:
        yield "aTokens seized"
    if VAULT in seized:
        yield "vault shares seized"
    for channel in drawn.question.channels:
        yield f"a shock of {channel.shock[0].partition(':')[0]}"
