"""Collateral net of recursion, beside what the builder of two loops knows to have borrowed."""

from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from daemon_process import daemon_process
from devnet import WideWorld, account
from devnet.configuration import AAVE_3_0, AAVE_CORE, Wiring, configuration
from devnet.desks import AaveDesk
from devnet.levering import Walked, Way, prepare, turns, walk
from stage import free_port

ROUND, ACROSS, LENDER = account("round"), account("across"), account("deep lender")
WAD, SATS = 10**18, 10**8


async def lend(wide: WideWorld) -> None:
    """Somebody lends enough of everything, and secures nothing with it."""
    amounts = {"WETH": wide.raw("WETH", 10_000), "USDC": wide.raw("USDC", 5_000_000)}
    await wide.fund(LENDER, **{symbol: 2 * raw for symbol, raw in amounts.items()})
    for market in (wide, wide.aave_3_0):
        await wide.block(*(market.supply(LENDER, *each) for each in amounts.items()))


def borrowed_usd(wide: WideWorld, walked: Walked, debt: str) -> Fraction:
    terms = wide.terms.asset(debt)
    return Fraction(sum(walked.borrowed_raw) * terms.price_e8, 10 ** (terms.decimals + 8))


async def test_loops__built_while_the_daemon_looks__are_no_value(
    wide: WideWorld, tmp_path: Path
) -> None:
    await lend(wide)
    around = Way(ROUND, 10 * WAD, turns(AaveDesk(wide, "WETH", "USDC"), 2), 7_000)
    stops = (AaveDesk(wide, "WBTC", "WETH"), AaveDesk(wide.aave_3_0, "WETH", "USDC"))
    across = Way(ACROSS, 10 * SATS, stops, 5_000)
    await prepare(wide, around, across)
    config, port = tmp_path / "net.toml", free_port()
    config.write_text(configuration(wide, Wiring(tmp_path / "state", port=port)))
    async with daemon_process(config, port) as daemon:
        before = await daemon.reached((await wide.head()).hash, seconds=60)
        assert [row["looped_usd"] for row in before["markets"]] == ["0.00"] * 3
        [first] = await walk(wide, around)
        [second] = await walk(wide, across)
        status = await daemon.reached((await wide.head()).hash, seconds=60)

    rows = {row["market"]: row for row in status["markets"]}
    looped = {
        AAVE_CORE: borrowed_usd(wide, first, "USDC"),
        AAVE_3_0: borrowed_usd(wide, second, "WETH"),  # borrowed in the one, pledged in the other
    }
    for market, usd in looped.items():
        assert float(rows[market]["looped_usd"]) == pytest.approx(float(usd), rel=1e-5)
        gross, net = (Decimal(rows[market][f"collateral_{name}usd"]) for name in ("", "net_"))
        assert abs(gross - Decimal(rows[market]["looped_usd"]) - net) <= Decimal("0.01")
    totals = status["totals"]
    assert float(totals["looped_usd"]) == pytest.approx(float(sum(looped.values())), rel=1e-5)
    assert totals["claimed_usd"] == "0.00"
    multiplier = float(totals["collateral_usd"]) / float(totals["collateral_net_usd"])
    assert totals["multiplier"] == pytest.approx(multiplier, rel=1e-6)
