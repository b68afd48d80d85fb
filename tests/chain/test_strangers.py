"""What a stranger may do to a monitor that follows every market of Morpho: as good as nothing."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from daemon_process import command, daemon_process
from devnet import Deployer, MarketParams, WideTerms, WideWorld, account, new_wide_world
from devnet.odd_tokens import deploy_odd_token
from devnet.receiver import Receiver
from prometheus_client.parser import text_string_to_metric_families
from stage import Stage

STRANGER, DARK = account("stranger"), "dark"
PAR, LLTV_WAD, MAX = 10**36, 860_000_000_000_000_000, 2**256 - 1
LATEST = "latestRoundData()(uint80,int256,uint256,uint256,uint80)"
Series = Mapping[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture
async def wide_stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with new_wide_world(WideTerms(borrowers=4)) as world, Receiver() as receiver:
        yield Stage(world, receiver, tmp_path)


async def open_dark_market(wide: WideWorld) -> None:
    """Its oracle reverts, so that nobody can borrow there."""
    oracle = await Deployer(wide).deploy("RevertingSource")
    at = wide.addresses
    params = MarketParams(
        wide.token("USDC"), wide.token("WETH"), oracle, at.morpho.rate_model, LLTV_WAD
    )
    at.morpho.markets[DARK] = params
    await wide.morpho.create_market(STRANGER, params)


async def open_market(wide: WideWorld, name: str, loan: str, collateral: str) -> None:
    """At par, with something lent and a thousandth of it borrowed, all by the stranger."""
    deployer = Deployer(wide)
    oracle = await deployer.deploy("OracleMock")
    await deployer.send(oracle, "setPrice(uint256)", PAR)
    at = wide.addresses.morpho
    params = MarketParams(loan, collateral, oracle, at.rate_model, LLTV_WAD)
    at.markets[name] = params
    await wide.morpho.create_market(STRANGER, params)
    for token in (loan, collateral):
        await wide.block(
            wide.tx(STRANGER, token, "mint(address,uint256)", STRANGER, 10**21),
            wide.tx(STRANGER, token, "approve(address,uint256)", at.morpho, MAX),
        )
    await wide.block(
        wide.morpho.supply(STRANGER, name, 10**21),
        wide.morpho.supply_collateral(STRANGER, name, 10**21),
        wide.morpho.borrow(STRANGER, name, 10**18),
    )


def series_of(text: str) -> Series:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def assets_in(series: Series) -> set[str]:
    return {dict(labels)["asset"] for _, labels in series if "asset" in dict(labels)}


async def seen(stage: Stage, wide: WideWorld) -> tuple[Series, Series, dict[str, Any]]:
    """Metrics before and after the stranger came, and the status after."""
    config, port = stage.config()
    async with daemon_process(config, port) as daemon:
        await daemon.reached(await stage.head())
        before = series_of((await daemon.get("/metrics"))[1])
        odd = [await deploy_odd_token(Deployer(wide), "symbol of WETH") for _ in range(3)]
        for number, token in enumerate(odd):
            await open_market(wide, f"odd loan {number}", token, wide.token("DAI"))
            await open_market(wide, f"odd collateral {number}", wide.token("DAI"), token)
        await open_dark_market(wide)
        status = await daemon.reached(await stage.head())
        return before, series_of((await daemon.get("/metrics"))[1]), status


async def test_stranger__lends_himself_his_own_weth__takes_no_label_and_blinds_no_breaker(
    wide_stage: Stage,
) -> None:
    wide = wide_stage.world
    assert isinstance(wide, WideWorld)
    before, after, status = await seen(wide_stage, wide)
    assert assets_in(before) == assets_in(after) == set(wide.addresses.tokens)

    def told(series: Series, name: str, **labels: str) -> float:
        return series[f"cascade_monitor_{name}", frozenset(labels.items())]

    lent = (await wide.morpho.accrued("wstETH/WETH", block=status["block"]["hash"])).state
    used = told(after, "utilisation_ratio", market="morpho", asset="WETH")
    assert used == pytest.approx(lent.borrow_raw / lent.supply_raw)
    for asset, feed in wide.addresses.feeds.items():
        answered_unix = (await wide.call(feed, LATEST))[3]
        age_seconds = status["block"]["timestamp"] - answered_unix
        assert told(after, "price_age_seconds", asset=asset) >= age_seconds > 0

    (breaker,) = status["breakers"]
    assert (breaker["blind"], breaker["unknown"]) == (False, [])
    assert (status["ready"], status["reasons"]) == (True, [])
    assert status["unknown"] == ["morpho: no price in 1 of the markets that anybody may open"]
    morpho = next(each for each in status["markets"] if each["market"] == "morpho")
    assert morpho["collateral_usd"] is None
    assert morpho["unknown"] == ["USD value of WETH"]
    assert "unknown" not in status["markets"][0]


async def test_check__where_a_stranger_s_oracle_reverts__warns_and_is_well(
    wide_stage: Stage,
) -> None:
    assert isinstance(wide_stage.world, WideWorld)
    await open_dark_market(wide_stage.world)
    config, _ = wide_stage.config()
    checked = await command("check", "--config", str(config))
    assert checked.code == 0, checked.out
    market_id = "0x" + wide_stage.world.morpho.params(DARK).id.hex()
    assert f"warn  price morpho/{market_id}/WETH: the oracle reverts" in checked.out
