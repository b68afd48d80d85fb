"""The receiver on a bad day: it refuses, hangs, dawdles, or hangs up on what it has read."""

import asyncio
import random
from collections import Counter, deque
from enum import StrEnum

from devnet.receiver import HANG_UP, Letter, Receiver

from torture.verdict import Arrival

TAKEN, BROKEN = 204, 500
HANG_SECONDS = 7.0
"""Longer than the daemon waits for an answer."""
SLOWEST_SECONDS = 3.0


class Mood(StrEnum):
    """What the receiver does with a letter it has read."""

    REFUSES = "receiver answers 500"
    HANGS = "receiver hangs"
    SLOW = "receiver is slow"
    HANGS_UP = "receiver reads, then resets"


class Mailbox:
    """Notes every letter that was read, in order. Bad moods wait for the next letters."""

    def __init__(self, receiver: Receiver, rng: random.Random) -> None:
        self.counts: Counter[Mood] = Counter()
        self._receiver = receiver
        self._rng = rng
        self._moods: deque[Mood] = deque()
        self._read: list[Letter] = []
        receiver.answer = self._answer

    @property
    def refused(self) -> int:
        """Letters whose signature was wrong."""
        return self._receiver.refused

    def upset(self, mood: Mood, letters: int) -> None:
        """Treat so many of the next letters so, until `calm`."""
        self._moods.extend([mood] * letters)

    def calm(self) -> None:
        self._moods.clear()

    def arrivals(self) -> list[Arrival]:
        taken = {id(letter) for letter in self._receiver.letters}
        return [_arrival(letter, id(letter) in taken) for letter in self._read]

    async def _answer(self, letter: Letter) -> int:
        self._read.append(letter)
        if not self._moods:
            return TAKEN
        mood = self._moods.popleft()
        self.counts[mood] += 1
        match mood:
            case Mood.REFUSES:
                return BROKEN
            case Mood.HANGS_UP:
                return HANG_UP
            case Mood.HANGS:
                await asyncio.sleep(HANG_SECONDS)
            case Mood.SLOW:
                await asyncio.sleep(self._rng.uniform(0.1, SLOWEST_SECONDS))
        return TAKEN


def _arrival(letter: Letter, acknowledged: bool) -> Arrival:
    data = letter.body["data"]
    return Arrival(
        id=letter.id,
        type=letter.type,
        block_hash=data["block"]["hash"],
        retracts=data["alert"]["retracts"],
        raw=letter.raw,
        at_monotonic=letter.arrived_monotonic,
        acknowledged=acknowledged,
    )
