"""Looking after a store: saved, brought back, built anew, taken to a newer layout.

All but a backup want the store for themselves: they take the writer's lease, and refuse while a
daemon has it.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from monitor.engine.paging import block_json
from monitor.errors import (
    ConfigError,
    QuestionError,
    SchemaMismatch,
    StoreDamaged,
    TransientError,
    WriterFenced,
)
from monitor.parts import configuration_digest
from monitor.settings import Settings
from monitor.storage import RELEASE_SECONDS, identity_of, redis_of
from monitor.store import migration
from monitor.store.backup import (
    Manifest,
    Progress,
    manifest_of,
    read_backup,
    write_backup,
)
from monitor.store.connection import check_server, read
from monitor.store.contents import Entry, connect_raw, contents_of, replace
from monitor.store.course import course_of
from monitor.store.damage import has_data, set_aside
from monitor.store.embedded import EmbeddedRedis
from monitor.store.keys import SCHEMA_VERSION, Keys
from monitor.store.lease import Lease
from monitor.store.placing import check_new

Document = dict[str, Any]

OF_THE_ALERTS = frozenset(
    {"meta", "alerts", "history", "outbox", "webhooks", "gone", "letters", "silences", "conditions"}
)
"""What the chain cannot give back, beside the queues and the breakers' course."""


@dataclass(frozen=True, slots=True)
class Held:
    """A store with nobody else in it. `client` gives bytes."""

    client: "Redis"
    keys: Keys
    token: str


async def backup(settings: Settings, file: Path, progress: Progress, *, force: bool) -> Document:
    """Save the whole state to a file, beside a running or a stopped daemon."""
    check_new(file, force=force)
    async with AsyncExitStack() as stack:
        quick, server = await redis_of(settings, stack, read_only=True)
        await read(quick, ("PING",))  # the other client would wait for minutes
        client = await _raw(settings, server, stack)
        entries = await contents_of(client, _keys(settings))
    manifest = _manifest(settings, entries)
    if not entries:
        raise ConfigError(
            f"there is no state under {_keys(settings).of('')}: expected a daemon to have run. "
            "Correct store.namespace, store.url or chain.chain_id."
        )
    written = write_backup(file, manifest, entries, progress, force=force)
    sizes = {"bytes": written.size_bytes, "sha256": written.sha256}
    return {"file": str(file), **sizes, **_contents(manifest)}


async def restore(settings: Settings, file: Path, *, force: bool) -> Document:
    """Bring a backup back, whole or not at all. `force`: instead of what there is."""
    manifest, entries = read_backup(file)
    _check_owner(settings, file, manifest)
    async with _held(settings) as held:
        there = _manifest(settings, await contents_of(held.client, held.keys))
        if not force and (there.block or there.alerts or there.positions):
            at = f"block {there.block.number}" if there.block else "no block"
            raise QuestionError(
                f"{held.keys.of('')} holds {at}, {there.positions} positions and {there.alerts} "
                "alerts: expected an empty store. Say --force to replace them by the backup."
            )
        await replace(held.client, held.keys, held.token, entries, frozenset())
    return {"file": str(file), "replaced": there.keys > 0, **_contents(manifest)}


async def rebuild(settings: Settings, *, forget_alerts: bool) -> Document:
    """Throw the ledger away; keep what the chain cannot give back, unless told to forget it.

    Files of the embedded server that do not load are put aside, with all that is in them.
    """
    try:
        return await _rebuild(settings, forget_alerts=forget_alerts)
    except StoreDamaged:
        moved = [str(path) for path in set_aside(settings.store.state_dir)]
        return {"block": None, "positions": 0, "alerts": 0, "pending": 0, "set_aside": moved}


async def migrate(settings: Settings, progress: Progress) -> Document:
    """Take the state of an older version of the program over into the present layout."""
    _expect_data(settings)
    async with AsyncExitStack() as stack:
        client, server = await redis_of(settings, stack, read_only=False)
        [schema] = await read(client, ("HGET", _keys(settings).of("meta"), "schema"))
        identity = identity_of(settings, None)
        is_done = await migration.migrate(client, identity, progress, take_over=server is not None)
    return {"from": schema, "to": str(SCHEMA_VERSION), "migrated": is_done}


