"""Aave 3.0.2, and Spark's rounding, followed to the wei: every verb, held against the contracts.

The same verbs run on 3.6, so that the harness itself is known to tell.
"""

from collections.abc import AsyncIterator, Sequence
from itertools import product
from pathlib import Path

import pytest
from aave_acts import (
    ALICE,
    CAROL,
    DAVE,
    LIQUIDATOR,
    ODD_SECONDS,
    PEOPLE,
    VERBS,
    Act,
    lend,
)
from aave_told import judged
from aave_versions import Version, open_market
from devnet import ADMIN, USD, RevertError, Tx, World, account
from devnet.aave_3_0_deployment import COLLATERAL
from devnet.spark_deployment import upgrade_rounding
from following import following
from fuzz.monitored import Monitored

from monitor.core.events import Place
from monitor.core.ledger import Ledger
from monitor.core.units import Address as MonitorAddress

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
        records = await judged(market, version, people, monitored)
        place = Place(monitored.market.market, MonitorAddress(ERIN))
        said = monitored.market.statement(Ledger(records), place, (await market.head()).timestamp)
        assert said is not None
        assert [line.amount_raw > 0 for line in said.collateral] == [True]  # USDC alone
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


async def may_liquidate(market: World, who: str) -> bool:
    """Whether the pool lets anybody do it now, for any pair of assets."""
    at, symbols = market.addresses, tuple(market.addresses.tokens)
    signature = "liquidationCall(address,address,address,uint256,bool)"
    for collateral, debt in product(symbols, symbols):
        pair = (market.token(collateral), market.token(debt))
        try:
            await market.call(at.pool, signature, *pair, who, 10**6, True, sender=LIQUIDATOR)
        except RevertError:
            continue
        return True
    return False


def told_of(view: Ledger, monitored: Monitored, who: str, at_unix: int) -> bool:
    place = Place(monitored.market.market, MonitorAddress(who))
    statement = monitored.market.statement(view, place, at_unix)
    assert statement is not None
    assert statement.risk is not None
    return bool(statement.risk.liquidatable)


@pytest.mark.parametrize("version", [Version.V3_0, Version.SPARK])
async def test_liquidatable__is_whom_the_pool_lets_be_liquidated(
    market: World, version: Version, tmp_path: Path
) -> None:
    """Alice alone falls below 1; pauses of what she pledged or owes keep everybody away."""

    def pause(symbol: str, *, on: bool) -> Tx:
        setter = "setReservePause(address,bool)"
        return market.tx(ADMIN, market.addresses.configurator, setter, market.token(symbol), on)

    seen: dict[str, bool] = {}
    async with following(market, tmp_path) as monitored:
        for name, tx in (
            ("healthy", market.move_feed("WETH", 2_000 * USD)),
            ("fallen", market.move_feed("WETH", 1_760 * USD)),
            ("collateral paused", pause("WETH", on=True)),
            ("collateral open", pause("WETH", on=False)),
            ("debt paused", pause("USDC", on=True)),
            ("debt open", pause("USDC", on=False)),
            ("another paused", pause("DAI", on=True)),
        ):
            await tx
            head = await market.head()
            ledger = await monitored.ledger_at(head.hash)
            for who in (ALICE, CAROL):
                allowed = await may_liquidate(market, who)
                assert told_of(ledger, monitored, who, head.timestamp) == allowed, (name, who)
                seen[name] = seen.get(name, False) or allowed
    assert [name for name, allowed in seen.items() if allowed] == [
        *("fallen", "collateral open", "debt open", "another paused"),
    ]
