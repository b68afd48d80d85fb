"""Saving, restoring and rebuilding a store, between real servers."""

import asyncio
import gzip
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from builders import a_block, a_delta, a_judgement, a_position, an_address, an_alert
from redis.asyncio import Redis
from redis_server import RedisServer

from monitor.core.alerts import BreakerPhase
from monitor.core.keys import Key, position_key
from monitor.core.ledger import Record
from monitor.core.units import MarketId
from monitor.errors import (
    InvariantBroken,
    LedgerCorrupt,
    QuestionError,
    StoreUnavailable,
    WriterFenced,
)
from monitor.store.backup import Manifest, manifest_of, read_backup, write_backup
from monitor.store.connection import connect
from monitor.store.contents import Entry, connect_raw, contents_of, replace
from monitor.store.identity import Identity
from monitor.store.lease import Lease
from monitor.store.redis_store import RedisStore

CORE = MarketId("aave-core")
BASE = a_block()
FIRST = a_block(BASE)
SECOND = a_block(FIRST)
ALERT = an_alert(FIRST)


def positions(count: int) -> dict[Key, Record]:
    return {position_key(CORE, an_address(str(n))): a_position(n + 1) for n in range(count)}


@pytest.fixture
async def raw(redis_server: RedisServer) -> AsyncIterator[Redis]:
    async with connect_raw(redis_server.url) as client:
        yield client


async def fill(client: Redis, identity: Identity) -> RedisStore:
    """A store with a bit of everything: a queued alert, an undo record, a breaker."""
    store = await RedisStore.open(client, identity)
    await store.begin(BASE, positions(300))
    key = position_key(CORE, an_address("0"))
    others = [position_key(CORE, an_address(name)) for name in ("new", "newer", "1")]
    changed = (key, a_position(1), a_position(2**255, 2**200))
    new, newer = ((other, None, a_position(7)) for other in others[:2])
    gone = (others[2], a_position(2), None)
    await store.commit(a_delta(FIRST, changed, new, newer, gone))
    await store.judge(
        a_judgement(FIRST, ALERT, phase=BreakerPhase.TRIPPED), {ALERT.id: ["ops", "dao"]}
    )
    return store


def files_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def save(raw: Redis, identity: Identity, path: Path) -> tuple[Manifest, tuple[Entry, ...]]:
    entries = await contents_of(raw, identity.keys())
    manifest = manifest_of(entries, identity.namespace, identity.chain_id, 1763550000)
    write_backup(path, manifest, entries, lambda *_: None, force=False)
    return manifest, entries


async def test_backup__restored_into_another_server__is_the_same_state(
    client: Redis, raw: Redis, identity: Identity, mortal_server: RedisServer, tmp_path: Path
) -> None:
    store = await fill(client, identity)
    manifest, entries = await save(raw, identity, tmp_path / "backup")
    assert (manifest.positions, manifest.alerts, manifest.pending) == (301, 1, 2)
    assert manifest.block == FIRST
    assert read_backup(tmp_path / "backup") == (manifest, entries)
    mortal_server.start()
    async with connect(mortal_server.url) as there, connect_raw(mortal_server.url) as raw_there:
        lease = Lease(there, identity.keys())
        await lease.acquire()
        await replace(raw_there, identity.keys(), lease.token, entries, frozenset())
        await lease.release()
        other = await RedisStore.open(there, identity)
        assert await other.load() == await store.load()
        assert await other.ledger_digest() == await store.ledger_digest()
        assert await other.recent_alerts(9) == await store.recent_alerts(9)
        assert await other.deliveries.due("dao", 1e12) == await store.deliveries.due("dao", 1e12)
        assert await other.undo_record(FIRST.hash) == await store.undo_record(FIRST.hash)
        assert await contents_of(raw_there, identity.keys()) == entries


async def test_contents__daemon_commits_all_the_while__are_of_one_block(
    client: Redis, raw: Redis, identity: Identity
) -> None:
    key = position_key(CORE, an_address("0"))
    store = await fill(client, identity)

    async def commit_for_ever() -> None:
        block = FIRST
        while True:
            block = a_block(block)
            await store.commit(a_delta(block, (key, None, a_position(block.number))))

    committing = asyncio.create_task(commit_for_ever())
    seen = set()
    for _ in range(20):
        entries = await contents_of(raw, identity.keys())
        manifest = manifest_of(entries, identity.namespace, identity.chain_id, 0)
        assert manifest.block is not None
        undo = next(entry.as_dict() for entry in entries if entry.name == "undo")
        tail = next(entry.values for entry in entries if entry.name == "tail")
        assert len(undo) == len(tail) - 1
        assert manifest.block.hash.encode() in undo
        seen.add(manifest.block.number)
    committing.cancel()
    assert len(seen) > 1


