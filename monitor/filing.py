"""Keeps what alerts rest on: in a folder, beside the event loop, and never at an alert's cost."""

import asyncio

import structlog

from monitor import __version__
from monitor.core.risk import WorldSheet
from monitor.core.snapshot import Filed, Snapshot
from monitor.engine.freezing import Frame
from monitor.metrics import Metrics, SnapshotOutcome
from monitor.parts import Parts
from monitor.settings import Settings
from monitor.store.snapshot_folder import SnapshotFolder, Written

log = structlog.stdlib.get_logger(__name__)
LONGEST_SECONDS = 10.0
"""What an alert waits for its snapshot. A hundred thousand accounts take one."""


class Filing:
    """The Archive of a daemon."""

    def __init__(self, frame: Frame, folder: SnapshotFolder, metrics: Metrics) -> None:
        self._frame = frame
        self._folder = folder
        self._metrics = metrics
        self._writing: asyncio.Future[Written] | None = None

    async def keep(self, world: WorldSheet) -> Filed:
        """What went wrong is logged with its path, and told without."""
        if not self._folder.keep:
            return Filed(reason="no snapshot: snapshots.keep is 0")
        try:
            written = await self._write(world)
        except (OSError, ValueError) as error:
            self._metrics.snapshots_written_total.labels(SnapshotOutcome.FAILED).inc()
            log.error("snapshot_failed", block=world.block.number, error=str(error))
            why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            return Filed(reason=f"no snapshot: {why}")
        self._metrics.snapshots_written_total.labels(SnapshotOutcome.WRITTEN).inc()
        log.info("snapshot_written", name=written.name, bytes=written.size_bytes)
        return Filed(written.id, written.name)

    async def _write(self, world: WorldSheet) -> Written:
        """A disk that hangs holds up one thread, and no alert."""
        if self._writing is not None and not self._writing.done():
            raise TimeoutError("the one before it is still being written")
        snapshot = self._frame.around(world)
        self._writing = asyncio.ensure_future(asyncio.to_thread(_filed, self._folder, snapshot))
        done, _ = await asyncio.wait([self._writing], timeout=LONGEST_SECONDS)
        if not done:
            raise TimeoutError(f"it took longer than {LONGEST_SECONDS:.0f} seconds")
        return self._writing.result()


def _filed(folder: SnapshotFolder, snapshot: Snapshot) -> Written:
    """What was written counts, whether others could be removed or not."""
    written = folder.write(snapshot)
    try:
        folder.prune(written.name)
    except OSError as error:
        log.error("snapshots_not_pruned", error=str(error))
    return written


def filing_of(settings: Settings, parts: Parts, metrics: Metrics) -> Filing:
    wanted = settings.snapshots
    folder = SnapshotFolder(wanted.dir, wanted.keep, wanted.max_megabytes * 10**6)
    return Filing(frame_for(settings, parts), folder, metrics)


def frame_for(settings: Settings, parts: Parts) -> Frame:
    """By what a configuration asks a world."""
    return Frame(
        __version__, settings.chain.chain_id, parts.named, parts.runner.plans, parts.defaults
    )
