"""Whether what a Redis holds survives its restart. Said as a warning: the choice is the operator's.

The chain gives back every block that is lost, but not the alerts' history, nor what was not yet
delivered.
"""

import time
from contextlib import suppress

from redis.asyncio import Redis

from monitor.errors import MonitorError
from monitor.store.connection import once, read


class Pulse:
    """Feels how the server fares just now, where the store itself would wait and try again."""

    def __init__(self, client: "Redis") -> None:
        self._client = client

    async def round_trip_seconds(self) -> float:
        """How long one PING takes. Raises StoreUnavailable within some seconds."""
        started = time.monotonic()
        await once(self._ping)
        return time.monotonic() - started

    async def durability_warning(self) -> str:
        """As the function of this name."""
        return await durability_warning(self._client)

    async def _ping(self) -> None:
        await self._client.execute_command("PING")  # type: ignore[no-untyped-call]


async def durability_warning(client: "Redis") -> str:
    """What a restart of the server would cost, expected, and what to do. Empty: nothing much."""
    try:
        [persistence] = await read(client, ("INFO", "persistence"))
    except MonitorError as error:
        return f"whether Redis keeps its state over a restart cannot be read: {error}"
    if persistence.get("aof_last_write_status", "ok") != "ok":
        return (
            "Redis could not write its append-only file: what it takes now does not outlive it. "
            "Expected aof_last_write_status ok. Make room on its disk and read its log."
        )
    if persistence.get("aof_enabled"):
        if await _setting(client, "appendfsync") != "no":
            return ""
        return (
            "Redis has appendfsync no: a power failure costs the newest half minute of alerts. "
            "Expected everysec. Run CONFIG SET appendfsync everysec, and put it into redis.conf."
        )
    has_dumps = await _setting(client, "save") != ""
    cost = "all since its last dump" if has_dumps else "everything it holds"
    return (
        f"Redis has appendonly no: its restart loses {cost}. The ledger is built anew from the "
        "chain, but alerts and what was not yet delivered are gone. Expected appendonly yes. Run "
        "CONFIG SET appendonly yes, and put it into redis.conf."
    )


async def _setting(client: "Redis", name: str) -> str | None:
    """A setting; None where the server does not tell."""
    with suppress(MonitorError):
        [found] = await read(client, ("CONFIG GET", name))
        return str(found[name]) if name in found else None
    return None
