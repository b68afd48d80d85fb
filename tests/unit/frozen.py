"""A small snapshot, with names, scenarios and options; and its file."""

import io
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from unit.simulation.worlds import (
    BLOCK,
    USDC,
    WETH,
    borrower,
    debt,
    market,
    pledge,
    pool,
    world,
)

from monitor.core.risk import WorldSheet
from monitor.core.snapshot import Snapshot
from monitor.engine.cascade_runner import CurvePlan, Plan
from monitor.engine.freezing import Frame
from monitor.simulation.options import Options
from monitor.store.snapshot_file import freeze, pack

DEFAULTS = Options(gas_usd=12.3, deviation=0.1)
PLANS = (
    Plan("crash", {"ETHER": -0.3, "liquidity:*": "0.5"}, None, DEFAULTS),
    Plan("steps", {}, CurvePlan("WETH", Decimal("-0.50"), 2), Options(max_rounds=7)),
)
FRAME = Frame("9.8.7", 31337, {"ETHER": WETH}, PLANS, DEFAULTS)


def a_world(number: int = 1) -> WorldSheet:
    accounts = [borrower(n, pledge(WETH, n), debt(USDC, 1_200 * n)) for n in range(1, 6)]
    made = world(market(accounts), [pool(WETH, USDC, 200_000)], {WETH: frozenset()})
    return replace(made, block=replace(BLOCK, number=number))


def a_snapshot(number: int = 1) -> Snapshot:
    return FRAME.around(a_world(number))


def packed(snapshot: Snapshot) -> bytes:
    file = io.BytesIO()
    pack(freeze(snapshot), file)
    return file.getvalue()


def a_file(folder: Path, snapshot: Snapshot | None = None) -> Path:
    path = folder / "frozen.snapshot"
    path.write_bytes(packed(snapshot or a_snapshot()))
    return path
