"""A Redis that fails, under the real store: what is said, and that nothing is lost or doubled."""

import asyncio
import re
import resource
import shutil
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from builders import a_block, a_delta, a_judgement, a_position, an_address, an_alert
from redis import Redis as SlowRedis
from redis.asyncio import Redis
from redis.exceptions import BusyLoadingError, ResponseError, TimeoutError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis_proxy import RedisProxy, proxy
from redis_server import RedisServer, an_identity

from monitor.core.blocks import BlockRef
from monitor.core.keys import position_key
from monitor.core.ports import StoredState
from monitor.core.units import MarketId
from monitor.errors import ConfigError, InvariantBroken, LedgerCorrupt, StoreUnavailable
from monitor.store import connection
from monitor.store.connection import connect, read
from monitor.store.durability import durability_warning
from monitor.store.identity import Identity
from monitor.store.redis_store import RedisStore

ALICE = position_key(MarketId("aave-core"), an_address("alice"))
BASE = a_block()
FIRST = a_block(BASE)
SECOND = a_block(FIRST)
FILE_LIMIT_BYTES = 200_000


@asynccontextmanager
async def store_of(url: str, identity: Identity | None = None) -> AsyncIterator[RedisStore]:
    """The store as its writer, begun at BASE unless it holds something."""
    async with connect(url) as client:
        store = await RedisStore.open(client, identity or an_identity(), take_over=True)
        if (await store.load()).cursor is None:
            await store.begin(BASE, {ALICE: a_position(BASE.number)})
        yield store


