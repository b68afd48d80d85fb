"""All that one daemon keeps in Redis, as values: read at one moment, and written at one moment.

Nothing here knows what the keys mean, so any layout can be saved, older ones too. What belongs to a
writer and not to the state, its lease and its token, is never part of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.exceptions import WatchError

from monitor.errors import InvariantBroken, StoreUnavailable, WriterFenced
from monitor.store.connection import connect, patiently, translated
from monitor.store.keys import Keys

WRITERS_OWN = frozenset({"fence", "lease"})
MOST_ATTEMPTS = 20
"""How often keys may come and go while they are read."""
PATIENCE_SECONDS = 120.0
"""A million positions take the server seconds, in which it answers nothing."""
CHUNK = 2000
"""Values of one writing command; even, so that fields and values stay together."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One key, named without its prefix. `kind` is Redis's; a hash is fields and values in turn."""

    name: str
    kind: str
    values: tuple[bytes, ...]

    def as_dict(self) -> dict[bytes, bytes]:
        """A hash; nothing for what is none, because something else wrote there."""
        if self.kind != "hash":
            return {}
        return dict(zip(self.values[::2], self.values[1::2], strict=True))


def connect_raw(url: str) -> "Redis":
    """A client that gives bytes as they are, and waits for long answers."""
    return connect(url, decode_responses=False, socket_timeout=PATIENCE_SECONDS)


async def names_of(client: "Redis", keys: Keys) -> list[str]:
    """The keys there are, sorted, named without the prefix."""
    prefix = keys.of("")
    pattern = "".join(f"\\{letter}" if letter in "\\*?[]" else letter for letter in prefix) + "*"

    async def ask() -> list[str]:
        found = {key.decode() async for key in client.scan_iter(match=pattern, count=5000)}
        return sorted({name.removeprefix(prefix) for name in found} - WRITERS_OWN)

    return await patiently(ask)


async def contents_of(client: "Redis", keys: Keys) -> tuple[Entry, ...]:
    """Everything, as it was at one moment; a daemon may go on writing. `client` gives bytes.

    Raises StoreUnavailable when keys come and go faster than they are read.
    """
    names = await names_of(client, keys)
    for _ in range(MOST_ATTEMPTS):
        entries = await _read(client, keys, names)
        names_now = await names_of(client, keys)
        if names_now == names:
            return entries
        names = names_now
    raise StoreUnavailable(
        f"keys under {keys.of('')} came and went {MOST_ATTEMPTS} times while they were read: "
        "expected them to stay for a moment. Try again when the daemon has caught up, or stop it."
    )


async def replace(
    client: "Redis", keys: Keys, token: str, entries: Sequence[Entry], keep: frozenset[str]
) -> None:
    """Delete what there is but `keep`, and write the entries: all of it, or nothing.

    Raises WriterFenced when `token` is not the newest, also at the very last moment.
    """
    fence = keys.of("fence")
    old = [name for name in await names_of(client, keys) if name not in keep]
    with translated():
        async with client.pipeline(transaction=True) as pipe:
            try:
                await pipe.watch(fence)
                if await pipe.get(fence) != token.encode():
                    raise WatchError
                pipe.multi()  # type: ignore[no-untyped-call]
                for first in range(0, len(old), CHUNK):
                    pipe.unlink(*(keys.of(name) for name in old[first : first + CHUNK]))
                for entry in entries:
                    _write(pipe, keys.of(entry.name), entry)
                await pipe.execute()
            except WatchError as error:
                raise WriterFenced(
                    f"a daemon took over {keys.of('')} meanwhile: expected none. Nothing was "
                    "changed. Stop it, and try again."
                ) from error


async def _read(client: "Redis", keys: Keys, names: Sequence[str]) -> tuple[Entry, ...]:
    async def kinds() -> list[bytes]:
        async with client.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.type(keys.of(name))
            return list(await pipe.execute())

    found = [
        (name, kind.decode())
        for name, kind in zip(names, await patiently(kinds), strict=True)
        if kind != b"none"
    ]

    async def answers() -> list[object]:
        async with client.pipeline(transaction=True) as pipe:
            for name, kind in found:
                pipe.execute_command(*_reading(keys.of(name), kind))
            return list(await pipe.execute())

    rows = await patiently(answers)
    read = (Entry(*known, _values(row)) for known, row in zip(found, rows, strict=True))
    return tuple(entry for entry in read if entry.values)


def _reading(key: str, kind: str) -> tuple[str | int, ...]:
    match kind:
        case "string":
            return "GET", key
        case "hash":
            return "HGETALL", key
        case "list":
            return "LRANGE", key, 0, -1
        case "set":
            return "SMEMBERS", key
    raise InvariantBroken(
        f"{key} is a {kind}: expected a string, hash, list or set. Somebody else writes under our "
        "prefix: give this daemon another store.namespace."
    )


def _values(answer: object) -> tuple[bytes, ...]:
    match answer:
        case None:
            return ()
        case bytes():
            return (answer,)
        case dict():
            return tuple(value for pair in sorted(answer.items()) for value in pair)
        case set():
            return tuple(sorted(answer))
        case list() | tuple():
            return tuple(answer)
    raise TypeError(f"not an answer of Redis: {type(answer)}")


def _write(pipe: "Pipeline", key: str, entry: Entry) -> None:
    verb = {"string": "SET", "hash": "HSET", "list": "RPUSH", "set": "SADD"}[entry.kind]
    for first in range(0, len(entry.values), CHUNK):
        pipe.execute_command(verb, key, *entry.values[first : first + CHUNK])
