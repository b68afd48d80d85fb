"""`cascade-monitor store …` on a store of an older version; it needs no node."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from daemon_process import Finished, command
from redis import Redis
from redis.asyncio import Redis as Client
from redis_server import RedisServer

from monitor import upkeep
from monitor.settings import load
from monitor.store.connection import connect
from monitor.store.contents import replace
from monitor.store.keys import SCHEMA_VERSION, Keys
from monitor.store.lease import Lease

GOLDEN = Path(__file__).parents[1] / "golden" / "schema_1.json"
CONFIG = """
[chain]
chain_id = 31337
endpoints = ["http://127.0.0.1:1"]

[store]
url = "{url}"
namespace = "golden"

[[markets]]
name = "aave-core"
protocol = "aave_v3"
address = "0x0000000000000000000000000000000000000001"
"""
META = "cm:{golden:31337}:meta"


@pytest.fixture
def old_store(mortal_server: RedisServer, tmp_path: Path) -> Path:
    """The configuration of a store that version 1 wrote."""
    mortal_server.start()
    fill(mortal_server.url, json.loads(GOLDEN.read_text()))
    config = tmp_path / "monitor.toml"
    config.write_text(CONFIG.format(url=mortal_server.url))
    return config


def fill(url: str, dump: dict[str, Any]) -> None:
    with Redis.from_url(url) as client:
        for key, entry in dump.items():
            value = entry["value"]
            match entry["type"]:
                case "string":
                    client.set(key, value)
                case "hash":
                    client.hset(key, mapping=value)
                case "list":
                    client.rpush(key, *value)
                case "set":
                    client.sadd(key, *value)
                case other:
                    raise AssertionError(f"{key} is a {other}")


async def store(verb: str, config: Path, *arguments: str) -> Finished:
    return await command("store", verb, "--config", str(config), *arguments)


async def test_migrate__older_layout__is_taken_over_once(old_store: Path) -> None:
    refused = await command("alerts", "--config", str(old_store))
    assert refused.code == 78
    assert "cascade-monitor store migrate --config F" in refused.err
    done = await store("migrate", old_store, "--json")
    assert done.code == 0, done.err
    assert done.document == {"from": "1", "to": str(SCHEMA_VERSION), "migrated": True}
    again = await store("migrate", old_store)
    assert again.code == 0, again.err
    assert f"nothing to do: the layout is {SCHEMA_VERSION}" in again.out


async def test_store__daemon_holds_the_lease__is_refused(
    old_store: Path, mortal_server: RedisServer
) -> None:
    async with connect(mortal_server.url) as client:
        lease = Lease(client, Keys("golden", 31337), ttl_seconds=1)
        await lease.acquire()
        holding = asyncio.create_task(lease.hold())
        for verb, words in (("migrate", ()), ("rebuild", ("--yes",))):
            refused = await store(verb, old_store, *words)
            assert refused.code == 69
            assert "is written by another daemon" in refused.err
        holding.cancel()
        assert await client.hget(META, "schema") == "1"


async def test_backup__of_an_older_layout__can_be_taken_before_it_is_migrated(
    old_store: Path, mortal_server: RedisServer, tmp_path: Path
) -> None:
    with Redis.from_url(mortal_server.url) as client:
        # The dump is of a program that named its configuration so.
        saved = await store("backup", old_store, "-o", str(tmp_path / "old"), "--json")
        assert saved.code == 0, saved.err
        assert saved.document["schema"] == "1"
        assert saved.document["positions"] > 0
        assert (await store("migrate", old_store)).code == 0
        refused = await store("restore", old_store, str(tmp_path / "old"), "--force")
        assert refused.code == 78
        assert "configuration: expected" in refused.err
        assert client.hget(META, "schema") == str(SCHEMA_VERSION).encode()


async def test_rebuild__of_an_older_layout__keeps_its_alerts(old_store: Path) -> None:
    rebuilt = await store("rebuild", old_store, "--yes", "--json")
    assert rebuilt.code == 0, rebuilt.err
    assert rebuilt.document["alerts"] > 0
    assert rebuilt.document["positions"] > 0
    again = await store("rebuild", old_store, "--yes", "--json")
    assert again.document["positions"] == 0
    assert again.document["alerts"] == rebuilt.document["alerts"]


async def test_rebuild__taken_over_when_it_was_done__is_done(
    old_store: Path, mortal_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def then_a_daemon_comes(client: Client, keys: Keys, *terms: Any) -> None:
        await replace(client, keys, *terms)
        async with connect(mortal_server.url) as daemon:
            await Lease(daemon, keys).acquire(take_over=True)

    monkeypatch.setattr(upkeep, "replace", then_a_daemon_comes)
    done = await upkeep.rebuild(load(old_store), forget_alerts=False)
    assert done["positions"] > 0
