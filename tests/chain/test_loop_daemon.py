"""`cascade-monitor loops`, /api/v1/loops and looped_debt_usd, by the daemon on real contracts."""

import csv
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from daemon_process import DaemonProcess, command, daemon_process
from devnet import WideTerms, WideWorld, account, new_wide_world
from devnet.desks import AaveDesk, MorphoDesk
from devnet.levering import Way, prepare, turns, walk
from devnet.receiver import Receiver
from prometheus_client.parser import text_string_to_metric_families
from shaped import answers_fit
from stage import Stage

WAD = 10**18
ONE, TWO, LENDER = account("one market"), account("two markets"), account("deep lender")
KINDS = {"rehypothecated", "cross_protocol", "same_asset", "correlated", "directional"}
MARKETS = {"aave-core", "aave-3-0-2", "morpho"}

SECONDS = 120.0
WRONG_EXPORTS = {
    ("-o", "table.xlsx"): "expected .csv or .parquet",
    ("-o", "-", "--limit", "5"): "-o writes all rows: leave out --cursor, --limit and --json",
    ("-o", "-", "--market", "nowhere"): "there is no market 'nowhere'",
    ("-o", "/nonexistent/table.csv"): "/nonexistent",
}
WRONG = {
    ("--market", "nowhere"): "there is no market 'nowhere': expected one of aave-core",
    ("--kind", "round"): "kind = 'round': expected one of rehypothecated, cross_protocol",
    ("--owner", "0x12"): "'0x12' is not an address",
    ("--min-leverage", "lots"): "min_leverage is 'lots': expected a number such as 2.5",
    ("--cursor", "x"): "cursor 'x' is none of ours",
}


@pytest.fixture
async def wide_stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """With somebody who lends enough of everything."""
    async with new_wide_world(WideTerms(borrowers=5, seed=3)) as world, Receiver() as receiver:
        amounts = {"WETH": 10_000 * WAD, "USDC": 5_000_000 * 10**6}
        await world.fund(LENDER, **{symbol: 4 * raw for symbol, raw in amounts.items()})
        await world.block(
            *(world.supply(LENDER, *each) for each in amounts.items()),
            world.morpho.supply(LENDER, "WETH/USDC", amounts["USDC"]),
        )
        yield Stage(world, receiver, tmp_path)


async def lever(wide: WideWorld) -> None:
    """ONE goes round on Aave; TWO carries what it borrows there to Morpho, and back."""
    aave, morpho = AaveDesk(wide, "WETH", "USDC"), MorphoDesk(wide, "WETH/USDC")
    ways = (
        Way(ONE, 20 * WAD, turns(aave, 3), 7_000),
        Way(TWO, 10 * WAD, (aave, morpho, aave), 7_000),
    )
    await prepare(wide, *ways)
    await walk(wide, *ways)


async def looped_usd(daemon: DaemonProcess) -> dict[tuple[str, str], float]:
    """By market and kind."""
    _, text = await daemon.get("/metrics")
    return {
        (sample.labels["market"], sample.labels["kind"]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "cascade_monitor_looped_debt_usd"
    }


async def asked(config: Path, *filters: str) -> dict[str, Any]:
    answer = await command("loops", "--config", str(config), "--json", *filters)
    assert answer.code == 0, answer.err
    return answer.document


async def exported(config: Path, told: dict[str, Any]) -> None:
    """Tables of all of it, beside the daemon."""
    csv_file, parquet_file = config.with_suffix(".csv"), config.with_suffix(".parquet")
    for file in (csv_file, parquet_file):
        answer = await command("loops", "--config", str(config), "-o", str(file))
        assert answer.code == 0, answer.err
        assert f"{len(told['loops'])} rows of block {told['block']['number']} in " in answer.out
    with csv_file.open(newline="") as text:
        rows: list[dict[str, Any]] = list(csv.DictReader(text))
    table = pq.read_table(parquet_file)
    assert table.schema.metadata[b"cascade_monitor.block_hash"].decode() == told["block"]["hash"]
    for found in (rows, table.to_pylist()):
        assert [row["id"] for row in found] == [row["id"] for row in told["loops"]]
        assert [str(row["debt_usd"]) for row in found] == [r["debt_usd"] for r in told["loops"]]
    again = await command("loops", "--config", str(config), "-o", str(csv_file))
    assert (again.code, "--force" in again.err) == (64, True)
    for wrong, said in WRONG_EXPORTS.items():
        answer = await command("positions", "--config", str(config), *wrong)
        assert answer.code == 64
        assert said in answer.err


@pytest.mark.timeout(300)
async def test_loops__of_the_daemon__are_the_same_on_every_face(wide_stage: Stage) -> None:
    wide = wide_stage.world
    assert isinstance(wide, WideWorld)
    config, port = wide_stage.config()
    async with daemon_process(config, port) as daemon:
        await daemon.reached(await wide_stage.head(), SECONDS)
        gauges = await looped_usd(daemon)
        assert set(gauges) == {(market, kind) for market in MARKETS for kind in KINDS}
        assert gauges["aave-core", "directional"] == 0
        await lever(wide)
        await daemon.reached(await wide_stage.head(), SECONDS)
        code, told = await daemon.get("/api/v1/loops")
        assert code == 200
        mine = {row["owner"].lower(): row for row in told["loops"]}
        one, two = mine[ONE], mine[TWO]
        assert (one["kind"], one["hops"], one["markets"]) == ("directional", 3, ["aave-core"])
        assert (two["kind"], two["hops"]) == ("cross_protocol", 2)
        assert set(two["markets"]) == {"aave-core", "morpho"}
        await answers_fit(daemon)
        debts = [float(row["debt_usd"]) for row in told["loops"]]
        assert debts == sorted(debts, reverse=True)
        gauges = await looped_usd(daemon)
        assert gauges["aave-core", "directional"] == pytest.approx(float(one["debt_usd"]), abs=0.01)
        crossed = gauges["aave-core", "cross_protocol"] + gauges["morpho", "cross_protocol"]
        assert crossed == pytest.approx(float(two["debt_usd"]), abs=0.02)
        assert gauges["morpho", "cross_protocol"] > 0
        assert await asked(config) == told
        await exported(config, told)
        _, found = await daemon.get(f"/api/v1/loops?kind=cross_protocol&owner={TWO}")
        assert [row["id"] for row in found["loops"]] == [two["id"]]
        _, of_one = await daemon.get(f"/api/v1/positions/{ONE}")
        assert of_one["ownership"] == {
            "account": one["owner"],
            "owner": one["owner"],
            "kind": "eoa",
            "controllers": [],
            "threshold": None,
            "code_hash": None,
            "implementation": None,
        }
    # Beside the stopped daemon, from its store alone.
    assert await asked(config) == told
    assert [row["id"] for row in (await asked(config, "--market", "morpho"))["loops"]] == [
        two["id"]
    ]
    assert (await asked(config, "--min-leverage", "100"))["loops"] == []
    table = await command("loops", "--config", str(config))
    assert "WETH → aave-core → USDC" in table.out
    assert "in 3 hops" in table.out
    for wrong, said in WRONG.items():
        answer = await command("loops", "--config", str(config), *wrong)
        assert (answer.code, answer.out) == (64, "")
        assert said in answer.err
