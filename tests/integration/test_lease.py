"""Who leads: one at a time, whatever the servers and the clocks do."""

import asyncio
import inspect
import signal

import pytest
from redis.asyncio import Redis
from redis_server import RedisServer

from monitor.errors import WriterFenced
from monitor.store import lease as lease_module
from monitor.store.connection import connect
from monitor.store.identity import Identity
from monitor.store.lease import Lease


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_is_current__before_acquire__is_false(client: Redis, identity: Identity) -> None:
    assert not Lease(client, identity.keys()).is_current()


async def test_is_current__until_shortly_before_the_end(client: Redis, identity: Identity) -> None:
    clock = Clock()
    lease = Lease(client, identity.keys(), 10.0, clock)
    await lease.acquire()
    clock.now += 8.9
    assert lease.is_current()
    clock.now += 0.2
    assert not lease.is_current()
    await lease.renew()
    assert lease.is_current()


async def test_is_current__slow_answer__counts_from_the_question(
    mortal_server: RedisServer, identity: Identity
) -> None:
    mortal_server.start()
    clock = Clock()
    async with connect(mortal_server.url, socket_timeout=20) as client:
        lease = Lease(client, identity.keys(), 10.0, clock)
        await lease.acquire()
        mortal_server.signal(signal.SIGSTOP)
        asked = asyncio.create_task(lease.renew())
        await asyncio.sleep(0.05)
        clock.now += 9.5
        mortal_server.signal(signal.SIGCONT)
        await asked
        assert not lease.is_current()


async def test_is_current__given_back__is_false(client: Redis, identity: Identity) -> None:
    lease = Lease(client, identity.keys())
    await lease.acquire()
    await lease.release()
    assert not lease.is_current()


async def test_renew__lapse_in_which_nobody_took_over__keeps_the_token(
    client: Redis, identity: Identity
) -> None:
    lease = Lease(client, identity.keys())
    await lease.acquire()
    token = lease.token
    await client.delete(identity.keys().of("lease"))  # as if it had run out
    await lease.renew()
    assert lease.token == token
    assert await client.get(identity.keys().of("lease")) == f"{token} 10000"
    assert await lease.holder() == lease.owner


async def test_renew__somebody_took_over__is_fenced(client: Redis, identity: Identity) -> None:
    first, second = (Lease(client, identity.keys()) for _ in range(2))
    await first.acquire()
    await second.acquire(take_over=True)
    await second.release()
    with pytest.raises(WriterFenced, match="another daemon leads"):
        await first.renew()


def test_lease__no_time_of_day() -> None:
    """A clock that jumps must move no lease: Redis counts, and a clock nobody sets."""
    source = inspect.getsource(lease_module)
    assert "time.time" not in source
    assert "datetime" not in source
