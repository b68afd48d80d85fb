"""The way to Redis: a client from a URL, its errors in our words, and scripts run by their hash."""

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import resources
from typing import Any, NoReturn, TypeVar
from urllib.parse import urlsplit

from msgspec.json import encode
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.client import NEVER_DECODE
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    ConnectionError,
    NoPermissionError,
    NoScriptError,
    RedisError,
    ResponseError,
    TimeoutError,
)

from monitor.errors import (
    ConfigError,
    InvariantBroken,
    LedgerCorrupt,
    MonitorError,
    StoreUnavailable,
    WriterFenced,
)
from monitor.store.keys import SCRIPT_KEYS, Keys, holder_of

OLDEST_SERVER = (6, 2)
POSTING = frozenset({"judge", "revert", "announce"})
"""Scripts that queue alerts."""
OPERATORS = frozenset({"replay"})
"""Scripts that operators run beside the daemon, unfenced."""

T = TypeVar("T")

_SETTINGS: Mapping[str, Any] = {
    "socket_timeout": 1.0,
    "socket_connect_timeout": 1.0,
    "health_check_interval": 5,
    "decode_responses": True,
}
_PAUSES_SECONDS = (0.05, 0.1, 0.2, 0.4) + 8 * (0.5,)
"""Between attempts: a restart of a few seconds goes unnoticed."""

_REMEDIES = {
    "MISCONF": "it cannot write its files: make room on its disk and read its log",
    "OOM": "its memory is full: raise maxmemory",
    "READONLY": "it is a replica: point store.url at the primary, or wait for the failover to end",
    "MASTERDOWN": "it is a replica that lost its primary: wait for the failover",
    "NOREPLICAS": "too few replicas are in step: see min-replicas-to-write and INFO replication",
    "CLUSTERDOWN": "the cluster does not serve all slots: see CLUSTER INFO",
    "TRYAGAIN": "the cluster moves this slot: wait until it has",
    "LOADING": "it still loads its data: wait",
    "BUSY": "another client's script keeps it busy: wait, or run SCRIPT KILL",
    "UNKILLABLE": "a script that wrote cannot be stopped: wait, or restart it",
}
"""What passes by itself, or once an operator has done this. The daemon waits meanwhile."""
_REFUSALS = (AuthenticationError, AuthorizationError, NoPermissionError)


def connect(url: str, **changes: Any) -> "Redis":
    """A client for a redis://, rediss:// or unix:// URL. Connects on first use.

    `changes` of our settings are the library's own. Raises ConfigError for any other URL.
    """
    scheme = url.partition("://")[0]
    if scheme not in {"redis", "rediss", "unix"}:
        raise ConfigError(
            f"store.url has the scheme {scheme!r}: expected redis://, rediss:// or unix:// "
            "(Sentinel and Cluster are not supported yet)."
        )
    if scheme != "unix" and not re.fullmatch(r"/?\d*", urlsplit(url).path):
        # The library would take database 0. What stands there may be the rest of a password.
        raise ConfigError("store.url names a database that is no number: expected one, as in /0.")
    # The library nests its retries (connect in command): a stopped server would take minutes to
    # be noticed. `patiently` is the one loop.
    settings = {**_SETTINGS, **changes}
    try:
        client = Redis.from_url(url, retry=Retry(NoBackoff(), 0), **settings)
        pool = client.connection_pool
        # Options of the URL come before ours, but what answers are is not for it to say.
        pool.connection_kwargs["decode_responses"] = settings["decode_responses"]
        # An option it does not know fails only here.
        pool.make_connection()  # type: ignore[no-untyped-call]
    except (TypeError, ValueError, ConnectionError) as exc:
        raise ConfigError(f"store.url is not a Redis URL: {exc}") from exc
    return client


@contextmanager
def translated() -> Iterator[None]:
    """Redis errors as StoreUnavailable, or as what stops the daemon where waiting does not help."""
    try:
        yield
    except RedisError as exc:
        raise _named(exc) from exc
    except UnicodeDecodeError as exc:
        raise LedgerCorrupt(
            f"a value in the store is no text: {exc}. Something else wrote there: build the ledger "
            "anew, alerts are kept: cascade-monitor store rebuild --config F. If that does not "
            "help, forget them too: store rebuild --forget-alerts."
        ) from exc


def _named(error: RedisError) -> MonitorError:
    if isinstance(_inner(error), _REFUSALS):
        return ConfigError(
            f"Redis refuses this user: {error} Check the name, password and ACL of store.url."
        )
    for code, remedy in _REMEDIES.items():
        if _says(error, code):
            return StoreUnavailable(f"Redis does not serve us, {remedy}. It said: {_said(error)}")
    if isinstance(error, ConnectionError | TimeoutError):
        return StoreUnavailable(
            f"Redis does not answer: {error} Check that it runs and that store.url points at it."
        )
    return InvariantBroken(
        f"Redis refuses a command: {_said(error)}. Expected a Redis or Valkey 6.2 or newer, whose "
        "keys under our prefix nobody else writes: check both."
    )


def _inner(error: RedisError) -> BaseException:
    """What the server answered: while connecting, the library wraps it in a ConnectionError."""
    is_wrapped = isinstance(error, ConnectionError) and isinstance(error.__cause__, RedisError)
    return error.__cause__ or error if is_wrapped else error


def _said(error: RedisError) -> str:
    """The server's words. The library cuts some codes off the text."""
    return f"{getattr(_inner(error), 'status_code', None) or ''} {error}".strip()


def _says(error: RedisError, code: str) -> bool:
    """Whether the answer has this code; that of a script has it in its middle."""
    return re.search(rf"\b{code}\b", _said(error)) is not None


