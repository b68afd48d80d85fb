"""Shocks that are no prices, projected and then executed on the contracts they are about.

Governance cuts thresholds, an adapter is set wrongly, suppliers leave and interest runs for weeks:
each is done for real, the crash is played out, and every figure of every market is compared.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from devnet import ADMIN, Executed, WideWorld, World, account, crash, open_wide_world
from devnet.desks import AaveDesk, Desk, MorphoDesk
from devnet.oracle_deployment import RatioCap, set_cap
from looped_life import LoopedLife, looped_life

from monitor.engine.cascade_runner import Plan
from monitor.simulation.options import Options
from monitor.simulation.report import document_of

WAD = 10**18
LENDER, LOOPER, PLAIN = account("deep lender"), account("looper"), account("plain")
BY_RATE = "wstETH/WETH"
DAY_SECONDS = 86_400
LENT_WETH = 10_000 * WAD
COLLATERAL = "configureReserveAsCollateral(address,uint256,uint256,uint256)"
FORMER_E_MODE = "setEModeCategory(uint8,uint16,uint16,uint16,address,string)"
FIGURES = ("liquidated_usd", "seized_usd", "bad_debt_usd", "unliquidated_usd")
ERROR = 1e-5
Shocks = Mapping[str, object]
Act = Callable[[WideWorld], Awaitable[Executed]]


@dataclass(frozen=True, slots=True)
class Pair:
    """What was projected, and what came of it."""

    projected: dict[str, Any]
    executed: Executed


async def fall_and_depeg(wide: WideWorld) -> Executed:
    fall, depeg = Fraction(-8, 100), Fraction(-5, 100)
    return await crash(wide, {"WETH": fall, "wstETH": (1 + fall) * (1 + depeg) - 1})


async def cut_thresholds(wide: WideWorld) -> Executed:
    configurator = wide.addresses.configurator
    weth = wide.token("WETH")
    zero = "0x" + "0" * 40
    former = wide.addresses.aave_3_0.configurator
    await wide.block(
        wide.tx(ADMIN, configurator, COLLATERAL, weth, 7_700, 7_800, 10_500),
        wide.tx(ADMIN, former, FORMER_E_MODE, 1, 9_000, 9_100, 10_100, zero, "ETH correlated"),
    )
    return await crash(wide, {})


async def report_too_little(wide: WideWorld) -> Executed:
    """The adapter holds the rate 2.85 % under what it is."""
    head = await wide.head()
    cap = RatioCap(12 * WAD // 10 * 9_715 // 10_000, head.timestamp - 8 * DAY_SECONDS, 0)
    await wide.block(set_cap(wide, wide.addresses.capped_wsteth, cap))
    return await crash(wide, {})


async def hold_at_full_use(wide: WideWorld) -> Executed:
    """Whoever lends WETH takes out all there is; then nobody does anything for twenty days."""
    cash = await wide.call(
        wide.addresses.pool, "getVirtualUnderlyingBalance(address)(uint128)", wide.token("WETH")
    )
    state = (await wide.morpho.accrued(BY_RATE)).state
    await wide.block(
        wide.withdraw(LENDER, "WETH", cash),
        wide.morpho.withdraw(LENDER, BY_RATE, state.supply_raw - state.borrow_raw),
    )
    await wide.jump(20 * DAY_SECONDS)
    await wide.block(wide.morpho.accrue_interest(ADMIN, BY_RATE))
    return await crash(wide, {})


async def thin_out(wide: WideWorld) -> Executed:
    """Providers leave 60 % in the pools of ether."""
    shocks = {"WETH": Fraction(-20, 100)}
    return await crash(wide, shocks, liquidity={"WETH": Fraction(6, 10)})


async def thin_out_everywhere(wide: WideWorld) -> Executed:
    """A tenth is left where two names tell of a pool, elsewhere a fifth."""
    shocks = {"WETH": Fraction(-20, 100)}
    return await crash(wide, shocks, liquidity={"*": Fraction(1, 5), "USDC": Fraction(1, 2)})


ASKED: Mapping[str, tuple[Shocks, Act]] = {
    "peg and price": ({"WETH": -0.08, "peg:wstETH/WETH": -0.05}, fall_and_depeg),
    "parameters": (
        {
            "parameter:aave-core/WETH.liquidation_threshold_bps": 7_800,
            "parameter:aave-3-0-2/e-mode-1.liquidation_threshold_bps": 9_100,
        },
        cut_thresholds,
    ),
    "oracle": ({"oracle:aave-core/wstETH": -0.0285}, report_too_little),
    "rates": (
        {"rate:aave-core/WETH": "1.0@20d", "rate:morpho/WETH": "1.0@20d"},
        hold_at_full_use,
    ),
    "liquidity": ({"WETH": -0.20, "liquidity:WETH": 0.6}, thin_out),
    "liquidity of all": (
        {"WETH": -0.20, "liquidity:*": 0.2, "liquidity:USDC": 0.5},
        thin_out_everywhere,
    ),
}
LIQUIDATED = {
    "peg and price": {"aave-core", "aave-3-0-2"},
    "parameters": {"aave-core", "aave-3-0-2"},
    "oracle": {"aave-core"},
    "rates": {"aave-core", "morpho"},
    "liquidity": {"aave-core", "aave-3-0-2"},
    "liquidity of all": {"aave-core", "aave-3-0-2"},
}


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Pair]:
    """All of them, each from the block it was projected at."""
    return asyncio.run(_played(tmp_path_factory.mktemp("channels")))


async def _played(folder: Path) -> Mapping[str, Pair]:
    async with open_wide_world() as wide:
        await wide.block(wide.set_staking_rate(12 * WAD // 10))
        await _lend(wide)
        await _borrow(wide)
        async with looped_life(wide, folder) as life:
            projected = {
                name: await _projected(life, shocks) for name, (shocks, _) in ASKED.items()
            }
        pairs = {}
        for name, (_, act) in ASKED.items():
            before = await wide.snapshot()
            pairs[name] = Pair(projected[name], await act(wide))
            await wide.revert(before)
        return pairs


async def _lend(wide: WideWorld) -> None:
    dollars = wide.raw("USDC", 5_000_000)
    await wide.fund(LENDER, WETH=4 * LENT_WETH, USDC=4 * dollars)
    for market in (wide, wide.aave_3_0):
        await wide.block(
            market.supply(LENDER, "WETH", LENT_WETH), market.supply(LENDER, "USDC", dollars)
        )
    await wide.block(wide.morpho.supply(LENDER, BY_RATE, LENT_WETH))


async def _borrow(wide: WideWorld) -> None:
    """Loops of staked ether everywhere, and whoever borrows dollars on ether."""
    old: World = wide.aave_3_0
    await _owe(wide, LOOPER, AaveDesk(wide, "wstETH", "WETH", 1), 100 * WAD, 1_115 * WAD // 10)
    await _owe(wide, LOOPER, AaveDesk(old, "wstETH", "WETH", 1), 100 * WAD, 1_115 * WAD // 10)
    await _owe(wide, LOOPER, MorphoDesk(wide, BY_RATE), 100 * WAD, 110 * WAD)
    for market in (wide, old):
        owed = wide.raw("USDC", 79_000)
        await _owe(wide, PLAIN, AaveDesk(market, "WETH", "USDC"), 50 * WAD, owed)


async def _owe(wide: WideWorld, who: str, desk: Desk, pledged_raw: int, owed_raw: int) -> None:
    allows = desk.allows(who, desk.collateral)
    await wide.block(*await desk.grants(who, pledged_raw), *allows)
    await wide.block(desk.pledge(who, pledged_raw), *desk.joins(who), desk.borrow(who, owed_raw))


async def _projected(life: LoopedLife, shocks: Shocks) -> dict[str, Any]:
    await life.follow()
    block = life.tail[-1]
    found = await life.parts.runner.ask(life.kept, block, Plan("", shocks, None, Options()))
    document = document_of(found, {})
    assert document["result"]["unknown"] == []
    result: dict[str, Any] = document["result"]
    return result


@pytest.mark.parametrize("name", ASKED)
def test_channel__projected__is_what_the_contracts_do(
    played: Mapping[str, Pair], name: str
) -> None:
    projected, executed = played[name].projected, played[name].executed.as_dict()
    for figure in (*FIGURES, "first_round_usd", "bad_debt_realised_usd"):
        expected = pytest.approx(float(executed[figure]), rel=ERROR, abs=0.05)
        assert float(projected[figure]) == expected, figure
    assert (projected["rounds"], projected["converged"]) == (executed["rounds"], True)
    for symbol, path in projected["prices"].items():
        expected = pytest.approx(float(played[name].executed.prices[symbol].after), rel=ERROR)
        assert float(path["after"]) == expected, symbol
    for market, figures in executed["by_market"].items():
        there = projected["by_market"].get(market, dict.fromkeys(FIGURES, "0.00"))
        told = {figure: float(there[figure]) for figure in FIGURES}
        expected_there = {f: pytest.approx(float(figures[f]), rel=ERROR, abs=0.05) for f in FIGURES}
        assert told == expected_there, market


@pytest.mark.parametrize("name", ASKED)
def test_channel__executed__liquidates_where_it_is_meant_to(
    played: Mapping[str, Pair], name: str
) -> None:
    executed = played[name].executed
    assert {each.market.split("/")[0] for each in executed.done} == LIQUIDATED[name]
    assert executed.liquidated_usd > 10_000


LOOPED = {
    "peg and price": {"cross_protocol", "none"},
    "parameters": {"cross_protocol", "none"},
    "oracle": {"cross_protocol"},
    "rates": {"cross_protocol"},
    "liquidity": {"none"},
    "liquidity of all": {"none"},
}
"""The looper's three positions are one loop: each of them could be the next one's."""


@pytest.mark.parametrize("name", ASKED)
def test_channel__projected__is_told_by_loop_and_reason(
    played: Mapping[str, Pair], name: str
) -> None:
    projected = played[name].projected
    assert projected["by_loop_kind"].keys() == LOOPED[name]
    for figure in FIGURES:
        parts = (float(row[figure]) for row in projected["by_loop_kind"].values())
        assert sum(parts) == pytest.approx(float(projected[figure]), abs=0.03)
    for row in projected["largest"]:
        expected = "cross_protocol" if row["account"] == LOOPER.lower() else None
        assert row["loop_kind"] == expected
    # The older Aave writes nothing off: what is left there has nothing behind it.
    reasons = {why: float(usd) for why, usd in projected["unliquidated_because"].items()}
    left = float(projected["by_market"]["aave-3-0-2"]["unliquidated_usd"])
    assert reasons.pop("no_collateral") == float(projected["unliquidated_usd"]) == left
    assert not any(reasons.values())
