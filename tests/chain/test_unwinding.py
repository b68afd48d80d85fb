"""Loops that lose while ether is lent out to the last, unwound as projected and for real.

The projection says what leaves, how much of it is sold and where the pool stands then. Executed:
whoever lends takes out all there is, twenty days pass, and the owners of the loops repay with money
lent for a moment, take out collateral and sell what that costs.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from deep_world import LENDER, deep_world
from devnet import RevertError, WideWorld, account
from devnet.abi import MAX_UINT256
from devnet.chain import View
from devnet.desks import AaveDesk, MorphoDesk
from devnet.levering import Way, prepare, turns, walk
from devnet.loops import oracle_prices
from devnet.pool_prices import mids
from devnet.world import BALANCE
from looped_life import LoopedLife, looped_life

from monitor.engine.cascade_runner import Plan
from monitor.simulation.options import Options
from monitor.simulation.results import Projection
from monitor.simulation.unwinding import Unwinding

WAD = 10**18
DAY_SECONDS = 86_400
BY_RATE, POOL = "wstETH/WETH", "wstETH/WETH"
ON_AAVE, ON_MORPHO = account("looper on aave"), account("looper on morpho")
EQUITY = 600 * WAD
MONEY = 10_000 * WAD
"""Of the flash lender: more than anybody owes."""
CASH = "getVirtualUnderlyingBalance(address)(uint128)"
QUOTE = "quoteExactOutput(bytes,uint256)(uint256,uint160[],uint32[],uint256)"
SELL = "exactOutput((bytes,address,uint256,uint256,uint256))"
ERROR = 1e-5
AAVE, MORPHO = "rate:aave-core/WETH", "rate:morpho/WETH"
HELD = "1.0@20d"
QUESTIONS: Mapping[str, Mapping[str, object]] = {
    "on Aave": {AAVE: HELD},
    "on Morpho": {MORPHO: HELD},
    "on both": {AAVE: HELD, MORPHO: HELD},
}


@dataclass(frozen=True, slots=True)
class Left:
    """What leaving took: ether repaid, staked ether sold for it."""

    repaid_raw: int
    sold_raw: int


@dataclass(frozen=True, slots=True)
class Pair:
    """`mid`: ether of one staked ether in the pool; `before`, and after the sales of both kinds."""

    projected: Projection
    executed: tuple[Left, ...]
    before: float
    mid: float
    weth_usd: float
    wsteth_usd: float

    @property
    def unwinding(self) -> Unwinding:
        assert self.projected.unwinding is not None
        return self.projected.unwinding


@dataclass(frozen=True, slots=True)
class Locked:
    """Of a loop whose collateral was lent out: what it would have repaid."""

    projected: Unwinding
    repaid_raw: int


Played = tuple[Mapping[str, Pair], Locked]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """All questions, each executed from the block it was asked at."""
    return asyncio.run(_played(tmp_path_factory.mktemp("unwinding")))


async def _played(folder: Path) -> Played:
    async with deep_world() as wide, looped_life(wide, folder) as life:
        ways = [
            Way(ON_AAVE, EQUITY, turns(AaveDesk(wide, "wstETH", "WETH", 1), 3), 8_500),
            Way(ON_MORPHO, EQUITY, turns(MorphoDesk(wide, BY_RATE), 2), 8_500),
        ]
        await prepare(wide, *ways)
        await walk(wide, *ways, arbitrage=True)
        await life.follow()
        # What staked ether grows by is known a day later.
        await wide.jump(2 * DAY_SECONDS)
        asked = {name: await projected(life, shocks) for name, shocks in QUESTIONS.items()}
        locked = await _locked(wide, life)
        prices_e8 = await oracle_prices(wide)
        pairs = {}
        for name, shocks in QUESTIONS.items():
            snapshot = await wide.snapshot()
            before = float((await mids(wide))[POOL])
            executed = await executed_after(wide, shocks)
            mid = float((await mids(wide))[POOL])
            usd = prices_e8["WETH"] / 10**8, prices_e8["wstETH"] / 10**8
            pairs[name] = Pair(asked[name], executed, before, mid, *usd)
            await wide.revert(snapshot)
        return pairs, locked


async def _locked(wide: WideWorld, life: LoopedLife) -> Locked:
    """Nobody else lends staked ether, and of what the looper on Aave pledges half is borrowed: too
    little is left for him, and it earns too little to make him stay.
    """
    snapshot = await wide.snapshot()
    await wide.block(wide.withdraw(LENDER, "wstETH"))
    cash = await wide.call(wide.addresses.pool, CASH, wide.token("wstETH"))
    await wide.block(wide.borrow(LENDER, "wstETH", cash // 2))
    found = await projected(life, QUESTIONS["on Aave"])
    assert found.unwinding is not None
    await hold(wide, QUESTIONS["on Aave"])
    repaid, cost = await repaid_on_aave(wide)
    # What the pool counts as its cash would fall below zero.
    with pytest.raises(RevertError, match="Panic"):
        await wide.block(wide.withdraw(ON_AAVE, "wstETH", cost))
    await wide.revert(snapshot)
    return Locked(found.unwinding, repaid)


async def projected(life: LoopedLife, shocks: Mapping[str, object]) -> Projection:
    await life.follow()
    plan = Plan("", shocks, None, Options(unwind=True))
    found = await life.parts.runner.ask(life.kept, life.tail[-1], plan)
    assert isinstance(found, Projection)
    assert not found.unknown
    return found


async def hold(wide: WideWorld, shocks: Mapping[str, object]) -> None:
    """Who lends takes out all there is, and twenty days pass."""
    if AAVE in shocks:
        cash = await wide.call(wide.addresses.pool, CASH, wide.token("WETH"))
        await wide.block(wide.withdraw(LENDER, "WETH", cash))
    if MORPHO in shocks:
        state = (await wide.morpho.accrued(BY_RATE)).state
        idle = state.supply_raw - state.borrow_raw
        await wide.block(wide.morpho.withdraw(LENDER, BY_RATE, idle))
    await wide.jump(20 * DAY_SECONDS)


async def executed_after(wide: WideWorld, shocks: Mapping[str, object]) -> tuple[Left, ...]:
    await hold(wide, shocks)
    left = []
    if AAVE in shocks:
        left.append(await leave_aave(wide))
    if MORPHO in shocks:
        left.append(await leave_morpho(wide))
    return tuple(left)


async def leave_aave(wide: WideWorld) -> Left:
    repaid, cost = await repaid_on_aave(wide)
    await wide.block(wide.withdraw(ON_AAVE, "wstETH", cost))
    return await sold(wide, ON_AAVE, repaid)


async def repaid_on_aave(wide: WideWorld) -> tuple[int, int]:
    """All that is owed there, and what of staked ether that costs."""
    spender = wide.addresses.pool
    await wide.block(wide.mint(ON_AAVE, "WETH", MONEY), wide.approve(ON_AAVE, "WETH", spender))
    had = await balance(wide, ON_AAVE, "WETH")
    await wide.block(wide.repay(ON_AAVE, "WETH"))
    repaid = had - await balance(wide, ON_AAVE, "WETH")
    return repaid, await cost_of(wide, repaid)


async def leave_morpho(wide: WideWorld) -> Left:
    spender = wide.addresses.morpho.morpho
    shares = (await wide.morpho.position(BY_RATE, ON_MORPHO)).borrow_shares
    await wide.block(wide.mint(ON_MORPHO, "WETH", MONEY), wide.approve(ON_MORPHO, "WETH", spender))
    had = await balance(wide, ON_MORPHO, "WETH")
    await wide.block(wide.morpho.repay(ON_MORPHO, BY_RATE, shares=shares))
    repaid = had - await balance(wide, ON_MORPHO, "WETH")
    cost = await cost_of(wide, repaid)
    await wide.block(wide.morpho.withdraw_collateral(ON_MORPHO, BY_RATE, cost))
    return await sold(wide, ON_MORPHO, repaid)


async def cost_of(wide: WideWorld, weth_raw: int) -> int:
    """What of staked ether buys back so much ether. Backwards, as the path names the output."""
    path = wide.path("WETH", "wstETH")
    return int((await wide.call(wide.addresses.quoter, QUOTE, path, weth_raw))[0])


async def sold(wide: WideWorld, owner: str, repaid: int) -> Left:
    """Sell all that was taken out, and pay the flash lender back."""
    had = await balance(wide, owner, "wstETH")
    router = wide.addresses.router
    order = (wide.path("WETH", "wstETH"), owner, MAX_UINT256, repaid, had)
    await wide.block(wide.approve(owner, "wstETH", router), wide.tx(owner, router, SELL, order))
    assert await balance(wide, owner, "WETH") >= MONEY
    return Left(repaid, had - await balance(wide, owner, "wstETH"))


async def balance(wide: WideWorld, who: str, symbol: str) -> int:
    (raw,) = await wide.read([View(wide.token(symbol), BALANCE, (who,))])
    return int(raw)


@pytest.mark.parametrize("name", QUESTIONS)
def test_unwinding__executed__repays_and_sells_what_was_projected(
    played: Played, name: str
) -> None:
    pair = played[0][name]
    assert pair.unwinding.accounts == len(pair.executed) == len(QUESTIONS[name])
    repaid = sum(left.repaid_raw for left in pair.executed) / WAD * pair.weth_usd
    gone = sum(left.sold_raw for left in pair.executed) / WAD * pair.wsteth_usd
    assert pair.unwinding.repaid_usd == pytest.approx(repaid, rel=ERROR)
    assert pair.unwinding.sold_usd == pytest.approx(gone, rel=ERROR)
    assert pair.unwinding.locked_usd == pair.unwinding.left_usd == 0
    assert repaid > 100_000


@pytest.mark.parametrize("name", QUESTIONS)
def test_unwinding__executed__leaves_the_pool_where_it_was_projected(
    played: Played, name: str
) -> None:
    pair = played[0][name]
    path = pair.projected.prices["wstETH"]
    assert path.before is not None
    assert path.after is not None
    assert path.after / path.before == pytest.approx(pair.mid / pair.before, rel=ERROR)
    assert pair.mid / pair.before < 1 - 300 * ERROR


def test_unwinding__of_collateral_that_is_lent_out__cannot_leave(played: Played) -> None:
    _, locked = played
    assert locked.projected.accounts == 0
    assert locked.projected.sold_usd == locked.projected.left_usd == 0
    assert locked.projected.locked_usd == pytest.approx(locked.repaid_raw / WAD * 2000, rel=ERROR)
