"""The chain of `python -m devnet.serve`: deploy/demo.toml fits it, and `init` finds it out."""

import asyncio
import json
import os
import stat
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from daemon_process import command
from devnet.anvil import Anvil
from stage import free_port

from monitor.settings import load

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "deploy" / "demo.toml"
pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(frozen=True, slots=True)
class Served:
    """The chain that a user has in the other shell."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def rpc(self, method: str, *params: Any) -> Any:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        async with aiohttp.ClientSession() as session, session.post(self.url, json=body) as answer:
            return (await answer.json())["result"]

    def environ(self, folder: Path) -> dict[str, str]:
        """Another port and folder than in the file, as anybody may have them."""
        return {
            "CASCADE_MONITOR_CHAIN__ENDPOINTS": json.dumps([self.url]),
            "CASCADE_MONITOR_STORE__STATE_DIR": str(folder / "state"),
            "CASCADE_MONITOR_HTTP__LISTEN": f"127.0.0.1:{free_port()}",
        }


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served() -> AsyncIterator[Served]:
    port = free_port()
    arguments = ("-m", "devnet.serve", "--port", str(port), "--block-seconds", "1")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT / "deploy")},
    )
    assert process.stdout is not None
    async with asyncio.timeout(60):
        async for line in process.stdout:
            if line.startswith(b"a block every"):
                break
    yield Served(port)
    process.terminate()
    await process.communicate()


def is_empty(folder: Path) -> bool:
    return not any(folder.iterdir())


async def test_demo__beside_the_chain_it_is_for__checks_and_runs(
    served: Served, tmp_path: Path
) -> None:
    environ = served.environ(tmp_path)
    checked = await command("check", "--config", str(DEMO), "--json", environ=environ)
    assert checked.code == 0, checked.out
    ran = await command("run", "--config", str(DEMO), "--once", "--json", environ=environ)
    assert ran.code == 0, ran.err
    told = await command("breakers", "--config", str(DEMO), "--json", environ=environ)
    phases = {row["name"]: row["phase"] for row in told.document["breakers"]}
    assert len(phases) == 3
    assert set(phases.values()) == {"armed"}  # calm at first, and none is blind


async def test_init__at_that_chain__writes_what_check_takes(served: Served, tmp_path: Path) -> None:
    config = tmp_path / "monitor.toml"
    made = await command("init", "-o", str(config), "--endpoint", served.url)
    assert made.code == 0, made.err
    assert "chain 31337, after demo.toml" in made.out
    assert "left out" not in made.out
    assert f'endpoints = ["{served.url}"]' in config.read_text()
    environ = served.environ(tmp_path)
    del environ["CASCADE_MONITOR_CHAIN__ENDPOINTS"]
    checked = await command("check", "--config", str(config), environ=environ)
    assert checked.code == 0, checked.out
    assert "nobody is told of an alert" in checked.out.replace("\n", " ")


async def test_init__with_a_key_in_the_url__keeps_it_in_a_file_for_its_owner(
    served: Served, tmp_path: Path
) -> None:
    config, secrets = tmp_path / "monitor.toml", tmp_path / "credentials" / "endpoints"
    url = f"http://sesame:open@127.0.0.1:{served.port}"
    made = await command("init", "-o", str(config), "--endpoint", url)
    assert made.code == 0, made.err
    assert "sesame" not in made.out + made.err + config.read_text()
    assert 'endpoints_file = "credentials/endpoints"' in config.read_text()
    assert secrets.read_text() == f"{url}\n"
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
    assert stat.S_IMODE(secrets.parent.stat().st_mode) == 0o700


async def test_init__where_contracts_are_missing_or_others__leaves_out_what_needs_them(
    served: Served, tmp_path: Path
) -> None:
    """A market whose code nobody knows is left out in the words a daemon would refuse it with."""
    settings = load(DEMO, {})
    core, other = (market.address for market in settings.markets[:2])
    pool = settings.liquidity[2].pool
    kept = {at: await served.rpc("eth_getCode", at, "latest") for at in (core, other, pool)}
    config = tmp_path / "monitor.toml"
    for address, code in ((core, "0x"), (pool, "0x"), (other, kept[pool])):
        await served.rpc("anvil_setCode", address, code)
    try:
        made = await command("init", "-o", str(config), "--endpoint", served.url)
    finally:
        for address, code in kept.items():
            await served.rpc("anvil_setCode", address, code)
    assert made.code == 0, made.err
    assert "left out [[markets]] aave-core: there is no contract at 0x" in made.out
    assert "left out [[markets]] aave-3-0-2: market aave-3-0-2: address 0x" in made.out
    assert "left out [scenarios.weth-rate]: it needs markets.aave-core" in made.out
    found = load(config, {})
    assert [market.name for market in found.markets] == ["morpho"]
    assert len(found.liquidity) == len(settings.liquidity) - 1
    assert "# Left out: there is no contract at 0x" in config.read_text()


async def test_init__at_a_test_chain_with_ethereums_number__says_that_nothing_is_there(
    tmp_path: Path,
) -> None:
    async with Anvil(chain_id=1) as anvil:
        config = tmp_path / "monitor.toml"
        made = await command("init", "-o", str(config), "--endpoint", anvil.http_url)
    assert made.code == 78
    assert "of the markets in ethereum.toml none can be watched" in made.err
    assert "aave-core: there is no contract at 0x2f39" in made.err
    assert is_empty(tmp_path)


async def test_init__at_a_chain_without_example__writes_its_number_into_one_to_fill_in(
    tmp_path: Path,
) -> None:
    async with Anvil(chain_id=777) as anvil:
        config = tmp_path / "monitor.toml"
        arguments = ("-o", str(config), "--endpoint", anvil.http_url, "--chain", "777")
        made = await command("init", *arguments)
        arguments = ("-o", str(tmp_path / "b.toml"), *arguments[2:4], "--chain", "devnet")
        other = await command("init", *arguments)
    assert other.code == 78
    assert "the endpoint serves chain 777, --chain says 31337" in other.err
    assert made.code == 0, made.err
    assert "chain 777, after minimal.toml" in made.out
    assert "chain_id = 777\n" in config.read_text()
