"""Aave 3.0.2, and Spark's rounding, followed to the wei: every verb, held against the contracts.

The same verbs run on 3.6, so that the harness itself is known to tell.
"""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from aave_acts import (
    ALICE,
    BOB,
    CAROL,
    DAVE,
    E_MODE,
    LIQUIDATOR,
    ODD_SECONDS,
    PEOPLE,
    Act,
    flash,
    lend,
    simple_flash,
    to_treasury,
)
from aave_told import judged
from aave_versions import Version, open_market
from devnet import ADMIN, USD, World, account
from devnet.aave_3_0_deployment import COLLATERAL
from devnet.spark_deployment import upgrade_rounding
from devnet.world import VARIABLE_RATE
from following import following

VERBS = (
    Act("supply", lambda m: [m.supply(ALICE, "WETH", 10**18 + 1)]),
    Act("supply for another", lambda m: [m.supply(BOB, "DAI", 7 * 10**18 + 3, CAROL)]),
    Act("withdraw some", lambda m: [m.withdraw(BOB, "USDC", 1_234_567)]),
    Act("borrow more", lambda m: [m.borrow(ALICE, "USDC", 98_765_431)]),
    Act("first debt of an asset", lambda m: [m.borrow(ALICE, "DAI", 10**18 + 7)]),
    Act("repay less than its interest", lambda m: [m.repay(ALICE, "USDC", 2)]),
    Act("repay some", lambda m: [m.repay(ALICE, "USDC", 10_000_001)]),
    Act("repay for another", lambda m: [m.repay(BOB, "USDC", 10_000_003, ALICE)]),
    Act("repay all", lambda m: [m.repay(ALICE, "DAI")]),
    Act("repay with aTokens", lambda m: [m.repay_with_atokens(DAVE, "WETH", 10**17 + 1)]),
    Act("transfer", lambda m: [m.transfer_atoken(BOB, "WETH", DAVE, 10**18 + 9)]),
    Act("transfer to itself", lambda m: [m.transfer_atoken(BOB, "WETH", BOB, 10**18)]),
    Act("transfer of nothing", lambda m: [m.transfer_atoken(BOB, "WETH", DAVE, 0)]),
    Act("no collateral", lambda m: [m.set_collateral(BOB, "WETH", False)]),
    Act("collateral", lambda m: [m.set_collateral(BOB, "WETH", True)]),
    Act("out of the e-mode", lambda m: [m.set_emode(CAROL, 0)]),
    Act("into the e-mode", lambda m: [m.set_emode(CAROL, E_MODE)]),
    Act("flash loan", lambda m: [simple_flash(m, "USDC", 10**10)]),
    Act("two given back", lambda m: [flash(m, DAVE, {"USDC": (10**9, 0), "WETH": (10**18, 0)})]),
    Act("flash loan kept", lambda m: [flash(m, ALICE, {"USDC": (10**8, VARIABLE_RATE)})]),
    Act(
        "one given back, one kept",
        lambda m: [flash(m, ALICE, {"WETH": (10**18, 0), "DAI": (10**18, VARIABLE_RATE)})],
    ),
    Act("to the treasury", lambda m: [to_treasury(m)]),
    Act(
        "donations",
        lambda m: [m.mint(m.addresses.atokens["USDC"], "USDC", 10**9), m.supply(BOB, "USDC", 11)],
    ),
    Act("a donation alone", lambda m: [m.mint(m.addresses.atokens["WETH"], "WETH", 10**18)]),
    Act(
        "all in one block",
        lambda m: [
            m.supply(ALICE, "WETH", 10**18),
            m.borrow(ALICE, "USDC", 10**6 + 1),
            m.repay(ALICE, "USDC", 10**5 + 1),
            m.withdraw(ALICE, "WETH", 10**17 + 1),
            m.transfer_atoken(BOB, "USDC", ALICE, 10**6),
        ],
    ),
    Act("all of it to another", lambda m: [m.transfer_atoken(DAVE, "DAI", LIQUIDATOR, 10**18)]),
    Act("repay it all", lambda m: [m.repay(CAROL, "WETH")]),
    Act("withdraw it all", lambda m: [m.withdraw(CAROL, "wstETH")]),
)
LIQUIDATIONS = (
    Act("fall", lambda m: [m.move_feed("WETH", 1_760 * USD)]),
    Act("a part", lambda m: [m.liquidate(LIQUIDATOR, ALICE, "WETH", "USDC", 10**9 + 1)]),
    Act("half", lambda m: [m.liquidate(LIQUIDATOR, ALICE, "WETH", "USDC")]),
    Act("crash", lambda m: [m.move_feed("WETH", 1_300 * USD)]),
    Act(
        "for aTokens",
        lambda m: [m.liquidate(LIQUIDATOR, ALICE, "WETH", "USDC", 10**9, receive_atoken=True)],
    ),
    Act(
        "for aTokens again",
        lambda m: [m.liquidate(LIQUIDATOR, ALICE, "WETH", "USDC", 10**9, receive_atoken=True)],
    ),
    Act("whole", lambda m: [m.liquidate(LIQUIDATOR, ALICE, "WETH", "USDC")]),
    Act("bad debt", lambda m: [m.move_feed("WETH", 500 * USD), m.move_feed("wstETH", 390 * USD)]),
    Act(
        "a lower threshold",
        lambda m: [
            m.tx(
                ADMIN,
                m.addresses.configurator,
                COLLATERAL,
                *(m.token("WETH"), 6_900, 7_000, 10_500),
            )
        ],
    ),
    Act("of one asset", lambda m: [m.liquidate(LIQUIDATOR, DAVE, "WETH", "WETH", 10**18)]),
    Act("all collateral", lambda m: [m.liquidate(LIQUIDATOR, CAROL, "wstETH", "WETH")]),
)


