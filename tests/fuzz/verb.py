"""One kind of action: how it is drawn, and what makes it possible while it is not."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Generic, TypeVar

from devnet import Tx

from fuzz.scene import Foresight, Scene
from fuzz.script import Act

Part = TypeVar("Part")
Entered = TypeVar("Entered", bound=Foresight)
"""A scene as one venue shows it."""


class Effect(Enum):
    """What an action does to everybody at once."""

    NONE = auto()
    PRICES = auto()
    """It is foreseen, each by itself."""
    DARKNESS = auto()
    """A price that nearly everything needs is gone until the venue's light."""


@dataclass(frozen=True, slots=True)
class Verb(Generic[Part]):
    """`groundwork`: acts, counted as verbs of their own, best first."""

    name: str
    weight: int
    draw: Callable[[Part], Tx | None]
    groundwork: tuple[Callable[[Part], Act | None], ...] = ()
    effect: Effect = Effect.NONE


def bound(verb: Verb[Entered], prefix: str, enter: Callable[[Scene], Entered]) -> Verb[Scene]:
    """The same for a whole scene, under a name that tells it from other venues' verbs."""

    def prepared(step: Callable[[Entered], Act | None]) -> Callable[[Scene], Act | None]:
        def prepare(scene: Scene) -> Act | None:
            act = step(enter(scene))
            return replace(act, verb=prefix + act.verb) if act else None

        return prepare

    def draw(scene: Scene) -> Tx | None:
        part = enter(scene)
        return None if part.is_dark else verb.draw(part)

    return Verb(
        prefix + verb.name,
        verb.weight,
        draw,
        tuple(prepared(step) for step in verb.groundwork),
        verb.effect,
    )


TIME_JUMP: Verb[Scene] = Verb("time-jump", 6, lambda _: None)
"""The only one without a transaction: it dates the block."""
