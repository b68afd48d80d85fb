"""The shortest script that still fails, as far as time allows: delta debugging.

A failing run is a prefix already, cut off at its first mismatch: most often its end fails by
itself. What stays is first thrown out in large parts, then in small ones; then single acts of the
blocks that are left.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from fuzz.script import Act, Mine, Reorg, Step, acts_in

Part = TypeVar("Part")
Fails = Callable[[Sequence[Step]], Awaitable[bool]]
Say = Callable[[str], None]
SAY_EVERY_SECONDS = 15.0


@dataclass(slots=True)
class Shrinking:
    """`fails` plays a script; nothing is tried any more after `budget_seconds`."""

    fails: Fails
    say: Say
    budget_seconds: float
    tried: int = 0
    _began: float = 0.0
    _said: float = 0.0

    async def shrink(self, script: Sequence[Step]) -> Sequence[Step]:
        """A script that fails, no longer than the one given, which must fail."""
        self._began = self._said = time.monotonic()
        script = await self._end(script)
        before = -1
        while before != (before := len(script) + acts_in(script)) and self._has_time():
            script = await self._shorter(list(script), self.fails, script)
            for place in range(len(script)):
                script = await self._with_fewer_acts(list(script), place)
        return script

    async def _end(self, script: Sequence[Step]) -> Sequence[Step]:
        """The shortest of its last step, its last two, four, … that fails by itself."""
        size = 1
        while size < len(script) and self._has_time():
            self.tried += 1
            if await self.fails(script[-size:]):
                return script[-size:]
            size *= 2
        return script

    async def _with_fewer_acts(self, script: list[Step], place: int) -> Sequence[Step]:
        def with_acts(acts: Sequence[Act | tuple[int, Act]]) -> list[Step]:
            return [*script[:place], _acting(script[place], acts), *script[place + 1 :]]

        acts = _acts_of(script[place])
        if not acts:
            return script

        async def fails(acts: Sequence[Act | tuple[int, Act]]) -> bool:
            return await self.fails(with_acts(acts))

        return with_acts(await self._shorter(acts, fails, script))

    async def _shorter(
        self,
        parts: list[Part],
        fails: Callable[[Sequence[Part]], Awaitable[bool]],
        script: Sequence[Step],
    ) -> list[Part]:
        """Without any run of parts that can be left out."""
        size = max(1, len(parts) // 2)
        while True:
            at = 0
            while at < len(parts):
                if not self._has_time():
                    return parts
                fewer = [*parts[:at], *parts[at + size :]]
                self.tried += 1
                if await fails(fewer):
                    parts = fewer
                else:
                    at += size
                self._tell(len(parts), len(script))
            if size == 1:
                return parts
            size //= 2

    def _has_time(self) -> bool:
        return time.monotonic() - self._began < self.budget_seconds

    def _tell(self, parts: int, steps: int) -> None:
        now = time.monotonic()
        if now - self._said >= SAY_EVERY_SECONDS:
            self._said = now
            self.say(
                f"shrinking: {self.tried} plays in {now - self._began:.0f} s, {parts} parts left "
                f"of {steps} steps"
            )


def _acts_of(step: Step) -> list[Act | tuple[int, Act]]:
    match step:
        case Mine() | Reorg():
            return list(step.acts)
    return []


def _acting(step: Step, acts: Sequence[Act | tuple[int, Act]]) -> Step:
    match step:
        case Mine():
            return replace(step, acts=tuple(act for act in acts if isinstance(act, Act)))
        case Reorg():
            return replace(step, acts=tuple(act for act in acts if isinstance(act, tuple)))
    return step
