"""`alerts --dead`, `--replay` and `silence`, as operators type them; they need no node."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from builders import a_block, a_delta, a_hash, a_judgement, an_alert
from daemon_process import Finished, command
from redis.asyncio import Redis
from typer.testing import CliRunner

from monitor import redelivery, silencing, upkeep
from monitor.__main__ import app
from monitor.core.alerts import Alert, AlertType, ConditionState, Delivery, Silence, digest
from monitor.errors import ConfigError, QuestionError
from monitor.settings import Settings, load
from monitor.silencing import seconds_of
from monitor.storage import identity_of
from monitor.store.connection import connect
from monitor.store.embedded import EmbeddedRedis
from monitor.store.identity import Identity
from monitor.store.operators import Operators
from monitor.store.redis_store import RedisStore

CONFIG = """
[chain]
chain_id = 31337
endpoints = ["http://127.0.0.1:1"]

[store]
url = "{url}"
state_dir = "state"
namespace = "{namespace}"

[[markets]]
name = "aave-core"
protocol = "aave_v3"
address = "0x0000000000000000000000000000000000000001"

[scenarios.crash]
shocks = {{ "*" = -0.3 }}

[[breakers]]
name = "eth-cascade"
scenario = "crash"
measure = "liquidated_usd"
warn = 1
trip = 2
clear = 0

[[watch]]
name = "treasury"
accounts = ["0x0000000000000000000000000000000000000002"]
health_below = 1.1
"""
HOOK = """
[[webhooks]]
name = "{name}"
url = "https://example.org/hook"
secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
"""
BASE = a_block()
FIRST = a_block(BASE)
SECOND = a_block(FIRST)


class Place:
    """A daemon's store, written to as it does, and the configuration the commands are given."""

    def __init__(self, config: Path, settings: Settings, store: RedisStore) -> None:
        self.config = config
        self.settings = settings
        self.store = store

    async def raised(self, alert: Alert, *webhooks: str) -> Alert:
        await self.store.commit(a_delta(alert.block))
        await self.store.judge(a_judgement(alert.block, alert), {alert.id: webhooks})
        return alert

    async def taken(self, webhook: str = "ops") -> Delivery:
        delivery = await self.store.deliveries.take(webhook, self.store.clock())
        assert delivery is not None
        return delivery

    async def delivered(self, webhook: str = "ops") -> Delivery:
        delivery = await self.taken(webhook)
        await self.store.deliveries.delivered(delivery)
        return delivery

    async def buried(self, webhook: str = "ops") -> Delivery:
        delivery = await self.taken(webhook)
        await self.store.deliveries.bury(delivery, "webhook ops answered 500: expected 2xx")
        return delivery

    async def fates(self, alert: Alert) -> dict[str, str]:
        recent = {stored.alert.id: stored for stored in await self.store.recent_alerts(99)}
        return dict(recent[alert.id].deliveries)

    async def command(self, verb: str, *arguments: str) -> Finished:
        """What an operator types: two seconds each."""
        return await command(verb, "--config", str(self.config), *arguments)

    async def dead(self) -> list[Any]:
        found: list[Any] = (await redelivery.dead_letters(self.settings, self.config))["dead"]
        return found

    async def replay(self, alert: Alert | str, webhook: str | None = None) -> list[Any]:
        alert_id = alert if isinstance(alert, str) else alert.id
        document = await redelivery.replay(self.settings, alert_id, webhook)
        assert document["left"] == []
        [row] = document["replayed"]
        assert row["id"] == alert_id
        webhooks: list[Any] = row["webhooks"]
        return webhooks

    async def refusal(self, alert: Alert | str, webhook: str | None = None) -> str:
        with pytest.raises(QuestionError) as refused:
            await self.replay(alert, webhook)
        return str(refused.value)


def configured(folder: Path, url: str, namespace: str) -> tuple[Path, Settings]:
    config = folder / "monitor.toml"
    hooks = "".join(HOOK.format(name=name) for name in ("ops", "dao"))
    config.write_text(CONFIG.format(url=url, namespace=namespace) + hooks)
    return config, load(config)


@pytest.fixture
async def place(client: Redis, identity: Identity, tmp_path: Path, redis_url: str) -> Place:
    config, settings = configured(tmp_path, redis_url, identity.namespace)
    store = await RedisStore.open(client, identity_of(settings, identity.genesis))
    await store.begin(BASE, {})
    return Place(config, settings, store)


@pytest.fixture
def redis_url(client: Redis) -> str:
    return f"unix://{client.connection_pool.connection_kwargs['path']}"


