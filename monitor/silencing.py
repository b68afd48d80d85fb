"""Silences: somebody wants to hear nothing of a breaker for a while."""

import difflib
import re
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from monitor.core.alerts import Silence
from monitor.core.conditions import Condition
from monitor.engine.announcement import rfc3339
from monitor.errors import QuestionError
from monitor.settings import Settings
from monitor.storage import identity_of, redis_of
from monitor.store.identity import check_identity
from monitor.store.operators import Operators

Document = dict[str, Any]

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
LONGEST_SECONDS = 30 * SECONDS["d"]
LONGEST_WHY = 200
_DURATION = re.compile(r"([0-9]{1,9})([smhd])")


@asynccontextmanager
async def operators_of(settings: Settings) -> AsyncIterator[Operators]:
    """The alerts of the configured store, beside a running daemon or a stopped one.

    Raises ConfigError when there is no state, SchemaMismatch when it is another's.
    """
    async with AsyncExitStack() as stack:
        # A server that runs is used as it is, and one that does not is started for us.
        client, _ = await redis_of(settings, stack, read_only=True)
        identity = identity_of(settings, None)
        await check_identity(client, identity)
        yield Operators(client, identity.keys())


def seconds_of(duration: str, option: str = "--for") -> int:
    """`90s`, `15m`, `2h`, `3d`. Raises QuestionError for anything else."""
    found = _DURATION.fullmatch(duration)
    seconds = int(found[1]) * SECONDS[found[2]] if found else 0
    if not 0 < seconds <= LONGEST_SECONDS:
        raise QuestionError(
            f"{option} {duration!r}: expected a number and a unit, as in 30s, 15m, 2h or 3d, and "
            "at most 30d."
        )
    return seconds


def names_of(settings: Settings) -> list[str]:
    """What can be silenced."""
    breakers = [breaker.name for breaker in settings.breakers]
    return [*breakers, *(watch.name for watch in settings.watch), *Condition]


async def silence(settings: Settings, breaker: str, duration: str, why: str) -> Document:
    """Ask for a silence, instead of any earlier one of that breaker."""
    check_name(settings, breaker)
    seconds = seconds_of(duration)
    reason = " ".join(why.split())
    if not reason or not reason.isprintable() or len(reason) > LONGEST_WHY:
        raise QuestionError(
            f"--why {why!r}: expected a reason of 1 to {LONGEST_WHY} printable characters, for "
            "whoever asks later why nobody was told."
        )
    now_unix = int(time.time())
    asked = Silence(breaker, now_unix, now_unix + seconds, reason)
    async with operators_of(settings) as operators:
        await operators.set_silence(asked)
    return {"silences": [_row(asked, now_unix)]}


async def lifted(settings: Settings, breaker: str) -> Document:
    """End a silence. Raises QuestionError where there is none."""
    async with operators_of(settings) as operators:
        found = await operators.silences()
        now_unix = int(time.time())
        if breaker not in found or found[breaker].until_unix <= now_unix:
            silenced = [name for name, each in found.items() if each.until_unix > now_unix]
            names = ", ".join(sorted(silenced))
            known = f"expected one of {names}" if names else "nothing is"
            raise QuestionError(f"{breaker!r} is not silenced: {known}.")
        await operators.lift_silence(breaker)
    return {"lifted": breaker}


async def silences(settings: Settings) -> Document:
    """All that were asked for and not lifted, the next to end first."""
    async with operators_of(settings) as operators:
        found = await operators.silences()
    return {"silences": _rows(found, int(time.time()))}


def check_name(settings: Settings, breaker: str) -> None:
    """Raise QuestionError for what cannot be silenced."""
    known = names_of(settings)
    if breaker not in known:
        near = difflib.get_close_matches(breaker, known, n=3) or known
        raise QuestionError(
            f"there is no breaker, watch or condition {breaker!r}: expected one such as "
            f"{', '.join(near)}."
        )


def _rows(found: Mapping[str, Silence], now_unix: int) -> list[Document]:
    return [
        _row(each, now_unix)
        for each in sorted(found.values(), key=lambda each: (each.until_unix, each.breaker))
    ]


def _row(silence: Silence, now_unix: int) -> Document:
    return {
        "breaker": silence.breaker,
        "since": rfc3339(silence.since_unix),
        "until": rfc3339(silence.until_unix),
        "why": silence.why,
        "is_over": silence.until_unix <= now_unix,
    }
