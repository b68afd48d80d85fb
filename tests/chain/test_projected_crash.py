"""Crashes projected by the running command, then executed on the contracts it projected.

Three lending protocols, 300 borrowers, three ways to price wstETH. Every figure of every market is
held against what happened: nothing but seconds of interest and rounding may lie between them.
"""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from daemon_process import daemon_process
from devnet import (
    USD,
    Deployer,
    Executed,
    WideTerms,
    WideWorld,
    World,
    account,
    crash,
    open_wide_world,
)
from devnet.configuration import Wiring, configuration
from devnet.staging import DEMO_TERMS
from stage import free_port

BORROWERS, SEED = 100, 3
TERMS = WideTerms(pools=DEMO_TERMS.pools, borrowers=BORROWERS, seed=SEED)
MIXED = 10
ASSETS = ("WETH", "WBTC", "USDC", "DAI")
CAP_E8 = 102 * 10**6
RATE_ABOVE_ITS_CAP_WAD = 121 * 10**16
FIGURES = ("liquidated_usd", "seized_usd", "bad_debt_usd", "unliquidated_usd")
ERROR = 1e-5
"""A hundred times what is seen, a thousandth of what is allowed."""
CENTS = 0.03
Shocks = Mapping[str, float]

CRASH = {"WETH": -0.20}
DEPEG = {"wstETH": -0.10}
BOTH = {"WETH": -0.25, "wstETH": -0.30}
BITCOIN = {"WBTC": -0.30}
DEEP = {"WETH": -0.40}
DOLLAR = {"USDC": 0.04}
DOLLAR_AND_CRASH = {"USDC": 0.04, "WETH": -0.15}
DAI = {"DAI": 0.04, "WETH": -0.10}
PLAIN = (CRASH, DEPEG, BOTH, BITCOIN, DEEP)
CAPPED = (DOLLAR, DOLLAR_AND_CRASH, DAI, CRASH)


@dataclass(frozen=True, slots=True)
class Pair:
    """One crash, as projected and as executed."""

    projected: dict[str, Any]
    executed: Executed


Played = dict[str, Pair]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """All crashes, each from the block it was projected at; "capped" are under caps that bind."""
    return asyncio.run(_played(tmp_path_factory.mktemp("projected")))


async def _played(folder: Path) -> Played:
    async with open_wide_world(TERMS, epoch_slots=1) as wide:
        await _indebt(wide)
        await wide.mine(4)
        config, port = folder / "monitor.toml", free_port()
        config.write_text(configuration(wide, Wiring(folder / "state", port)))
        async with daemon_process(config, port) as daemon:
            await daemon.reached((await wide.head()).hash, 60)
            plain = [await _projected(port, shocks) for shocks in PLAIN]
            before_caps = await wide.snapshot()
            await _cap(wide)
            await daemon.reached((await wide.head()).hash, 60)
            capped = [await _projected(port, shocks) for shocks in CAPPED]
        pairs = {
            f"capped {_name(shocks)}": Pair(projected, await _executed(wide, shocks))
            for shocks, projected in zip(CAPPED, capped, strict=True)
        }
        await wide.revert(before_caps)
        return pairs | {
            _name(shocks): Pair(projected, await _executed(wide, shocks))
            for shocks, projected in zip(PLAIN, plain, strict=True)
        }


async def _indebt(wide: WideWorld) -> None:
    """Of both Aave markets: people with several collaterals and debts, and little cash left."""
    rng = random.Random(SEED)
    for number in range(MIXED):
        who = account(f"mixed {number}")
        pledges = {asset: rng.uniform(1_000, 60_000) for asset in rng.sample(ASSETS, 2)}
        debts, used = rng.sample(ASSETS, 2), rng.uniform(0.7, 0.97)
        for view in (wide, wide.aave_3_0):
            await view.fund(who, **{asset: _raw(view, asset, by) for asset, by in pledges.items()})
            lent_usd = sum(by * view.terms.asset(asset).ltv_bps for asset, by in pledges.items())
            owed_usd = lent_usd / 10_000 * used
            await view.block(
                *(view.supply(who, asset, _raw(view, asset, by)) for asset, by in pledges.items()),
                # Not equal: a second's interest would decide which is the larger.
                view.borrow(who, debts[0], _raw(view, debts[0], owed_usd * 0.6)),
                view.borrow(who, debts[1], _raw(view, debts[1], owed_usd * 0.4)),
            )
    hoarder, security = account("hoarder"), wide.raw("USDC", 20_000_000)
    for view in (wide, wide.aave_3_0):
        cash = await wide.balance_of(wide.token("WBTC"), view.addresses.atokens["WBTC"])
        await view.fund(hoarder, USDC=security)
        await view.block(
            view.supply(hoarder, "USDC", security),
            view.borrow(hoarder, "WBTC", cash * 98 // 100),
        )


def _raw(view: World, asset: str, value_usd: float) -> int:
    """At the first prices."""
    return view.raw(asset, Fraction(int(value_usd * USD), view.terms.asset(asset).price_e8))


async def _cap(wide: WideWorld) -> None:
    """Aave 3.6 holds USDC under 1.02 USD, and wstETH's rate is above what its adapter lets pass."""
    feed = wide.addresses.feeds["USDC"]
    adapter = await Deployer(wide).deploy("StableCapAdapter", feed, CAP_E8, "Capped USDC / USD")
    await wide.replace_source("USDC", adapter)
    await wide.set_staking_rate(RATE_ABOVE_ITS_CAP_WAD)
    assert await wide.call(wide.addresses.capped_wsteth, "isCapped()(bool)")


async def _projected(port: int, shocks: Shocks) -> dict[str, Any]:
    url = f"http://127.0.0.1:{port}/api/v1/project"
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, json={"shocks": dict(shocks)}) as answer,
    ):
        document: dict[str, Any] = await answer.json()
        assert answer.status == 200, document
        assert document["result"]["unknown"] == []
        result: dict[str, Any] = document["result"]
        return result