async def test_replay__dead_letter__goes_out_again_byte_for_byte(place: Place) -> None:
    """Beside the daemon that has the lease."""
    alert = await place.raised(an_alert(FIRST), "ops", "dao")
    await place.delivered("dao")
    await place.buried("ops")
    listed = await place.command("alerts", "--dead", "--json")
    assert listed.code == 0, listed.err
    [row] = listed.document["dead"]
    assert (row["id"], row["webhook"], row["attempts"]) == (alert.id, "ops", 0)
    assert (row["type"], row["breaker"]) == ("breaker.tripped", "eth-cascade")
    assert row["reason"] == "webhook ops answered 500: expected 2xx"
    assert row["died_at"] is not None
    # What is printed is what works.
    words = row["replay"].split()
    done = await command(*words[1:])
    assert done.code == 0, done.err
    assert done.out == f"{alert.id} is queued again for ops\n"
    assert await place.fates(alert) == {"ops": "pending", "dao": "delivered"}
    again = await place.taken("ops")
    assert (again.alert_id, again.body) == (alert.id, alert.body)
    assert await place.dead() == []


async def test_replay__some_gave_it_up__goes_to_those(place: Place) -> None:
    alert = await place.raised(an_alert(FIRST), "ops", "dao")
    await place.delivered("dao")
    await place.buried("ops")
    assert await place.replay(alert) == ["ops"]


async def test_replay__delivered_to_all__goes_to_all_or_to_the_one_named(place: Place) -> None:
    alert = await place.raised(an_alert(FIRST), "ops", "dao")
    await place.delivered("ops")
    await place.delivered("dao")
    assert await place.replay(alert, "dao") == ["dao"]
    assert await place.fates(alert) == {"ops": "delivered", "dao": "pending"}
    assert "is on its way already" in await place.refusal(alert, "dao")
    await place.delivered("dao")
    assert await place.replay(alert) == ["dao", "ops"]
    assert await place.fates(alert) == {"ops": "pending", "dao": "pending"}


async def test_replay__then_its_block_is_gone__is_retracted(place: Place) -> None:
    """A receiver has seen it: it was delivered before, whatever becomes of the replay."""
    alert = await place.raised(an_alert(FIRST), "ops")
    await place.delivered()
    await place.replay(alert)
    undo = await place.store.undo_record(FIRST.hash)
    retraction = an_alert(FIRST, type=AlertType.RETRACTED)
    assert await place.store.revert(undo, {alert.id: (retraction, ["ops"])}) == (retraction,)


async def test_replay__what_takes_back_an_alert_that_stands_again__is_refused(place: Place) -> None:
    alert = await place.raised(an_alert(FIRST), "ops")
    await place.delivered()
    body = json.dumps({"data": {"alert": {"retracts": alert.id}}})
    back = replace(an_alert(FIRST, type=AlertType.RETRACTED), body=body)
    undo = await place.store.undo_record(FIRST.hash)
    await place.store.revert(undo, {alert.id: (back, ["ops"])})
    await place.buried()
    await place.raised(alert, "ops")
    assert "takes back one that stands" in await place.refusal(back)
    (left,) = (await redelivery.replay_dead(place.settings))["left"]
    assert (left["id"], left["why"]) == (back.id, "its block came back")


async def test_replay__taken_back__is_refused_and_names_what_takes_it_back(place: Place) -> None:
    alert = await place.raised(an_alert(FIRST), "ops")
    await place.delivered()
    retraction = replace(
        an_alert(FIRST, type=AlertType.RETRACTED),
        id=digest(AlertType.RETRACTED.value, alert.id),
    )
    undo = await place.store.undo_record(FIRST.hash)
    await place.store.revert(undo, {alert.id: (retraction, ["ops"])})
    refused = await place.refusal(alert)
    assert f"was taken back: block {FIRST.number} {FIRST.hash}" in refused
    assert f"--replay {retraction.id}" in refused
    await place.delivered()
    assert await place.replay(retraction) == ["ops"]


async def test_replay__unknown_id__names_the_nearest(place: Place) -> None:
    alert = await place.raised(an_alert(FIRST), "ops")
    for typed in (alert.id[:8], alert.id[:-1] + ("0" if alert.id[-1] != "0" else "1")):
        refused = await place.refusal(typed)
        assert f"no alert '{typed}': expected the whole id, as in {alert.id}" in refused
    assert "expected one of dao, ops" in await place.refusal(alert, "nobody")
    refused = await place.refusal(alert, "dao")
    assert f"alert {alert.id} is not for webhook dao: expected one of ops" in refused


async def test_replay__silenced_alert__is_refused_with_the_reason(place: Place) -> None:
    alert = await place.raised(replace(an_alert(FIRST), silenced="oracle upgrade"))
    assert "eth-cascade was silenced (oracle upgrade)" in await place.refusal(alert)


