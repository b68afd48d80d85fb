"""`replay` on a real chain: what the live daemon said, again, from the node and from a recording.

One world: WETH slips, the breaker trips, WETH recovers and it clears (a false alarm); then it falls
for real, and liquidators come. The daemon watches all of it live.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import daemon_process
import pytest
from devnet import Executed, World, crash
from fault_proxy import Fault, FaultProxy, Json
from stage import new_stage, slide

pytestmark = pytest.mark.timeout(400)
HORIZON = "100s"
SLIPS = (1990, 1960, 1940, 2010, 2010, 1940)
CRASH = {"WETH": Fraction(-15, 100)}
INCIDENT = """
[incident]
title = "2026-01: a crash of our own"
chain_id = 31337
begins = {begins}
ends = {ends}
summary = "Played on a local chain, by those who test this."
node = "It needs the chain that it was played on."
is_replayable = true
[[incident.facts]]
what = "WETH falls by fifteen in a hundred."
source = "this test"
[scenarios.small]
shocks = {{ WETH = -0.02 }}
[[breakers]]
name = "small"
scenario = "small"
measure = "liquidated_usd"
warn = 100_000
trip = 200_000
clear = 50_000
"""


@dataclass(frozen=True, slots=True)
class Ended:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        assert self.code == 0, self.err
        found: dict[str, Any] = json.loads(self.out)
        return found


@dataclass(frozen=True, slots=True)
class Lived:
    """The world's past, replayed. `live`: alerts of the daemon, oldest first."""

    folder: Path
    executed: Executed
    live: Sequence[Mapping[str, Any]]
    replayed: Ended
    incident: Ended
    shaken: Ended
    faults: Mapping[str, Ended]

    @property
    def recording(self) -> Path:
        return self.folder / "crash.json.gz"


async def command(*words: object) -> Ended:
    found = await daemon_process.command(*map(str, words))
    return Ended(found.code, found.out, found.err)


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Lived:
    return asyncio.run(_lived(tmp_path_factory.mktemp("replay")))


async def _lived(folder: Path) -> Lived:
    async with new_stage(folder) as stage:
        config, port = stage.config(
            shocks={"WETH": -0.1}, warn_usd=60_000, trip_usd=70_000, clear_usd=56_000
        )
        await stage.world.mine(3)
        first = (await stage.world.head()).number + 1
        async with daemon_process.daemon_process(config, port) as daemon:
            await daemon.reached(await stage.head(), 60)
            for price_usd in SLIPS:
                await daemon.reached(await slide(stage.world, price_usd), 60)
            executed = await crash(stage.world, CRASH)
            await stage.world.mine(2)
            await daemon.reached(await stage.head(), 60)
            _, told = await daemon.get("/api/v1/alerts")
        last = (await stage.world.head()).number
        asked = ("replay", "--config", config, "--from-block", first, "--to-block", last)
        kept = ("--record", folder / "crash.json.gz", "-o", folder / "node.html")
        replayed = await command(*asked, "--horizon", HORIZON, *kept, "--json")
        ahead = ("replay", "--config", config, "--from-block", first, "--to-block", last + 9)
        back = ("replay", "--config", config, "--from-block", last, "--to-block", first)
        faults = {
            "ahead": await command(*ahead),
            "backwards": await command(*back),
            "there already": await command(*asked, "--record", folder / "crash.json.gz"),
            "no range": await command("replay", "--config", config),
            "pruned": await _pruned(stage.world, config, asked[3:]),
        }
        shaken = await _shaken(stage.world, config, asked[3:])
        incident = await _incident(stage.world, config, folder, (first, last))
    alerts = [alert["data"] for alert in reversed(told["alerts"]) if _is_of_chain(alert)]
    return Lived(folder, executed, alerts, replayed, incident, shaken, faults)


def _is_of_chain(alert: Mapping[str, Any]) -> bool:
    """How the monitor itself is, no block of the past tells."""
    return not alert["data"]["alert"]["breaker"].startswith("monitor.")


async def _incident(world: World, config: Path, folder: Path, blocks: tuple[int, int]) -> Ended:
    """The same blocks, found by their times, asked what the incident's file asks."""
    begins, ends = [(await world.block_at(number)).timestamp for number in blocks]
    told = [datetime.fromtimestamp(unix, UTC).isoformat() for unix in (begins, ends)]
    path = folder / "incident.toml"
    path.write_text(INCIDENT.format(begins=told[0], ends=told[1]))
    report = folder / "incident.html"
    return await command("replay", "-c", config, "--incident", path, "-o", report, "--json")


