"""The command on the wide world: three markets at once, held against their contracts."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from daemon_process import command, daemon_process
from devnet import (
    ADMIN,
    MAX,
    USD,
    Address,
    Deployer,
    WideTerms,
    WideWorld,
    World,
    account,
    new_wide_world,
)
from devnet.aave_deployment import TREASURY
from devnet.morpho_deployment import MORPHO_FEE_RECIPIENT, VAULT_FEE_RECIPIENT
from devnet.receiver import Receiver
from stage import Stage
from stored import digest_of, fresh_digest

PEOPLE = 20
SEED = 5
WAD = 10**18
ALICE, BOB, KEEPER = account("alice"), account("bob"), account("keeper")
WETH_USDC = "WETH/USDC"
Row = dict[str, Any]
Place = tuple[str, str | None, Address]


@pytest.fixture
async def wide_stage(tmp_path: Path) -> AsyncIterator[Stage]:
    terms = WideTerms(borrowers=PEOPLE, seed=SEED)
    async with new_wide_world(terms) as world, Receiver() as receiver:
        yield Stage(world, receiver, tmp_path)


def everybody(wide: WideWorld) -> list[Address]:
    """Whoever may hold anything in any of the markets."""
    named = {ALICE, BOB, KEEPER, TREASURY, MORPHO_FEE_RECIPIENT, VAULT_FEE_RECIPIENT, ADMIN}
    borrowers = {account(f"borrower {SEED + n}-{i}") for n in (0, 1) for i in range(PEOPLE)}
    lenders = {account(f"lender {asset}-{i}") for asset in wide.addresses.tokens for i in range(4)}
    lenders |= {account(f"lender {market}") for market in wide.addresses.morpho.markets}
    return sorted(named | borrowers | lenders | {wide.vault.address, wide.morpho.actor})


async def aave_rows(
    view: World, market: str, people: list[Address], block: str
) -> dict[Place, Row]:
    at = view.addresses
    held = await view.balances_of([*at.atokens.values(), *at.debt_tokens.values()], people, block)
    rows: dict[Place, Row] = {}
    for who, data in zip(people, await view.all_account_data(people, block), strict=True):
        sides = {
            side: {
                at.tokens[symbol]: amount
                for symbol, token in tokens.items()
                if (amount := held[token, who])
            }
            for side, tokens in (("collateral", at.atokens), ("debt", at.debt_tokens))
        }
        if sides["collateral"] or sides["debt"]:
            health = data.health_factor_wad if sides["debt"] else None
            falls = data.health_factor_wad < WAD
            rows[market, None, who] = {**sides, "supply": {}, "health": health, "falls": falls}
    return rows


async def morpho_rows(wide: WideWorld, people: list[Address], block: str) -> dict[Place, Row]:
    rows: dict[Place, Row] = {}
    for name, params in wide.addresses.morpho.markets.items():
        accrued = await wide.morpho.accrued(name, people, block)
        price = await wide.morpho.price_e36(name, block)
        healthy = await wide.morpho.healthy(name, people, block)
        for who, held, stands in zip(people, accrued.positions, healthy, strict=True):
            debt = accrued.state.owed_raw(held.borrow_shares)
            allowed = held.collateral_raw * price // 10**36 * params.lltv_wad // WAD
            row: Row = {
                "collateral": {params.collateral: held.collateral_raw},
                "debt": {params.loan: debt},
                "supply": {params.loan: accrued.state.supplied_raw(held.supply_shares)},
            }
            row = {side: {k: v for k, v in lines.items() if v} for side, lines in row.items()}
            if any(row.values()):
                row["falls"] = not stands
                row["health"] = allowed * WAD // debt if debt else None
                rows["morpho", "0x" + params.id.hex(), who] = row
    return rows


async def told(config: Path) -> dict[Place, Row]:
    """What the command says of all accounts."""
    answer = await command("positions", "--config", str(config), "--json", "--limit", "1000")
    assert answer.document["next"] is None
    return {
        (row["market"], row["sub_market"], row["account"].lower()): {
            side: {line["asset"].lower(): int(line["amount"]) for line in row.get(side, [])}
            for side in ("collateral", "debt", "supply")
        }
        | {
            "health": row["health_factor"] and int(row["health_factor"]),
            "falls": row["liquidatable"],
        }
        for row in answer.document["positions"]
    }


async def equals_the_contracts(wide: WideWorld, config: Path, block: str) -> None:
    people = everybody(wide)
    expected = {
        **await aave_rows(wide, "aave-core", people, block),
        **await aave_rows(wide.aave_3_0, "aave-3-0-2", people, block),
        **await morpho_rows(wide, people, block),
    }
    falling = {place[0] for place, row in expected.items() if row["falls"]}
    assert falling == {"aave-core", "aave-3-0-2", "morpho"}
    assert await told(config) == expected


async def act(wide: WideWorld) -> None:
    """A day on which something happens in every market."""
    await wide.fund(ALICE, WETH=wide.raw("WETH", 40), USDC=wide.raw("USDC", 50_000))
    await wide.fund(KEEPER, USDC=wide.raw("USDC", 1_000_000), WETH=wide.raw("WETH", 100))
    ten = wide.raw("WETH", 10)
    await wide.block(
        wide.supply(ALICE, "WETH", ten),
        wide.aave_3_0.supply(ALICE, "WETH", ten),
        wide.morpho.supply_collateral(ALICE, WETH_USDC, ten),
        wide.borrow(ALICE, "USDC", wide.raw("USDC", 13_500)),
        wide.aave_3_0.borrow(ALICE, "USDC", wide.raw("USDC", 13_500)),
        wide.morpho.borrow(ALICE, WETH_USDC, wide.raw("USDC", 16_500)),
        wide.vault.deposit(ALICE, wide.raw("USDC", 1_000)),
    )
    mock = await Deployer(wide).deploy("OracleMock")
    params = replace(wide.morpho.params(WETH_USDC), oracle=mock)
    wide.addresses.morpho.markets["new"] = params
    await wide.block(
        wide.morpho.create_market(BOB, params),
        wide.morpho.set_price("new", 2_000 * 10**24),
        wide.morpho.supply(ALICE, "new", wide.raw("USDC", 20_000)),
        wide.morpho.supply_collateral(ALICE, "new", ten),
        wide.morpho.borrow(ALICE, "new", wide.raw("USDC", 10_000)),
    )
    await wide.jump(3_600)
    await wide.move_feed("WETH", 1_600 * USD)
    await wide.set_staking_rate(121 * WAD // 100, 10**9)
    await wide.morpho.liquidate(KEEPER, WETH_USDC, ALICE, seized_raw=ten)
    await wide.vault.reallocate((WETH_USDC, wide.raw("USDC", 2_300_000)), ("WBTC/USDC", MAX))


async def test_the_wide_world__followed_through_a_day__equals_its_contracts(
    wide_stage: Stage,
) -> None:
    wide = wide_stage.world
    assert isinstance(wide, WideWorld)
    config, port = wide_stage.config()
    async with daemon_process(config, port) as daemon:
        await daemon.reached(await wide_stage.head())
        await act(wide)
        block = await wide_stage.head()
        await daemon.reached(block)
    await equals_the_contracts(wide, config, block)
    followed = await digest_of(config)
    assert followed == await fresh_digest(wide_stage, "replayed", 0)
    assert followed == await fresh_digest(wide_stage, "snapshot", "snapshot")
