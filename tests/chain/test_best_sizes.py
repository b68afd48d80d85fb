"""The most profitable size as projected, against what the contracts give for sizes about it."""

from fractions import Fraction
from pathlib import Path

import pytest
from deep_world import deep_world
from devnet import account, shock
from looped_life import LoopedLife, looped_life

from monitor.engine.cascade_runner import Plan
from monitor.simulation.options import Options
from monitor.simulation.results import Projection

USDC = 10**6
ALICE = account("alice")
FALL = -0.10
PARTS = (0.90, 0.97, 0.99, 1.0, 1.01, 1.03, 1.10)
OWN = 3
"""Which of them is the size found."""


async def projected(life: LoopedLife, fill: str) -> Projection:
    """One round, so that what it liquidates is one visit to one account."""
    await life.follow()
    plan = Plan("", {"WETH": FALL}, None, Options(max_rounds=1, fill=fill))
    found = await life.parts.runner.ask(life.kept, life.tail[-1], plan)
    assert isinstance(found, Projection)
    assert not found.unknown
    return found


async def test_best_size__projected__earns_more_than_those_about_it(tmp_path: Path) -> None:
    async with deep_world() as wide:
        pledged = wide.raw("WETH", 3_000)
        await wide.fund(ALICE, WETH=pledged)
        await wide.block(
            wide.supply(ALICE, "WETH", pledged), wide.borrow(ALICE, "USDC", 4_650_000 * USDC)
        )
        async with looped_life(wide, tmp_path) as life:
            found = await projected(life, "optimal")
            first = await projected(life, "ladder")
        await shock(wide, {"WETH": Fraction(str(FALL))}, seconds=0)
        repaid_raw = round(found.liquidated_usd * USDC)
        sales = [
            await wide.preview_liquidation(ALICE, "WETH", "USDC", int(repaid_raw * part))
            for part in PARTS
        ]
        largest = await wide.preview_liquidation(ALICE, "WETH", "USDC")
    earned = [sale.proceeds_raw - sale.repaid_raw for sale in sales]
    assert sales[OWN].repaid_raw == repaid_raw
    assert max(range(len(PARTS)), key=earned.__getitem__) == OWN
    seized_usd = sales[OWN].received_raw * (2000 * (1 + FALL)) / 10**18
    assert found.seized_usd == pytest.approx(seized_usd, rel=1e-6)
    # The largest pays too, which is why the ladder takes it; but it earns less.
    assert first.liquidated_usd == pytest.approx(largest.repaid_raw / USDC, rel=1e-6)
    assert 0 < largest.proceeds_raw - largest.repaid_raw < earned[OWN]