@pytest.fixture
async def between(mortal_server: RedisServer, tmp_path: Path) -> AsyncIterator[RedisProxy]:
    """A proxy before a server that runs."""
    mortal_server.start()
    async with proxy(tmp_path / "proxy.sock", mortal_server.url) as made:
        yield made


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up after two attempts."""
    monkeypatch.setattr(connection, "_PAUSES_SECONDS", (0.05,))


@pytest.fixture
def other_server(tmp_path: Path) -> Iterator[RedisServer]:
    folder = tmp_path / "other"
    folder.mkdir()
    server = RedisServer(folder)
    yield server
    server.stop()


async def until(client: Redis, section: str, field: str, wanted: object) -> None:
    """Wait for a line of INFO."""
    async with asyncio.timeout(20):
        while True:
            with suppress(ResponseError):
                if (await client.info(section))[field] == wanted:
                    return
            await asyncio.sleep(0.05)


async def step(store: RedisStore, block: BlockRef) -> None:
    """Commit a block that moves Alice to its number."""
    delta = a_delta(block, (ALICE, a_position(block.number - 1), a_position(block.number)))
    await store.commit(delta)


async def test_commit__answer_cut_off__is_applied_exactly_once(between: RedisProxy) -> None:
    async with store_of(between.url) as store:
        between.cut_answer(b"EVALSHA")
        await step(store, FIRST)
        await step(store, SECOND)
        state = await store.load()
    assert between.cuts == 1
    assert state.tail == (BASE, FIRST, SECOND)
    assert state.records == {ALICE: a_position(SECOND.number)}


async def test_commit__request_cut_in_half__is_applied_exactly_once(between: RedisProxy) -> None:
    async with store_of(between.url) as store:
        between.cut_request(b"EVALSHA")
        await step(store, FIRST)
        state = await store.load()
    assert between.cuts == 1
    assert state.tail == (BASE, FIRST)
    assert state.records == {ALICE: a_position(FIRST.number)}


async def test_judge__answer_cut_off__queues_the_alert_once(between: RedisProxy) -> None:
    alert = an_alert(FIRST)
    async with store_of(between.url) as store:
        await step(store, FIRST)
        between.cut_answer(b"EVALSHA")
        await store.judge(a_judgement(FIRST, alert), {alert.id: ["ops"]})
        assert between.cuts == 1
        assert await store.deliveries.pending() == 1
        assert [stored.alert for stored in await store.recent_alerts(9)] == [alert]


async def test_revert__answer_cut_off__says_again_what_it_retracted(between: RedisProxy) -> None:
    alert, retraction = an_alert(FIRST), an_alert(FIRST, "retraction")
    async with store_of(between.url) as store:
        await step(store, FIRST)
        await store.judge(a_judgement(FIRST, alert), {alert.id: ["ops"]})
        delivery = await store.deliveries.due("ops", 1e12)
        assert delivery is not None
        await store.deliveries.begin_attempt(delivery)
        await store.deliveries.delivered(delivery)
        undo = await store.undo_record(FIRST.hash)
        between.cut_answer(b"EVALSHA")
        assert await store.revert(undo, {alert.id: (retraction, ["ops"])}) == (retraction,)
        state = await store.load()
        assert await store.deliveries.pending() == 1
    assert between.cuts == 1
    assert (state.cursor, state.records) == (BASE, {ALICE: a_position(BASE.number)})


@pytest.mark.parametrize("seconds", [0.5, 3.0])
async def test_commit__server_frozen_for_a_while__is_carried_through(
    mortal_server: RedisServer, seconds: float
) -> None:
    mortal_server.start()
    async with store_of(mortal_server.url) as store:
        mortal_server.signal(signal.SIGSTOP)
        asyncio.get_running_loop().call_later(seconds, mortal_server.signal, signal.SIGCONT)
        async with asyncio.timeout(20):
            await step(store, FIRST)
            await step(store, SECOND)
        state = await store.load()
    assert state.tail == (BASE, FIRST, SECOND)
    assert state.records == {ALICE: a_position(SECOND.number)}


async def test_commit__frozen_longer_than_all_patience__is_unavailable_and_then_done_once(
    mortal_server: RedisServer, impatient: None
) -> None:
    mortal_server.start()
    async with store_of(mortal_server.url) as store:
        mortal_server.signal(signal.SIGSTOP)
        with pytest.raises(StoreUnavailable, match="does not answer"):
            await step(store, FIRST)
        mortal_server.signal(signal.SIGCONT)
        # The thawed server may still find the first request in its socket.
        await step(store, FIRST)
        await step(store, SECOND)
        assert (await store.load()).records == {ALICE: a_position(SECOND.number)}


async def test_commit__disk_full__is_unavailable_until_there_is_room(
    mortal_server: RedisServer,
) -> None:
    mortal_server.start("--appendfsync", "everysec")
    async with store_of(mortal_server.url) as store, connect(mortal_server.url) as client:
        mortal_server.limit_files(FILE_LIMIT_BYTES)
        with pytest.raises(StoreUnavailable, match="make room on its disk"):
            await commit_for_ever(store)
        cursor = (await store.load()).cursor
        assert cursor is not None
        mortal_server.limit_files(resource.RLIM_INFINITY)
        await until(client, "persistence", "aof_last_write_status", "ok")
        await step(store, a_block(cursor))


async def test_disk_full__killed_then__comes_back_to_a_whole_block(
    mortal_server: RedisServer, impatient: None
) -> None:
    """Everysec: the newest acknowledged blocks may be gone, but never a part of one."""
    identity = an_identity()
    mortal_server.start("--appendfsync", "everysec")
    async with store_of(mortal_server.url, identity) as store:
        mortal_server.limit_files(FILE_LIMIT_BYTES)
        with pytest.raises(StoreUnavailable, match="make room on its disk"):
            await commit_for_ever(store)
        acknowledged = (await store.load()).cursor
    mortal_server.kill()
    mortal_server.start()
    async with store_of(mortal_server.url, identity) as store:
        state = await store.load()
        await check_whole(store, state)
        assert state.cursor is not None
        assert acknowledged is not None
        assert 0 <= acknowledged.number - state.cursor.number < 100
        await step(store, a_block(state.cursor))


async def commit_for_ever(store: RedisStore) -> None:
    """Blocks with Alice in each, until the store refuses one."""
    block = (await store.load()).cursor
    assert block is not None
    while True:
        block = a_block(block)
        await step(store, block)


async def check_whole(store: RedisStore, state: StoredState) -> None:
    """Cursor, record and undo record are of one block; what is kept is linked."""
    cursor = state.cursor
    assert cursor is not None
    assert state.records == {ALICE: a_position(cursor.number)}
    assert all(b.parent_hash == a.hash for a, b in zip(state.tail, state.tail[1:], strict=False))
    assert (await store.undo_record(cursor.hash)).delta.block == cursor


async def test_failover__server_demoted_and_promoted_again__is_waited_out(
    mortal_server: RedisServer,
) -> None:
    mortal_server.start()
    async with store_of(mortal_server.url) as store, connect(mortal_server.url) as client:
        await client.replicaof("127.0.0.1", 1)
        with pytest.raises(StoreUnavailable, match="it is a replica: point store"):
            await step(store, FIRST)
        await client.replicaof("NO", "ONE")
        await step(store, FIRST)
        assert (await store.load()).cursor == FIRST


async def test_failover__primary_moves_behind_its_name__is_followed(
    between: RedisProxy, mortal_server: RedisServer, other_server: RedisServer, tmp_path: Path
) -> None:
    """The name leads to the new primary; only a new connection finds that out."""
    identity, alert = an_identity(), an_alert(FIRST)
    async with store_of(between.url, identity) as store, connect(mortal_server.url) as old:
        await step(store, FIRST)
        await store.judge(a_judgement(FIRST, alert), {})
        await old.save()
        shutil.copy(tmp_path / "dump.rdb", tmp_path / "other")
        other_server.start("--appendonly", "no")
        await old.replicaof("127.0.0.1", 1)
        between.target = Path(other_server.url.removeprefix("unix://"))
        with pytest.raises(StoreUnavailable, match="replica"):
            await step(store, SECOND)
        await step(store, SECOND)
    async with connect(other_server.url) as new:
        state = await (await RedisStore.open_reader(new, identity)).load()
    assert state.cursor == SECOND


async def test_commit__redis_flushed__stops_and_says_what_to_do(
    mortal_server: RedisServer,
) -> None:
    mortal_server.start()
    async with store_of(mortal_server.url) as store, connect(mortal_server.url) as client:
        await client.flushall()
        with pytest.raises(
            LedgerCorrupt, match=r"is gone: expected writer's token .* store restore"
        ):
            await step(store, FIRST)
        with pytest.raises(LedgerCorrupt, match="is gone"):
            await store.lease._scripts().run("renew", store.lease._terms())


async def test_read__key_of_another_type__stops_in_our_words(mortal_server: RedisServer) -> None:
    mortal_server.start()
    identity = an_identity()
    async with store_of(mortal_server.url, identity) as store, connect(mortal_server.url) as client:
        tail = identity.keys().of("tail")
        await client.delete(tail)
        await client.set(tail, "somebody else's")
        with pytest.raises(InvariantBroken, match=r"Redis refuses a command: .*WRONGTYPE"):
            await store.load()


async def test_commit__another_clients_script_hangs__is_unavailable_then_done(
    mortal_server: RedisServer, impatient: None
) -> None:
    mortal_server.start("--lua-time-limit", "50")
    async with store_of(mortal_server.url) as store, connect(mortal_server.url) as client:
        with pytest.raises(TimeoutError):
            await client.eval("while true do end", 0)
        with pytest.raises(StoreUnavailable, match="keeps it busy: wait, or run SCRIPT KILL"):
            await step(store, FIRST)
        await client.script_kill()
        await until(client, "server", "tcp_port", 0)  # answers again
        await step(store, FIRST)
        assert (await store.load()).cursor == FIRST


async def test_open__password_wanted__is_a_fault_of_the_configuration(
    mortal_server: RedisServer,
) -> None:
    mortal_server.start("--requirepass", "secret")
    async with connect(mortal_server.url) as client:
        with pytest.raises(ConfigError, match=r"refuses this user: .*Check the name, password"):
            await RedisStore.open(client, an_identity())


async def test_read__still_loading__waits_until_it_has(
    mortal_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    mortal_server.start()
    with SlowRedis.from_url(mortal_server.url, socket_timeout=60) as client:
        for first in range(0, 300_000, 10_000):
            client.eval(f"for n = {first}, {first + 9_999} do redis.call('SET', n, n) end", 0)
    mortal_server.kill()
    mortal_server.start(wait=False)
    async with connect(mortal_server.url) as connected:
        await until_it_listens(connected)
        with monkeypatch.context() as patched:
            patched.setattr(connection, "_PAUSES_SECONDS", ())
            with pytest.raises(StoreUnavailable, match="still loads its data: wait"):
                await read(connected, ("DBSIZE",))
        assert await read(connected, ("DBSIZE",)) == [300_000]


async def until_it_listens(client: Redis) -> None:
    """Until the server says that it loads."""
    async with asyncio.timeout(5):
        while True:
            try:
                await client.ping()
            except RedisConnectionError as error:
                if isinstance(error.__cause__, BusyLoadingError):
                    return
            else:
                raise AssertionError("it has loaded: this test needs more data")


@pytest.mark.parametrize("cut_bytes", [7, 60, 150])
async def test_torn_file__any_length__drops_whole_blocks(
    mortal_server: RedisServer, tmp_path: Path, cut_bytes: int
) -> None:
    identity = an_identity()
    mortal_server.start()
    async with store_of(mortal_server.url, identity) as store:
        block = BASE
        for _ in range(5):
            block = a_block(block)
            await step(store, block)
    mortal_server.kill()
    file = tmp_path / "appendonly.aof"
    data = file.read_bytes()
    file.write_bytes(data[: data.rindex(b"RPUSH") + 150 - cut_bytes])
    mortal_server.start()
    async with store_of(mortal_server.url, identity) as store:
        state = await store.load()
        await check_whole(store, state)
        assert state.cursor is not None
        assert state.cursor.number == block.number - 1
        await step(store, block)


async def test_messages__of_every_code__say_what_to_do(
    mortal_server: RedisServer, impatient: None
) -> None:
    """A script of ours answers as a server in that state would: the codes that need two servers."""
    mortal_server.start()
    codes = ("MASTERDOWN", "NOREPLICAS", "CLUSTERDOWN", "TRYAGAIN", "UNKILLABLE")
    async with connect(mortal_server.url) as client:
        for code in codes:
            script = f"return redis.error_reply('{code} said by a script')"
            with pytest.raises(StoreUnavailable, match=f"does not serve us, .* It said: {code}"):
                await connection.evaluate(client, script, [])


@pytest.mark.parametrize(
    ("settings", "warning"),
    [
        ((), ""),
        (("--appendfsync", "no"), "Redis has appendfsync no: .* CONFIG SET appendfsync everysec"),
        (("--appendonly", "no"), "its restart loses everything it holds.* CONFIG SET appendonly"),
        (("--rename-command", "CONFIG", ""), ""),
        (("--appendonly", "no", "--rename-command", "CONFIG", ""), "since its last dump"),
        (("--rename-command", "INFO", ""), "cannot be read: Redis refuses a command"),
    ],
)
async def test_durability__of_the_servers_settings__is_warned_of(
    mortal_server: RedisServer, settings: tuple[str, ...], warning: str
) -> None:
    mortal_server.start(*settings)
    async with connect(mortal_server.url) as client:
        found = await durability_warning(client)
    assert bool(found) == bool(warning)
    assert re.search(warning, found)


async def test_durability__dumps_alone__are_warned_of(mortal_server: RedisServer) -> None:
    mortal_server.start("--appendonly", "no")
    async with connect(mortal_server.url) as client:
        await client.config_set("save", "60 1")
        assert "its restart loses all since its last dump" in await durability_warning(client)
