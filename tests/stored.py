"""What a daemon left in its store, and what another one would."""

from contextlib import AsyncExitStack
from pathlib import Path

from daemon_process import command
from stage import Stage

from monitor.settings import load
from monitor.storage import identity_of, redis_of
from monitor.store.redis_store import RedisStore


async def digest_of(config: Path) -> str:
    """The stored ledger's digest, of a daemon that has stopped."""
    settings = load(config)
    async with AsyncExitStack() as stack:
        client, _ = await redis_of(settings, stack, read_only=True)
        store = await RedisStore.open_reader(client, identity_of(settings, None))
        return await store.ledger_digest()


async def fresh_digest(stage: Stage, name: str, start_block: str | int) -> str:
    """What another daemon, that starts now, comes to."""
    config, _ = stage.config(name, start_block=start_block, webhook_url="")
    finished = await command("run", "--config", str(config), "--once", "--json")
    assert finished.code == 0, finished.err
    return await digest_of(config)