async def _rebuild(settings: Settings, *, forget_alerts: bool) -> Document:
    _expect_data(settings)
    async with _held(settings) as held:
        entries = await contents_of(held.client, held.keys)
        course = None if forget_alerts else course_of(entries)
        kept = frozenset() if forget_alerts else frozenset(_of_the_alerts(entries))
        replaced = () if course is None else (course,)
        await replace(held.client, held.keys, held.token, replaced, kept)
    was = _manifest(settings, entries)
    left = _manifest(settings, [entry for entry in entries if entry.name in kept])
    return {
        "block": _block(was),
        "positions": was.positions,
        "alerts": left.alerts,
        "pending": left.pending,
        "set_aside": [],
    }


def _of_the_alerts(entries: Sequence[Entry]) -> set[str]:
    names = {entry.name for entry in entries}
    return {name for name in names if name in OF_THE_ALERTS or name.startswith("queue:")}


def _check_owner(settings: Settings, file: Path, manifest: Manifest) -> None:
    """Raises SchemaMismatch for a backup that a daemon of this configuration would not take."""
    schema = int(manifest.schema) if manifest.schema.isdigit() else 0
    wanted = {
        "store.namespace": (settings.store.namespace, manifest.namespace),
        "chain.chain_id": (settings.chain.chain_id, manifest.chain_id),
        "configuration": (configuration_digest(settings), manifest.configuration),
    }
    faults = [
        f"{name}: expected {mine}, found {its}"
        for name, (mine, its) in wanted.items()
        if mine != its
    ]
    if schema > SCHEMA_VERSION:
        faults.append(f"layout: expected at most {SCHEMA_VERSION}, found {schema}")
    if faults:
        raise SchemaMismatch(
            f"{file} is of another daemon. {'; '.join(faults)}. Restore it with the configuration "
            "and a version of the program that it was saved with. Nothing was changed."
        )


@asynccontextmanager
async def _held(settings: Settings) -> AsyncIterator[Held]:
    """The store as its only writer. Raises WriterFenced or ConfigError beside a living daemon."""
    async with AsyncExitStack() as stack:
        client, server = await redis_of(settings, stack, read_only=False)
        await check_server(client)
        lease = Lease(client, _keys(settings), float(settings.store.lease_seconds))
        await lease.acquire(take_over=server is not None)
        stack.push_async_callback(_release, lease)
        # A standby would take over in the middle. One that did is found out by the last write.
        holding = asyncio.create_task(lease.hold())
        stack.callback(holding.cancel)
        yield Held(await _raw(settings, server, stack), _keys(settings), lease.token)


async def _raw(settings: Settings, server: EmbeddedRedis | None, stack: AsyncExitStack) -> "Redis":
    client = connect_raw(server.url if server else settings.store.url.get_secret_value())
    stack.push_async_callback(client.aclose)
    return client


async def _release(lease: Lease) -> None:
    # Taken over by now: what was to be done is done, or has said that it is not.
    with suppress(TransientError, TimeoutError, WriterFenced):
        async with asyncio.timeout(RELEASE_SECONDS):
            await lease.release()


def _expect_data(settings: Settings) -> None:
    folder = settings.store.state_dir
    if settings.store.url.get_secret_value() == "embedded" and not has_data(folder):
        raise ConfigError(
            f"there is no state under {folder}: expected appendonly files. Run the daemon first, "
            "or correct store.state_dir."
        )


def _keys(settings: Settings) -> Keys:
    return Keys(settings.store.namespace, settings.chain.chain_id)


def _manifest(settings: Settings, entries: Sequence[Entry]) -> Manifest:
    return manifest_of(entries, settings.store.namespace, settings.chain.chain_id, int(time.time()))


def _contents(manifest: Manifest) -> Document:
    return {
        "block": _block(manifest),
        "schema": manifest.schema,
        "positions": manifest.positions,
        "alerts": manifest.alerts,
        "pending": manifest.pending,
        "keys": manifest.keys,
    }


def _block(manifest: Manifest) -> Document | None:
    return None if manifest.block is None else block_json(manifest.block)