async def patiently(do: Callable[[], Awaitable[T]]) -> T:
    """Do it, again while Redis is away or loading. What is done must bear being done twice."""
    for pause_seconds in _PAUSES_SECONDS:
        try:
            return await once(do)
        except StoreUnavailable as exc:
            if not isinstance(exc.__cause__, ConnectionError | TimeoutError):
                raise
        await asyncio.sleep(pause_seconds)
    return await once(do)


async def once(do: Callable[[], Awaitable[T]]) -> T:
    """Do it, and no second time: for what wants to know how the server fares now."""
    task = asyncio.current_task()
    cancels_before = task.cancelling() if task else 0
    try:
        with translated():
            return await do()
    finally:
        # The library waits with wait_for, which before Python 3.12 may swallow a cancellation:
        # the task would never stop.
        if task and task.cancelling() > cancels_before:
            raise asyncio.CancelledError


async def check_server(client: "Redis") -> None:
    """Raise ConfigError for a server that is too old, or may evict state."""
    server, memory = await read(client, ("INFO", "server"), ("INFO", "memory"))
    version = str(server["redis_version"])
    faults = []
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_SERVER:
        faults.append(f"Redis is {version}: expected 6.2 or newer. Upgrade the server.")
    policy = memory["maxmemory_policy"]
    if policy != "noeviction":
        faults.append(
            f"Redis has maxmemory-policy {policy}: expected noeviction, for it may throw state "
            "away. Run CONFIG SET maxmemory-policy noeviction, and put it into redis.conf."
        )
    if faults:
        raise ConfigError(*faults)


async def read(
    client: "Redis",
    *commands: Sequence[str | int | bytes],
    as_bytes: bool = False,
    at_once: bool = False,
) -> list[Any]:
    """The answers to some reading commands, in one round trip; `at_once`: of one moment."""
    options = {NEVER_DECODE: True} if as_bytes else {}

    async def ask() -> list[Any]:
        async with client.pipeline(transaction=at_once) as pipe:
            for command in commands:
                pipe.execute_command(*command, **options)
            return list(await pipe.execute())

    return await patiently(ask)


class Scripts:
    """The scripts of `lua/`, each one atomic operation, fenced by the writer's token."""

    def __init__(self, client: "Redis", keys: Keys, token: Callable[[], str]) -> None:
        self._client = client
        self._keys = keys
        self._token = token
        self._texts: dict[str, str] = {}

    async def run(
        self,
        name: str,
        operation: Mapping[str, Any],
        more_keys: Sequence[str] = (),
        more: Sequence[bytes | str | int] = (),
        *,
        patient: bool = True,
    ) -> list[str]:
        """What the script answers. Raises WriterFenced when the token is not the newest.

        `operation` names keys of its own by their number in KEYS: see `KeyList`. `more` follows
        it as it is: what is large need not be JSON. `patient`: see `evaluate`.
        """
        body = encode({"token": self._token(), **operation})
        keys = [*self._keys.shared, *more_keys]
        answer = await evaluate(self._client, self._text(name), keys, body, *more, patient=patient)
        if answer[0] == "fenced":
            await self._fenced(answer[1])
        return answer

    async def _fenced(self, lease: str) -> NoReturn:
        prefix = self._keys.of("")
        [newest] = await read(self._client, ("GET", self._keys.of("fence")))
        if self._token() and newest is None:
            raise LedgerCorrupt(
                f"the state under {prefix} is gone: expected writer's token {self._token()}, found "
                "none. Redis was flushed, or started again without its files. Restore a backup "
                "(cascade-monitor store restore), or start the daemon again: it builds the ledger "
                "anew from the chain, without the alerts' history and what was not yet delivered."
            )
        raise WriterFenced(
            f"another daemon leads {prefix}: the newest token is {newest or 'none'}, but this one "
            f"writes with token {self._token() or 'none'}. The lease is held by "
            f"{holder_of(lease) or 'nobody'}. This one writes and sends nothing more. To "
            "wait beside the other start it with --standby; to run apart from it give it another "
            "store.namespace."
        )

    def _text(self, name: str) -> str:
        if name not in self._texts:
            self._texts[name] = read_script(name)
        return self._texts[name]


def read_script(name: str) -> str:
    """The text of a script with all it stands on."""
    folder = resources.files("monitor.store") / "lua"
    parts = ["operator" if name in OPERATORS else "prelude", name]
    if name in POSTING:
        parts.insert(1, "outbox")
    names = f"local {', '.join(SCRIPT_KEYS)} = unpack(KEYS, 1, {len(SCRIPT_KEYS)})\n"
    return names + "\n".join((folder / f"{part}.lua").read_text() for part in parts)


async def evaluate(
    client: "Redis",
    text: str,
    keys: Sequence[str],
    *args: bytes | str | int,
    patient: bool = True,
) -> list[str]:
    """Run a script by its hash; by its text when the server does not know it (any more).

    Every script finds its own work done, so it may run again after a lost answer. Without `patient`
    it is asked for once, and StoreUnavailable is for the caller.
    """
    sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

    async def ask() -> list[str]:
        try:
            return list(await client.evalsha(sha, len(keys), *keys, *args))
        except NoScriptError:
            return list(await client.eval(text, len(keys), *keys, *args))
        except ResponseError as exc:
            if _says(exc, "READONLY"):
                # After a failover the primary's name leads elsewhere: it is looked up again.
                await client.connection_pool.disconnect(inuse_connections=False)
            raise

    return await patiently(ask) if patient else await once(ask)
