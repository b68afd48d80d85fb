"""The folder of snapshots: whole files, within bounds, and never without the newest."""

import os
import resource
import time
from pathlib import Path

import pytest
from unit.frozen import a_snapshot, packed

from monitor.store.snapshot_folder import LEFT_BEHIND_SECONDS, SnapshotFolder, fault_of

ROOMY = 10**9


def names_in(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def blocks_in(folder: Path) -> list[int]:
    return sorted(int(name.split("-")[1]) for name in names_in(folder))


def filled(folder: SnapshotFolder, blocks: int) -> list[str]:
    """One block's after the other, each a second older than the next."""
    now, names = time.time(), []
    for number in range(1, blocks + 1):
        names.append(folder.write(a_snapshot(number)).name)
        folder.prune(names[-1])
        os.utime(folder.folder / names[-1], (now, now - blocks + number))
    return names


def test_write__the_same_block_again__is_the_same_file(tmp_path: Path) -> None:
    folder = SnapshotFolder(tmp_path / "deep" / "er", 5, ROOMY)
    first, second = folder.write(a_snapshot(7)), folder.write(a_snapshot(7))
    assert first == second
    assert first.name == f"31337-7-{first.id[:12]}.snapshot"
    assert names_in(folder.folder) == [first.name]
    assert (folder.folder / first.name).read_bytes() == packed(a_snapshot(7))


def test_write__more_than_are_kept__lets_the_oldest_go(tmp_path: Path) -> None:
    filled(SnapshotFolder(tmp_path, 3, ROOMY), 6)
    assert blocks_in(tmp_path) == [4, 5, 6]


def test_write__more_bytes_than_are_kept__lets_the_oldest_go(tmp_path: Path) -> None:
    size = len(packed(a_snapshot()))
    filled(SnapshotFolder(tmp_path, 100, 3 * size + size // 2), 6)
    assert blocks_in(tmp_path) == [4, 5, 6]


def test_write__larger_than_all_that_is_kept__stays_alone(tmp_path: Path) -> None:
    filled(SnapshotFolder(tmp_path, 100, 1), 3)
    assert blocks_in(tmp_path) == [3]


def test_write__a_clock_that_went_back__keeps_the_newest(tmp_path: Path) -> None:
    folder = SnapshotFolder(tmp_path, 1, ROOMY)
    later = time.time() + 10_000
    os.utime(tmp_path / folder.write(a_snapshot(1)).name, (later, later))
    folder.prune(folder.write(a_snapshot(2)).name)
    assert blocks_in(tmp_path) == [2]


def test_write__what_is_not_ours__is_let_be(tmp_path: Path) -> None:
    for name in ("notes.txt", "1-2-0123456789ab.snapshot.gz", "my.snapshot", ".my.partial"):
        (tmp_path / name).write_text("mine")
        os.utime(tmp_path / name, (0, 0))
    (tmp_path / "1-2-0123456789ab.snapshot").mkdir()
    before = names_in(tmp_path)
    folder = SnapshotFolder(tmp_path, 1, ROOMY)
    written = [folder.write(a_snapshot(number)).name for number in (3, 4)]
    folder.prune(written[1])
    assert names_in(tmp_path) == sorted([*before, written[1]])


def test_write__left_behind_by_one_that_died__is_removed(tmp_path: Path) -> None:
    old, young = (tmp_path / f".31337-1-0.snapshot.{name}.partial" for name in ("a", "b"))
    for path in (old, young):
        path.write_bytes(b"half")
    before = time.time() - LEFT_BEHIND_SECONDS - 1
    os.utime(old, (before, before))
    name = SnapshotFolder(tmp_path, 5, ROOMY).write(a_snapshot()).name
    assert names_in(tmp_path) == sorted([young.name, name])


def test_write__no_room__leaves_nothing_behind(tmp_path: Path) -> None:
    """The kernel refuses to let a file grow, as it does on a full disk."""
    folder = SnapshotFolder(tmp_path, 2, ROOMY)
    kept = filled(folder, 2)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            folder.write(a_snapshot(3))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert names_in(tmp_path) == sorted(kept)


def test_fault_of__where_nothing_can_be_written__says_why(tmp_path: Path) -> None:
    assert fault_of(tmp_path / "not" / "there" / "yet") == ""
    (tmp_path / "file").write_text("")
    assert fault_of(tmp_path / "file" / "deep") == f"{tmp_path / 'file'} is no folder"
    assert fault_of(Path("/proc/self/snapshots")) == "/proc/self is not writable"
