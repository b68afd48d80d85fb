"""Who leads: one at a time, whatever the servers and the clocks do."""

import asyncio
import inspect
import random
import signal
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from importlib import resources
from pathlib import Path
from typing import NoReturn

import pytest
from daemon_process import command
from redis.asyncio import Redis
from redis_proxy import RedisProxy, proxy
from redis_server import RedisServer

from monitor.errors import ConfigError, WriterFenced
from monitor.leadership import Leadership
from monitor.rim import open_rim
from monitor.settings import load
from monitor.store import lease as lease_module
from monitor.store.connection import OPERATORS, Scripts, connect
from monitor.store.identity import Identity
from monitor.store.lease import Lease

PARTS = {"prelude", "outbox", "operator"}
"""Beginnings that scripts have in common, no scripts themselves."""
SCRIPTS = {
    entry.name.removesuffix(".lua")
    for entry in (resources.files("monitor.store") / "lua").iterdir()
    if entry.name.endswith(".lua")
}


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


CONFIG = """
[chain]
chain_id = 31337
endpoints = ["http://127.0.0.1:1"]
[store]
state_dir = "{folder}"
[[markets]]
name = "core"
protocol = "aave_v3"
address = "0x2f39d218133AFaB8F2B819B1066c7E434Ad94E9e"
[scenarios.crash]
shocks = {{ WETH = -0.3 }}
"""


async def until(is_so: Callable[[], bool]) -> None:
    while True:
        if is_so():
            return
        await asyncio.sleep(0.01)


def unheard(holder: str, fault: str) -> None:
    """Nobody listens."""


@pytest.mark.parametrize("script", sorted(SCRIPTS - PARTS - OPERATORS - {"acquire"}))
async def test_script__of_a_writer_that_was_replaced__is_fenced_and_changes_nothing(
    client: Redis, identity: Identity, script: str
) -> None:
    keys = identity.keys()
    first, second = (Lease(client, keys) for _ in range(2))
    await first.acquire()
    await second.acquire(take_over=True)
    names = sorted(await client.keys(f"{keys.of('').replace('{', '?')}*"))
    before = [await client.get(name) for name in names]
    with pytest.raises(WriterFenced, match=f"the newest token is 2 {second.owner}"):
        await Scripts(client, keys, lambda: first.token).run(script, {})
    assert sorted(await client.keys(f"{keys.of('').replace('{', '?')}*")) == names
    assert [await client.get(name) for name in names] == before


async def test_acquire__server_forgot_the_newest_tokens__gives_nobody_the_token_of_another(
    client: Redis, identity: Identity
) -> None:
    keys = identity.keys()
    first, lost, third = (Lease(client, keys) for _ in range(3))
    await first.acquire()
    remembered = str(await client.get(keys.of("fence")))
    await lost.acquire(take_over=True)
    # A failover to a replica that has seen the first owner only, whose lease ran out since.
    await client.set(keys.of("fence"), remembered)
    await client.delete(keys.of("lease"))
    await third.acquire()
    assert third.token.split()[0] == lost.token.split()[0] == "2"
    for late in (first, lost):
        with pytest.raises(WriterFenced):
            await late.renew()
    await third.renew()


async def test_acquire__fence_of_an_older_program__is_counted_on(
    client: Redis, identity: Identity
) -> None:
    await client.set(identity.keys().of("fence"), "41")
    lease = Lease(client, identity.keys())
    await lease.acquire()
    assert lease.token == f"42 {lease.owner}"


async def test_wait__many_at_the_same_instant__one_leads_at_a_time(
    redis_server: RedisServer, identity: Identity
) -> None:
    rounds, keys = 60, identity.keys()
    inside, led = set[str](), list[str]()

    async def daemon(stack: AsyncExitStack) -> None:
        client = await stack.enter_async_context(connect(redis_server.url))
        while len(led) < rounds:
            lease = Lease(client, keys, 0.5)
            await lease.wait(unheard)
            inside.add(lease.owner)
            assert inside == {lease.owner}
            assert lease.is_current()
            led.append(lease.token)
            await asyncio.sleep(0.001)
            inside.discard(lease.owner)
            if len(led) % 20:
                await lease.release()
            # Every twentieth dies with the lease: the others have to wait for its end.

    async with AsyncExitStack() as stack, asyncio.timeout(60), asyncio.TaskGroup() as group:
        for _ in range(5):
            group.create_task(daemon(stack))
    assert len({token.split()[1] for token in led}) == len(led) >= rounds
    assert [int(token.split()[0]) for token in led] == list(range(1, len(led) + 1))


