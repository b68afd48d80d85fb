"""Loaded into a daemon by PYTHONPATH, as `sitecustomize`: it hangs where and while a file says so.

Nothing outside can make a healthy daemon hang with its event loop alive. The files are empty:
`start` holds a first start before it reads anything, `block` every block before it is taken.
"""

import asyncio
from pathlib import Path
from typing import Any

from monitor import standing
from monitor.beginning import Beginning
from monitor.core.blocks import BlockRef
from monitor.core.ports import StateStore
from monitor.engine.pipeline import Pipeline

FOLDER = Path("/run/held")
LOOK_SECONDS = 0.1
STALL_SECONDS = 1.0


async def _held(name: str) -> None:
    while True:
        if not (FOLDER / name).exists():
            return
        await asyncio.sleep(LOOK_SECONDS)


def _hold() -> None:
    read, take = Beginning._read, Pipeline._take

    async def late_read(self: Beginning, store: StateStore, at: BlockRef, head: BlockRef) -> None:
        self.base = at
        await _held("start")
        await read(self, store, at, head)

    async def late_take(self: Pipeline, event: Any) -> bool:
        await _held("block")
        return await take(self, event)

    Beginning._read = late_read  # type: ignore[method-assign]
    Pipeline._take = late_take  # type: ignore[method-assign]
    standing.STALL_SECONDS = STALL_SECONDS


_hold()
