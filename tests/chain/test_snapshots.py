"""An alert and what it rests on: the file that it names repeats it, without node or store."""

import asyncio
import gzip
import json
import shlex
from pathlib import Path
from typing import Any

import aiohttp
from daemon_process import COMMAND, Finished, command, daemon_process
from devnet import USD, WideTerms, new_wide_world
from devnet.receiver import Receiver
from stage import Stage, slide

from monitor.store.snapshot_file import thaw

TOKENS = ("planted-endpoint-key", "planted-webhook-key", "planted-api-token", "whsec_")


async def projected(file: Path, words: list[str], seed: int) -> Finished:
    """What an alert says to type, elsewhere: no configuration, another order of hashes."""
    placed = [str(file) if word == file.name else word for word in words]
    elsewhere = {"PYTHONHASHSEED": str(seed), "HOME": str(file.parent)}
    return await command(*placed[1:], "--json", environ=elsewhere)


async def posted(port: int, shocks: dict[str, float]) -> dict[str, Any]:
    url = f"http://127.0.0.1:{port}/api/v1/project"
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, json={"shocks": shocks}) as answer,
    ):
        assert answer.status == 200
        found: dict[str, Any] = await answer.json()
        return found


async def piped(*arguments: str) -> bytes:
    """What a command writes where no terminal is."""
    process = await asyncio.create_subprocess_exec(
        *COMMAND, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err
    assert b"snapshot " in err
    return out


def with_keys(stage: Stage, name: str) -> tuple[Path, int]:
    """A configuration all of whose services are reached by a secret."""
    anvil = stage.world.anvil
    return stage.config(
        name,
        endpoints=(f"{anvil.http_url}/?key=planted-endpoint-key",),
        webhook_url=f"{stage.receiver.url}?key=planted-webhook-key",
    )


async def test_alert__its_snapshot__repeats_it_to_the_bit_and_tells_no_secret(
    stage: Stage, tmp_path: Path
) -> None:
    config, port = with_keys(stage, "monitor")
    own = tmp_path / "own.snapshot"
    environ = {"CASCADE_MONITOR_HTTP__TOKEN": "planted-api-token"}
    async with daemon_process(config, port) as daemon:
        await daemon.reached(await stage.head())
        moved = await stage.world.move_feed("WETH", 1700 * USD)
        await daemon.reached(moved.block_hash)
        letter = await stage.receiver.wait_for("breaker.tripped")
        answered = await posted(port, {"WETH": -0.05})
        _, cascade = await daemon.get("/api/v1/cascade/eth-crash")
        _, metrics = await daemon.get("/metrics")
        beside = await command(
            "snapshot", "-c", str(config), "-o", str(own), "--json", environ=environ
        )
    frozen_later = await piped("snapshot", "--config", str(config), "-o", "-")
    told = letter.body["data"]
    identity, words = told["projection"]["snapshot"], shlex.split(told["reproduce"])
    assert words[:3] == ["cascade-monitor", "project", "--snapshot"]
    (file,) = (tmp_path / "monitor" / "snapshots").iterdir()
    assert file.name == words[3]
    assert str(told["block"]["number"]) in file.name
    assert identity[:12] in file.name
    assert 'cascade_monitor_snapshots_written_total{outcome="written"} 1.0' in metrics

    answered["result"]["snapshot"] = identity
    repeated = await asyncio.gather(*(projected(file, words, seed) for seed in (1, 2)))
    for finished in repeated:
        assert finished.code == 0, finished.err
        assert finished.err == ""
        assert json.dumps(finished.document) == json.dumps(answered)
        assert finished.document["block"] == told["block"]
        assert told["projection"] == {
            "scenario": "eth-crash",
            **finished.document["scenario"],
            **finished.document["result"],
        }
    assert float(answered["result"]["liquidated_usd"]) > 100_000
    assert cascade["result"]["snapshot"] == identity

    assert beside.code == 0, beside.err
    assert beside.document["snapshot"] == identity
    assert beside.document["accounts"] > 0
    assert own.read_bytes() == file.read_bytes() == frozen_later
    text = gzip.decompress(file.read_bytes()).decode()
    assert not [word for word in (*TOKENS, str(tmp_path), "127.0.0.1") if word in text]


async def test_alert__nowhere_to_write__is_sent_and_says_why(stage: Stage) -> None:
    config, port = stage.config()
    (stage.folder / "taken").write_text("a file")
    config.write_text(config.read_text() + '\n[snapshots]\ndir = "taken/snapshots"\n')
    async with daemon_process(config, port) as daemon:
        await daemon.reached(await stage.head())
        await slide(stage.world, 1700)
        letter = await stage.receiver.wait_for("breaker.tripped")
        _, metrics = await daemon.get("/metrics")
        checked = await command("check", "--config", str(config))
    told = letter.body["data"]
    assert told["projection"]["snapshot"] is None
    assert told["projection"]["unknown"] == ["no snapshot: Not a directory"]
    assert float(told["projection"]["liquidated_usd"]) > 100_000
    assert told["reproduce"].startswith("cascade-monitor project --shock WETH=-0.05")
    assert 'cascade_monitor_snapshots_written_total{outcome="failed"} 1.0' in metrics
    assert "snapshot_failed" in daemon.log.read_text()
    assert checked.code == 1
    assert "taken is no folder: correct snapshots.dir" in checked.out


async def test_snapshot__of_many_protocols__answers_as_the_store_does(tmp_path: Path) -> None:
    """Every kind of record: claims, vaults, curves of rates, loops, pools of several families."""
    terms = WideTerms(borrowers=20, seed=5)
    async with new_wide_world(terms) as world, Receiver() as receiver:
        config, _ = Stage(world, receiver, tmp_path).config(webhook_url="")
        assert (await command("run", "--config", str(config), "--once")).code == 0
    file = tmp_path / "wide.snapshot"
    made = await command("snapshot", "--config", str(config), "-o", str(file))
    assert made.code == 0, made.err
    shocks = (
        "WETH=-0.3",
        "peg:wstETH/WETH=-0.04",
        "liquidity:*=0.5",
        "rate:aave-core/WETH=1.0@30d",
    )
    words = [word for shock in shocks for word in ("--shock", shock)]
    words += ["--option", "fill=optimal", "--option", "unwind=true", "--json"]
    stored, frozen = await asyncio.gather(
        command("project", "--config", str(config), *words),
        command("project", "--snapshot", str(file), *words, environ={"PYTHONHASHSEED": "3"}),
    )
    assert (stored.code, frozen.code) == (0, 0), stored.err + frozen.err
    answered = stored.document
    answered["result"]["snapshot"] = thaw(file)[0]
    assert json.dumps(frozen.document) == json.dumps(answered)
    assert float(answered["result"]["liquidated_usd"]) > 10_000
    assert len(answered["result"]["by_market"]) > 2
