"""What real vaults' shares rest on, and who shares it, beside what the contracts say."""

from collections import defaultdict
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from daemon_process import DaemonProcess, daemon_process
from devnet import MAX, Address, Deployer, Tx, WideWorld, account
from devnet.configuration import MORPHO, Wiring, configuration
from devnet.share_market import open_share_market
from prometheus_client.parser import text_string_to_metric_families
from stage import free_port

ALICE, BOB = account("alice"), account("bob")
DEPOSITORS = (account("vault depositor 1"), account("vault depositor 2"))
VAULT, WETH_USDC, WBTC_USDC = "Devnet USDC", "WETH/USDC", "WBTC/USDC"
LLTV_WAD = 860_000_000_000_000_000
DAY_SECONDS = 86_400
PLEDGED = (3, 1)
"""Parts of ten of their shares that the depositors pledge."""


async def lend_against_its_own_share(wide: WideWorld) -> str:
    """The vault lends in three markets; in the third, which is named here, its own share is the
    collateral, and the depositors pledge some.
    """
    usdc = wide.raw("USDC", 1)
    market = await open_share_market(wide, VAULT, "USDC", LLTV_WAD, {BOB: 100_000 * usdc})
    await wide.vault.submit_cap(market, 1_000_000 * usdc)
    await wide.jump(DAY_SECONDS)
    await wide.vault.accept_cap(market)
    await wide.vault.set_supply_queue(market, WETH_USDC, WBTC_USDC)
    await wide.fund(BOB, USDC=600_000 * usdc)
    await wide.vault.deposit(BOB, 600_000 * usdc)
    for who, part in zip(DEPOSITORS, PLEDGED, strict=True):
        shares = await wide.balance_of(wide.vault.address, who)
        await wide.block(
            approval(wide, who, wide.addresses.morpho.morpho),
            wide.morpho.supply_collateral(who, market, shares * part // 10),
        )
    return market


def approval(wide: WideWorld, who: Address, spender: Address) -> Tx:
    return wide.tx(who, wide.vault.address, "approve(address,uint256)", spender, MAX)


async def open_outer_vault(wide: WideWorld) -> Address:
    """A plain vault over shares of the curated one."""
    outer = await Deployer(wide).deploy("Vault", wide.vault.address, "outer", "outer")
    wide.addresses.morpho.vaults["outer"] = outer
    await wide.block(
        approval(wide, DEPOSITORS[0], outer),
        wide.tx(DEPOSITORS[0], outer, "deposit(uint256,address)", 10**18, DEPOSITORS[0]),
    )
    return outer


async def borrow(wide: WideWorld, market: str) -> None:
    """So that interest is due."""
    collateral = market.partition("/")[0]
    raw = wide.raw(collateral, 1_000)
    await wide.fund(ALICE, **{collateral: raw})
    await wide.block(
        wide.morpho.supply_collateral(ALICE, market, raw),
        wide.morpho.borrow(ALICE, market, wide.raw("USDC", 500_000)),
    )


async def lent(wide: WideWorld, *markets: str) -> dict[str, int]:
    """What the vault has in each market, with interest, by Morpho's own words; by market id."""
    found = {}
    for market in markets:
        accrued = await wide.morpho.accrued(market, [wide.vault.address])
        [held] = accrued.positions
        raw = accrued.state.supplied_raw(held.supply_shares)
        found["0x" + wide.morpho.params(market).id.hex()] = raw
    return found


async def asked(daemon: DaemonProcess, path: str) -> dict[str, Any]:
    code, document = await daemon.get(f"/api/v1/{path}")
    assert code == 200
    return dict(document)


async def test_vault__that_lends_against_its_own_share__rests_on_what_the_contracts_say(
    wide: WideWorld, tmp_path: Path
) -> None:
    market = await lend_against_its_own_share(wide)
    await borrow(wide, WETH_USDC)
    outer, port = await open_outer_vault(wide), free_port()
    await wide.jump(DAY_SECONDS)
    config = tmp_path / "claims.toml"
    config.write_text(configuration(wide, Wiring(tmp_path / "state", port=port)))
    async with daemon_process(config, port) as daemon:
        status = await daemon.reached((await wide.head()).hash, seconds=60)
        held, totals = await lent(wide, market, WETH_USDC, WBTC_USDC), await wide.vault.totals()
        shares = {at: float(Fraction(raw, totals.assets_raw)) for at, raw in held.items()}
        for vault in (wide.vault.address, outer):
            [claim] = (await asked(daemon, f"claims?asset={vault}"))["claims"]
            assert {base["sub_market"]: base["share"] for base in claim["rests_on"]} == shares
            assert {base["market"] for base in claim["rests_on"]} == {MORPHO}
            assert (claim["circular"], claim["unseen"]) == (0.0, 0.0)

        [usdc] = (await asked(daemon, f"claims?asset={wide.token('USDC')}"))["claims"]
        own = "0x" + wide.morpho.params(market).id.hex()
        [pledge] = [one for one in usdc["shared_by"] if one["sub_market"] == own]
        assert (pledge["share"], pledge["owners"]) == (1.0, 2)
        [claiming] = (await asked(daemon, "claims"))["markets"]
        assert claiming["sub_market"] == own
        assert {to["sub_market"]: to["share"] for to in claiming["claims_on"]} == shares

        [morpho] = [row for row in status["markets"] if row["market"] == MORPHO]
        assert morpho["claimed_usd"] == pledge["value_usd"]
        net = Decimal(morpho["collateral_usd"]) - Decimal(morpho["claimed_usd"])
        assert abs(Decimal(morpho["collateral_net_usd"]) - net) <= Decimal("0.01")
        await concentration_is_that_of_the_positions(daemon)


async def concentration_is_that_of_the_positions(daemon: DaemonProcess) -> None:
    """As the metrics show it, added up anew from every position."""
    values: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in (await asked(daemon, f"positions?market={MORPHO}&limit=1000"))["positions"]:
        for line in row["collateral"]:
            values[row["owner"]] += Decimal(line["value_usd"])
    parts = sorted(values.values(), reverse=True)
    whole = sum(parts)
    wanted = {
        "top1": parts[0] / whole,
        "top5": sum(parts[:5]) / whole,
        "hhi": sum(part * part for part in parts) / whole**2,
    }
    _, text = await daemon.get("/metrics")
    told = {
        sample.labels["measure"]: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "cascade_monitor_concentration_ratio"
        and (sample.labels["market"], sample.labels["side"]) == (MORPHO, "collateral")
    }
    assert told == pytest.approx({name: float(share) for name, share in wanted.items()}, rel=1e-6)