async def test_contents__namespace_that_is_a_pattern__takes_only_its_own(
    client: Redis, raw: Redis, identity: Identity
) -> None:
    mine = Identity("*", 31337, identity.genesis, "c")
    await fill(client, identity)
    await fill(client, mine)
    assert len(await contents_of(raw, mine.keys())) == len(await contents_of(raw, identity.keys()))


async def test_contents__somebody_elses_key__is_told(
    client: Redis, raw: Redis, identity: Identity
) -> None:
    await client.zadd(identity.keys().of("theirs"), {"a": 1})
    with pytest.raises(InvariantBroken, match="is a zset: expected a string, hash, list or set"):
        await contents_of(raw, identity.keys())


async def test_replace__daemon_took_over__changes_nothing(
    client: Redis, raw: Redis, identity: Identity
) -> None:
    store = await fill(client, identity)
    before = await contents_of(raw, identity.keys())
    with pytest.raises(WriterFenced, match="a daemon took over"):
        await replace(raw, identity.keys(), f"0 {store.lease.owner}", (), frozenset())
    assert await contents_of(raw, identity.keys()) == before


async def test_replace__memory_full__changes_nothing(
    mortal_server: RedisServer, identity: Identity
) -> None:
    mortal_server.start()
    async with connect(mortal_server.url) as client, connect_raw(mortal_server.url) as raw:
        store = await fill(client, identity)
        before = await contents_of(raw, identity.keys())
        await client.config_set("maxmemory", "1")
        with pytest.raises(StoreUnavailable, match="raise maxmemory"):
            await replace(raw, identity.keys(), store.lease.token, before[:2], frozenset())
        await client.config_set("maxmemory", "0")
        assert await contents_of(raw, identity.keys()) == before


async def test_write__file_is_there__refuses_unless_forced(
    client: Redis, raw: Redis, identity: Identity, tmp_path: Path
) -> None:
    await fill(client, identity)
    path = tmp_path / "backup"
    manifest, entries = await save(raw, identity, path)
    with pytest.raises(QuestionError, match="is there already"):
        write_backup(path, manifest, (), lambda *_: None, force=False)
    assert read_backup(path) == (manifest, entries)
    written = write_backup(path, manifest, entries[:1], lambda *_: None, force=True)
    assert read_backup(path) == (manifest, entries[:1])
    assert written.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert files_in(tmp_path) == ["backup"]


def test_write__no_folder__is_told_and_leaves_nothing(tmp_path: Path) -> None:
    manifest = manifest_of((), "n", 1, 0)
    with pytest.raises(QuestionError, match="cannot be written: No such file"):
        write_backup(tmp_path / "no" / "f", manifest, (), lambda *_: None, force=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("name", ["pipe", "folder", ".", "x" * 300, "file/in", "link"])
def test_write__no_place_for_a_file__is_told_and_touches_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, force: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    Path("folder").mkdir()
    Path("file").touch()
    Path("link").symlink_to("pipe")
    before = files_in(tmp_path)
    manifest = manifest_of((), "n", 1, 0)
    with pytest.raises(QuestionError, match=f"^{name} cannot be written"):
        write_backup(Path(name), manifest, (), lambda *_: None, force=force)
    assert files_in(tmp_path) == before
    assert Path("pipe").is_fifo()


def test_read__any_byte_flipped__is_refused_or_the_same(tmp_path: Path) -> None:
    path = tmp_path / "backup"
    entries = (Entry("tail", "list", (b"a" * 400, bytes(range(256)))),)
    write_backup(path, manifest_of((), "n", 1, 0), entries, lambda *_: None, force=False)
    data = path.read_bytes()
    refused = 0
    for place in range(len(data)):
        path.write_bytes(data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :])
        try:
            assert read_backup(path)[1] == entries  # its date, say
        except LedgerCorrupt:
            refused += 1
    assert refused > 0.9 * len(data)


@pytest.mark.parametrize("fault", ["cut", "flipped", "no gzip", "edited", "empty", "missing"])
def test_read__damaged_file__is_refused(tmp_path: Path, fault: str) -> None:
    path = tmp_path / "backup"
    entries = (Entry("tail", "list", (b"a" * 400, bytes(range(256)))),)
    write_backup(path, manifest_of((), "n", 1, 0), entries, lambda *_: None, force=False)
    assert read_backup(path)[1] == entries
    data = path.read_bytes()
    match fault:
        case "cut":
            path.write_bytes(data[:-20])
        case "flipped":
            path.write_bytes(data[:60] + bytes([data[60] ^ 1]) + data[61:])
        case "no gzip":
            path.write_bytes(b"not a backup")
        case "edited":
            path.write_bytes(gzip.compress(gzip.decompress(data).replace(b"aaa", b"aab", 1)))
        case "empty":
            path.write_bytes(gzip.compress(b""))
        case "missing":
            path.unlink()
    with pytest.raises((LedgerCorrupt, QuestionError), match="cannot be re"):
        read_backup(path)
