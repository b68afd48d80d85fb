"""Vaults that hold each other, real ones on the local chain, before the daemon as it is run."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemon_process import DaemonProcess, command, daemon_process
from devnet import Address, Deployer, WideWorld, account
from devnet.addresses import MarketParams
from devnet.configuration import Wiring, configuration
from devnet.oracle_deployment import OracleSide, deploy_composed_oracle
from eth_abi import abi
from eth_utils.crypto import keccak
from stage import free_port

UNIT = 10**18
ALICE, BOB = account("circle alice"), account("circle bob")
LLTV_WAD = 860_000_000_000_000_000
BALANCES_SLOT, SUPPLY_SLOT = 0, 2
"""Of OpenZeppelin's ERC-20."""


@dataclass(frozen=True)
class Circle:
    """`first` is a vault over shares of `second`, which is one over shares of `first`; `outer` is
    one over shares of `first`. In the market `first/USDC` shares of `first` are the collateral.
    """

    first: Address
    second: Address
    outer: Address


async def open_circle(world: WideWorld) -> Circle:
    deployer = Deployer(world)
    before = await world.snapshot()
    await vault_over(deployer, world.token("WETH"), "first")
    second = await vault_over(deployer, world.token("WETH"), "second")
    await world.revert(before)  # the next to be deployed have the same addresses
    first = await vault_over(deployer, second, "first")
    assert await vault_over(deployer, first, "second") == second
    outer = await vault_over(deployer, first, "outer")
    world.addresses.morpho.vaults.update(first=first, second=second, outer=outer)
    return Circle(first, second, outer)


async def vault_over(deployer: Deployer, asset: Address, name: str) -> Address:
    return await deployer.deploy("Vault", asset, name, name)


async def fill(world: WideWorld, circle: Circle) -> None:
    """Nobody can mint the first share of such a vault: that one is given to ALICE by the node."""
    await set_word(world, circle.first, slot_of(ALICE), 100 * UNIT)
    await set_word(world, circle.first, SUPPLY_SLOT, 100 * UNIT)
    deposits = ((circle.first, circle.second, 80 * UNIT), (circle.second, circle.first, 50 * UNIT))
    for asset, vault, raw in deposits:
        await world.block(approval(world, asset, vault), deposit(world, vault, raw))
    await world.block(
        approval(world, circle.first, circle.outer), deposit(world, circle.outer, UNIT)
    )


def approval(world: WideWorld, asset: Address, spender: Address) -> Any:
    return world.tx(ALICE, asset, "approve(address,uint256)", spender, 2**256 - 1)


def deposit(world: WideWorld, vault: Address, raw: int) -> Any:
    return world.tx(ALICE, vault, "deposit(uint256,address)", raw, ALICE)


async def set_word(world: WideWorld, contract: Address, slot: int, value: int) -> None:
    words = (f"0x{slot:064x}", f"0x{value:064x}")
    assert await world.anvil.rpc("anvil_setStorageAt", contract, *words)


def slot_of(holder: Address) -> int:
    slot = keccak(abi.encode(["address", "uint256"], [holder, BALANCES_SLOT]))
    return int.from_bytes(slot)


async def lend_against(world: WideWorld, share: Address) -> None:
    """A market of Morpho that takes the share for a dollar; ALICE pledges some and borrows."""
    oracle = await deploy_composed_oracle(Deployer(world), OracleSide(18), OracleSide(6))
    params = MarketParams(
        world.token("USDC"), share, oracle, world.addresses.morpho.rate_model, LLTV_WAD
    )
    morpho = world.morpho
    world.addresses.morpho.markets["first/USDC"] = params
    await morpho.create_market(Deployer(world).admin, params)
    await world.block(
        world.mint(BOB, "USDC", 1_000 * 10**6),
        world.approve(BOB, "USDC", morpho.addresses.morpho),
        morpho.supply(BOB, "first/USDC", 1_000 * 10**6),
        approval(world, share, morpho.addresses.morpho),
        morpho.supply_collateral(ALICE, "first/USDC", 10 * UNIT),
        morpho.borrow(ALICE, "first/USDC", 5 * 10**6),
    )


@asynccontextmanager
async def watched(world: WideWorld, folder: Path) -> AsyncIterator[DaemonProcess]:
    port = free_port()
    config = folder / "circle.toml"
    config.write_text(configuration(world, Wiring(folder / "state", port=port)))
    async with daemon_process(config, port) as daemon:
        yield daemon


async def claim(daemon: DaemonProcess, asset: Address) -> dict[str, Any]:
    code, document = await daemon.get(f"/api/v1/claims?asset={asset}")
    assert code == 200
    [found] = document["claims"]
    return dict(found)


async def test_vaults__come_to_hold_each_other__blocks_go_on_and_the_answer_says_so(
    wide: WideWorld, tmp_path: Path
) -> None:
    circle = await open_circle(wide)
    async with watched(wide, tmp_path) as daemon:
        await daemon.reached((await wide.head()).hash, seconds=60)
        empty = await claim(daemon, circle.first)
        assert (empty["unseen"], empty["circular"]) == (1.0, 0.0)  # it holds nothing yet
        await fill(wide, circle)
        await lend_against(wide, circle.first)
        status = await daemon.reached((await wide.head()).hash, seconds=60)

        for share in (circle.first, circle.second, circle.outer):
            found = await claim(daemon, share)
            assert (found["circular"], found["rests_on"], found["unseen"]) == (1.0, [], 0.0)
        [sharing] = (await claim(daemon, circle.first))["shared_by"]
        assert (sharing["market"], sharing["share"], sharing["owners"]) == ("morpho", 1.0, 1)
        assert sharing["value_usd"] is None

        [morpho] = [row for row in status["markets"] if row["market"] == "morpho"]
        assert (morpho["collateral_usd"], morpho["collateral_net_usd"]) == (None, None)
        assert "USD value of first" in morpho["unknown"]
        assert status["totals"]["collateral_net_usd"] is None

        await wide.mine(3)  # and on it goes
        await daemon.reached((await wide.head()).hash, seconds=60)
    told = await command("claims", "--asset", "first", "--config", str(tmp_path / "circle.toml"))
    assert told.code == 0
    assert "100.00% circular: it claims nothing but itself" in told.out