async def _pruned(world: World, config: Path, blocks: Sequence[object]) -> Ended:
    """A node that has the blocks, but no state of them any more."""

    async def edit(_: FaultProxy, request: Json, answer: Json) -> Json:
        if request["method"] not in ("eth_call", "eth_getCode"):
            return answer
        error = {"code": -32000, "message": "missing trie node 0123 (path ) state is gone"}
        return {"jsonrpc": "2.0", "id": answer["id"], "error": error}

    async with FaultProxy(world.anvil.http_url, world.anvil.ws_url) as proxy:
        proxy.inject(Fault("pruned", edit=edit))
        return await command("replay", "--config", _behind(proxy, world, config), *blocks)


async def _shaken(world: World, config: Path, blocks: Sequence[object]) -> Ended:
    """A node that refuses thirty requests in the midst of it, as before a restart."""

    async def edit(proxy: FaultProxy, _: Json, answer: Json) -> Json:
        number = proxy.memory["asked"] = proxy.memory.get("asked", 0) + 1
        error = {"code": -32000, "message": "server is shutting down"}
        is_away = 40 <= number < 70
        return {"jsonrpc": "2.0", "id": answer["id"], "error": error} if is_away else answer

    async with FaultProxy(world.anvil.http_url, world.anvil.ws_url) as proxy:
        proxy.inject(Fault("away", edit=edit))
        other = _behind(proxy, world, config)
        return await command("replay", "--config", other, *blocks, "--horizon", HORIZON, "--json")


def _behind(proxy: FaultProxy, world: World, config: Path) -> Path:
    """The same configuration, with the proxy for a node."""
    text = config.read_text().replace(world.anvil.http_url, proxy.http_url)
    other = config.with_name("pruned.toml")
    other.write_text(text.replace(world.anvil.ws_url, proxy.ws_url))
    return other


def test_replay__of_blocks_that_were_watched__says_what_the_daemon_said(lived: Lived) -> None:
    replayed = lived.replayed.document["alerts"]
    live = [
        (alert["alert"]["id"], alert["alert"]["breaker"], alert["value"]) for alert in lived.live
    ]
    assert [(alert["id"], alert["breaker"], alert["value"]) for alert in replayed] == live
    kinds = [alert["type"] for alert in replayed]
    assert kinds.count("breaker.tripped") == 2
    assert kinds.count("breaker.cleared") == 1


def test_replay__beside_what_was_executed__tells_every_liquidation(lived: Lived) -> None:
    happened, executed = lived.replayed.document["happened"], lived.executed
    assert happened["liquidations"] == executed.liquidations > 10
    assert float(happened["liquidated_usd"]) == pytest.approx(float(executed.liquidated_usd))
    (wave,) = happened["waves"]
    assert wave["first"]["number"] == executed.first_liquidation_block


def test_replay__of_a_slip_and_a_crash__has_a_lead_and_a_false_alarm(lived: Lived) -> None:
    (breaker,) = lived.replayed.document["breakers"]
    assert [trip["verdict"] for trip in breaker["trips"]] == ["false", "right"]
    assert (breaker["false_alarms"], breaker["misses"]) == (1, 0)
    assert breaker["waves"][0]["verdict"] == "led"
    assert breaker["lead_seconds"] > 0
    assert breaker["lead_to_peak_seconds"] > breaker["lead_seconds"]


def test_replay__of_a_crash__follows_prices_and_loops_to_the_end(lived: Lived) -> None:
    document = lived.replayed.document
    assert document["loops"]
    assert all(float(loop["debt_usd"]) > 0 for loop in document["loops"])
    prices = [row["prices"]["WETH"] for row in document["timeline"]]
    assert (prices[0], min(map(float, prices))) == ("2000.00", float(prices[-1]))
    last = document["timeline"][-1]
    assert last["liquidated_so_far_usd"] == document["happened"]["liquidated_usd"]
    assert document["unknown"] == []


async def test_recording__played_without_a_node__gives_the_same_report(lived: Lived) -> None:
    report = lived.folder / "played.html"
    played = await command("replay", "--recording", lived.recording, "-o", report, "--json")
    told = {**lived.replayed.document, "report": str(report)}
    assert played.document == told
    assert report.read_bytes() == (lived.folder / "node.html").read_bytes()
    assert lived.recording.stat().st_size < 300_000