async def _executed(wide: WideWorld, shocks: Shocks) -> Executed:
    snapshot = await wide.snapshot()
    executed = await crash(wide, {asset: Fraction(str(by)) for asset, by in shocks.items()})
    await wide.revert(snapshot)
    return executed


def _name(shocks: Shocks) -> str:
    return ", ".join(f"{asset} {by:+.0%}" for asset, by in shocks.items())


EVERY = [*map(_name, PLAIN), *(f"capped {_name(shocks)}" for shocks in CAPPED)]


def near(value: object) -> Any:
    return pytest.approx(float(str(value)), rel=ERROR, abs=CENTS)


@pytest.mark.parametrize("name", EVERY)
def test_projection__of_a_crash__is_what_the_contracts_do(played: Played, name: str) -> None:
    projected, executed = played[name].projected, played[name].executed.as_dict()
    for figure in (*FIGURES, "first_round_usd", "bad_debt_realised_usd"):
        assert float(projected[figure]) == near(executed[figure]), figure
    for figure in ("rounds", "converged"):
        assert projected[figure] == executed[figure]
    for figure in ("amplification", "price_amplification"):
        assert projected[figure] == near(executed[figure])
    assert projected["by_market"].keys() <= executed["by_market"].keys()
    for market, figures in executed["by_market"].items():
        # Sub-markets in which nothing happens are not told.
        projected_there = projected["by_market"].get(market, dict.fromkeys(FIGURES, "0.00"))
        told = {figure: float(projected_there[figure]) for figure in FIGURES}
        assert told == {figure: near(figures[figure]) for figure in FIGURES}, market


@pytest.mark.parametrize("name", EVERY)
def test_projection__of_a_crash__ends_at_the_prices_of_the_pools(played: Played, name: str) -> None:
    projected, executed = played[name].projected, played[name].executed
    assert projected["prices"]
    for symbol, path in projected["prices"].items():
        assert float(path["shocked"]) == near(float(executed.prices[symbol].shocked))
        assert float(path["after"]) == near(float(executed.prices[symbol].after))
    told = {entry["round"]: entry["liquidations"] for entry in projected["round_log"]}
    done = {each.number: len(each.liquidations) for each in executed.played if each.goes_on}
    assert told == done


def markets_of(executed: Executed) -> set[str]:
    touched = {each.market for each in executed.done} | {each.market for each in executed.left}
    return {label.split("/")[0] for label in touched}


@pytest.mark.parametrize("shocks", [CRASH, BOTH, DEEP])
def test_crash__of_ether__reaches_every_protocol(played: Played, shocks: Shocks) -> None:
    executed = played[_name(shocks)].executed
    assert markets_of(executed) == {"aave-core", "aave-3-0-2", "morpho"}
    assert executed.rounds >= 2
    assert executed.liquidations >= 30
    assert executed.bad_debt_realised_usd > 0


def test_crash__deep__feeds_on_itself(played: Played) -> None:
    executed = played[_name(DEEP)].executed
    assert executed.rounds >= 5
    assert executed.amplification > 2
    assert executed.liquidations >= 100


def test_depeg__of_wsteth__is_seen_by_the_market_feed_alone(played: Played) -> None:
    pair = played[_name(DEPEG)]
    assert markets_of(pair.executed) == {"aave-3-0-2"}
    assert pair.executed.liquidated_usd > 100_000
    moved = {
        (oracle["market"], oracle["asset"])
        for entry in pair.projected["round_log"]
        for oracle in entry["oracles"]
    }
    assert moved == {("aave-3-0-2", "wstETH")}


def test_dollar__above_its_cap__counts_less_where_it_is_capped(played: Played) -> None:
    pair = played[f"capped {_name(DOLLAR_AND_CRASH)}"]
    usdc = pair.executed.prices["USDC"]
    assert float(usdc.after) == pytest.approx(1.04)
    assert {each.market for each in pair.executed.done} >= {"aave-core", "aave-3-0-2"}
    values = {
        each.market: each.repaid_usd * 10**6 / each.repaid_raw
        for each in pair.executed.done
        if each.debt == "USDC" and "/" not in each.market
    }
    assert values == {"aave-core": Fraction(102, 100), "aave-3-0-2": Fraction(104, 100)}
