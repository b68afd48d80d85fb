"""What is written is for its owner alone, whatever the umask; what others can read is said."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from unit.frozen import a_snapshot

from monitor.environment import open_to_others
from monitor.store.connection import connect
from monitor.store.embedded import EmbeddedRedis
from monitor.store.snapshot_folder import SnapshotFolder


@pytest.fixture(autouse=True)
def careless() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def test_state__of_the_embedded_server__is_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    async with EmbeddedRedis(folder) as server:
        async with connect(server.url) as client:
            await client.set("a", "b")
        assert mode(folder) == 0o700
        (socket,) = folder.glob("*.sock")
        assert mode(socket) == 0o700


def test_snapshots__and_their_folder__are_for_their_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "state" / "snapshots"
    written = SnapshotFolder(folder, 3, 10**9).write(a_snapshot())
    assert mode(folder) == 0o700
    assert mode(folder / written.name) == 0o600


@pytest.mark.parametrize(("bits", "is_open"), [(0o600, False), (0o640, False), (0o644, True)])
def test_secret_file__that_everybody_can_read__is_found(
    tmp_path: Path, bits: int, is_open: bool
) -> None:
    """A group may be meant: systemd and Kubernetes hand secrets over so."""
    for name in ("token", "config.toml"):
        (tmp_path / name).write_text("x")
        (tmp_path / name).chmod(bits)
    text = '[http]\ntoken_file = "token"\n'
    (tmp_path / "config.toml").write_text(text)
    found = open_to_others(tmp_path / "config.toml", frozenset({("http", "token")}))
    assert found == ([str(tmp_path / "token")] if is_open else [])


def test_configuration__with_a_secret_in_it_that_everybody_can_read__is_found(
    tmp_path: Path,
) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[http]\ntoken = "a-token"\n')
    path.chmod(0o644)
    assert open_to_others(path, frozenset({("http", "token")})) == [str(path)]
