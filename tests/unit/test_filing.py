"""What alerts rest on, kept at no cost of theirs."""

import asyncio
import threading
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from unit.frozen import FRAME, a_snapshot, a_world

from monitor import filing
from monitor.core.snapshot import Filed, Snapshot
from monitor.filing import Filing
from monitor.metrics import Labels, Metrics
from monitor.store.snapshot_file import freeze
from monitor.store.snapshot_folder import SnapshotFolder, Written


class StuckFolder(SnapshotFolder):
    """A disk that answers when it is let go."""

    let_go = threading.Event()

    def write(self, snapshot: Snapshot) -> Written:
        self.let_go.wait(20)
        return super().write(snapshot)


class StubbornFolder(SnapshotFolder):
    """Nothing can be removed from it. (Root, who runs tests, may remove anything.)"""

    def prune(self, newest: str) -> None:
        raise PermissionError(1, "Operation not permitted", newest)


def names_in(folder: Path) -> set[str]:
    """The blocks of which there is a snapshot."""
    return {entry.name.split("-")[1] for entry in folder.iterdir()}


def filing_in(folder: SnapshotFolder) -> tuple[Filing, CollectorRegistry]:
    registry = CollectorRegistry()
    return Filing(FRAME, folder, Metrics(registry, Labels(), "9.8.7")), registry


def counted(registry: CollectorRegistry, outcome: str) -> float | None:
    return registry.get_sample_value(
        "cascade_monitor_snapshots_written_total", {"outcome": outcome}
    )


async def test_keep__a_world__names_what_is_on_disk(tmp_path: Path) -> None:
    archive, registry = filing_in(SnapshotFolder(tmp_path, 5, 10**9))
    filed = await archive.keep(a_world())
    assert filed.id == freeze(a_snapshot()).id
    assert (tmp_path / filed.name).is_file()
    assert filed.reason == ""
    assert (counted(registry, "written"), counted(registry, "failed")) == (1, 0)


async def test_keep__told_to_keep_none__says_so_and_writes_none(tmp_path: Path) -> None:
    archive, registry = filing_in(SnapshotFolder(tmp_path, 0, 10**9))
    assert await archive.keep(a_world()) == Filed(reason="no snapshot: snapshots.keep is 0")
    assert names_in(tmp_path) == set()
    assert (counted(registry, "written"), counted(registry, "failed")) == (0, 0)


async def test_keep__a_folder_that_is_none__says_why_without_its_path(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    archive, registry = filing_in(SnapshotFolder(tmp_path / "file", 5, 10**9))
    assert await archive.keep(a_world()) == Filed(reason="no snapshot: File exists")
    assert counted(registry, "failed") == 1


async def test_keep__nothing_can_be_removed__names_what_was_written(tmp_path: Path) -> None:
    archive, registry = filing_in(StubbornFolder(tmp_path, 1, 10**9))
    assert (await archive.keep(a_world())).id == freeze(a_snapshot()).id
    assert counted(registry, "failed") == 0


async def test_keep__a_disk_that_hangs__holds_up_no_alert(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filing, "LONGEST_SECONDS", 0.05)
    folder = StuckFolder(tmp_path, 5, 10**9)
    archive, registry = filing_in(folder)
    async with asyncio.timeout(5):
        late = await archive.keep(a_world(1))
        busy = await archive.keep(a_world(2))
    assert late.reason == "no snapshot: it took longer than 0 seconds"
    assert busy.reason == "no snapshot: the one before it is still being written"
    assert counted(registry, "failed") == 2
    folder.let_go.set()
    monkeypatch.setattr(filing, "LONGEST_SECONDS", 10.0)
    async with asyncio.timeout(5):
        kept = await archive.keep(a_world(3))
        while kept.reason == busy.reason:
            await asyncio.sleep(0.01)
            kept = await archive.keep(a_world(3))
    assert kept.id == freeze(a_snapshot(3)).id
    assert names_in(tmp_path) == {"1", "3"}
