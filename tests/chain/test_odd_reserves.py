"""Odd tokens as reserves of an Aave market: listed in the running market, traded, followed."""

from dataclasses import replace
from pathlib import Path

import pytest
from daemon_process import command
from devnet import USD, AssetTerms, Deployer, RevertError, World, account, find_tokens, listing
from devnet.feed_deployment import deploy_feed
from devnet.odd_tokens import ODD_TOKENS, deploy_odd_token
from devnet.terms import VOLATILE_RATES
from following import followed, following
from fuzz.monitored import MARKET, Records
from stage import Stage

from monitor.core.keys import reserve_key
from monitor.core.reserves import Reserve
from monitor.core.units import Address, AssetId

ALICE = account("alice")
ODD = AssetTerms("ODD", 18, 2 * USD, 6000, 6500, 10700, 2000, VOLATILE_RATES)
DAY_SECONDS = 86_400
NO_TOKEN_OF_AAVES = ("0 decimals", "decimals missing")
"""What Aave's configurator refuses itself: it wants six decimals or more."""
SYMBOLS = {
    "77 decimals": "TINY",
    "symbol of WETH": "WETH",
    "symbol a word": "MKR",
    "fee on transfer": "FEE",
    "rebasing": "stETH",
}
"""All other oddities have no symbol that can be shown: those reserves go by their address."""


async def adopt(world: World, oddity: str) -> Address:
    """An odd token and a feed for it, known to the world, not to the market."""
    at, decimals = world.addresses, 77 if oddity == "77 decimals" else 18
    terms = replace(ODD, decimals=decimals)
    token = await deploy_odd_token(Deployer(world), oddity)
    feed = await deploy_feed(Deployer(world), terms, at.reporter)
    at.tokens["ODD"], (at.feeds["ODD"], at.aggregators["ODD"]) = token, feed
    world.terms = replace(world.terms, assets=(*world.terms.assets, terms))
    return Address(token)


async def trade(world: World, unit: int) -> None:
    """Supplied, borrowed by the supplier against WETH, accrued and repaid in part."""
    await world.fund(ALICE, ODD=100 * unit, WETH=10**21)
    await world.supply(ALICE, "WETH", 10**21)
    await world.supply(ALICE, "ODD", 90 * unit)
    await world.borrow(ALICE, "ODD", 10 * unit)
    await world.jump(DAY_SECONDS)
    await world.repay(ALICE, "ODD", unit)


def reserve_of(records: Records, token: Address) -> Reserve:
    found = records[reserve_key(MARKET, AssetId(token))]
    assert isinstance(found, Reserve)
    return found


@pytest.mark.parametrize("oddity", [name for name in ODD_TOKENS if name not in NO_TOKEN_OF_AAVES])
async def test_odd_reserve__listed_and_traded__is_followed_to_the_wei(
    world: World, tmp_path: Path, oddity: str
) -> None:
    async with following(world, tmp_path) as monitored:
        token = await adopt(world, oddity)
        await world.block(*await listing(world, "ODD"))
        await find_tokens(world, "ODD")
        reserve = reserve_of(await followed(world, monitored), token)
        assert reserve.symbol == SYMBOLS.get(oddity, token)
        assert reserve.decimals == (77 if oddity == "77 decimals" else 18)
        # Aave keeps amounts in 120 bits: of 77 decimals, all of it is worth nothing.
        await trade(world, 10**34 if oddity == "77 decimals" else 10**18)
        reserve = reserve_of(await followed(world, monitored), token)
        assert reserve.supply_scaled > reserve.debt_scaled > 0


@pytest.mark.parametrize("oddity", NO_TOKEN_OF_AAVES)
async def test_odd_reserve__without_decimals_enough__is_refused_by_aave_and_changes_nothing(
    world: World, tmp_path: Path, oddity: str
) -> None:
    async with following(world, tmp_path) as monitored:
        token = await adopt(world, oddity)
        with pytest.raises(RevertError):
            await world.block(*await listing(world, "ODD"))
        assert reserve_key(MARKET, AssetId(token)) not in await followed(world, monitored)


async def test_command__on_a_market_of_odd_tokens__is_exact_and_asks_which_weth(
    stage: Stage,
) -> None:
    world = stage.world
    weth, imposter = world.token("WETH"), await adopt(world, "symbol of WETH")
    await world.block(*await listing(world, "ODD"))
    await find_tokens(world, "ODD")
    await trade(world, 10**18)
    config, _ = stage.config()
    text = config.read_text()
    assert "[assets.WETH]" in text
    text = text.replace("[assets.WETH]", "[assets.Ether]").replace("{ WETH =", "{ Ether =")
    config.write_text(text)
    assert (await command("run", "--config", str(config), "--once")).code == 0

    asked = await command("positions", "--config", str(config), "--account", ALICE, "--json")
    (row,) = asked.document["positions"]
    named = {line["asset"].lower(): line["symbol"] for line in row["collateral"]}
    assert named == {weth: "WETH", imposter: "WETH"}
    told = await world.user_account_data(ALICE, asked.document["block"]["hash"])
    assert row["health_factor"] == str(told.health_factor_wad)

    project = ("project", "--config", str(config), "--json", "--shock")
    refused = await command(*project, "WETH=-0.3")
    words = refused.err.replace("\n", " ").lower()
    assert (refused.code, weth in words, imposter in words) == (64, True, True)
    projected = await command(*project, f"{weth}=-0.3")
    assert projected.code == 0
    assert "Ether" in projected.document["result"]["by_asset"]
