"""The folder of snapshots that alerts name: written to, and kept within its bounds."""

import os
import re
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from monitor.core.snapshot import Snapshot
from monitor.store.placing import PARTIAL, placed
from monitor.store.snapshot_file import freeze, pack

SHORT = 12
"""Digits of the id in a name."""
LEFT_BEHIND_SECONDS = 3600
"""A partial file that nobody has written to for so long was left by a daemon that died."""
_NAME = re.compile(rf"\d+-\d+-[0-9a-f]{{{SHORT}}}\.snapshot")


@dataclass(frozen=True, slots=True)
class Written:
    """A snapshot on disk. `id`: all of it; the name holds its first digits."""

    id: str
    name: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class SnapshotFolder:
    """At most `keep` snapshots (0: none is written) and `most_bytes`, but always the newest."""

    folder: Path
    keep: int
    most_bytes: int

    def write(self, snapshot: Snapshot) -> Written:
        """Write one; `prune` makes room for the next. Raises OSError.

        Named by chain, block and id: the same snapshot has the same name, and is written once.
        """
        frozen = freeze(snapshot)
        block = snapshot.world.block.number
        name = f"{snapshot.chain_id}-{block}-{frozen.id[:SHORT]}.snapshot"
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._tidy()
        with placed(self.folder / name, replace=True) as file:
            pack(frozen, file)
        size_bytes = (self.folder / name).stat().st_size
        return Written(frozen.id, name, size_bytes)

    def prune(self, newest: str) -> None:
        """Let the oldest go, by when they were written. Raises OSError.

        What is no snapshot by its name is let be.
        """
        found = []
        for entry in os.scandir(self.folder):
            if _NAME.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                with suppress(FileNotFoundError):  # another daemon's folder too
                    told = entry.stat(follow_symlinks=False)
                    found.append((entry.name == newest, told.st_mtime_ns, entry.name, told.st_size))
        kept, size = 0, 0
        for is_newest, _, name, size_bytes in sorted(found, reverse=True):
            kept, size = kept + 1, size + size_bytes
            if not is_newest and (kept > self.keep or size > self.most_bytes):
                (self.folder / name).unlink(missing_ok=True)

    def _tidy(self) -> None:
        """Remove what a daemon was writing when it died, before there is need for the room."""
        before = time.time() - LEFT_BEHIND_SECONDS
        for partial in self.folder.glob(f".*.snapshot.*{PARTIAL}"):
            with suppress(FileNotFoundError):
                if partial.stat().st_mtime < before:
                    partial.unlink()


def fault_of(folder: Path) -> str:
    """Why nothing could be written to a folder now, in words; empty where it could."""
    at = folder
    while not at.exists() and at != at.parent:
        at = at.parent
    if not at.is_dir():
        return f"{at} is no folder"
    return "" if os.access(at, os.W_OK | os.X_OK) else f"{at} is not writable"
