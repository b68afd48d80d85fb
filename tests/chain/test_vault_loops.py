"""A vault that levers what it was given: an owner of its own, with its holders one level down."""

from pathlib import Path
from typing import Any

import pytest
from daemon_process import command, daemon_process
from devnet import Address, Deployer, WideWorld, account
from devnet.configuration import Wiring, configuration
from devnet.desks import AaveDesk
from devnet.levering import Way, turns, walk
from stage import free_port

WAD = 10**18
ALICE, BOB, LENDER = account("alice"), account("bob"), account("lender")
DEPOSIT = "deposit(uint256,address)"
E_MODE = 1


async def savers(world: WideWorld, vault: Address) -> None:
    """Alice and Bob put three to one into it, and somebody lends what it will borrow."""
    await world.fund(LENDER, WETH=1_000 * WAD)
    await world.fund(ALICE, wstETH=30 * WAD)
    await world.fund(BOB, wstETH=10 * WAD)
    await world.block(
        world.supply(LENDER, "WETH", 1_000 * WAD),
        world.approve(ALICE, "wstETH", vault),
        world.approve(BOB, "wstETH", vault),
        world.tx(ALICE, vault, DEPOSIT, 30 * WAD, ALICE),
        world.tx(BOB, vault, DEPOSIT, 10 * WAD, BOB),
    )


@pytest.fixture
async def vault(wide: WideWorld) -> Address:
    """With the savers' money, still all of it."""
    made = await Deployer(wide).deploy("Vault", wide.token("wstETH"), "Levered ether", "lev")
    await savers(wide, made)
    return made


def configured(wide: WideWorld, folder: Path, vault: Address, port: int) -> Path:
    config = folder / "monitor.toml"
    entry = f'[[receipts]]\ntoken = "{vault}"\nkind = "erc4626"\n'
    text = configuration(wide, Wiring(state_dir=folder / "state", port=port))
    config.write_text(text.replace("[[liquidity]]", f"{entry}\n[[liquidity]]", 1))
    return config


async def lever(wide: WideWorld, vault: Address) -> None:
    """By the vault's own account, as its strategy would."""
    desk = AaveDesk(wide, "wstETH", "WETH", E_MODE)
    way = Way(vault, 40 * WAD, turns(desk, 3), 8_500)
    await wide.block(*desk.allows(vault, "WETH"), *desk.joins(vault))
    await walk(wide, way)


async def loop_of(daemon: Any, vault: Address) -> dict[str, Any]:
    _, page = await daemon.get(f"/api/v1/loops?owner={vault}")
    [row] = page["loops"]
    found: dict[str, Any] = row
    return found


async def test_loop__of_a_vault__is_its_own_with_its_holders_one_level_down(
    wide: WideWorld, vault: Address, tmp_path: Path
) -> None:
    port = free_port()
    config = configured(wide, tmp_path, vault, port)
    async with daemon_process(config, port) as daemon:
        await daemon.reached((await wide.head()).hash)
        await lever(wide, vault)
        await daemon.reached((await wide.head()).hash)
        row = await loop_of(daemon, vault)
        assert row["owner"].lower() == vault
        assert (row["kind"], row["hops"], row["built"]) == ("correlated", 3, "stepwise")
        assert row["holders"]["count"] == 2
        assert [
            (each["account"].lower(), each["share"], each["shares"])
            for each in row["holders"]["top"]
        ] == [(ALICE, 0.75, str(30 * WAD)), (BOB, 0.25, str(10 * WAD))]
        assert row["holders"]["hhi"] == 0.625
        await wide.tx(BOB, vault, "transfer(address,uint256)", ALICE, 10 * WAD)
        await daemon.reached((await wide.head()).hash)
        moved = await loop_of(daemon, vault)
        assert [each["share"] for each in moved["holders"]["top"]] == [1.0]
        assert moved["id"] == row["id"]
    shown = await command("loops", "--config", str(config), "--json")
    assert '"holders"' in shown.out


async def test_loop__of_a_vault_whose_holders_are_not_known__says_so(
    wide: WideWorld, vault: Address, tmp_path: Path
) -> None:
    await lever(wide, vault)
    config = configured(wide, tmp_path, vault, free_port())
    number = (await wide.head()).number
    late = config.read_text().replace(
        f'token = "{vault}"\n', f'token = "{vault}"\nfrom_block = {number}\n', 1
    )
    config.write_text(late)
    port = int(late.rsplit(":", 1)[1].split('"')[0])
    async with daemon_process(config, port) as daemon:
        await daemon.reached((await wide.head()).hash)
        row = await loop_of(daemon, vault)
    assert row["holders"] is None
    assert any("Set its from_block" in reason for reason in row["unknown"])