ERIN = account("erin")


@pytest.fixture
async def market(version: Version) -> AsyncIterator[World]:
    async with open_market(version) as opened:
        await lend(opened)
        yield opened


@pytest.mark.parametrize("version", list(Version))
@pytest.mark.parametrize(
    "acts", [pytest.param(VERBS, id="verbs"), pytest.param(LIQUIDATIONS, id="liquidations")]
)
@pytest.mark.timeout(180)
async def test_verb__one_after_the_other__ledger_equals_the_contracts_after_each(
    market: World, version: Version, tmp_path: Path, acts: Sequence[Act]
) -> None:
    async with following(market, tmp_path) as monitored:
        await judged(market, version, PEOPLE, monitored)
        for act in acts:
            await market.block(*act.txs(market))
            await judged(market, version, PEOPLE, monitored)
            await market.jump(ODD_SECONDS)
        await judged(market, version, PEOPLE, monitored)


@pytest.mark.parametrize("version", [Version.V3_0, Version.SPARK])
async def test_collateral_bit__outlives_the_balance__counts_for_the_next_supply(
    market: World, version: Version, tmp_path: Path
) -> None:
    """Repaying with all aTokens leaves the bit; at LTV 0 nothing would set it, and no log tells."""
    unit, people = market.raw, (*PEOPLE, ERIN)
    await market.fund(ERIN, WETH=unit("WETH", 10), USDC=unit("USDC", 100_000))
    async with following(market, tmp_path) as monitored:
        await market.block(
            market.supply(ERIN, "USDC", unit("USDC", 50_000)),
            market.supply(ERIN, "WETH", unit("WETH", 2)),
            market.borrow(ERIN, "WETH", unit("WETH", 3)),
        )
        await market.repay_with_atokens(ERIN, "WETH")
        await judged(market, version, people, monitored)
        terms = (market.token("WETH"), 0, 8_300, 10_500)
        await market.tx(ADMIN, market.addresses.configurator, COLLATERAL, *terms)
        await market.supply(ERIN, "WETH", unit("WETH", 1))
        data = await market.user_account_data(ERIN)
        assert data.collateral_e8 > 51_000 * USD
        await judged(market, version, people, monitored)
        await market.withdraw(ERIN, "WETH")
        await judged(market, version, people, monitored)


@pytest.mark.parametrize("version", [Version.V3_0])
async def test_blocks__turned_back__are_taken_back(
    market: World, version: Version, tmp_path: Path
) -> None:
    async with following(market, tmp_path) as monitored:
        await judged(market, version, PEOPLE, monitored)
        for act in VERBS[:8]:
            await market.block(*act.txs(market))
        await judged(market, version, PEOPLE, monitored)
        await market.reorg(6, [market.borrow(ALICE, "DAI", 10**18)], [market.repay(ALICE, "DAI")])
        await judged(market, version, PEOPLE, monitored)


async def test_spark__rounds_anew_in_mid_stream__is_followed_from_that_block(
    tmp_path: Path,
) -> None:
    version = Version.V3_0
    async with open_market(version) as market, following(market, tmp_path) as monitored:
        await lend(market)
        await judged(market, version, PEOPLE, monitored)
        await upgrade_rounding(market)
        for act in VERBS:
            await market.block(*act.txs(market))
            await judged(market, Version.SPARK, PEOPLE, monitored)
            await market.jump(ODD_SECONDS)