async def test_replay_dead__all_of_them__keep_their_order(place: Place) -> None:
    alerts = [
        await place.raised(an_alert(FIRST), "ops"),
        await place.raised(an_alert(SECOND), "ops"),
    ]
    third = await place.raised(an_alert(a_block(SECOND)), "ops", "removed")
    for _ in alerts:
        await place.buried()
    await place.buried("removed")
    await place.delivered()
    [*_, row] = await place.dead()
    assert (row["replay"], row["obstacle"]) == (None, "its webhook is no longer configured")
    document = await redelivery.replay_dead(place.settings)
    assert [row["id"] for row in document["replayed"]] == [alert.id for alert in alerts]
    [left] = document["left"]
    assert left["webhooks"] == ["removed"]
    assert left["why"] == "its webhook is no longer configured"
    assert [(await place.delivered()).alert_id for _ in alerts] == [alert.id for alert in alerts]
    assert await place.fates(third) == {"ops": "delivered", "removed": "dead"}
    assert (await redelivery.replay_dead(place.settings))["replayed"] == []


async def test_replay__while_the_daemon_delivers__is_never_lost(place: Place) -> None:
    """The scripts of both are atomic, so whoever comes first, all are delivered in the end."""
    alerts = [an_alert(FIRST, str(number)) for number in range(40)]
    await place.store.commit(a_delta(FIRST))
    await place.store.judge(a_judgement(FIRST, *alerts), {alert.id: ["ops"] for alert in alerts})
    operators = Operators(place.store._client, place.store._keys)
    taken: list[str] = []
    is_over = False

    async def deliver() -> None:
        done = None
        while not is_over or done is not None:
            done = await place.store.deliveries.take("ops", place.store.clock(), done=done)
            if done is not None:
                taken.append(done.alert_id)

    async def again() -> int:
        nonlocal is_over
        count = 0
        while count < 100:
            for alert in alerts:
                count += len(await operators.replay(alert.id, ["ops"], is_named=True))
        is_over = True
        return count

    replayed, _ = await asyncio.gather(again(), deliver())
    await deliver()
    assert len(taken) == len(alerts) + replayed
    assert await place.store.deliveries.pending() == 0


async def test_silence__breaker__is_kept_shown_and_lifted(place: Place) -> None:
    done = await place.command(
        *("silence", "eth-cascade", "--for", "2h", "--why", "oracle  upgrade", "--json")
    )
    assert done.code == 0, done.err
    kept = (await place.store.silences())["eth-cascade"]
    assert kept.until_unix - kept.since_unix == 7200
    assert kept.why == "oracle upgrade"
    [row] = done.document["silences"]
    assert (row["breaker"], row["why"], row["is_over"]) == ("eth-cascade", "oracle upgrade", False)
    await silencing.silence(place.settings, "treasury", "1d", "moving funds")
    shown = await place.command("silence", "--list")
    assert shown.code == 0, shown.err
    assert shown.out.index("eth-cascade") < shown.out.index("treasury")
    assert await silencing.lifted(place.settings, "eth-cascade") == {"lifted": "eth-cascade"}
    assert set(await place.store.silences()) == {"treasury"}
    with pytest.raises(QuestionError, match="'eth-cascade' is not silenced: expected one of trea"):
        await silencing.lifted(place.settings, "eth-cascade")


async def test_silence__over__is_shown_as_such_and_cannot_be_lifted(place: Place) -> None:
    operators = Operators(place.store._client, place.store._keys)
    await operators.set_silence(Silence("eth-cascade", 1_000, 2_000, "long ago"))
    [row] = (await silencing.silences(place.settings))["silences"]
    assert row["is_over"]
    with pytest.raises(QuestionError, match="is not silenced: nothing is"):
        await silencing.lifted(place.settings, "eth-cascade")


async def test_silence__unknown_name__is_refused_with_what_is_near(place: Place) -> None:
    refused = await place.command("silence", "eth-cascde", "--for", "2h", "--why", "typo")
    assert refused.code == 64
    assert "no breaker, watch or condition 'eth-cascde'" in refused.err
    assert "eth-cascade" in refused.err
    assert await place.store.silences() == {}
    await silencing.silence(place.settings, "monitor.lag", "5m", "restarting nodes")
    assert set(await place.store.silences()) == {"monitor.lag"}


