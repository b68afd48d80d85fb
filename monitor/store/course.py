"""What breakers had come to, block by block: so that a ledger built anew says nothing twice.

A rebuilt ledger begins where a fresh one would, at the newest final block, and that lies behind the
newest block that was judged. The blocks between are judged again. From the breakers of the newest
block that would look like recoveries and new episodes; from those of the block it begins at, the
same judgements give the same alerts with the same ids, which the store knows and does not queue
again. So a rebuild keeps the breakers after every judged block that could still be undone, the
course, and `resume` takes those of the block at which the ledger begins:

- after the newest judged block: as they stood last; no block that was skipped is held against them;
- between: as they stood after that block;
- before all that is kept: as in a fresh store, for nothing is known of that time.

What a rebuild cannot keep is how to take back: when a block it judged is reorganised away between
the rebuild and the next start, its alert is not retracted.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from msgspec import MsgspecError, json
from redis.asyncio import Redis

from monitor.core.blocks import BlockRef
from monitor.errors import LedgerCorrupt
from monitor.store.codec import decode_block, decode_breaker
from monitor.store.connection import Scripts, read
from monitor.store.contents import Entry
from monitor.store.keys import Keys

NAME = "course"
_UNREADABLE = (MsgspecError, ValueError, RecursionError, LedgerCorrupt)


@dataclass(frozen=True, slots=True)
class _Stand:
    """Every breaker's state, as stored, after a judged block."""

    number: int
    breakers: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Mark:
    """Of what `judge.lua` notes about a block: what was so before it."""

    evaluated: str
    breakers: dict[str, str]


def course_of(entries: Iterable[Entry]) -> Entry | None:
    """The course in the contents of a store; None when nothing was judged there.

    A note that does not decode is left out: a rebuild is for stores that are damaged, too.
    """
    named = {entry.name: entry for entry in entries}
    if "tail" not in named:  # rebuilt before, and not begun since
        return named.get(NAME)
    stands = []
    for note in named["judged"].as_dict().values() if "judged" in named else ():
        try:
            mark = json.decode(note, type=_Mark)
            stands.append(_stand(mark.evaluated, mark.breakers))
        except _UNREADABLE:
            continue
    newest = _newest(named)
    if newest is not None:
        stands.append(newest)
    stands.sort(key=lambda stand: stand.number)
    return Entry(NAME, "list", tuple(json.encode(stand) for stand in stands)) if stands else None


async def resume(client: "Redis", keys: Keys, scripts: Scripts, block: BlockRef) -> None:
    """Before a store begins at `block`: its breakers as they stood there. No course: no change."""
    [kept] = await read(client, ("LRANGE", keys.of(NAME), 0, -1))
    if not kept:
        return
    try:
        stands = [json.decode(stand, type=_Stand) for stand in kept]
    except _UNREADABLE as error:
        raise LedgerCorrupt(
            f"what breakers had come to before a rebuild does not decode: {str(error)[:300]}. "
            "Something else wrote there. Restore a backup, or forget all there is: cascade-monitor "
            "store rebuild --forget-alerts --config F."
        ) from error
    breakers = next((s.breakers for s in reversed(stands) if s.number <= block.number), {})
    states = [text for pair in sorted(breakers.items()) for text in pair]
    await scripts.run("resume", {"breakers": states})


def _newest(named: dict[str, Entry]) -> _Stand | None:
    if "evaluated" not in named:
        return None
    states = named["breakers"].as_dict() if "breakers" in named else {}
    try:
        breakers = {name.decode(): state.decode() for name, state in states.items()}
        return _stand(named["evaluated"].values[0], breakers)
    except _UNREADABLE:
        return None


def _stand(evaluated: bytes | str, breakers: dict[str, str]) -> _Stand:
    """Raises _UNREADABLE for what the next daemon could not load."""
    for name, state in breakers.items():
        decode_breaker(name, state)
    return _Stand(decode_block(evaluated).number, breakers)
