"""Locks that are files: held by a process, and by those it started, until the last has ended."""

import asyncio
import fcntl
from pathlib import Path
from typing import IO


def lock_of(path: Path, *, shared: bool = False) -> IO[str] | None:
    """The file, open and locked; None when another process has it. Raises OSError."""
    file = path.open("a+")
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


async def lock_in_time(path: Path, patience_seconds: float) -> IO[str] | None:
    """The same, as soon as the others let go; None when they do not."""
    deadline = asyncio.get_running_loop().time() + patience_seconds
    while True:
        lock = lock_of(path)
        if lock is not None or asyncio.get_running_loop().time() > deadline:
            return lock
        await asyncio.sleep(0.02)


def is_free(path: Path) -> bool:
    """Whether nobody has it, at this moment."""
    lock = lock_of(path)
    if lock is not None:
        lock.close()
    return lock is not None


def write_down(lock: IO[str], text: str) -> None:
    """Let the file say who holds it."""
    lock.truncate(0)
    lock.write(text)
    lock.flush()