@pytest.mark.parametrize("why", ["", " ", "a\x1b[31mb", "x" * 201])
async def test_silence__no_reason_for_people__is_refused(place: Place, why: str) -> None:
    with pytest.raises(QuestionError, match="expected a reason of 1 to 200 printable characters"):
        await silencing.silence(place.settings, "eth-cascade", "2h", why)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("alerts", "--dead", "--replay", "x"), "expected one of them"),
        (("alerts", "--webhook", "ops"), "expected --replay ID beside it"),
        (("alerts", "--dead", "--replay-dead"), "expected one of them"),
        (("silence", "eth-cascade"), "expected --for, as in --for 2h, and --why"),
        (("silence", "eth-cascade", "--for", "2h"), "expected --for, as in --for 2h, and --why"),
        (("silence",), "expected a breaker, or --list"),
        (("silence", "eth-cascade", "--list"), "expected nothing beside it"),
        (("silence", "eth-cascade", "--lift", "--for", "2h"), "expected neither"),
    ],
)
def test_commands__options_that_do_not_go_together__are_refused(
    arguments: tuple[str, ...], expected: str
) -> None:
    verb, *rest = arguments
    result = CliRunner().invoke(app, [verb, "--config", "monitor.toml", *rest])
    assert isinstance(result.exception, QuestionError)
    assert expected in str(result.exception)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("15m", 900), ("2h", 7200), ("3d", 259_200), ("30d", 2592000)],
)
def test_seconds_of__a_duration__is_read(text: str, seconds: int) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2",
        "h",
        "0h",
        "-1h",
        "1.5h",
        "2 h",
        "2H",
        "1h30m",
        "٣h",
        "31d",
        "99999999999999s",
        "2h\n",
    ],
)
def test_seconds_of__nonsense__says_what_was_expected(text: str) -> None:
    with pytest.raises(QuestionError, match=r"expected a number and a unit, as in 30s, 15m, 2h"):
        seconds_of(text)


@pytest.fixture
async def embedded(tmp_path: Path, identity: Identity) -> Path:
    """The configuration of a daemon that was stopped: one alert dead, one delivered."""
    config, settings = configured(tmp_path, "embedded", identity.namespace)
    async with EmbeddedRedis(settings.store.state_dir) as server, connect(server.url) as client:
        store = await RedisStore.open(client, identity_of(settings, identity.genesis))
        await store.begin(BASE, {})
        stopped = Place(config, settings, store)
        await stopped.raised(an_alert(FIRST), "ops")
        await stopped.buried()
        await store.lease.release()
    return config


async def test_commands__daemon_is_stopped__are_kept_for_its_next_life(
    embedded: Path, identity: Identity
) -> None:
    done = await command("alerts", "--config", str(embedded), "--replay-dead")
    assert done.code == 0, done.err
    done = await command(
        *("silence", "--config", str(embedded), "eth-cascade", "--for", "1h", "--why", "upgrade")
    )
    assert done.code == 0, done.err
    settings = load(embedded)
    async with EmbeddedRedis(settings.store.state_dir) as server, connect(server.url) as client:
        store = await RedisStore.open(client, identity_of(settings, identity.genesis))
        assert set(await store.silences()) == {"eth-cascade"}
        delivery = await store.deliveries.take("ops", store.clock())
        assert delivery is not None
        assert delivery.body == an_alert(FIRST).body


async def test_rebuild_and_restore__silences_and_conditions__are_kept(
    place: Place, tmp_path: Path
) -> None:
    blind = ConditionState(is_blind=True, serial=3, reasons=("no block for 200 s",))
    alert = await place.raised(an_alert(FIRST), "ops")
    await place.store.announce({"monitor.head": blind}, [], {})
    await silencing.silence(place.settings, "eth-cascade", "2h", "upgrade")
    before = await place.store.silences()
    file = tmp_path / "state.backup"
    await upkeep.backup(place.settings, file, lambda _done, _of: None, force=False)
    await place.store.lease.release()
    await upkeep.rebuild(place.settings, forget_alerts=False)
    for _ in range(2):
        assert await place.store.silences() == before
        assert await place.store.conditions() == {"monitor.head": blind}
        assert await place.fates(alert) == {"ops": "pending"}
        await silencing.lifted(place.settings, "eth-cascade")
        await upkeep.restore(place.settings, file, force=True)
    await upkeep.rebuild(place.settings, forget_alerts=True)
    assert await place.store.silences() == {}
    assert await place.store.conditions() == {}


@pytest.mark.parametrize(("silenced_again", "pending"), [("", 1), ("still upgrading", 0)])
async def test_rebuild__silence_lifted_before_blocks_are_judged_again__what_it_hid_is_said(
    place: Place, silenced_again: str, pending: int
) -> None:
    hidden = await place.raised(replace(an_alert(FIRST), silenced="upgrade"))
    await place.store.lease.release()
    await upkeep.rebuild(place.settings, forget_alerts=False)
    await place.store.lease.acquire()
    await place.store.enter(identity_of(place.settings, a_hash("genesis")))
    await place.store.begin(BASE, {})
    webhooks = () if silenced_again else ("ops",)
    await place.raised(replace(hidden, silenced=silenced_again), *webhooks)
    assert await place.store.deliveries.pending() == pending


async def test_commands__no_state__are_refused(tmp_path: Path) -> None:
    config, settings = configured(tmp_path, "embedded", "nothing")
    with pytest.raises(ConfigError, match="Run the daemon first"):
        await redelivery.dead_letters(settings, config)