async def test_recording__under_other_thresholds__says_what_they_had_said(lived: Lived) -> None:
    config = lived.folder / "monitor.toml"
    other = lived.folder / "other.toml"
    other.write_text(config.read_text().replace("trip = 70000", "trip = 2000000"))
    played = await command("replay", "--recording", lived.recording, "-c", other, "--json")
    (breaker,) = played.document["breakers"]
    assert (breaker["trip"], breaker["false_alarms"], len(breaker["trips"])) == ("2000000", 0, 1)


async def test_recording__of_another_market__names_what_is_missing(lived: Lived) -> None:
    config = lived.folder / "monitor.toml"
    other = lived.folder / "strange.toml"
    text = config.read_text()
    address = text.split('protocol = "aave_v3"\naddress = "')[1][:42]
    other.write_text(text.replace(address, "0x" + "ab" * 20))
    played = await command("replay", "--recording", lived.recording, "-c", other)
    assert played.code == 64
    assert "the recording has no answer to" in played.err
    assert "0x" + "ab" * 20 in played.err.lower()


def test_recording__of_a_node__holds_neither_its_url_nor_a_receivers(lived: Lived) -> None:
    import gzip

    text = gzip.decompress(lived.recording.read_bytes()).decode()
    assert "://" not in text.replace("http://127.0.0.1:9", "")
    assert "whsec_" not in text


def test_replay__of_blocks_whose_state_is_gone__asks_for_an_archive_node(lived: Lived) -> None:
    gone = lived.faults["pruned"]
    assert gone.code == 69
    said = " ".join(gone.err.split())
    assert "expected an archive node for blocks older than about 128" in said
    assert "Traceback" not in said


def test_replay__of_a_node_that_is_away_for_a_while__is_the_same(lived: Lived) -> None:
    assert lived.shaken.document["alerts"] == lived.replayed.document["alerts"]
    assert lived.shaken.document["happened"] == lived.replayed.document["happened"]


def test_incident__on_a_node__is_its_blocks_and_its_breakers(lived: Lived) -> None:
    document, whole = lived.incident.document, lived.replayed.document
    assert (document["from"], document["block"]) == (whole["from"], whole["block"])
    assert document["happened"] == whole["happened"] | {"waves": document["happened"]["waves"]}
    (breaker,) = document["breakers"]
    assert breaker["name"] == "small"
    assert [trip["verdict"] for trip in breaker["trips"]] == ["right"]
    assert "--incident" in document["reproduce"]
    report = (lived.folder / "incident.html").read_text()
    assert "WETH falls by fifteen in a hundred." in report
    assert "this test" in report


class Links(HTMLParser):
    """What a page would fetch or run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.headings: list[str] = []
        self._is_heading = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._is_heading = tag == "h2"
        if tag in ("script", "iframe", "img", "object"):
            self.found.append(tag)
        self.found += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        if self._is_heading and data.strip():
            self.headings.append(data)


def test_report__of_a_replay__is_one_file_that_asks_nobody(lived: Lived) -> None:
    text = (lived.folder / "node.html").read_text()
    page = Links()
    page.feed(text)
    assert page.found == ["data:,"]
    assert "://" not in text
    assert len(text) < 200_000
    assert page.headings == [
        "What was said, and what came",
        "eth-cascade: projection beside what happened",
        "Every block",
        "Prices",
        "The largest loops, and what became of them",
        "Markets",
        "Alerts",
        "Provenance",
    ]
    for alert in lived.live:
        assert alert["alert"]["id"] in text


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("ahead", "expected a block that is there: the newest is"),
        ("backwards", "--to-block not before it"),
        ("there already", "is there already: expected a new file"),
        ("no range", "--from-block A and --to-block B, --recording FILE or --incident FILE"),
    ],
)
def test_replay__asked_for_what_cannot_be__says_why(lived: Lived, fault: str, said: str) -> None:
    found = lived.faults[fault]
    assert found.code == 64
    assert said in " ".join(found.err.split())
    assert "Traceback" not in found.err


async def test_replay__of_nothing_that_is_there__says_why(tmp_path: Path) -> None:
    gone = await command("replay", "--recording", tmp_path / "none.gz")
    both = await command("replay", "--recording", tmp_path / "none.gz", "--from-block", 1)
    long = await command("replay", "--recording", tmp_path / "none.gz", "--horizon", "soon")
    assert [each.code for each in (gone, both, long)] == [64, 64, 64]
    assert "cannot be read: No such file" in gone.err
    assert "--from-block and --recording: expected one of them" in both.err
    assert "Traceback" not in gone.err + both.err + long.err
    assert "--horizon 'soon': expected a number and a unit" in long.err