async def test_wait__living_holder__is_not_disturbed_and_is_named(
    client: Redis, identity: Identity
) -> None:
    leader, standby = Lease(client, identity.keys(), 0.3), Lease(client, identity.keys(), 0.3)
    await leader.acquire()
    holding = asyncio.create_task(leader.hold())
    named = set[str]()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1.5):
            await standby.wait(lambda holder, _: named.add(holder))
    assert named == {leader.owner}
    assert leader.is_current()
    holding.cancel()


async def test_wait__lease_that_will_not_end__is_taken_when_its_holder_is_silent(
    client: Redis, identity: Identity
) -> None:
    """The clock of Redis' host was put back by a day after the holder died."""
    dead, standby = Lease(client, identity.keys(), 0.2), Lease(client, identity.keys(), 0.2)
    await dead.acquire()
    await client.pexpire(identity.keys().of("lease"), 86_400_000)
    async with asyncio.timeout(3):
        await standby.wait(unheard)
    assert standby.token == f"2 {standby.owner}"


async def test_wait__redis_away__is_told_and_waited_out(
    mortal_server: RedisServer, identity: Identity
) -> None:
    mortal_server.start()
    faults = list[str]()
    away = asyncio.Event()

    def told(holder: str, fault: str) -> None:
        if fault:
            faults.append(fault)
            away.set()

    async with connect(mortal_server.url) as client:
        await Lease(client, identity.keys(), 1.0).acquire()
        standby = Lease(client, identity.keys(), 1.0)
        waiting = asyncio.create_task(standby.wait(told))
        mortal_server.kill()
        async with asyncio.timeout(10):
            await away.wait()
            mortal_server.start()
            await waiting
    assert "Redis does not answer" in faults[0]
    assert standby.is_current()


async def test_hold__redis_away_for_longer_than_the_lease__silent_until_renewed(
    mortal_server: RedisServer, identity: Identity
) -> None:
    mortal_server.start()
    async with connect(mortal_server.url) as client:
        lease = Lease(client, identity.keys(), 0.5)
        await lease.acquire()
        token = lease.token
        leadership = Leadership(lease, is_standby=False)
        holding = asyncio.create_task(lease.hold())
        mortal_server.signal(signal.SIGSTOP)
        async with asyncio.timeout(10):
            await until(lambda: not leadership.may_speak())
            assert "nothing is sent" in leadership.reasons()[0]
            mortal_server.signal(signal.SIGCONT)
            await until(leadership.may_speak)
        assert (lease.token, leadership.reasons()) == (token, [])
        holding.cancel()


async def test_is_current__connections_that_stall_at_random__never_of_two_at_once(
    redis_server: RedisServer, identity: Identity, tmp_path: Path
) -> None:
    dice, ttl_seconds = random.Random(7), 0.3
    current = dict[int, Lease]()
    owners, fenced = set[str](), list[str]()

    async def daemon(number: int, url: str) -> None:
        async with connect(url, socket_timeout=0.2) as client:
            while True:
                current[number] = lease = Lease(client, identity.keys(), ttl_seconds)
                await lease.wait(unheard)
                owners.add(lease.owner)
                try:
                    await lease.hold()
                except WriterFenced:
                    fenced.append(lease.owner)

    async def weather(ways: Sequence[RedisProxy]) -> None:
        while len(fenced) < 8:
            await asyncio.sleep(dice.uniform(0, ttl_seconds))
            leading = [number for number, lease in current.items() if lease.is_current()]
            way = ways[leading[0]] if leading else dice.choice(ways)
            way.stall()
            await asyncio.sleep(dice.uniform(0, 3 * ttl_seconds))
            way.go_on()

    async def watch() -> NoReturn:
        while True:
            assert sum(lease.is_current() for lease in current.values()) < 2
            await asyncio.sleep(0.001)

    async with AsyncExitStack() as stack, asyncio.timeout(60), asyncio.TaskGroup() as group:
        ways = [
            await stack.enter_async_context(proxy(tmp_path / f"way-{n}", redis_server.url))
            for n in range(3)
        ]
        tasks = [group.create_task(daemon(n, way.url)) for n, way in enumerate(ways)]
        tasks.append(group.create_task(watch()))
        await weather(ways)
        for task in tasks:
            task.cancel()
    assert len(owners) > len(fenced)


async def test_standby__embedded_server__is_refused(tmp_path: Path) -> None:
    config = tmp_path / "monitor.toml"
    config.write_text(CONFIG.format(folder=tmp_path))
    with pytest.raises(ConfigError, match=r"store\.url is embedded: expected a Redis that both"):
        async with open_rim(load(config), standby=True):
            pass


async def test_standby__beside_once__is_wrong_usage(tmp_path: Path) -> None:
    finished = await command("run", "--config", str(tmp_path), "--once", "--standby")
    assert finished.code == 64
    assert "exclude one another" in finished.err
