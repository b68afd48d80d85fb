"""`check` of what is the user's own: watched accounts, files, folders, the port."""

import asyncio
import json
from pathlib import Path
from typing import Any

from daemon_process import Finished, command, daemon_process
from devnet.abi import account
from devnet.configuration import Wiring, configuration
from devnet.wide_world import WideWorld
from stage import Stage, free_port

from monitor.core.units import Wad
from monitor.engine.watching import shown

ALICE, BOB, NOBODY = account("alice"), account("bob"), account("nobody")
WATCHES = f"""
[[watch]]
name = "mine"
accounts = ["{ALICE}", "{BOB}", "{NOBODY}"]
health_below = 1.1

[[watch]]
name = "elsewhere"
accounts = ["{ALICE}"]
markets = ["aave-3-0-2"]
health_below = 1.1
"""


def found(checked: Finished) -> dict[str, dict[str, Any]]:
    """By what was looked at."""
    return {row["subject"].lower(): row for row in checked.document["findings"]}


async def test_check__of_watched_accounts__says_where_each_is_and_how_well(
    wide: WideWorld, tmp_path: Path
) -> None:
    pair = wide.addresses.morpho.markets["WETH/USDC"]
    await wide.fund(ALICE, WETH=wide.raw("WETH", 20))
    await wide.fund(BOB, USDC=wide.raw("USDC", 100_000))
    await wide.block(
        wide.supply(BOB, "USDC", wide.raw("USDC", 50_000)),
        wide.supply(ALICE, "WETH", wide.raw("WETH", 10)),
        wide.borrow(ALICE, "USDC", wide.raw("USDC", 12_000)),
        wide.morpho.supply_collateral(ALICE, "WETH/USDC", wide.raw("WETH", 1)),
    )
    config = tmp_path / "monitor.toml"
    wiring = Wiring(state_dir=tmp_path / "state", port=free_port(), more=WATCHES)
    config.write_text(configuration(wide, wiring))
    checked = await command("check", "--config", str(config), "--json")
    assert checked.code == 0, checked.out
    rows = found(checked)
    told = rows[f"watch mine {ALICE}"]["detail"]
    health_wad = (await wide.user_account_data(ALICE)).health_factor_wad
    assert f"aave-core (health {shown(Wad(health_wad))})" in told
    assert f"morpho/0x{pair.id.hex()}" in told
    assert rows[f"watch mine {BOB}"]["detail"] == "has a position in aave-core"
    assert "no position" in rows[f"watch mine {NOBODY}"]["warning"]
    assert "looked for in aave-3-0-2" in rows[f"watch elsewhere {ALICE}"]["detail"]


async def test_check__of_the_machine__says_what_a_daemon_could_not_have(stage: Stage) -> None:
    config, port = stage.config()
    (stage.folder / "secret").chmod(0o644)
    (stage.folder / "monitor").write_text("")
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", port)
    async with server:
        checked = await command("check", "--config", str(config), "--json")
    rows = found(checked)
    assert checked.code == 1
    assert "correct store.state_dir" in rows["store"]["fault"]
    assert "correct snapshots.dir" in rows["snapshots"]["fault"]
    assert "the port is taken" in rows[f"http 127.0.0.1:{port}"]["warning"]
    assert "chmod 600" in rows[f"file {stage.folder}/secret"]["warning"]
    assert rows["endpoint 0"]["detail"].endswith("of chain 31337")


async def test_run__with_a_secret_that_everybody_can_read__says_so_in_its_log(
    stage: Stage,
) -> None:
    config, port = stage.config()
    (stage.folder / "secret").chmod(0o644)
    async with daemon_process(config, port) as daemon:
        await daemon.reached(await stage.head())
    lines = [json.loads(line) for line in daemon.log.read_text().splitlines()]
    (warned,) = [line for line in lines if "chmod 600" in line["event"]]
    assert warned["file"] == f"{stage.folder}/secret"
    assert warned["level"] == "warning"
